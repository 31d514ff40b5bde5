//! What the tests of the readers share: volumes in files, made and judged by the programs of
//! the file systems themselves.

pub(super) mod mounted;
pub(super) mod tree;

use super::Used;
use crate::block::{BlockSource, check_range};
use crate::error::{Context, Result};
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A sparse file that holds a volume, gone with the test.
pub(super) struct Image {
    file: tempfile::NamedTempFile,
    sector_size: u32,
}

impl Image {
    /// An image of `size` bytes of zeros.
    pub(super) fn new(size: u64) -> Self {
        // In memory where there is room, because the tools flush every write.
        let file = tempfile::NamedTempFile::new_in("/dev/shm")
            .or_else(|_| tempfile::NamedTempFile::new())
            .unwrap();
        file.as_file().set_len(size).unwrap();
        Self { file, sector_size: 512 }
    }

    /// An image made by a command whose last argument is the image.
    pub(super) fn made_by(size: u64, command: &str) -> Self {
        let image = Self::new(size);
        image.run(command);
        image
    }

    pub(super) fn with_sector_size(mut self, sector_size: u32) -> Self {
        self.sector_size = sector_size;
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Runs a command with the image's path as last argument, or in place of `{}`.
    pub(super) fn run(&self, command: &str) -> String {
        let path = self.path().to_str().unwrap();
        let mut words: Vec<String> =
            command.split_whitespace().map(|word| word.replace("{}", path)).collect();
        if !command.contains("{}") {
            words.push(path.to_owned());
        }
        run(&words)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) {
        self.file.as_file().write_all_at(bytes, offset).unwrap();
    }

    pub(super) fn resize(&self, size: u64) {
        self.file.as_file().set_len(size).unwrap();
    }

    /// What `blkid -p` says of a property, such as `UUID`.
    pub(super) fn blkid(&self, property: &str) -> Option<String> {
        let path = self.path().to_str().unwrap();
        let words = ["blkid", "-p", "-o", "value", "-s", property, path].map(str::to_owned);
        let value = run(&words);
        let value = value.trim_end();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// An image full of garbage that holds only the used bytes of this one.
    pub(super) fn restored(&self, used: &Used) -> Self {
        let target = Self::new(0).with_sector_size(self.sector_size);
        let mut garbage = Garbage::new(77);
        let mut position = 0;
        while position < self.size() {
            let mut piece = garbage.bytes((self.size() - position).min(1 << 20) as usize);
            let range = Extent::new(position, piece.len() as u64);
            for extent in used.extents.within(range) {
                let start = (extent.offset - position) as usize;
                self.read_at(extent.offset, &mut piece[start..start + extent.length as usize])
                    .unwrap();
            }
            target.write(position, &piece);
            position += piece.len() as u64;
        }
        target
    }

    /// The extents that partclone calls used.
    pub(super) fn partclone(&self, program: &str) -> ExtentMap {
        let map = tempfile::NamedTempFile::new().unwrap();
        let map_path = map.path().to_str().unwrap();
        self.run(&format!("{program} -q -D -L /dev/null -O {map_path} -s {{}}"));
        let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        std::fs::read_to_string(map.path())
            .unwrap()
            .lines()
            .filter(|line| line.ends_with('+'))
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                Extent::new(number(words[0]), number(words[1]))
            })
            .collect()
    }
}

impl BlockSource for Image {
    fn size(&self) -> u64 {
        std::fs::metadata(self.path()).unwrap().len()
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        "image".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len() as u64)?;
        self.file.as_file().read_exact_at(buffer, offset).context(|| message!("error-interrupted"))
    }
}

/// A source with a range that cannot be read.
pub(super) struct Broken<'a> {
    pub(super) source: &'a dyn BlockSource,
    pub(super) unreadable: Extent,
}

impl BlockSource for Broken<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn name(&self) -> String {
        self.source.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if Extent::new(offset, buffer.len() as u64).overlaps(self.unreadable) {
            return Err(std::io::Error::from_raw_os_error(5))
                .context(|| message!("error-interrupted"));
        }
        self.source.read_at(offset, buffer)
    }
}

/// Runs a program that must succeed and answers what it printed.
pub(super) fn run(words: &[String]) -> String {
    let output = Command::new(&words[0])
        .args(&words[1..])
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("PATH", format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap_or_default()))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{} cannot be started: {error}", words[0]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {}\n{text}\n{errors}", output.status);
    text
}

/// Bytes that look random and are the same each time.
pub(super) struct Garbage(u64);

impl Garbage {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..length.div_ceil(8)).flat_map(|_| self.number().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}
