//! Showing screens and waiting for what the person makes of them.

use super::keys::Key;
use super::screen::{Choice, Input, List, Position, Reaction, Reading, Typed};
use super::terminal::{Line, Terminal, View};
use crate::error::Error;
use crate::text::message;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a screen looks whether what it shows is still true.
const REFRESH: Duration = Duration::from_millis(1000);
/// How long one wait for a key lasts.
const TICK: Duration = Duration::from_millis(250);

/// Why the menu ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leave {
    /// The person wanted it.
    Quit,
    /// The terminal is gone, or the system asked to end.
    Gone,
}

/// What the person answered; none for "one screen back".
pub(super) type Answer<T> = Result<Option<T>, Leave>;

/// What a screen does after a while without keys.
pub(super) enum Tick<T> {
    /// Nothing.
    Same,
    /// Shows this instead.
    New(List<T>),
    /// Ends, as by a step back.
    End,
}

/// A person at a terminal.
pub(super) struct Person {
    pub(super) terminal: Terminal,
    /// Set by signals that end the process.
    ended: Arc<AtomicBool>,
}

impl Person {
    pub(super) fn new(ended: Arc<AtomicBool>) -> Self {
        Self { terminal: Terminal::open(), ended }
    }

    /// Whether the system asked the process to end.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn view(&self) -> View {
        self.terminal.view()
    }

    /// The next key; none after a while, so that the caller can look around.
    pub(super) fn key(&mut self) -> Result<Option<Key>, Leave> {
        if self.is_ended() {
            return Err(Leave::Gone);
        }
        match self.terminal.key(TICK) {
            Some(Key::Gone) => Err(Leave::Gone),
            key => Ok(key),
        }
    }

    /// One of the choices.
    pub(super) fn choose<T: Clone + PartialEq>(&mut self, list: List<T>) -> Answer<T> {
        self.choose_fresh(list, || Tick::Same)
    }

    /// One of the choices of a list that keeps itself up to date.
    pub(super) fn choose_fresh<T: Clone + PartialEq>(
        &mut self,
        list: List<T>,
        tick: impl FnMut() -> Tick<T>,
    ) -> Answer<T> {
        let chosen = self.choose_some(list, tick)?;
        Ok(chosen.and_then(|chosen| chosen.into_iter().next()))
    }

    /// One or more of the choices.
    pub(super) fn choose_some<T: Clone + PartialEq>(
        &mut self,
        mut list: List<T>,
        mut tick: impl FnMut() -> Tick<T>,
    ) -> Answer<Vec<T>> {
        let mut position = Position::default();
        // Nothing that cannot be chosen is offered first.
        position.cursor = list.first().unwrap_or_default();
        let mut is_fresh = true;
        let mut looked = Instant::now();
        let mut typed = String::new();
        let mut show = true;
        loop {
            if self.terminal.is_addressable() {
                let view = self.view();
                self.terminal.draw(list.frame(&mut position, view));
            } else if std::mem::take(&mut show) {
                self.print_list(&list)?;
                self.terminal.write(&typed);
            }
            let key = self.key()?;
            is_fresh &= key.is_none();
            let reaction = match key {
                None if looked.elapsed() >= REFRESH => {
                    looked = Instant::now();
                    match tick() {
                        Tick::Same => {}
                        Tick::End => return Ok(None),
                        Tick::New(new) if new == list => {}
                        Tick::New(new) => {
                            position.follow(&list, &new, is_fresh);
                            list = new;
                            show = true;
                        }
                    }
                    continue;
                }
                None => continue,
                Some(key) if self.terminal.is_addressable() => list.key(&mut position, key),
                Some(key) => match self.edit(&mut typed, false, key) {
                    false => continue,
                    true => {
                        show = true;
                        list.typed(&std::mem::take(&mut typed))
                    }
                },
            };
            match reaction {
                Reaction::Stay => {}
                Reaction::Back => return Ok(None),
                Reaction::Chosen(indexes) => {
                    let choices = indexes.into_iter().filter_map(|index| list.choices.get(index));
                    return Ok(Some(choices.map(|choice| choice.value.clone()).collect()));
                }
            }
        }
    }

    fn print_list<T>(&mut self, list: &List<T>) -> Result<(), Leave> {
        let columns = self.view().columns;
        self.print_pages(&list.printed(columns))?;
        let prompt = match (list.many, list.back) {
            (false, false) => message!("menu-number"),
            (false, true) => message!("menu-number-back"),
            (true, _) => message!("menu-numbers-back"),
        };
        self.terminal.write(&format!("{prompt} "));
        Ok(())
    }

    /// Prints lines; after each screenful Enter is awaited.
    fn print_pages(&mut self, lines: &[Line]) -> Result<(), Leave> {
        let page = self.view().rows.saturating_sub(3).max(4);
        let mut pages = lines.chunks(page).peekable();
        while let Some(lines) = pages.next() {
            self.terminal.print(lines);
            if pages.peek().is_some() {
                self.terminal.write(&message!("menu-more").to_string());
                while !matches!(self.key()?, Some(Key::Enter | Key::Char(_))) {}
                self.terminal.write("\n");
            }
        }
        Ok(())
    }

    /// Edits a line on a terminal that only prints; whether it is complete.
    fn edit(&mut self, line: &mut String, hidden: bool, key: Key) -> bool {
        match key {
            Key::Enter => {
                self.terminal.write("\n");
                return true;
            }
            Key::Char(c) if line.len() < 1000 => {
                line.push(c);
                self.terminal.write(&if hidden { '*' } else { c }.to_string());
            }
            Key::Backspace if line.pop().is_some() => self.terminal.write("\u{8} \u{8}"),
            Key::Escape | Key::Interrupt => {
                while line.pop().is_some() {
                    self.terminal.write("\u{8} \u{8}");
                }
            }
            _ => {}
        }
        false
    }

    /// A line of text that `check` accepts; it answers what is wrong otherwise.
    pub(super) fn line(
        &mut self,
        mut input: Input,
        check: impl Fn(&str) -> Option<String>,
    ) -> Answer<String> {
        let mut show = true;
        let mut typed = String::new();
        let hidden = input.hidden;
        loop {
            if self.terminal.is_addressable() {
                let view = self.view();
                self.terminal.draw(input.frame(view));
            } else if std::mem::take(&mut show) {
                let columns = self.view().columns;
                self.print_pages(&input.printed(columns))?;
                self.terminal.write("> ");
            }
            let Some(key) = self.key()? else { continue };
            let done = match self.terminal.is_addressable() {
                true => match input.key(key) {
                    Typed::Stay => false,
                    Typed::Back => return Ok(None),
                    Typed::Done => true,
                },
                false if self.edit(&mut typed, hidden, key) => {
                    match std::mem::take(&mut typed).as_str() {
                        "." => return Ok(None),
                        "" => {}
                        other => other.clone_into(&mut input.value),
                    }
                    true
                }
                false => false,
            };
            if done {
                // A password may begin or end with a space.
                let value = if hidden { input.value.as_str() } else { input.value.trim() };
                match check(value) {
                    None => return Ok(Some(value.to_owned())),
                    Some(problem) => input.problem = Some(problem),
                }
                show = true;
            }
        }
    }

    /// Shows a text until it was read.
    pub(super) fn read(&mut self, mut reading: Reading) -> Result<(), Leave> {
        if !self.terminal.is_addressable() {
            let columns = self.view().columns;
            let mut lines = vec![Line::empty(), Line::plain(reading.title.clone())];
            lines.extend(reading.lines(columns).into_iter().map(Line::plain));
            self.print_pages(&lines)?;
            self.terminal.write(&message!("menu-more").to_string());
            while self.key()? != Some(Key::Enter) {}
            self.terminal.write("\n");
            return Ok(());
        }
        loop {
            let view = self.view();
            let frame = reading.frame(view);
            self.terminal.draw(frame);
            if self.key()?.is_some_and(|key| reading.key(key)) {
                return Ok(());
            }
        }
    }

    /// A question; the first answer is the careful one.
    pub(super) fn ask(&mut self, list: List<bool>) -> Result<bool, Leave> {
        Ok(self.choose(list)?.unwrap_or(false))
    }

    /// Shows what went wrong until it was read.
    pub(super) fn show_error(&mut self, error: &Error) -> Result<(), Leave> {
        super::logs::add(&error.report());
        self.terminal.forget_keys();
        self.read(Reading::new(message!("menu-error-title"), error.report()))
    }
}

impl Position {
    /// Keeps cursor and marks on what they were on, in a list that took the place of another. As long as
    /// the old one was settling and no key was pressed (`is_fresh`), the cursor is on the first choice.
    pub(super) fn follow<T: PartialEq>(&mut self, old: &List<T>, new: &List<T>, is_fresh: bool) {
        if old.settling && is_fresh {
            self.cursor = new.first().unwrap_or_default();
            return;
        }
        let find = |index: usize| {
            let value = &old.choices.get(index)?.value;
            new.choices.iter().position(|choice: &Choice<T>| choice.value == *value)
        };
        // Where that has gone, the cursor stays near: on what came after it, or else before.
        let near = (self.cursor..old.choices.len()).chain((0..self.cursor).rev());
        self.cursor = near.filter_map(find).next().unwrap_or(0);
        self.marked = self
            .marked
            .iter()
            .filter_map(|index| find(*index))
            .filter(|index| new.choices[*index].blocked.is_none())
            .collect();
    }
}
