//! Images: checking, describing and deleting them, and the summary after a job.

use super::Menu;
use super::ask::Leave;
use super::host::Power;
use super::places::Place;
use super::screen::{Choice, Input, List, Reading};
use super::terminal::{Line, Style};
use crate::image::{Depth, Freshness, Image, verify};
use crate::operation::destination::DestinationAccess;
use crate::operation::library::{self, Entry};
use crate::report::Stage;
use crate::text::{Message, message, quoted};
use crate::ui::running::Running;
use crate::ui::show;
use crate::units::human_bytes;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Show,
    Verify,
    Delete,
}

/// What a job did.
pub(super) struct Summary {
    pub(super) title: Message,
    /// What is missing above all, and what else should be known.
    pub(super) warnings: Vec<Message>,
    /// The facts.
    pub(super) text: String,
    /// The command that does the same.
    pub(super) command: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    Menu,
    Reboot,
    PowerOff,
}

impl Menu<'_> {
    /// Checks every byte of an image.
    pub(super) fn verify(&mut self) -> Result<(), Leave> {
        let title = message!("menu-verify-place");
        while let Some(place) = self.place(&title, DestinationAccess::Look, &[])? {
            while let Some(entry) = self.image_in(&place, &message!("menu-verify-image"), true)? {
                self.verify_image(&place, &entry)?;
            }
        }
        Ok(())
    }

    fn verify_image(&mut self, place: &Place, entry: &Entry) -> Result<(), Leave> {
        let title = message!("menu-verifying", name = entry.name.as_str());
        let word = place.image(&entry.address());
        let outcome = match Running::begin(&title, &self.console) {
            Ok(running) => self.person.work(&title, &[], Some(&running), |report| {
                let destination = place.look()?;
                let files = destination.store().directory(&entry.directory)?;
                Image::open(files, Freshness::Medium)
                    .map(Image::held)
                    .and_then(|image| {
                        verify(&image, Depth::Full, Freshness::Medium, Stage::Verify, report)
                    })
                    .map_err(|error| destination.explain(error))
            })?,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(found) => {
                let text = message!(
                    "ui-verify-sound",
                    image = entry.name.as_str(),
                    files = found.files,
                    chunks = found.chunks,
                    stored = human_bytes(found.stored_bytes)
                )
                .to_string();
                let command = format!("calco verify {}", quoted(&word));
                let size = human_bytes(found.unreadable_bytes);
                let (title, warnings) = match found.unreadable_bytes {
                    0 => (message!("menu-verified"), Vec::new()),
                    _ => (
                        message!("menu-verified-part"),
                        vec![message!("restore-unreadable", size = size)],
                    ),
                };
                self.summary(Summary { title, warnings, text, command })
            }
            Err(error) => self.person.show_error(&error),
        }
    }

    /// The images of a place: describing, checking, deleting.
    pub(super) fn images(&mut self) -> Result<(), Leave> {
        let title = message!("menu-images-place");
        while let Some(place) = self.place(&title, DestinationAccess::Look, &[])? {
            while let Some(entry) = self.image_in(&place, &message!("menu-images"), false)? {
                let mut deeds = Vec::new();
                if entry.manifest.is_some() {
                    deeds.push(Choice::new(Deed::Show, message!("menu-image-show")));
                    deeds.push(Choice::new(Deed::Verify, message!("menu-image-verify")));
                }
                deeds.push(Choice::new(Deed::Delete, message!("menu-image-delete")));
                let mut list = List::new(&entry.name, deeds);
                for line in super::describe::image_details(&entry) {
                    list = list.text(line);
                }
                match self.person.choose(list)? {
                    None => {}
                    Some(Deed::Show) => {
                        let text = entry
                            .manifest
                            .as_ref()
                            .map(|manifest| show(manifest, &place.image(&entry.directory)));
                        self.person.read(Reading::new(&entry.name, text.unwrap_or_default()))?;
                    }
                    Some(Deed::Verify) => self.verify_image(&place, &entry)?,
                    Some(Deed::Delete) => self.delete(&place, &entry)?,
                }
            }
        }
        Ok(())
    }

    fn delete(&mut self, place: &Place, entry: &Entry) -> Result<(), Leave> {
        let location = place.image(&entry.directory);
        let question = message!("ui-delete-confirm", word = entry.directory.as_str());
        let input = Input::new(message!("menu-image-delete"), question, "")
            .warning(message!("ui-delete-what", location = location.as_str()));
        let wrong =
            message!("menu-restore-confirm-wrong", word = entry.directory.as_str()).to_string();
        let check = |typed: &str| (typed != entry.directory).then(|| wrong.clone());
        if self.person.line(input, check)?.is_none() {
            return Ok(());
        }
        let title = message!("menu-image-deleting", name = entry.name.as_str());
        let outcome = match Running::begin(&title, &self.console) {
            Ok(running) => self.person.work(&title, &[], Some(&running), |report| {
                let destination = place.write()?;
                library::delete(destination.store().as_ref(), &entry.directory)
                    .map_err(|error| destination.explain(error))?;
                destination.close(report)
            })?,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                let text = message!("ui-deleted", location = location).to_string();
                super::logs::add(&text);
                self.person.read(Reading::new(message!("menu-image-delete"), text))
            }
            Err(error) => self.person.show_error(&error),
        }
    }

    /// What a job did, and what the person wants now.
    pub(super) fn summary(&mut self, summary: Summary) -> Result<(), Leave> {
        for warning in &summary.warnings {
            super::logs::add(&warning.to_string());
        }
        super::logs::add(&summary.text);
        super::logs::add(&summary.command);
        let list = summary.list(self.live);
        match self.person.choose(list)? {
            Some(After::PowerOff) => self.power(Power::Off),
            Some(After::Reboot) => self.power(Power::Reboot),
            Some(After::Menu) | None => Ok(()),
        }
    }
}

impl Summary {
    /// The screen. What is missing stands before what went well.
    pub(super) fn list(&self, live: bool) -> List<After> {
        let mut choices = vec![Choice::new(After::Menu, message!("menu-back-to-menu"))];
        if live {
            choices.push(Choice::new(After::PowerOff, message!("menu-power-off")));
            choices.push(Choice::new(After::Reboot, message!("menu-reboot")));
        }
        let mut list = List::new(&self.title, choices);
        for warning in &self.warnings {
            list = list.warning(message!("ui-warning", warning = warning.clone()));
        }
        list.text.extend(self.text.lines().map(|line| Line::styled(line, Style::Plain)));
        list.text("").text(message!("menu-same-command")).text(format!("  {}", self.command))
    }
}
