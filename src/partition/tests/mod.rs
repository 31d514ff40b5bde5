//! Tests of the whole module, and what they share: disks in files, made by the tools that make
//! real ones.

mod damaged;
mod oracles;
mod properties;

use super::{PartitionTable, TableReading};
use crate::block::{BlockSource, check_range, memory::MemoryDisk};
use crate::error::{Context, Result};
use crate::text::{Language, Message, message};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::NamedTempFile;

pub(super) const MIB: u64 = 1 << 20;

/// A disk in a temporary file.
pub(super) struct FileDisk {
    file: NamedTempFile,
    sector_size: u32,
}

impl FileDisk {
    /// A disk of zeros of `size` bytes that says it has sectors of 512 bytes.
    pub(super) fn new(size: u64) -> Self {
        let file = NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        Self { file, sector_size: 512 }
    }

    /// A disk divided by `sfdisk` as `script` says.
    pub(super) fn divided(size: u64, script: &str) -> Self {
        let disk = Self::new(size);
        disk.run("sfdisk", &["--quiet"], script);
        disk
    }

    pub(super) fn with_sector_size(mut self, sector_size: u32) -> Self {
        self.sector_size = sector_size;
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(super) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Runs a program on the disk, `input` on its standard input; answers what it printed.
    pub(super) fn run(&self, program: &str, arguments: &[&str], input: &str) -> String {
        self.run_then(program, arguments, &[], input)
    }

    /// The same with arguments after the disk.
    pub(super) fn run_then(
        &self,
        program: &str,
        before: &[&str],
        after: &[&str],
        input: &str,
    ) -> String {
        let mut child = Command::new(program)
            .args(before)
            .arg(self.path())
            .args(after)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {before:?} {after:?}: {text}{errors}");
        text
    }

    /// All bytes, on a disk small enough.
    pub(super) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) {
        self.file().write_all_at(bytes, offset).unwrap();
    }
}

impl BlockSource for FileDisk {
    fn size(&self) -> u64 {
        self.file().metadata().unwrap().len()
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len() as u64)?;
        self.file().read_exact_at(buffer, offset).context(|| message!("error-interrupted"))
    }
}

pub(super) fn read_bytes(bytes: &[u8]) -> TableReading {
    super::read(&MemoryDisk::new(bytes.to_vec()))
}

pub(super) fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::id).collect()
}

/// The table of a reading without doubt.
pub(super) fn certain(reading: TableReading) -> PartitionTable {
    if let Some(doubt) = reading.doubt {
        panic!("{}", doubt.in_language(Language::English));
    }
    reading.table
}

/// Asserts that the reading is a doubt with this id, and that its sentence is whole.
pub(super) fn assert_doubt(reading: &TableReading, id: &str) {
    let doubt = reading.doubt.as_ref().unwrap_or_else(|| panic!("no doubt: {:?}", reading.table));
    for language in Language::ALL {
        let sentence = doubt.in_language(language);
        assert!(!sentence.contains(['{', '$']), "{sentence}");
    }
    assert_eq!(doubt.id(), id, "{}", doubt.in_language(Language::English));
}
