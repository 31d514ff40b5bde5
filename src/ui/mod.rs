//! What a person sees and answers, on a terminal or without one.

mod confirm;
mod listing;
pub mod menu;
mod progress;
pub mod running;

pub use confirm::{PersonAtTerminal, confirm};
pub use listing::{
    disks, images, map, restore_done, restore_plan, restore_questions, save_done, save_plan, show,
};
use progress::clock;
pub use progress::{Console, ProgressStyle};

use crate::error::{Context as _, Result};
pub use crate::text::harmless;
use crate::text::message;
use std::io::Write as _;

/// Writes to standard error, beside what a program may read. It may be gone with its terminal, which
/// is no reason to stop.
pub fn tell(text: &str) {
    let _ = std::io::stderr().write_all(harmless(text).as_bytes());
}

/// Writes to standard output. A reader that went away is no error.
///
/// # Errors
/// When standard output cannot be written, a full disk for example.
pub fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let text = harmless(text);
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context(|| message!("ui-output-failed")),
    }
}
