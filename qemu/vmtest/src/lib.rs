//! Drives virtual machines the way a person does: keys in, screens out.
//!
//! A [`Machine`] says what a computer has; [`Machine::start`] boots it and gives a [`Guest`], which
//! has a serial terminal of 80×24 characters (read as a screen, not as a stream), a VGA screen to
//! photograph, a keyboard, and USB ports. Waiting always has an end, and a wait that fails shows what
//! was on the screen and where the rest is kept. A guest never outlives its test.
//!
//! Functions that wait or that need the guest to be alive panic when that fails, naming the line
//! of the test: this crate is for tests and benchmarks only.
#![forbid(unsafe_code)]

mod accelerator;
mod disk;
mod firmware;
mod guest;
mod key;
pub mod live;
mod machine;
mod place;
mod qmp;
mod screen;
pub mod servers;
mod slot;
mod terminal;

pub use accelerator::Accelerator;
pub use disk::{Bus, Disk, ScsiController};
pub use firmware::Firmware;
pub use guest::Guest;
pub use key::Key;
pub use machine::{Boot, Machine, Wire};
pub use place::{evidence_folder, project_folder};
pub use qmp::{Event, QmpError};
pub use screen::Screen;
pub use terminal::TerminalKind;
