//! The live system: PID 1 and the processes it starts.
//!
//! PID 1 does as little as possible: it mounts what the kernel provides, starts and restarts
//! processes, answers on the control socket and ends the system in order. All that can take
//! long or go wrong (drivers, terminals, jobs, mounts that hang) happens in processes of their own,
//! which are the same program under another name (see [`Face`]).

mod cmdline;
mod confirmation;
mod console;
pub mod control;
mod devices;
mod fault;
pub mod log;
mod machine;
mod mounts;
mod network;
mod power_button;
mod reaper;
mod shutdown;
mod supervisor;
mod unattended;

pub use machine::LiveMachine;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What this process is for, by its process id or the name it was started with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// PID 1.
    Init,
    /// The kernel's module helper: `modprobe -q -- ALIAS`.
    Modprobe,
    /// Finds devices and loads their drivers, from start to end.
    Devices,
    /// Keeps the network interfaces set up.
    Network,
    /// Takes a terminal and becomes the menu on it.
    Console,
    /// Takes a terminal and, when somebody asks for it, becomes a shell on it.
    Rescue,
    /// Takes a terminal and runs the job of the kernel's command line on it.
    Unattended,
    /// Writes a line on a terminal.
    Say,
    /// Writes what is in memory to a file system, or to all.
    Sync,
    /// Takes a mount away.
    Unmount,
    /// Has a folder of a server mounted for another process; not only in the live system.
    Share,
}

impl Face {
    const NAMES: [(&str, Self); 10] = [
        ("modprobe", Self::Modprobe),
        ("calco-devices", Self::Devices),
        ("calco-network", Self::Network),
        ("calco-console", Self::Console),
        ("calco-rescue", Self::Rescue),
        ("calco-unattended", Self::Unattended),
        ("calco-say", Self::Say),
        ("calco-sync", Self::Sync),
        ("calco-unmount", Self::Unmount),
        (crate::store::SHARE_PROCESS, Self::Share),
    ];

    /// The face of this process; `None` is the command line.
    pub fn of_this_process() -> Option<Self> {
        let name = std::env::args_os().next().unwrap_or_default();
        Self::of(std::process::id(), Path::new(&name))
    }

    fn of(process: u32, program: &Path) -> Option<Self> {
        if process == 1 {
            // In a container the program can be process 1 too; a kernel starts it as /init.
            return (program.file_name()? == "init").then_some(Self::Init);
        }
        let name = program.file_name()?;
        Self::NAMES.into_iter().find(|(known, _)| name == *known).map(|(_, face)| face)
    }

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, face)| *face == self).map_or("init", |(name, _)| name)
    }

    /// The command that starts this program with this face.
    fn command(self) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = this_program();
        command.arg0(self.name()).current_dir("/");
        command
    }
}

/// The command that starts this program. By its own path, so that `ps` shows its name.
fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()))
}

/// Runs a face. That of PID 1 never comes back.
pub fn run(face: Face) -> ExitCode {
    if face != Face::Init {
        // PID 1 blocks signals to read them, and whoever is started inherits that.
        let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
    }
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let first = words.first().map_or("", String::as_str);
    match face {
        Face::Init => supervisor::run(),
        Face::Modprobe => devices::modprobe(&words),
        Face::Devices => devices::run(),
        Face::Network => network::run(),
        Face::Console => console::run(first),
        Face::Rescue => console::rescue(first),
        Face::Unattended => unattended::run(first),
        Face::Say => console::say(first, &words[1.min(words.len())..].join(" ")),
        Face::Sync => shutdown::sync(first),
        Face::Unmount => shutdown::unmount(first, words.len() > 1),
        Face::Share => crate::store::run_share_process(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_face_is_known_by_process_and_name() {
        for (process, name, face) in [
            (1, "/init", Some(Face::Init)),
            (1, "calco", None),
            (70, "/sbin/modprobe", Some(Face::Modprobe)),
            (70, "calco-console", Some(Face::Console)),
            (70, "/bin/calco", None),
            (70, "init", None),
            (70, "", None),
        ] {
            assert_eq!(Face::of(process, Path::new(name)), face, "{process} {name}");
        }
    }

    #[test]
    fn every_face_has_a_name_of_its_own() {
        for (name, face) in Face::NAMES {
            assert_eq!(face.name(), name);
        }
    }
}
