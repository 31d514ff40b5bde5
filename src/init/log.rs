//! The log of the live system: the kernel's, and a file that can be read and copied.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

/// The folder of the live system's own files.
pub const FOLDER: &str = "/run/calco";

/// The newest lines; those before are in [`OLDER`].
pub const FILE: &str = "/run/calco/log";
/// The lines before those of [`FILE`].
pub const OLDER: &str = "/run/calco/log.1";

/// Length in bytes at which the file becomes the older one: both together stay small in a
/// machine of 256 MiB, and are more than a day of ordinary messages.
const FILE_LIMIT: u64 = 512 << 10;

/// Bytes of a record of the kernel's log: `PRINTKRB_RECORD_MAX` is 1024, and a prefix is kept
/// free for the time and the level.
const RECORD_LIMIT: usize = 976;

/// How much a line matters; the numbers are those of syslog(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Something that was to be done could not be done.
    Error = 3,
    /// Something is not as it should be.
    Warning = 4,
    /// What happens.
    Info = 6,
}

/// Writes a line to both logs. A log that cannot be written is no reason to fail.
pub fn write(level: Level, text: &str) {
    to_kernel(level, text);
    to_file(Path::new(FILE), Path::new(OLDER), level, text);
}

/// Writes what happens.
pub fn info(text: &str) {
    write(Level::Info, text);
}

/// Writes what is not as it should be.
pub fn warn(text: &str) {
    write(Level::Warning, text);
}

/// Writes what could not be done.
pub fn error(text: &str) {
    write(Level::Error, text);
}

fn to_kernel(level: Level, text: &str) {
    if let Ok(mut kernel) = OpenOptions::new().write(true).open("/dev/kmsg") {
        for line in text.lines() {
            let _ = kernel.write_all(record(level, line).as_bytes());
        }
    }
}

/// A record for `/dev/kmsg`, cut at the end of a letter.
fn record(level: Level, line: &str) -> String {
    let mut record = format!("<{}>calco: {line}", level as u8);
    let mut end = record.len().min(RECORD_LIMIT);
    while !record.is_char_boundary(end) {
        end -= 1;
    }
    record.truncate(end);
    record
}

/// Seconds since the kernel started.
fn uptime() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn to_file(file: &Path, older: &Path, level: Level, text: &str) {
    let full = fs::metadata(file).is_ok_and(|metadata| metadata.len() >= FILE_LIMIT);
    if full {
        let _ = fs::rename(file, older);
    }
    let opened: std::io::Result<File> = OpenOptions::new().append(true).create(true).open(file);
    if let Ok(mut file) = opened {
        let mark = match level {
            Level::Error => "!! ",
            Level::Warning => "! ",
            Level::Info => "",
        };
        let lines: String =
            text.lines().map(|line| format!("[{:12.6}] {mark}{line}\n", uptime())).collect();
        // One write for all lines: several processes write here.
        let _ = file.write_all(lines.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_cut_at_the_end_of_a_letter() {
        assert_eq!(record(Level::Warning, "disk"), "<4>calco: disk");
        let long = record(Level::Info, &"ñ".repeat(1000));
        assert!(long.len() <= RECORD_LIMIT && long.len() > RECORD_LIMIT - 2);
        assert!(long.ends_with('ñ'));
    }

    #[test]
    fn the_files_stay_bounded_and_keep_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (file, older) = (folder.path().join("log"), folder.path().join("log.1"));
        let line = "x".repeat(60_000);
        for number in 0..40 {
            to_file(&file, &older, Level::Info, &format!("{number} {line}\nsecond"));
        }
        to_file(&file, &older, Level::Error, "the last");
        let length = |path: &Path| fs::metadata(path).unwrap().len();
        assert!(length(&file) < FILE_LIMIT + 70_000 && length(&older) < FILE_LIMIT + 70_000);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.ends_with("] !! the last\n"), "{}", &text[text.len() - 40..]);
    }
}
