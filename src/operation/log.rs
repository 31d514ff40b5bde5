//! The log of a run: what goes into the image, and can be read on any machine.

use crate::report::{Report, Stage};
use crate::text::{Message, harmless};
use jiff::Timestamp;
use std::sync::Mutex;

/// The present moment, RFC 3339, UTC, to the second. Live systems may be wrong about it.
pub fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Passes everything on and keeps what is worth reading later.
pub struct Log<'a> {
    inner: &'a dyn Report,
    lines: Mutex<Vec<String>>,
}

/// Lines kept: a disk that fails everywhere must not fill the memory.
const MAX_LINES: usize = 10_000;

impl<'a> Log<'a> {
    /// An empty log over another report.
    pub fn new(inner: &'a dyn Report) -> Self {
        Self { inner, lines: Mutex::new(Vec::new()) }
    }

    /// Adds a line without showing it.
    pub fn line(&self, text: &str) {
        let mut lines = self.lines.lock().expect("no holder panics");
        if lines.len() < MAX_LINES {
            for part in text.lines() {
                lines.push(format!("{}  {}", now(), harmless(part)));
            }
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        let mut text = self.lines.lock().expect("no holder panics").join("\n");
        text.push('\n');
        text
    }
}

impl Report for Log<'_> {
    fn begin(&self, stage: Stage, total: u64) {
        self.line(&stage.title().to_string());
        self.inner.begin(stage, total);
    }

    fn advance(&self, bytes: u64) {
        self.inner.advance(bytes);
    }

    fn end(&self) {
        self.inner.end();
    }

    fn note(&self, message: &Message) {
        self.line(&message.to_string());
        self.inner.note(message);
    }

    fn is_interrupted(&self) -> bool {
        self.inner.is_interrupted()
    }
}
