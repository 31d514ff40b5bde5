//! The live system in a virtual machine: what it is booted from, its menu, and disks for it.

mod boot;
mod cycle;
mod menu;
mod real_system;
mod sample;
mod shell;
mod texts;

pub use boot::{BuiltSystem, ENGLISH, MENU, Medium};
pub use cycle::{Destination, Row, Way};
pub use menu::{Menu, MenuChoice, choices};
pub use real_system::{LOGIN, RealSystem, SYSTEM_BOOT};
pub use sample::{
    SMALL_SERIAL, StickKind, assert_equal, copy_of, cut_out, empty_disk, make_volumes, small_disk,
    stick, stick_with, work_folder,
};
pub use shell::Shell;
pub use texts::Texts;
