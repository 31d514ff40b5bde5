//! Progress: a bar on a terminal, lines elsewhere, JSON lines for programs.

use crate::report::{Report, Stage};
use crate::text::{Message, message};
use crate::units::human_bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgressStyle {
    /// A bar on a terminal, else lines.
    Auto,
    /// A bar.
    Bar,
    /// Lines of text.
    Lines,
    /// Lines of JSON.
    Json,
    /// Nothing.
    None,
}

impl ProgressStyle {
    /// The style of a name; [`ProgressStyle::Auto`] for any other.
    pub fn named(name: &str) -> Self {
        match name {
            "bar" => Self::Bar,
            "lines" => Self::Lines,
            "json" => Self::Json,
            "none" => Self::None,
            _ => Self::Auto,
        }
    }
}

/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often a line of JSON is written.
const JSON_EVERY: Duration = Duration::from_millis(500);

struct Current {
    stage: Stage,
    total: u64,
    done: u64,
    begun: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Current {
    /// Bytes a second since the stage began.
    fn rate(&self) -> f64 {
        self.done as f64 / self.begun.elapsed().as_secs_f64().max(0.001)
    }

    /// Seconds left at this rate, when there is one.
    fn left(&self) -> Option<u64> {
        let rate = self.rate();
        (rate > 0.0 && self.total > 0)
            .then(|| (self.total.saturating_sub(self.done) as f64 / rate).ceil() as u64)
    }

    fn json(&self, finished: bool) -> String {
        serde_json::json!({
            "stage": self.stage.id(),
            "done": self.done,
            "total": self.total,
            "rate": self.rate().round() as u64,
            "seconds_left": self.left(),
            "finished": finished,
        })
        .to_string()
    }

    fn line(&self) -> Message {
        message!(
            "ui-progress-line",
            stage = self.stage.title(),
            percent = self.done.saturating_mul(100) / self.total.max(1),
            done = human_bytes(self.done),
            total = human_bytes(self.total),
            rate = human_bytes(self.rate() as u64),
            left = self.left().map_or_else(|| "–".to_owned(), clock)
        )
    }
}

/// Seconds as a person reads them: `1:02:03`, `2:03`.
pub(super) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Shows progress on standard error and carries the wish to stop.
pub struct Console {
    style: ProgressStyle,
    current: Mutex<Option<Current>>,
    interrupted: Arc<AtomicBool>,
}

impl Console {
    /// Progress in a style; `interrupted` is set by signals.
    pub fn new(style: ProgressStyle, interrupted: Arc<AtomicBool>) -> Self {
        let style = match style {
            ProgressStyle::Auto if console::Term::stderr().is_term() => ProgressStyle::Bar,
            ProgressStyle::Auto => ProgressStyle::Lines,
            style => style,
        };
        Self { style, current: Mutex::new(None), interrupted }
    }

    fn write(line: &str) {
        let mut error = std::io::stderr().lock();
        // Nobody reads it: no reason to stop saving.
        let _ = writeln!(error, "{}", super::harmless(line));
    }

    fn bar(&self, stage: Stage, total: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(
            (total > 0).then_some(total),
            ProgressDrawTarget::stderr_with_hz(4),
        );
        let template = match total {
            0 => "{msg} {spinner}",
            _ => {
                "{msg} [{wide_bar}] {percent}% {binary_bytes}/{binary_total_bytes} \
                  {binary_bytes_per_sec} {eta_precise}"
            }
        };
        let style = BarStyle::with_template(template).expect("the template is valid");
        bar.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        bar.set_message(stage.title().to_string());
        bar
    }
}

impl Report for Console {
    fn begin(&self, stage: Stage, total: u64) {
        let now = Instant::now();
        let bar = (self.style == ProgressStyle::Bar).then(|| self.bar(stage, total));
        let current = Current { stage, total, done: 0, begun: now, told: now, bar };
        match self.style {
            ProgressStyle::Lines => {
                Self::write(&message!("ui-stage-begins", stage = stage.title()).to_string());
            }
            ProgressStyle::Json => Self::write(&current.json(false)),
            _ => {}
        }
        *self.current.lock().expect("no holder panics") = Some(current);
    }

    fn advance(&self, bytes: u64) {
        let mut current = self.current.lock().expect("no holder panics");
        let Some(current) = current.as_mut() else { return };
        current.done = current.done.saturating_add(bytes);
        let every = match self.style {
            ProgressStyle::Bar => {
                if let Some(bar) = &current.bar {
                    bar.set_position(current.done);
                }
                return;
            }
            ProgressStyle::Lines => LINE_EVERY,
            ProgressStyle::Json => JSON_EVERY,
            ProgressStyle::None | ProgressStyle::Auto => return,
        };
        if current.total > 0 && current.told.elapsed() >= every {
            current.told = Instant::now();
            match self.style {
                ProgressStyle::Json => Self::write(&current.json(false)),
                _ => Self::write(&current.line().to_string()),
            }
        }
    }

    fn end(&self) {
        let Some(mut current) = self.current.lock().expect("no holder panics").take() else {
            return;
        };
        // What is written at the very end (tables, superblocks) is part of the stage too.
        current.done = current.total;
        match (self.style, &current.bar) {
            (ProgressStyle::Bar, Some(bar)) if current.total == 0 => bar.finish_and_clear(),
            (ProgressStyle::Bar, Some(bar)) => {
                bar.set_position(current.total);
                bar.finish();
            }
            (ProgressStyle::Json, _) => Self::write(&current.json(true)),
            (ProgressStyle::Lines, _) if current.total > 0 => {
                Self::write(&current.line().to_string());
            }
            _ => {}
        }
    }

    fn note(&self, note: &Message) {
        let current = self.current.lock().expect("no holder panics");
        match (self.style, current.as_ref().and_then(|current| current.bar.as_ref())) {
            (ProgressStyle::Json, _) => {
                Self::write(&serde_json::json!({ "note": note.to_string() }).to_string());
            }
            (_, Some(bar)) => bar.suspend(|| Self::write(&note.to_string())),
            _ => Self::write(&note.to_string()),
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
