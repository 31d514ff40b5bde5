//! Work that takes its time: how far it is, and the wish to stop it.

use super::ask::{Answer, Leave, Person};
use super::keys::Key;
use super::screen::{Choice, List, Position, Reaction, shortened, wrap};
use super::terminal::{Frame, Line, Style, View};
use crate::error::Result as Outcome;
use crate::report::{Report, Stage};
use crate::text::{Message, message};
use crate::ui::clock;
use crate::ui::running::{JobState, Running};
use crate::units::human_bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

/// Remarks kept for the screen.
const MAX_NOTES: usize = 50;
/// How often progress is printed where it cannot be drawn.
const PRINT_EVERY: Duration = Duration::from_secs(5);

/// A stage as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shown {
    /// What is done.
    pub(super) title: String,
    /// Lines about it.
    pub(super) about: Vec<String>,
    /// Stages that are over.
    pub(super) past: Vec<Stage>,
    /// The stage at work.
    pub(super) stage: Option<Stage>,
    /// Bytes of it that are done, and all of them; 0 when that is not known.
    pub(super) done: u64,
    pub(super) total: u64,
    /// Seconds since the stage began, where that is known.
    pub(super) seconds: Option<u64>,
    /// What was remarked.
    pub(super) notes: Vec<String>,
    /// The line at the bottom.
    pub(super) keys: String,
    /// Whether the person asked to stop.
    pub(super) stopping: bool,
}

/// `[#####.....]  43 %`
fn bar(done: u64, total: u64, view: View) -> String {
    let done = done.min(total);
    let percent = (u128::from(done) * 100 / u128::from(total.max(1))) as u64;
    let width = view.columns.saturating_sub(9).max(8);
    let full = (u128::from(done) * width as u128 / u128::from(total.max(1))) as usize;
    let (on, off) = if view.drawing { ("█", "░") } else { ("#", ".") };
    format!("[{}{}] {percent:>3} %", on.repeat(full), off.repeat(width - full))
}

impl Shown {
    pub(super) fn frame(&self, view: View) -> Frame {
        let columns = view.columns;
        let rule = if view.drawing { "─" } else { "-" }.repeat(columns);
        let mut lines =
            vec![Line::styled(shortened(&self.title, columns), Style::Title), Line::plain(rule)];
        for about in &self.about {
            lines.extend(wrap(about, columns).into_iter().map(Line::plain));
        }
        lines.push(Line::empty());
        for past in &self.past {
            let text = message!("menu-stage-done", stage = past.title());
            lines.push(Line::plain(shortened(&text.to_string(), columns)));
        }
        if let Some(stage) = self.stage {
            let text = message!("ui-stage-begins", stage = stage.title()).to_string();
            lines.push(Line::styled(shortened(&text, columns), Style::Title));
            if self.total > 0 {
                lines.push(Line::plain(bar(self.done, self.total, view)));
                lines.push(Line::plain(shortened(&self.amount(), columns)));
            }
        }
        let time = match (self.stopping, self.seconds) {
            (true, _) => Some(message!("menu-stopping")),
            (false, Some(seconds)) => Some(message!("menu-elapsed", time = clock(seconds))),
            (false, None) => None,
        };
        lines.extend(time.map(|time| Line::plain(shortened(&time.to_string(), columns))));
        let room = view.rows.saturating_sub(lines.len() + 3);
        let notes: Vec<String> = self.notes.iter().flat_map(|note| wrap(note, columns)).collect();
        if !notes.is_empty() && room > 0 {
            lines.push(Line::empty());
            let latest = notes[notes.len().saturating_sub(room)..].iter();
            lines.extend(latest.map(|note| Line::styled(note, Style::Warning)));
        }
        lines.truncate(view.rows.saturating_sub(2));
        lines.resize(view.rows.saturating_sub(1), Line::empty());
        lines.push(Line::styled(shortened(&self.keys, columns), Style::Title));
        Frame { lines, cursor: None }
    }

    /// "1.2 GiB of 3.4 GiB, 110 MiB/s, about 0:20 left"
    fn amount(&self) -> String {
        let seconds = self.seconds.unwrap_or(0);
        let rate = self.done / seconds.max(1);
        let (done, total) = (human_bytes(self.done), human_bytes(self.total));
        match (self.total.saturating_sub(self.done)).checked_div(rate) {
            Some(left) if seconds >= 2 => message!(
                "menu-amount-left",
                done = done,
                total = total,
                rate = human_bytes(rate),
                left = clock(left)
            ),
            _ => message!("menu-amount", done = done, total = total),
        }
        .to_string()
    }
}

struct State {
    past: Vec<Stage>,
    current: Option<(Stage, u64, u64, Instant)>,
    begun: Instant,
    notes: VecDeque<String>,
}

/// Progress as the work tells it, for the screen that shows it.
pub(super) struct Progress {
    state: Mutex<State>,
    interrupted: AtomicBool,
}

impl Progress {
    fn new() -> Self {
        let state = State {
            past: Vec::new(),
            current: None,
            begun: Instant::now(),
            notes: VecDeque::new(),
        };
        Self { state: Mutex::new(state), interrupted: AtomicBool::new(false) }
    }

    fn shown(&self, title: &str, about: &[String]) -> Shown {
        let state = self.state.lock().expect("no holder panics");
        let (done, total) = state.current.map_or((0, 0), |(_, done, total, _)| (done, total));
        let since = state.current.map_or(state.begun, |(.., begun)| begun);
        Shown {
            title: title.to_owned(),
            about: about.to_vec(),
            past: state.past.clone(),
            stage: state.current.map(|(stage, ..)| stage),
            done,
            total,
            seconds: Some(since.elapsed().as_secs()),
            notes: state.notes.iter().cloned().collect(),
            keys: message!("menu-keys-stop").to_string(),
            stopping: self.is_interrupted(),
        }
    }
}

impl Report for Progress {
    fn begin(&self, stage: Stage, total: u64) {
        let mut state = self.state.lock().expect("no holder panics");
        state.current = Some((stage, 0, total, Instant::now()));
    }

    fn advance(&self, bytes: u64) {
        let mut state = self.state.lock().expect("no holder panics");
        if let Some((_, done, ..)) = &mut state.current {
            *done = done.saturating_add(bytes);
        }
    }

    fn end(&self) {
        let mut state = self.state.lock().expect("no holder panics");
        if let Some((stage, ..)) = state.current.take() {
            state.past.push(stage);
        }
    }

    fn note(&self, message: &Message) {
        let mut state = self.state.lock().expect("no holder panics");
        if state.notes.len() == MAX_NOTES {
            state.notes.pop_front();
        }
        state.notes.push_back(message.to_string());
        drop(state);
        super::logs::add(&message.to_string());
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// The question whether to stop; its first answer goes on.
fn stop_question() -> List<bool> {
    List::new(
        message!("menu-stop-title"),
        vec![
            Choice::new(false, message!("menu-stop-no")),
            Choice::new(true, message!("menu-stop-yes")),
        ],
    )
    .text(message!("menu-stop-text"))
}

impl Person {
    /// Does work while showing how far it is. Ctrl-C asks whether to stop; no other key does
    /// anything. Work goes on when the terminal goes away, unless the system asked to end.
    pub(super) fn work<R: Send>(
        &mut self,
        title: &Message,
        about: &[String],
        running: Option<&Running>,
        work: impl FnOnce(&dyn Report) -> Outcome<R> + Send,
    ) -> Result<Outcome<R>, Leave> {
        let progress = Progress::new();
        let title = title.to_string();
        let outcome = std::thread::scope(|scope| {
            let worker = scope.spawn(|| work(&progress));
            let left = self.watch_work(&progress, &title, about, running, || worker.is_finished());
            let outcome = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            left.map(|()| outcome)
        });
        // What was typed meanwhile was not meant for what comes next.
        self.terminal.forget_keys();
        outcome
    }

    /// Does what a disk may never answer to, such as opening it, in a thread of its own: Escape
    /// leaves it behind. What it holds is given up when it ends after all.
    pub(super) fn try_to<R: Send + 'static>(
        &mut self,
        title: &Message,
        work: impl FnOnce() -> Outcome<R> + Send + 'static,
    ) -> Answer<Outcome<R>> {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody waits any more: the result is dropped.
            let _ = sender.send(work());
        });
        let begun = Instant::now();
        let mut printed = None;
        // Most often it is done before anybody could read what is being done.
        let mut patience = Duration::from_millis(300);
        loop {
            match receiver.recv_timeout(patience) {
                Ok(outcome) => {
                    self.terminal.forget_keys();
                    return Ok(Some(outcome));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            patience = Duration::from_millis(20);
            if self.answer_questions(title)?.is_some() {
                continue;
            }
            let shown = Shown {
                title: title.to_string(),
                about: Vec::new(),
                past: Vec::new(),
                stage: None,
                done: 0,
                total: 0,
                seconds: Some(begun.elapsed().as_secs()),
                notes: Vec::new(),
                keys: message!("menu-keys-back").to_string(),
                stopping: false,
            };
            match self.terminal.is_addressable() {
                true => {
                    let view = self.view();
                    self.terminal.draw(shown.frame(view));
                }
                false => self.print_progress(&shown, &mut printed),
            }
            if self.key()? == Some(Key::Escape) {
                return Ok(None);
            }
        }
    }

    fn watch_work(
        &mut self,
        progress: &Progress,
        title: &str,
        about: &[String],
        running: Option<&Running>,
        finished: impl Fn() -> bool,
    ) -> Result<(), Leave> {
        let mut question: Option<Position> = None;
        let mut printed: Option<(Option<Stage>, Instant)> = None;
        let mut gone = false;
        while !finished() {
            let shown = progress.shown(title, about);
            if let (Some(running), Some(stage)) = (running, shown.stage) {
                running.tell(stage, shown.done, shown.total);
            }
            if gone {
                std::thread::sleep(Duration::from_millis(250));
                if self.is_ended() {
                    progress.interrupted.store(true, Ordering::Relaxed);
                }
                continue;
            }
            let list = stop_question();
            match (&mut question, self.terminal.is_addressable()) {
                (None, true) => {
                    let view = self.view();
                    self.terminal.draw(shown.frame(view));
                }
                (Some(position), true) => {
                    let view = self.view();
                    let frame = list.frame(position, view);
                    self.terminal.draw(frame);
                }
                (None, false) => self.print_progress(&shown, &mut printed),
                (Some(_), false) => {}
            }
            let key = match self.key() {
                Ok(key) => key,
                Err(_) => {
                    if self.is_ended() {
                        progress.interrupted.store(true, Ordering::Relaxed);
                    }
                    gone = true;
                    continue;
                }
            };
            match (&mut question, key) {
                (_, None) => {}
                (None, Some(Key::Interrupt)) if !progress.is_interrupted() => {
                    question = Some(Position::default());
                    if !self.terminal.is_addressable() {
                        let columns = self.view().columns;
                        self.terminal.print(&list.printed(columns));
                        self.terminal.write(&format!("{} ", message!("menu-number")));
                    }
                }
                (None, Some(_)) => {}
                (Some(position), Some(key)) => {
                    let reaction = match (self.terminal.is_addressable(), key) {
                        (true, key) => list.key(position, key),
                        (false, Key::Char('2')) => Reaction::Chosen(vec![1]),
                        (false, Key::Char(_) | Key::Enter) => Reaction::Back,
                        (false, _) => Reaction::Stay,
                    };
                    match reaction {
                        Reaction::Stay => {}
                        Reaction::Chosen(chosen) if chosen == [1] => {
                            progress.interrupted.store(true, Ordering::Relaxed);
                            question = None;
                        }
                        _ => question = None,
                    }
                    if question.is_none() && !self.terminal.is_addressable() {
                        self.terminal.write("\n");
                    }
                }
            }
        }
        match gone {
            true => Err(Leave::Gone),
            false => Ok(()),
        }
    }

    fn print_progress(&mut self, shown: &Shown, printed: &mut Option<(Option<Stage>, Instant)>) {
        let columns = self.view().columns;
        let stage = shown.stage;
        match printed {
            None => {
                let keys = Line::plain(shortened(&shown.keys, columns));
                self.terminal.print(&[Line::empty(), Line::plain(&shown.title), keys]);
            }
            Some((before, at)) if *before == stage && at.elapsed() < PRINT_EVERY => return,
            Some(_) => {}
        }
        if let Some(stage) = stage {
            let line = match shown.total {
                0 => message!("ui-stage-begins", stage = stage.title()).to_string(),
                _ => format!("{}: {}", stage.title(), shown.amount()),
            };
            self.terminal.print(&[Line::plain(shortened(&line, columns))]);
        }
        *printed = Some((stage, Instant::now()));
    }

    /// Shows the job of another console until it ends, or a key leads back.
    pub(super) fn watch_other(&mut self, look: impl Fn() -> Option<JobState>) -> Result<(), Leave> {
        // What was typed before was not meant for this.
        self.terminal.forget_keys();
        let mut printed = None;
        while let Some(state) = look() {
            let shown = Shown {
                title: state.title.to_string(),
                about: vec![
                    message!("menu-other-console", console = state.console.as_str()).to_string(),
                ],
                past: Vec::new(),
                stage: Stage::from_id(&state.stage),
                done: state.done,
                total: state.total,
                seconds: None,
                notes: Vec::new(),
                keys: message!("menu-keys-return").to_string(),
                stopping: false,
            };
            match self.terminal.is_addressable() {
                true => {
                    let view = self.view();
                    self.terminal.draw(shown.frame(view));
                }
                false => self.print_progress(&shown, &mut printed),
            }
            let key = self.key()?;
            if matches!(key, Some(Key::Enter | Key::Escape)) {
                break;
            }
        }
        Ok(())
    }
}
