//! The menu: short screens that lead to a job, and what came of it.
//!
//! Screens are pure functions ([`screen`]); [`ask`] shows them and waits; the other modules are
//! the ways through them.

mod addresses;
mod ask;
mod describe;
mod disks;
mod host;
mod images;
mod keys;
mod logs;
mod places;
mod plans;
mod questions;
mod restore;
mod save;
mod screen;
mod servers;
mod settings;
mod system;
mod terminal;
mod work;

pub use host::{Host, Machine, Planned, Power};
pub use questions::PersonAtMenu;
pub use screen::wrap;

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use crate::ui::running;
use ask::{Leave, Person, Tick};
use screen::{Choice, List};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How the menu is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this console is called on others.
    pub console: String,
    /// Whether the language is asked for first.
    pub ask_language: bool,
    /// Whether the keyboard layout is asked for first.
    pub ask_keyboard: bool,
    /// Set by signals that end the process.
    pub ended: Arc<AtomicBool>,
}

/// The menu on a terminal.
struct Menu<'a> {
    host: &'a dyn Host,
    /// PID 1, in the live system.
    machine: Option<&'a dyn Machine>,
    person: Person,
    console: String,
    /// Whether this is the live system.
    live: bool,
    /// Whether every option is shown.
    expert: bool,
    /// The address of a server that was typed last.
    server: String,
    /// Whether there is a job of another console that the person did not want to look at any more.
    seen_other: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Save,
    Restore,
    Verify,
    Disks,
    Images,
    Network,
    Language,
    Keyboard,
    Logs,
    Expert,
    Shell,
    Reboot,
    PowerOff,
    Quit,
}

/// Runs the menu until the person leaves it.
///
/// # Errors
/// [`ErrorKind::Usage`] without a terminal.
pub fn run(host: &dyn Host, machine: Option<&dyn Machine>, options: Options) -> Result<()> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Error::new(ErrorKind::Usage, message!("menu-no-terminal")));
    }
    crate::text::speak_of_the_menu();
    let mut menu = Menu {
        host,
        machine,
        person: Person::new(options.ended),
        console: options.console,
        live: machine.is_some(),
        expert: false,
        server: String::new(),
        seen_other: false,
    };
    match menu.all(options.ask_language, options.ask_keyboard) {
        Ok(()) | Err(Leave::Quit | Leave::Gone) => Ok(()),
    }
}

impl Menu<'_> {
    fn all(&mut self, ask_language: bool, ask_keyboard: bool) -> std::result::Result<(), Leave> {
        if ask_language {
            self.language()?;
        }
        if ask_keyboard {
            self.keyboard()?;
        }
        loop {
            let list = main_screen(self.live, self.expert);
            if let Some(entry) = self.choose_beside(&list)? {
                self.enter(entry)?;
            }
        }
    }

    /// One of the choices; a job that runs on another console is shown first, until a key is
    /// pressed.
    fn choose_beside<T: Clone + PartialEq>(&mut self, list: &List<T>) -> ask::Answer<T> {
        loop {
            let mut other = running::elsewhere().is_some() && !self.seen_other;
            let mut chosen = None;
            if !other {
                let seen = &mut self.seen_other;
                chosen = self.person.choose_fresh(list.clone(), || {
                    match running::elsewhere() {
                        None => *seen = false,
                        Some(_) if !*seen => {
                            other = true;
                            return Tick::End;
                        }
                        Some(_) => {}
                    }
                    Tick::Same
                })?;
            }
            if !other {
                return Ok(chosen);
            }
            self.seen_other = true;
            self.person.watch_other(running::elsewhere)?;
        }
    }

    fn enter(&mut self, entry: Entry) -> std::result::Result<(), Leave> {
        let starts_job = matches!(entry, Entry::Save | Entry::Restore | Entry::Verify);
        if starts_job && running::elsewhere().is_some() {
            return self.person.watch_other(running::elsewhere);
        }
        match entry {
            Entry::Save => self.save(),
            Entry::Restore => self.restore(),
            Entry::Verify => self.verify(),
            Entry::Disks => self.show_disks(),
            Entry::Images => self.images(),
            Entry::Network => self.network(),
            Entry::Language => self.language(),
            Entry::Keyboard => self.keyboard(),
            Entry::Logs => self.logs(),
            Entry::Expert => {
                self.expert = !self.expert;
                Ok(())
            }
            Entry::Shell => self.shell(),
            Entry::Reboot => self.power(Power::Reboot),
            Entry::PowerOff => self.power(Power::Off),
            Entry::Quit => Err(Leave::Quit),
        }
    }
}

/// The first screen.
fn main_screen(live: bool, expert: bool) -> List<Entry> {
    let mut entries = vec![
        (Entry::Save, message!("menu-save")),
        (Entry::Restore, message!("menu-restore")),
        (Entry::Verify, message!("menu-verify")),
        (Entry::Disks, message!("menu-disks")),
        (Entry::Images, message!("menu-images")),
        (Entry::Language, message!("menu-language")),
    ];
    if live {
        entries.insert(5, (Entry::Network, message!("menu-network")));
        entries.push((Entry::Keyboard, message!("menu-keyboard")));
    }
    entries.push((Entry::Logs, message!("menu-logs")));
    entries.push(match expert {
        false => (Entry::Expert, message!("menu-expert-on")),
        true => (Entry::Expert, message!("menu-expert-off")),
    });
    match live {
        true => entries.extend([
            (Entry::Shell, message!("menu-shell")),
            (Entry::Reboot, message!("menu-reboot")),
            (Entry::PowerOff, message!("menu-power-off")),
        ]),
        false => entries.push((Entry::Quit, message!("menu-quit"))),
    }
    let choices = entries.into_iter().map(|(entry, label)| Choice::new(entry, label)).collect();
    let title = message!("menu-title", version = env!("CARGO_PKG_VERSION"));
    let mut list = List::new(title, choices).text(message!("menu-welcome"));
    list.back = false;
    list
}

#[cfg(test)]
mod tests;
