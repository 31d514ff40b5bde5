//! Images: checking, describing and deleting them, and the summary after a job.

use super::Menu;
use super::ask::Leave;
use super::host::Power;
use super::screen::{Choice, Input, List, Reading};
use super::terminal::{Line, Style};
use crate::image::{Depth, Freshness, Image, verify};
use crate::operation::library::{self, Entry};
use crate::report::Stage;
use crate::store::Store;
use crate::text::{Message, message};
use crate::ui::running::Running;
use crate::ui::show;
use crate::units::human_bytes;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Show,
    Verify,
    Delete,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Menu,
    Reboot,
    PowerOff,
}

impl Menu<'_> {
    /// Checks every byte of an image.
    pub(super) fn verify(&mut self) -> Result<(), Leave> {
        while let Some(place) = self.place(&message!("menu-verify-place"))? {
            while let Some(entry) = self.image_in(&place, &message!("menu-verify-image"), true)? {
                let opened = place.look();
                match opened {
                    Ok(store) => {
                        self.verify_image(store.as_ref(), &entry, &place.image(&entry.directory))?
                    }
                    Err(error) => self.person.show_error(&error)?,
                }
            }
        }
        Ok(())
    }

    fn verify_image(&mut self, store: &dyn Store, entry: &Entry, word: &str) -> Result<(), Leave> {
        let title = message!("menu-verifying", name = entry.name.as_str());
        let outcome = match Running::begin(&title, &self.console) {
            Ok(running) => self.person.work(&title, &[], Some(&running), |report| {
                let files = library::find(store, &entry.directory)?;
                let image = Image::open(files, Freshness::Medium)?;
                verify(&image, Depth::Full, Freshness::Medium, Stage::Verify, report)
            })?,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(found) => {
                let mut text = message!(
                    "ui-verify-sound",
                    image = entry.name.as_str(),
                    files = found.files,
                    chunks = found.chunks,
                    stored = human_bytes(found.stored_bytes)
                )
                .to_string();
                if found.unreadable_bytes > 0 {
                    let size = human_bytes(found.unreadable_bytes);
                    text += &format!("\n{}", message!("restore-unreadable", size = size));
                }
                let command = format!("calco verify {}", crate::job::quoted(word));
                self.summary(&message!("menu-verified"), &text, &command)
            }
            Err(error) => self.person.show_error(&error),
        }
    }

    /// The images of a place: describing, checking, deleting.
    pub(super) fn images(&mut self) -> Result<(), Leave> {
        while let Some(place) = self.place(&message!("menu-images-place"))? {
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
                let deed = self.person.choose(list)?;
                let opened = match (deed, deed == Some(Deed::Delete)) {
                    (None, _) => continue,
                    (Some(_), true) => place.write(),
                    (Some(_), false) => place.look(),
                };
                let word = place.image(&entry.directory);
                match (opened, deed) {
                    (Err(error), _) => self.person.show_error(&error)?,
                    (Ok(store), Some(Deed::Show)) => {
                        let location = format!("{}/{}", store.location(), entry.directory);
                        let text = entry.manifest.as_ref().map(|m| show(m, &location));
                        let text = text.unwrap_or_default();
                        self.person.read(Reading::new(&entry.name, text))?;
                    }
                    (Ok(store), Some(Deed::Verify)) => {
                        self.verify_image(store.as_ref(), &entry, &word)?;
                    }
                    (Ok(store), _) => self.delete(store.as_ref(), &entry)?,
                }
            }
        }
        Ok(())
    }

    fn delete(&mut self, store: &dyn Store, entry: &Entry) -> Result<(), Leave> {
        let location = format!("{}/{}", store.location(), entry.directory);
        let question = message!("ui-delete-confirm", word = entry.directory.as_str());
        let input = Input::new(message!("menu-image-delete"), question, "")
            .warning(message!("ui-delete-what", location = location.as_str()));
        let wrong =
            message!("menu-restore-confirm-wrong", word = entry.directory.as_str()).to_string();
        let check = |typed: &str| (typed != entry.directory).then(|| wrong.clone());
        if self.person.line(input, check)?.is_none() {
            return Ok(());
        }
        match library::delete(store, &entry.directory) {
            Ok(()) => {
                let text = message!("ui-deleted", location = location).to_string();
                super::logs::add(&text);
                self.person.read(Reading::new(message!("menu-image-delete"), text))
            }
            Err(error) => self.person.show_error(&error),
        }
    }

    /// What a job did, and what the person wants now.
    pub(super) fn summary(
        &mut self,
        title: &Message,
        text: &str,
        command: &str,
    ) -> Result<(), Leave> {
        super::logs::add(text);
        super::logs::add(command);
        let mut choices = vec![Choice::new(After::Menu, message!("menu-back-to-menu"))];
        if self.live {
            choices.push(Choice::new(After::PowerOff, message!("menu-power-off")));
            choices.push(Choice::new(After::Reboot, message!("menu-reboot")));
        }
        let mut list = List::new(title, choices);
        for line in text.lines() {
            list.text.push(Line::styled(line, Style::Plain));
        }
        list = list.text("").text(message!("menu-same-command")).text(format!("  {command}"));
        match self.person.choose(list)? {
            Some(After::PowerOff) => self.power(Power::Off),
            Some(After::Reboot) => self.power(Power::Reboot),
            Some(After::Menu) | None => Ok(()),
        }
    }
}
