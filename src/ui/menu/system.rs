//! What is not about images: language, keyboard, a shell, switching off.

use super::ask::{Leave, Tick};
use super::disks::{self, DiskWatch, Purpose};
use super::host::Power;
use super::screen::{Choice, Input, List, Reading};
use super::{Menu, logs};
use crate::error::{Context as _, Error};
use crate::text::{Language, language, message, set_language};
use nix::sys::signal::{SigSet, Signal};
use std::os::unix::process::CommandExt as _;

/// The keyboard layouts that come with the live system: name, and what people call it.
const LAYOUTS: [(&str, &str); 9] = [
    ("us", "English (US)"),
    ("gb", "English (UK)"),
    ("es", "Español (España)"),
    ("latam", "Español (Latinoamérica)"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("it", "Italiano"),
    ("pt", "Português"),
    ("br", "Português (Brasil)"),
];

impl Menu<'_> {
    pub(super) fn language(&mut self) -> Result<(), Leave> {
        // Each language in its own words: whoever needs this screen cannot read the other.
        let mut choices = vec![
            Choice::new(Language::English, "English"),
            Choice::new(Language::Spanish, "Español"),
        ];
        choices.sort_by_key(|choice| choice.value != language());
        let list = List::new("Language / Idioma", choices);
        if let Some(chosen) = self.choose_beside(&list)? {
            set_language(chosen);
            if let Some(Err(error)) = self.machine.map(|machine| machine.language(chosen)) {
                // It is spoken here in any case.
                logs::add(&error.report());
            }
        }
        Ok(())
    }

    pub(super) fn keyboard(&mut self) -> Result<(), Leave> {
        let mut layouts = LAYOUTS.to_vec();
        if language() == Language::Spanish {
            layouts.sort_by_key(|(name, _)| !matches!(*name, "es" | "latam"));
        }
        let choices = layouts
            .into_iter()
            .map(|(name, title)| Choice::new(name, format!("{title} ({name})")))
            .collect();
        let list =
            List::new(message!("menu-keyboard"), choices).text(message!("menu-keyboard-text"));
        let Some(name) = self.choose_beside(&list)? else { return Ok(()) };
        if let Some(Err(error)) = self.machine.map(|machine| machine.keymap(name)) {
            return self.person.show_error(&error);
        }
        let input = Input::new(message!("menu-keyboard"), message!("menu-keyboard-try"), "");
        self.person.line(input, |_| None)?;
        Ok(())
    }

    pub(super) fn show_disks(&mut self) -> Result<(), Leave> {
        let mut watch = DiskWatch::new(Purpose::Show);
        let (title, text) = (message!("menu-disks"), message!("menu-disks-text"));
        loop {
            let chosen = disks::choose(&mut self.person, &mut watch, &title, &text, false, false)?;
            let Some(disks::Pick::Disk(name)) = chosen.and_then(|mut picks| picks.pop()) else {
                return Ok(());
            };
            let seen = watch.look();
            if let Some(seen) = seen.iter().find(|seen| seen.disk.kernel_name == name) {
                let text = super::plans::disk(seen, self.person.view());
                self.person.read(Reading::new(super::describe::disk_line(&seen.disk), text))?;
            }
        }
    }

    /// A shell on this console, until it ends.
    pub(super) fn shell(&mut self) -> Result<(), Leave> {
        self.person.terminal.give();
        self.person.terminal.write(&format!("{}\r\n", message!("menu-shell-text")));
        let outcome = run_shell();
        self.person.terminal.take();
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => self.person.show_error(&error),
        }
    }

    pub(super) fn power(&mut self, power: Power) -> Result<(), Leave> {
        let (title, yes) = match power {
            Power::Off => (message!("menu-power-off"), message!("menu-power-off-yes")),
            Power::Reboot => (message!("menu-reboot"), message!("menu-reboot-yes")),
        };
        let choices = vec![Choice::new(true, yes), Choice::new(false, message!("menu-go-back"))];
        let mut list = List::new(title, choices);
        if let Some(job) = crate::ui::running::elsewhere() {
            list = list.warning(message!("menu-power-job", job = job.title, console = job.console));
            list.choices.reverse();
        }
        if self.person.ask(list)? {
            logs::add(&format!("{power:?}"));
            if let Some(Err(error)) = self.machine.map(|machine| machine.power(power)) {
                return self.person.show_error(&error);
            }
            // PID 1 ends everything now, this menu too.
            let bye = List::new(message!("menu-ending"), vec![]).text(message!("menu-ending-text"));
            let begun = std::time::Instant::now();
            self.person.choose_fresh::<bool>(bye, || match begun.elapsed().as_secs() {
                0..60 => Tick::Same,
                _ => Tick::End,
            })?;
        }
        Ok(())
    }
}

/// Runs a shell as the owner of the terminal.
fn run_shell() -> crate::error::Result<()> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let failed = || message!("menu-shell-failed", shell = shell.to_string_lossy().into_owned());
    let fail = |error: std::io::Error| Err::<(), _>(error).context(failed);
    // Whoever takes a terminal back from the background is stopped by this signal.
    let mut stopping = SigSet::empty();
    stopping.add(Signal::SIGTTOU);
    if let Err(errno) = stopping.thread_block() {
        return fail(errno.into());
    }
    // A group of its own: Ctrl-C in it must not end the menu.
    let mut child = match std::process::Command::new(&shell).process_group(0).spawn() {
        Ok(child) => child,
        Err(error) => return fail(error),
    };
    let input = rustix::stdio::stdin();
    if let Ok(group) = i32::try_from(child.id())
        && let Some(group) = rustix::process::Pid::from_raw(group)
    {
        let _ = rustix::termios::tcsetpgrp(input, group);
        // It may have asked for the terminal before it owned it, and sleep since then.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::CONT);
    }
    let ended = child.wait();
    let _ = rustix::termios::tcsetpgrp(input, rustix::process::getpgrp());
    let _ = stopping.thread_unblock();
    let Err(error) = ended else { return Ok(()) };
    Err::<(), Error>(Error::new(crate::error::ErrorKind::Io, failed()).caused_by(error))
}
