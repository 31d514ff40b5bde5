//! The expert's options of a save and a restore.

use super::Menu;
use super::ask::{Answer, Leave};
use super::screen::{Choice, Input, List};
use crate::codec::Level;
use crate::job::{RestoreJob, SaveJob, parse_partitions};
use crate::text::{Message, message};
use crate::units::{human_bytes, parse_bytes};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    GoOn,
    Partitions,
    Raw,
    Level,
    Split,
    Note,
    Place,
    RepairTable,
    Precheck,
    Verify,
}

fn yes_or_no(value: bool) -> Message {
    match value {
        true => message!("menu-yes"),
        false => message!("menu-no"),
    }
}

fn row(setting: Setting, name: Message, value: impl ToString) -> Choice<Setting> {
    Choice::new(setting, format!("{name}: {}", value.to_string()))
}

fn list_or(values: &[String], none: Message) -> String {
    if values.is_empty() { none.to_string() } else { values.join("  ") }
}

/// Words between spaces.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn check_partitions(text: &str) -> Option<String> {
    let wrong = words(text).iter().find_map(|word| parse_partitions(word).err());
    wrong.map(|error| error.report())
}

fn check_places(text: &str) -> Option<String> {
    let sound = |word: &String| {
        word.split_once('=').is_some_and(|(number, target)| {
            number.parse::<u32>().is_ok_and(|number| number > 0) && !target.is_empty()
        })
    };
    let words = words(text);
    let wrong = words.iter().find(|word| !sound(word))?;
    Some(message!("cli-not-a-place", text = wrong).to_string())
}

impl Menu<'_> {
    fn setting(
        &mut self,
        prompt: Message,
        value: &str,
        check: impl Fn(&str) -> Option<String>,
    ) -> Answer<String> {
        let input = Input::new(message!("menu-settings"), prompt, value);
        self.person.line(input, check)
    }

    pub(super) fn save_settings(&mut self, job: &mut SaveJob) -> Answer<()> {
        loop {
            let split = job.split.map_or_else(|| message!("menu-default").to_string(), human_bytes);
            let note = job.note.clone().unwrap_or_default();
            let rows = vec![
                Choice::new(Setting::GoOn, message!("menu-go-on")),
                row(
                    Setting::Partitions,
                    message!("menu-set-partitions"),
                    list_or(&job.partitions, message!("menu-set-all")),
                ),
                row(Setting::Raw, message!("menu-set-raw"), yes_or_no(job.raw)),
                row(Setting::Level, message!("menu-set-level"), job.level),
                row(Setting::Split, message!("menu-set-split"), split),
                row(Setting::Note, message!("menu-set-note"), &note),
                row(Setting::Verify, message!("menu-set-verify"), yes_or_no(!job.no_verify)),
            ];
            let list = List::new(message!("menu-settings"), rows);
            match self.person.choose(list)? {
                None => return Ok(None),
                Some(Setting::GoOn) => return Ok(Some(())),
                Some(Setting::Raw) => job.raw = !job.raw,
                Some(Setting::Verify) => job.no_verify = !job.no_verify,
                Some(Setting::Partitions) => {
                    let prompt = message!("menu-set-partitions-prompt");
                    let before = job.partitions.join(" ");
                    if let Some(text) = self.setting(prompt, &before, check_partitions)? {
                        job.partitions = words(&text);
                    }
                }
                Some(Setting::Level) => self.set_level(job)?,
                Some(Setting::Split) => {
                    let before = job.split.map(|split| split.to_string()).unwrap_or_default();
                    let check = |text: &str| {
                        (!text.is_empty() && parse_bytes(text).is_none())
                            .then(|| message!("cli-not-a-size", text = text).to_string())
                    };
                    let prompt = message!("menu-set-split-prompt");
                    if let Some(text) = self.setting(prompt, &before, check)? {
                        job.split = parse_bytes(&text);
                    }
                }
                Some(_) => {
                    let prompt = message!("menu-set-note-prompt");
                    if let Some(text) = self.setting(prompt, &note, |_| None)? {
                        job.note = Some(text).filter(|text| !text.is_empty());
                    }
                }
            }
        }
    }

    fn set_level(&mut self, job: &mut SaveJob) -> Result<(), Leave> {
        let check = |text: &str| text.parse::<Level>().err().map(|error| error.report());
        let before = job.level.to_string();
        if let Some(text) = self.setting(message!("menu-set-level-prompt"), &before, check)?
            && let Ok(level) = text.parse()
        {
            job.level = level;
        }
        Ok(())
    }

    pub(super) fn restore_settings(&mut self, job: &mut RestoreJob) -> Answer<()> {
        loop {
            let rows = vec![
                Choice::new(Setting::GoOn, message!("menu-go-on")),
                row(
                    Setting::Partitions,
                    message!("menu-set-partitions"),
                    list_or(&job.partitions, message!("menu-set-all")),
                ),
                row(
                    Setting::Place,
                    message!("menu-set-place"),
                    list_or(&job.place, message!("menu-set-same")),
                ),
                row(
                    Setting::RepairTable,
                    message!("menu-set-repair-table"),
                    yes_or_no(job.repair_table),
                ),
                row(Setting::Precheck, message!("menu-set-precheck"), yes_or_no(!job.no_precheck)),
                row(Setting::Verify, message!("menu-set-verify"), yes_or_no(!job.no_verify)),
            ];
            let list = List::new(message!("menu-settings"), rows);
            match self.person.choose(list)? {
                None => return Ok(None),
                Some(Setting::GoOn) => return Ok(Some(())),
                Some(Setting::RepairTable) => job.repair_table = !job.repair_table,
                Some(Setting::Precheck) => job.no_precheck = !job.no_precheck,
                Some(Setting::Verify) => job.no_verify = !job.no_verify,
                Some(Setting::Place) => {
                    let prompt = message!("menu-set-place-prompt");
                    if let Some(text) = self.setting(prompt, &job.place.join(" "), check_places)? {
                        job.place = words(&text);
                    }
                }
                Some(_) => {
                    let prompt = message!("menu-set-partitions-prompt");
                    let before = job.partitions.join(" ");
                    if let Some(text) = self.setting(prompt, &before, check_partitions)? {
                        job.partitions = words(&text);
                    }
                }
            }
        }
    }
}
