//! Restoring: image, target, plan, typed confirmation, progress, summary.

use super::Menu;
use super::ask::{Answer, Leave};
use super::describe;
use super::disks::{self, DiskWatch, Keep, Pick, Purpose};
use super::images::Summary;
use super::places::Place;
use super::plans;
use super::screen::{Choice, Input, List};
use crate::image::Manifest;
use crate::job::RestoreJob;
use crate::operation::destination::DestinationAccess;
use crate::operation::library::{Condition, Entry};
use crate::text::{Message, message};
use crate::ui::listing::{condition_name, identity_line, restore_facts};
use crate::ui::restore_questions;
use crate::ui::running::Running;
use crate::units::marketing_bytes;

/// What is chosen so far.
struct Draft {
    job: RestoreJob,
    place: Option<Place>,
    image: Option<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Place,
    Image,
    Settings,
    Targets,
    Plan,
}

const STEPS: [Step; 5] = [Step::Place, Step::Image, Step::Settings, Step::Targets, Step::Plan];

/// The images of a list as choices, the newest first.
pub(super) fn image_choices(entries: &[Entry], only_usable: bool) -> Vec<Choice<String>> {
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by(|a, b| {
        let created = |entry: &Entry| entry.manifest.as_ref().map(|m| m.created.clone());
        created(b).cmp(&created(a)).then_with(|| a.name.cmp(&b.name))
    });
    entries
        .into_iter()
        .map(|entry| {
            let mut choice = Choice::new(entry.directory.clone(), &entry.name);
            choice.details = describe::image_details(entry);
            let usable = matches!(entry.condition, Condition::Finished | Condition::Replaced);
            if only_usable && !usable {
                let why = match &entry.problem {
                    Some(problem) => problem.clone(),
                    None => condition_name(entry.condition),
                };
                choice.blocked = Some(message!("menu-blocked", reason = why).to_string());
            }
            choice
        })
        .collect()
}

impl Menu<'_> {
    /// Leads through a restore. A step back leads to the screen before.
    pub(super) fn restore(&mut self) -> Result<(), Leave> {
        let job = RestoreJob {
            image: String::new(),
            to: Vec::new(),
            partitions: Vec::new(),
            place: Vec::new(),
            repair_table: false,
            no_boot: false,
            keep_old: None,
            again: false,
            yes: false,
            no_precheck: false,
            no_verify: false,
            dry_run: false,
        };
        let mut draft = Draft { job, place: None, image: None };
        let mut at = 0;
        while let Some(step) = STEPS.get(at) {
            let go_on = match step {
                Step::Place => match self.place(
                    &message!("menu-restore-place"),
                    DestinationAccess::Look,
                    &[],
                )? {
                    None => None,
                    Some(place) => {
                        draft.place = Some(place);
                        Some(())
                    }
                },
                Step::Image => {
                    let place = draft.place.clone().expect("the step before");
                    let title = message!("menu-restore-image");
                    let chosen = self.image_in(&place, &title, true)?;
                    chosen.map(|entry| {
                        draft.job.image = place.image(&entry.address());
                        draft.image = Some(entry);
                    })
                }
                Step::Settings if !self.expert => Some(()),
                Step::Settings => self.restore_settings(&mut draft.job)?,
                Step::Targets => self.restore_targets(&mut draft)?,
                Step::Plan => self.restore_plan(&draft.job)?,
            };
            match go_on {
                Some(()) => at += 1,
                None => match STEPS[..at].iter().rposition(|s| self.expert || *s != Step::Settings)
                {
                    Some(before) => at = before,
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// One of the images of a place.
    pub(super) fn image_in(
        &mut self,
        place: &Place,
        title: &Message,
        only_usable: bool,
    ) -> Answer<Entry> {
        let looked = place.clone();
        let opening = message!("menu-place-opening");
        let entries = match self.person.try_to(&opening, move || looked.entries())? {
            None => return Ok(None),
            Some(Ok(entries)) => entries,
            Some(Err(error)) => {
                self.person.show_error(&error)?;
                return Ok(None);
            }
        };
        let choices = image_choices(&entries, only_usable);
        let mut list = List::new(title, choices)
            .text(message!("menu-images-at", location = place.word.as_str()));
        if list.choices.is_empty() {
            list = list.warning(message!("ui-no-images"));
        }
        let chosen = self.person.choose(list)?;
        Ok(chosen
            .and_then(|directory| entries.into_iter().find(|entry| entry.directory == directory)))
    }

    /// Where each disk of the image goes.
    fn restore_targets(&mut self, draft: &mut Draft) -> Answer<()> {
        draft.job.to.clear();
        // Every partition has a place of its own already.
        if !draft.job.place.is_empty()
            && draft.job.place.iter().all(|place| place.contains("=/"))
            && draft.job.partitions.is_empty()
        {
            return Ok(Some(()));
        }
        let place = draft.place.as_ref().expect("a step before");
        let keep = Keep { folder: place.folder(), disk: place.disk.clone(), ..Keep::default() };
        let is_whole = draft.job.partitions.is_empty() && draft.job.place.is_empty();
        let entry = draft.image.as_ref().expect("a step before");
        let Some(manifest) = entry.manifest.clone() else { return Ok(None) };
        let several = manifest.disks.len() > 1;
        for number in 0..manifest.disks.len() {
            let disk = &manifest.disks[number];
            let keep = Keep {
                least: is_whole.then_some(disk.size),
                sector_size: Some(disk.sector_size),
                ..keep.clone()
            };
            let Some(word) = self.restore_target(&manifest, number, keep)? else {
                return Ok(None);
            };
            draft.job.to.push(match several {
                true => format!("{}={word}", manifest.disks[number].identity.name),
                false => word,
            });
        }
        Ok(Some(()))
    }

    fn restore_target(&mut self, manifest: &Manifest, number: usize, keep: Keep) -> Answer<String> {
        let disk = &manifest.disks[number];
        let facts = [disk.identity.name.clone(), identity_line(&disk.identity)];
        let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        let title = message!("menu-restore-target");
        let text = message!(
            "menu-restore-target-text",
            disk = facts.join(", "),
            size = marketing_bytes(disk.size)
        );
        let mut watch = DiskWatch::new(Purpose::Restore(keep));
        loop {
            let picks =
                disks::choose(&mut self.person, &mut watch, &title, &text, false, self.expert)?;
            let word = match picks.and_then(|mut picks| picks.pop()) {
                None => return Ok(None),
                Some(Pick::Disk(name)) => watch.word(&name),
                Some(Pick::Path) => self.path(&title)?,
            };
            if word.is_some() {
                return Ok(word);
            }
        }
    }

    fn restore_plan(&mut self, job: &RestoreJob) -> Answer<()> {
        let host = self.host;
        let title = message!("menu-planning");
        let plan = self.person.work(&title, &[], None, |_| host.plan_restore(job))?;
        let planned = match plan {
            Ok(planned) => planned,
            Err(error) => {
                self.person.show_error(&error)?;
                return Ok(None);
            }
        };
        let plan = &planned.plan;
        // The careful answer comes first: this one destroys something.
        let mut list = List::new(
            message!("menu-restore-plan"),
            vec![
                Choice::new(false, message!("menu-go-back")),
                Choice::new(true, message!("menu-restore-start")),
            ],
        );
        list.text = plans::restore(plan);
        if !self.person.ask(list)? {
            return Ok(None);
        }
        for (question, word) in restore_questions(plan) {
            let input = Input::new(message!("menu-restore-confirm"), question, "")
                .warning(message!("menu-restore-confirm-text"));
            let wrong = message!("menu-restore-confirm-wrong", word = word.as_str()).to_string();
            let check = |typed: &str| (typed != word).then(|| wrong.clone());
            if self.person.line(input, check)?.is_none() {
                return Ok(None);
            }
        }
        let name = plan.image().manifest().name.clone();
        let title = message!("menu-restoring", name = name);
        let targets: Vec<String> = plan.targets.iter().map(|target| target.target.name()).collect();
        let about = [message!("menu-restore-about", to = targets.join(", ")).to_string()];
        let outcome = match Running::begin(&title, &self.console) {
            Ok(running) => self.person.work(&title, &about, Some(&running), |report| {
                planned.carry_out(report, |plan| plan.execute(report))
            })?,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(outcome) => {
                let command = RestoreJob { yes: true, ..job.clone() }.command();
                let title = match outcome.unreadable_bytes {
                    0 => message!("menu-restored"),
                    _ => message!("menu-restored-part"),
                };
                let text = restore_facts(&outcome);
                self.summary(Summary { title, warnings: outcome.warnings, text, command })?;
            }
            Err(error) => self.person.show_error(&error)?,
        }
        Ok(Some(()))
    }
}
