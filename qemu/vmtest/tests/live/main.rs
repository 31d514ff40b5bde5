//! The live system that `./build.sh` made, in virtual machines.
//!
//! - `premises`: what the other tests take for granted
//! - `start`: from CD, stick and network, by BIOS and UEFI, to the menu on each console
//! - `keys`: slow lines, small and dumb terminals
//! - `sticks`: destinations of every kind, plugged in and pulled out
//! - `network`: addresses, servers, and what is said when there are none
//! - `shares`: NFS and SMB
//! - `faults`: no disk, no driver, bad sectors, a menu that is killed
//! - `boot_entries`: what the firmware is told to start after a restore
//! - `file_systems`: what the kernel sees of a file system before and after
//! - `power_cuts`: what had been synced when the power went is there after a restore
//! - `thin_pools`: thin pools of LVM2 that the kernel filled, or was filling when its power was cut
//! - `systems`: a real system saved, restored and booted
//!
//! Pictures and captures of each machine are in `target/vmtest/NAME/`.

mod boot_entries;
mod faults;
mod file_systems;
mod keys;
mod network;
mod power_cuts;
mod premises;
mod scripts;
mod shares;
#[path = "../../../../tests/servers/sshd.rs"]
#[allow(dead_code, reason = "shared with the tests of servers")]
mod sshd;
mod start;
mod sticks;
mod systems;
mod thin_pools;

use calco_vmtest::live::{BuiltSystem, ENGLISH, MENU, Medium, Menu, Texts};
use calco_vmtest::{Boot, Guest, Key, Machine};
use std::path::Path;
use std::time::Duration;

/// How long a short answer may take.
const SOON: Duration = Duration::from_secs(120);

/// The live system in English, at its menu, as fast as it can be had.
fn at_the_menu(built: &BuiltSystem, machine: Machine, texts: &Texts) -> Guest {
    let mut guest = machine.boot(built.boot_kernel(ENGLISH)).start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    guest
}

/// The boot from a medium, with the language and keyboard asked for.
fn as_it_is(built: &BuiltSystem, medium: Medium, machine: &Machine, work: &Path) -> Boot {
    built.boot(medium, machine.firmware_kind(), work)
}

/// From the main menu into the rescue shell.
#[track_caller]
fn enter_shell(menu: &mut Menu<'_>) {
    menu.choose("menu-shell");
    shell_command(menu.guest, "echo shell-is-$((40 + 2))", "shell-is-42");
}

/// Runs a command in a shell and waits for something that it writes.
#[track_caller]
fn shell_command(guest: &mut Guest, command: &str, answer: &str) {
    guest.type_text(command);
    guest.press(Key::Enter);
    guest.wait_for_output(answer, SOON);
}

/// What the first virtual terminal shows, read by the rescue shell of the serial line. Spaces and line
/// breaks are one space.
#[track_caller]
fn vga_text(guest: &mut Guest) -> String {
    let begin = guest.output().len();
    shell_command(guest, "cat /dev/vcs1; echo; echo end-of-$((40 + 2))", "end-of-42");
    let output = guest.output();
    let text = output.get(begin..).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
