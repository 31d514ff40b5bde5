//! The end in order: processes, then what is in memory, then mounts, then power. Everything
//! has a limit of time, and what can hang happens in processes of their own.

use super::reaper::{Reaper, Wish, has_children};
use super::{Face, log, mounts};
use crate::hardware::mounts::{Mount, parse_mounts};
use crate::text::{Message, message};
use crate::ui::running;
use nix::sys::signal::{Signal, kill};
use rustix::mount::UnmountFlags;
use rustix::process::Pid;
use rustix::system::RebootCommand;
use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Time for processes to end when asked. A job closes what it writes.
const ASKED: Duration = Duration::from_secs(20);
/// Time for processes to end when killed. One that waits for a device does not.
const KILLED: Duration = Duration::from_secs(5);
/// Time to write to a file system while nothing gets less of what is to be written.
const NO_PROGRESS: Duration = Duration::from_secs(30);
/// Time to write in any case: 2 % of a large memory to a slow stick.
const WRITTEN: Duration = Duration::from_secs(15 * 60);
/// Time for a mount to be taken away when everything has been written.
const UNMOUNTED: Duration = Duration::from_secs(20);
/// Time to read what is lost.
const READ: Duration = Duration::from_secs(20);
/// Time to write a line on a terminal.
const SAID: Duration = Duration::from_secs(2);

/// Writes what is in memory to the file system at `place`, or to all when it is empty.
pub(super) fn sync(place: &str) -> ExitCode {
    if place.is_empty() {
        rustix::fs::sync();
        return ExitCode::SUCCESS;
    }
    let written = std::fs::File::open(place).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
    result(place, written)
}

/// Takes a mount away; `by_force` without waiting for those who use it.
pub(super) fn unmount(place: &str, by_force: bool) -> ExitCode {
    let flags = match by_force {
        true => UnmountFlags::DETACH | UnmountFlags::FORCE,
        false => UnmountFlags::empty(),
    };
    result(place, rustix::mount::unmount(place, flags).map_err(Into::into))
}

fn result(place: &str, result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = message!("init-unmount-failed", path = place, why = error.to_string());
            log::warn(&text.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The mounts to be taken away, the last first: all that are not of our own table.
fn foreign_mounts(mountinfo: &[u8]) -> Vec<Mount> {
    let own = |mount: &Mount| {
        let of_table = mounts::TABLE
            .iter()
            .filter_map(mounts::Entry::mount_point)
            .any(|place| mount.mount_point == Path::new(place));
        of_table || mount.mount_point == Path::new("/") || mount.file_system == "efivarfs"
    };
    parse_mounts(mountinfo).into_iter().rev().filter(|mount| !own(mount)).collect()
}

/// Bytes that wait to be written, or are being written, by the text of `/proc/meminfo`.
fn unwritten(meminfo: &str) -> u64 {
    let kibibytes = |line: &str| {
        let rest = line.strip_prefix("Dirty:").or_else(|| line.strip_prefix("Writeback:"))?;
        rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    meminfo.lines().filter_map(kibibytes).sum::<u64>().saturating_mul(1024)
}

/// What is said before the end, and how long it stays to be read. `cut` is the job that was running.
fn last_words(wish: Wish, all_written: bool, cut: Option<Message>) -> (Vec<Message>, Duration) {
    let mut texts: Vec<Message> =
        cut.into_iter().map(|job| message!("init-job-cut", job = job)).collect();
    if !all_written {
        texts.push(message!("init-not-all-written"));
    }
    if texts.is_empty() {
        let text = match wish {
            Wish::PowerOff => message!("init-power-off"),
            Wish::Reboot => message!("init-reboot"),
        };
        return (vec![text], Duration::ZERO);
    }
    (texts, READ)
}

struct Shutdown<'a> {
    reaper: &'a Reaper,
    consoles: &'a [String],
}

/// Ends everything, and the machine. Does not come back.
pub(super) fn run(wish: Wish, reaper: &Reaper, consoles: &[String]) -> ! {
    let shutdown = Shutdown { reaper, consoles };
    log::info(&message!("init-shutdown").to_string());
    let cut = running::elsewhere();
    shutdown.end_processes();
    let all_written = shutdown.write_and_unmount();
    let command = match wish {
        Wish::PowerOff => RebootCommand::PowerOff,
        Wish::Reboot => RebootCommand::Restart,
    };
    let last = last_words(wish, all_written, cut.map(|job| job.title));
    for text in &last.0 {
        shutdown.say(text);
    }
    // What was lost shall not be gone from the screen with the power.
    std::thread::sleep(last.1);
    if let Err(error) = rustix::system::reboot(command) {
        log::error(&error.to_string());
    }
    shutdown.say(&message!("init-switch-off-now"));
    loop {
        super::reaper::reap();
        std::thread::sleep(Duration::from_secs(1));
    }
}

impl Shutdown<'_> {
    /// Starts processes of this program, one for each row of words; those that started.
    fn start(&self, face: Face, rows: &[&[&str]]) -> Vec<Pid> {
        rows.iter()
            .filter_map(|words| match face.command().args(*words).spawn() {
                Ok(process) => Some(Pid::from_child(&process)),
                Err(error) => {
                    log::error(&error.to_string());
                    None
                }
            })
            .collect()
    }

    /// Starts one and waits; whether it ended well within the time.
    fn carry_out(&self, face: Face, words: &[&str], limit: Duration) -> bool {
        let started = self.start(face, &[words]);
        let mut ended = HashMap::new();
        let waited = self.reaper.wait(&started, limit, &mut ended);
        waited.is_ok() && succeeded(&started, &ended)
    }

    /// Says something on every console.
    fn say(&self, text: &Message) {
        let text = text.to_string();
        log::info(&text);
        let rows: Vec<[&str; 2]> =
            self.consoles.iter().map(|name| [name.as_str(), text.as_str()]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
        let started = self.start(Face::Say, &rows);
        let _ = self.reaper.wait(&started, SAID, &mut HashMap::new());
    }

    fn end_processes(&self) {
        let all = nix::unistd::Pid::from_raw(-1);
        let left = |limit: Duration| {
            let end = Instant::now() + limit;
            while has_children() && Instant::now() < end {
                let _ = self.reaper.wait(&[], Duration::from_millis(20), &mut HashMap::new());
                std::thread::sleep(Duration::from_millis(20));
            }
            has_children()
        };
        let _ = kill(all, Signal::SIGTERM);
        // An interactive shell does not end for the first.
        let _ = kill(all, Signal::SIGHUP);
        if left(Duration::from_secs(1)) {
            self.say(&message!("init-ending-processes"));
            if left(ASKED) {
                let _ = kill(all, Signal::SIGKILL);
                if left(KILLED) {
                    log::warn(&message!("init-processes-left").to_string());
                }
            }
        }
    }

    /// Writes everything to every file system and takes them away; whether all was written.
    fn write_and_unmount(&self) -> bool {
        let mounts = foreign_mounts(&std::fs::read("/proc/self/mountinfo").unwrap_or_default());
        let places: Vec<String> =
            mounts.iter().map(|mount| mount.mount_point.display().to_string()).collect();
        let rows: Vec<[&str; 1]> = places.iter().map(|place| [place.as_str()]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
        let mut written = self.wait_while_writing(&self.start(Face::Sync, &rows));
        for place in &places {
            if !self.carry_out(Face::Unmount, &[place], UNMOUNTED) {
                let text = message!("init-unmount-forced", path = place.as_str());
                log::warn(&text.to_string());
                self.carry_out(Face::Unmount, &[place, "force"], UNMOUNTED);
            }
        }
        // Devices that were written to without a file system, too.
        written &= self.wait_while_writing(&self.start(Face::Sync, &[&[]]));
        written
    }

    /// Waits for processes that write, as long as there is progress.
    fn wait_while_writing(&self, processes: &[Pid]) -> bool {
        let meminfo = || unwritten(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default());
        let start = Instant::now();
        let mut least = (meminfo(), Instant::now());
        let mut said = false;
        let mut ended = HashMap::new();
        while start.elapsed() < WRITTEN && least.1.elapsed() < NO_PROGRESS {
            if self.reaper.wait(processes, Duration::from_millis(500), &mut ended).is_err() {
                break;
            }
            if processes.iter().all(|process| ended.contains_key(process)) {
                return succeeded(processes, &ended);
            }
            let now = meminfo();
            if now < least.0 {
                least = (now, Instant::now());
            }
            if !said && start.elapsed() > Duration::from_secs(2) {
                said = true;
                self.say(&message!("init-writing", size = crate::units::human_bytes(now)));
            }
        }
        log::warn(&message!("init-writing-given-up").to_string());
        false
    }
}

fn succeeded(processes: &[Pid], ended: &HashMap<Pid, rustix::process::WaitStatus>) -> bool {
    processes
        .iter()
        .all(|process| ended.get(process).is_some_and(|status| status.exit_status() == Some(0)))
}

/// Keeps the kernel from starting the machine again at once at Ctrl-Alt-Del: PID 1 receives a
/// signal instead.
pub(super) fn catch_ctrl_alt_del() {
    if let Err(error) = rustix::system::reboot(RebootCommand::CadOff) {
        log::warn(&error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_mounts_stay_and_the_last_goes_first() {
        let mountinfo = b"1 1 0:2 / / rw - rootfs rootfs rw\n\
            20 1 0:20 / /proc rw - proc proc rw\n\
            21 1 0:21 / /run rw - tmpfs tmpfs rw\n\
            22 1 0:22 / /sys/firmware/efi/efivars rw - efivarfs efivarfs rw\n\
            30 21 8:17 / /run/calco/mnt/STICK rw - vfat /dev/sdb1 rw\n\
            31 30 7:0 / /run/calco/mnt/STICK/sub rw - ext4 /dev/loop0 rw\n";
        let places: Vec<_> = foreign_mounts(mountinfo)
            .into_iter()
            .map(|mount| mount.mount_point.display().to_string())
            .collect();
        assert_eq!(places, ["/run/calco/mnt/STICK/sub", "/run/calco/mnt/STICK"]);
    }

    #[test]
    fn nobody_is_told_that_all_is_well_when_a_job_was_cut_off() {
        let ids = |wish, written, cut: Option<&'static str>| {
            let (texts, pause) = last_words(wish, written, cut.map(Message::new));
            (texts.iter().map(|text| text.id().to_owned()).collect::<Vec<_>>(), !pause.is_zero())
        };
        let one = |id: &str| vec![id.to_owned()];
        assert_eq!(ids(Wish::Reboot, true, None), (one("init-reboot"), false));
        assert_eq!(ids(Wish::PowerOff, true, None), (one("init-power-off"), false));
        assert_eq!(ids(Wish::Reboot, false, None), (one("init-not-all-written"), true));
        assert_eq!(ids(Wish::Reboot, true, Some("ui-stage-save")), (one("init-job-cut"), true));
        assert_eq!(ids(Wish::PowerOff, false, Some("ui-stage-save")).0.len(), 2);
    }

    #[test]
    fn what_is_not_written_is_counted() {
        let text = "MemTotal: 251000 kB\nDirty:              12 kB\nWriteback:           4 kB\n\
                    WritebackTmp:        8 kB\n";
        assert_eq!(unwritten(text), 16 * 1024);
        assert_eq!(unwritten("Dirty: much kB\n"), 0);
    }

    #[test]
    fn a_place_that_is_no_mount_cannot_be_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        assert_eq!(sync(place), ExitCode::SUCCESS);
        assert_eq!(unmount(place, false), ExitCode::FAILURE);
        assert_eq!(sync("/nowhere"), ExitCode::FAILURE);
    }
}
