//! The rescue shell of a live system, command by command.

use super::{Menu, Texts};
use crate::{Guest, Key};
use std::time::Duration;

/// How long a short answer may take.
const SOON: Duration = Duration::from_secs(120);

/// A guest in its rescue shell.
pub struct Shell {
    /// The guest.
    pub guest: Guest,
    commands: u32,
}

impl Shell {
    /// From the main menu into the shell.
    #[track_caller]
    pub fn enter(mut guest: Guest, texts: &Texts) -> Self {
        Menu { guest: &mut guest, texts }.choose("menu-shell");
        let mut shell = Self { guest, commands: 0 };
        assert_eq!(shell.run("true", SOON).0, 0);
        shell
    }

    /// The mark that follows what a command writes.
    fn mark(number: u32) -> String {
        format!("end={}=", 1000 + number)
    }

    /// Begins a command.
    pub fn begin(&mut self, command: &str) {
        self.commands += 1;
        // The mark is not in what is typed.
        self.guest.type_text(&format!("{command}; echo end=$((1000+{}))=$?=", self.commands));
        self.guest.press(Key::Enter);
    }

    /// Waits for its end, and answers its exit code and what it wrote.
    #[track_caller]
    pub fn end(&mut self, patience: Duration) -> (u8, String) {
        let mark = Self::mark(self.commands);
        self.guest.wait_for_output(&mark, patience);
        self.guest.wait_for_output("=", SOON);
        let output = self.guest.output();
        let (text, code) = output.split_once(&mark).unwrap();
        let code = code.split('=').next().unwrap().parse().expect("an exit code");
        let before = Self::mark(self.commands - 1);
        let own = text.split_once(&before).map_or(text, |(_, own)| own);
        (code, own.to_owned())
    }

    /// Begins a command and waits for its end.
    #[track_caller]
    pub fn run(&mut self, command: &str, patience: Duration) -> (u8, String) {
        self.begin(command);
        self.end(patience)
    }
}
