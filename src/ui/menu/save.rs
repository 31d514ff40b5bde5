//! Saving: disks, destination, name, plan, progress, summary.

use super::Menu;
use super::ask::{Answer, Leave};
use super::disks::{self, DiskWatch, Look, Pick, Purpose};
use super::images::Summary;
use super::places::Place;
use super::plans;
use super::screen::{Choice, Input, List};
use crate::codec::Level;
use crate::error::{Error, ErrorKind};
use crate::hardware::Inventory;
use crate::image::System;
use crate::job::SaveJob;
use crate::operation::destination::DestinationAccess;
use crate::operation::library::{self, Condition};
use crate::operation::log::now;
use crate::operation::{devices, names};
use crate::text::message;
use crate::ui::listing::save_facts;
use crate::ui::running::Running;
use std::path::Path;

/// What is chosen so far.
struct Draft {
    job: SaveJob,
    /// The first system found, for the name.
    system: Option<System>,
    place: Option<Place>,
    /// The kernel's names of the disks.
    disks: Vec<String>,
    /// The name that was proposed.
    proposed: Option<String>,
    /// The step that a way back leads to, where that is not the one before.
    back_to: Option<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Disks,
    Place,
    Name,
    Outside,
    Settings,
    Plan,
}

const STEPS: [Step; 6] =
    [Step::Disks, Step::Place, Step::Name, Step::Outside, Step::Settings, Step::Plan];

impl Menu<'_> {
    /// Leads through a save. A step back leads to the screen before.
    pub(super) fn save(&mut self) -> Result<(), Leave> {
        let job = SaveJob {
            sources: Vec::new(),
            to: String::new(),
            name: None,
            partitions: Vec::new(),
            raw: false,
            level: Level::default(),
            split: None,
            note: None,
            replace: false,
            no_verify: false,
            dry_run: false,
        };
        let mut draft = Draft {
            job,
            system: None,
            place: None,
            disks: Vec::new(),
            proposed: None,
            back_to: None,
        };
        let mut at = 0;
        while let Some(step) = STEPS.get(at) {
            let go_on = match step {
                Step::Disks => self.save_disks(&mut draft)?,
                Step::Place => self.save_place(&mut draft)?,
                Step::Name => self.save_name(&mut draft)?,
                Step::Outside => self.save_outside()?,
                Step::Settings if !self.expert => Some(()),
                Step::Settings => self.save_settings(&mut draft.job)?,
                Step::Plan => self.save_plan(&mut draft)?,
            };
            match go_on {
                Some(()) => at += 1,
                None => {
                    let before = |step: &Step| match draft.back_to {
                        Some(wanted) => *step == wanted,
                        None => self.expert || *step != Step::Settings,
                    };
                    match STEPS[..at].iter().rposition(before) {
                        Some(before) => at = before,
                        None => return Ok(()),
                    }
                    draft.back_to = None;
                }
            }
        }
        Ok(())
    }

    fn save_disks(&mut self, draft: &mut Draft) -> Answer<()> {
        let mut watch = DiskWatch::new(Purpose::Save);
        let title = message!("menu-save-disks");
        let text = match self.person.terminal.is_addressable() {
            true => message!("menu-save-disks-text"),
            false => message!("menu-save-disks-text-numbers"),
        };
        loop {
            let picks =
                disks::choose(&mut self.person, &mut watch, &title, &text, true, self.expert)?;
            let Some(picks) = picks else { return Ok(None) };
            let mut sources = Vec::new();
            for pick in &picks {
                match pick {
                    Pick::Disk(name) => sources.extend(watch.word(name)),
                    Pick::Path => sources.extend(self.path(&title)?),
                }
            }
            let seen = watch.look();
            let chosen = seen
                .iter()
                .filter(|seen| picks.contains(&Pick::Disk(seen.disk.kernel_name.clone())));
            draft.system = chosen
                .filter_map(|seen| match &seen.look {
                    Look::Done(survey) => survey.system(),
                    _ => None,
                })
                .next();
            // A path that was not typed leads back to the list.
            if !sources.is_empty() {
                draft.job.sources = sources;
                draft.disks = picks
                    .into_iter()
                    .filter_map(|pick| match pick {
                        Pick::Disk(name) => Some(name),
                        Pick::Path => None,
                    })
                    .collect();
                draft.job.partitions.clear();
                return Ok(Some(()));
            }
        }
    }

    /// The path of a device or plain file.
    pub(super) fn path(&mut self, title: &crate::text::Message) -> Answer<String> {
        let input = Input::new(title, message!("menu-path-prompt"), "");
        let inventory = Inventory::read(Path::new("/"));
        self.person.line(input, |text| {
            crate::hardware::selector::resolve(text, &inventory)
                .err()
                .map(|error: Error| error.message().to_string())
        })
    }

    fn save_place(&mut self, draft: &mut Draft) -> Answer<()> {
        let title = message!("menu-save-place");
        let place = self.place(&title, DestinationAccess::Write, &draft.disks)?;
        let Some(place) = place else { return Ok(None) };
        draft.job.to.clone_from(&place.word);
        draft.place = Some(place);
        Ok(Some(()))
    }

    fn save_name(&mut self, draft: &mut Draft) -> Answer<()> {
        let title = message!("menu-save-name");
        let place = draft.place.clone().expect("the step before");
        let opening = message!("menu-place-opening");
        let entries = match self.person.try_to(&opening, move || place.entries())? {
            None => return Ok(None),
            Some(Ok(entries)) => entries,
            Some(Err(error)) => {
                self.person.show_error(&error)?;
                return Ok(None);
            }
        };
        let taken = |name: &str| library::finished_with_name(&entries, name).is_some();
        let product = devices::machine(&Inventory::read(Path::new("/"))).product;
        let plain = names::default_name(draft.system.as_ref(), product.as_deref(), &now());
        let numbered = (2..1000).map(|number| format!("{plain}-{number}"));
        let mut name = std::iter::once(plain.clone())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or(plain);
        draft.proposed = Some(name.clone());
        loop {
            let input = Input::new(&title, message!("menu-save-name-prompt"), &name)
                .text(message!("menu-save-name-text"));
            let check = |name: &str| names::check(name).err().map(|error| error.report());
            let Some(typed) = self.person.line(input, check)? else { return Ok(None) };
            name = typed;
            draft.job.replace = false;
            if taken(&name) {
                let list = List::new(
                    &title,
                    vec![
                        Choice::new(false, message!("menu-name-other")),
                        Choice::new(true, message!("menu-name-replace")),
                    ],
                )
                .warning(message!("menu-name-taken", name = name.as_str()));
                if !self.person.ask(list)? {
                    continue;
                }
                draft.job.replace = true;
            }
            // What a cut save left under this name is in nobody's way; it is only mentioned.
            let left = entries
                .iter()
                .any(|entry| entry.name == name && entry.condition == Condition::Unfinished);
            if left {
                super::logs::add(
                    &message!("menu-name-unfinished", name = name.as_str()).to_string(),
                );
            }
            draft.job.name = Some(name);
            return Ok(Some(()));
        }
    }

    /// Asks whether others may get hold of the image: this version cannot encrypt, and says so.
    fn save_outside(&mut self) -> Answer<()> {
        let title = message!("menu-outside");
        let list = List::new(
            &title,
            vec![
                Choice::new(false, message!("menu-outside-no")),
                Choice::new(true, message!("menu-outside-yes")),
            ],
        )
        .text(message!("menu-outside-text"));
        match self.person.choose(list)? {
            None => return Ok(None),
            Some(false) => return Ok(Some(())),
            Some(true) => {}
        }
        let list = List::new(
            &title,
            vec![
                Choice::new(false, message!("menu-go-back")),
                Choice::new(true, message!("menu-outside-anyway")),
            ],
        )
        .warning(message!("menu-outside-warning"));
        Ok(self.person.ask(list)?.then_some(()))
    }

    fn save_plan(&mut self, draft: &mut Draft) -> Answer<()> {
        let host = self.host;
        let job = &draft.job.with_lasting_names(&Inventory::read(Path::new("/")));
        let title = message!("menu-planning");
        let plan = self.person.work(&title, &[], None, |report| host.plan_save(job, report))?;
        let planned = match plan {
            Ok(planned) => planned,
            Err(error) => {
                self.person.show_error(&error)?;
                // Without room it is the destination that must be another.
                let _ = draft.after(&error);
                return Ok(None);
            }
        };
        let plan = &planned.plan;
        let view = self.person.view();
        let mut list = List::new(
            message!("menu-save-plan"),
            vec![
                Choice::new(true, message!("menu-save-start")),
                Choice::new(false, message!("menu-go-back")),
            ],
        )
        .text(plans::save(plan, view));
        for warning in planned.destination.warnings() {
            list = list.warning(message!("ui-warning", warning = warning.clone()));
        }
        if !self.person.ask(list)? {
            return Ok(None);
        }
        let title = message!("menu-saving", name = plan.name.as_str());
        let about = [message!("menu-save-about", to = plan.destination()).to_string()];
        let outcome = match Running::begin(&title, &self.console) {
            Ok(running) => self.person.work(&title, &about, Some(&running), |report| {
                planned.carry_out(report, |plan| plan.execute(report))
            })?,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(outcome) => {
                let log =
                    message!("menu-log-is-at", path = format!("{}/log.txt", outcome.location));
                let title = match outcome.unreadable_bytes {
                    0 => message!("menu-saved"),
                    _ => message!("menu-saved-part"),
                };
                // A name with the time of this save in it is none for the next.
                let proposed = job.name == draft.proposed;
                let name = job.name.clone().filter(|_| !proposed);
                self.summary(Summary {
                    title,
                    text: format!("{}{log}", save_facts(&outcome)),
                    warnings: outcome.warnings,
                    command: SaveJob { name, ..job.clone() }.command(),
                })?;
            }
            Err(error) => {
                self.person.show_error(&error)?;
                return Ok(draft.after(&error));
            }
        }
        Ok(Some(()))
    }
}

impl Draft {
    /// Where to go from an error in the middle of the save: to another destination where there is no
    /// room, else to the main menu.
    fn after(&mut self, error: &Error) -> Option<()> {
        if error.kind() == ErrorKind::NoSpace {
            self.back_to = Some(Step::Place);
            return None;
        }
        Some(())
    }
}
