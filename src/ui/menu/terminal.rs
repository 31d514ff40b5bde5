//! The terminal of a menu: lines on it, keys from it.

use super::keys::{Key, Keys};
use super::screen::wrap;
use crate::ui::{harmless, running};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The longest line, in columns: one less than the narrowest terminal has, since a character in
/// its last column makes some of them begin a new line.
const MAX_COLUMNS: usize = 79;
/// A terminal that tells no size, as a serial line does.
const USUAL_ROWS: usize = 24;
/// Fewer rows than this are taken for nonsense.
const MIN_ROWS: usize = 10;
const MIN_COLUMNS: usize = 30;
/// How long what is written beside the menu may take to be there.
const NOTICE_SETTLED: Duration = Duration::from_secs(1);

/// How a line stands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Style {
    #[default]
    Plain,
    /// A title.
    Title,
    /// What Enter would choose.
    Selected,
    /// What deserves attention.
    Warning,
}

/// A line of a screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Line {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::Plain }
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    pub(super) fn empty() -> Self {
        Self::default()
    }
}

/// What a screen is drawn for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct View {
    /// Columns that may be used.
    pub(super) columns: usize,
    /// Rows.
    pub(super) rows: usize,
    /// Whether there is more to draw with than ASCII.
    pub(super) drawing: bool,
}

/// What is drawn, and where the cursor blinks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Frame {
    pub(super) lines: Vec<Line>,
    /// Row and column; none hides it.
    pub(super) cursor: Option<(usize, usize)>,
}

impl Frame {
    /// The same with a notice above the row of keys.
    fn with_notice(mut self, notice: &str, view: View) -> Self {
        let notice = wrap(notice, view.columns);
        let end = self.lines.len().saturating_sub(1);
        let begin = end.saturating_sub(notice.len());
        let lines = notice.into_iter().map(|line| Line::styled(line, Style::Warning));
        self.lines.splice(begin..end, lines.take(end - begin));
        self
    }
}

/// The terminal on standard input and output, as the menu uses it. Given back as it was when
/// dropped.
pub(super) struct Terminal {
    keys: Keys,
    before: Option<Termios>,
    /// Whether the cursor can be sent to a place.
    addressable: bool,
    drawing: bool,
    drawn: Option<Frame>,
    /// What everybody is told at the moment, and when it came; none once it is settled.
    notice: Option<(String, Option<Instant>)>,
}

impl Terminal {
    /// Takes the terminal: no echo, no lines, no signals from keys.
    pub(super) fn open() -> Self {
        let name = std::env::var("TERM").unwrap_or_default();
        let addressable = !matches!(name.as_str(), "" | "dumb" | "unknown");
        let ascii = !addressable || name.starts_with("vt1") || name.starts_with("vt2");
        let mut terminal = Self {
            keys: Keys::default(),
            before: termios::tcgetattr(rustix::stdio::stdin()).ok(),
            addressable,
            drawing: !ascii,
            drawn: None,
            notice: None,
        };
        terminal.take();
        terminal
    }

    /// Sets the terminal to give every byte as it comes.
    pub(super) fn take(&mut self) {
        if let Some(before) = &self.before {
            let mut now = before.clone();
            now.local_modes -= LocalModes::ICANON
                | LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ISIG
                | LocalModes::IEXTEN;
            now.input_modes -= termios::InputModes::ICRNL | termios::InputModes::INLCR;
            now.output_modes |= termios::OutputModes::OPOST | termios::OutputModes::ONLCR;
            let _ = termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &now);
        }
        self.drawn = None;
    }

    /// Gives the terminal to another program, in the state that programs expect.
    pub(super) fn give(&mut self) {
        if self.addressable {
            self.write("\x1b[0m\x1b[?25h\x1b[H\x1b[2J");
        }
        if let Some(before) = &self.before {
            let mut now = before.clone();
            // What is there may be what a menu that was killed had left.
            now.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            now.input_modes |= termios::InputModes::ICRNL;
            let _ = termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &now);
        }
    }

    /// Whether screens are drawn; else they are printed, with numbers to choose by.
    pub(super) fn is_addressable(&self) -> bool {
        self.addressable
    }

    /// What to draw for.
    pub(super) fn view(&self) -> View {
        let size = termios::tcgetwinsize(rustix::stdio::stdout()).ok();
        let given = |value: u16, usual: usize, least: usize| match usize::from(value) {
            0 => usual,
            value => value.max(least),
        };
        let (rows, columns) = match size {
            Some(size) => (
                given(size.ws_row, USUAL_ROWS, MIN_ROWS),
                given(size.ws_col, MAX_COLUMNS + 1, MIN_COLUMNS) - 1,
            ),
            None => (USUAL_ROWS, MAX_COLUMNS),
        };
        View { columns: columns.min(MAX_COLUMNS), rows, drawing: self.drawing }
    }

    /// The next key, or none within `timeout`.
    pub(super) fn key(&mut self, timeout: Duration) -> Option<Key> {
        let key = self.keys.next(timeout);
        if key == Some(Key::Redraw) {
            self.drawn = None;
        }
        key
    }

    /// Forgets what was typed before now.
    pub(super) fn forget_keys(&mut self) {
        self.keys.forget();
    }

    /// Shows a frame. Only what differs from what is shown is sent: a slow line takes two seconds
    /// for a whole screen.
    pub(super) fn draw(&mut self, mut frame: Frame) {
        let notice = running::notice().map(|notice| notice.to_string());
        if self.notice.as_ref().map(|(text, _)| text) != notice.as_ref() {
            self.notice = notice.map(|text| (text, Some(Instant::now())));
            self.drawn = None;
        }
        let view = self.view();
        if let Some((text, shown)) = &mut self.notice {
            // Who tells it also writes it below what is there: a moment later that is drawn over.
            if shown.is_some_and(|shown| shown.elapsed() >= NOTICE_SETTLED) {
                *shown = None;
                self.drawn = None;
            }
            frame = frame.with_notice(text, view);
        }
        if self.drawn.as_ref() == Some(&frame) {
            return;
        }
        let mut output = String::from("\x1b[?25l");
        if self.drawn.is_none() {
            output += "\x1b[0m\x1b[H\x1b[2J";
        }
        let before = self.drawn.take().map(|frame| frame.lines).unwrap_or_default();
        let empty = Line::empty();
        for row in 0..before.len().max(frame.lines.len()) {
            let (old, new) =
                (before.get(row).unwrap_or(&empty), frame.lines.get(row).unwrap_or(&empty));
            if old == new {
                continue;
            }
            output += &format!("\x1b[{};1H", row + 1);
            let style = match new.style {
                Style::Plain => "",
                Style::Title => "\x1b[1m",
                Style::Selected => "\x1b[7m",
                Style::Warning => "\x1b[1;31m",
            };
            output += style;
            output += &harmless(&new.text).replace(['\n', '\t'], " ");
            if !style.is_empty() {
                output += "\x1b[0m";
            }
            output += "\x1b[K";
        }
        if let Some((row, column)) = frame.cursor {
            output += &format!("\x1b[{};{}H\x1b[?25h", row + 1, column + 1);
        }
        self.write(&output);
        self.drawn = Some(frame);
    }

    /// Writes text as it is.
    pub(super) fn write(&mut self, text: &str) {
        let mut output = std::io::stdout().lock();
        // Nobody sees it: a job goes on nevertheless.
        let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    }

    /// Prints lines below what is there.
    pub(super) fn print(&mut self, lines: &[Line]) {
        let mut text = String::new();
        for line in lines {
            text += &harmless(&line.text);
            text.push('\n');
        }
        self.write(&text);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.addressable {
            self.write("\x1b[0m\x1b[?25h\x1b[H\x1b[2J");
        }
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, before);
        }
    }
}
