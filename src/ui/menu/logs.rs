//! What happened: a file that can be read in the menu.

use super::Menu;
use super::ask::Leave;
use super::screen::{Choice, List, Reading};
use crate::error::Context as _;
use crate::operation::destination::open_to_save;
use crate::operation::log::now;
use crate::text::message;
use crate::ui::{harmless, running};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Bytes of a log that are shown: its end.
const SHOWN: u64 = 512 << 10;
/// Length in bytes at which a log begins anew.
const LIMIT: u64 = 512 << 10;

pub(super) fn log_file() -> PathBuf {
    running::folder().join("log")
}

/// Seconds since the kernel started, as its own log counts them.
fn uptime() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Adds lines to the log, in the live system to the kernel's too. One that cannot be written is
/// no reason to fail.
pub(super) fn add(text: &str) {
    let text = harmless(text);
    let file = log_file();
    if std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() >= LIMIT) {
        let _ = std::fs::rename(&file, file.with_extension("1"));
    }
    if let Ok(mut file) = File::options().create(true).append(true).open(&file) {
        let lines: String =
            text.lines().map(|line| format!("[{:12.6}] {line}\n", uptime())).collect();
        // One write for all lines: several processes write here.
        let _ = file.write_all(lines.as_bytes());
    }
    if running::is_live()
        && let Ok(mut kernel) = File::options().write(true).open("/dev/kmsg")
    {
        for line in text.lines() {
            let line: String = line.chars().take(400).collect();
            let _ = kernel.write_all(format!("<6>calco: {line}").as_bytes());
        }
    }
}

/// The end of a file.
fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(SHOWN)))?;
    let mut bytes = Vec::new();
    file.take(SHOWN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kernel's log, as it can be read without waiting for more.
fn kernel_log() -> std::io::Result<String> {
    use rustix::fs::{Mode, OFlags, open};
    let file =
        open("/dev/kmsg", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = String::new();
    let mut record = vec![0u8; 8192];
    loop {
        match rustix::io::read(&file, &mut record) {
            Ok(0) => break,
            Ok(length) => text.extend(kernel_line(&String::from_utf8_lossy(&record[..length]))),
            // A record that was overwritten while it was read: the next one is there.
            Err(rustix::io::Errno::PIPE) => {}
            Err(_) => break,
        }
        if text.len() as u64 > 4 * SHOWN {
            break;
        }
    }
    Ok(text)
}

/// `6,339,5140900,-;text` with lines of properties after it: time and text.
fn kernel_line(record: &str) -> Option<String> {
    let (prefix, text) = record.lines().next()?.split_once(';')?;
    let micros: u64 = prefix.split(',').nth(2)?.parse().ok()?;
    Some(format!("[{:5}.{:06}] {text}\n", micros / 1_000_000, micros % 1_000_000))
}

/// Writes the logs to a folder, under names that nothing has there; answers the names.
fn copy_to(folder: &Path) -> crate::error::Result<Vec<String>> {
    let stamp = now().replace([':', 'Z'], "").replace('T', "-");
    let logs = [("calco", whole_log()), ("kernel", kernel_log())];
    let mut names = Vec::new();
    for (which, text) in logs {
        let name = format!("{which}-{stamp}.txt");
        let path = folder.join(&name);
        let write = || -> std::io::Result<()> {
            let mut file = File::options().write(true).create_new(true).open(&path)?;
            file.write_all(text?.as_bytes())?;
            file.sync_all()
        };
        write()
            .context(|| message!("menu-logs-copy-failed"))
            .map_err(|error| error.at_path(&path))?;
        names.push(name);
    }
    Ok(names)
}

/// The log with the part that was put aside when it grew long.
fn whole_log() -> std::io::Result<String> {
    let older = end_of(&log_file().with_extension("1")).unwrap_or_default();
    Ok(older + &end_of(&log_file())?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Own,
    Kernel,
    Copy,
}

impl Menu<'_> {
    pub(super) fn logs(&mut self) -> Result<(), Leave> {
        loop {
            let choices = vec![
                Choice::new(Which::Own, message!("menu-logs-own")),
                Choice::new(Which::Kernel, message!("menu-logs-kernel")),
                Choice::new(Which::Copy, message!("menu-logs-copy")),
            ];
            let list = List::new(message!("menu-logs"), choices);
            let Some(which) = self.person.choose(list)? else { return Ok(()) };
            let (title, text) = match which {
                Which::Own => (message!("menu-logs-own"), end_of(&log_file())),
                Which::Kernel => (message!("menu-logs-kernel"), kernel_log()),
                Which::Copy => {
                    self.copy_logs()?;
                    continue;
                }
            };
            let text = match text {
                Ok(text) if !text.trim().is_empty() => text,
                Ok(_) => message!("menu-logs-empty").to_string(),
                Err(error) => message!("menu-logs-unreadable", why = error.to_string()).to_string(),
            };
            self.person.read(Reading::new(title, harmless(&text)).starting_at_end())?;
        }
    }

    /// Copies both logs to a stick or folder.
    fn copy_logs(&mut self) -> Result<(), Leave> {
        let title = message!("menu-logs-copy");
        let Some(place) = self.place_here(&title)? else {
            return Ok(());
        };
        let outcome = self.person.work(&title, &[], None, |report| {
            let destination = open_to_save(&place.word, &[])?;
            let copied =
                copy_to(destination.folder()).map_err(|error| destination.explain(error))?;
            destination.close(report)?;
            Ok(copied)
        })?;
        match outcome {
            Ok(names) => {
                let names = names.join(", ");
                let text = message!("menu-logs-copied", names = names, place = place.word.as_str());
                self.person.read(Reading::new(title, text.to_string()))
            }
            Err(error) => self.person.show_error(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_the_kernel_become_lines() {
        let record = "6,339,5140900,-;NET: Registered\n SUBSYSTEM=x\n";
        assert_eq!(kernel_line(record).unwrap(), "[    5.140900] NET: Registered\n");
        for odd in ["", "6,3", "6,3,x,-;a", "a;b"] {
            assert_eq!(kernel_line(odd), None, "{odd}");
        }
    }
}
