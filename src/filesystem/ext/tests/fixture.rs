//! Small ext file systems, filled and then fragmented, all made by the tools of e2fsprogs.

use crate::units::{Extent, ExtentMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A file system in a plain file of its own folder.
pub(super) struct Fixture {
    folder: TempDir,
    pub(super) image: PathBuf,
    dump: OnceLock<String>,
}

/// Bytes that look random and are the same in every run.
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; length];
    for word in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
    }
    bytes
}

/// A folder for fixtures: in memory where there is room, because the tools flush every write.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs a tool of the system; administrators' tools are found too.
pub(super) fn run(program: &str, arguments: &[&str]) -> Output {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .env("MKE2FS_CONFIG", "/dev/null")
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program} has to be installed for this test: {error}"))
}

/// What a tool prints; it has to succeed.
pub(super) fn output(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} failed:\n{text}\n{errors}");
    text
}

/// `e2fsck` finds nothing to repair.
pub(super) fn assert_clean(image: &Path) {
    output("e2fsck", &["-fn", image.to_str().unwrap()]);
}

/// Fills `path` with what every fixture holds: 120 files of 0 to 80 KiB, and some of each
/// special kind.
fn fill(path: &Path) {
    for number in 0..120u64 {
        let inside = path.join(format!("folder{}", number % 5));
        std::fs::create_dir_all(&inside).unwrap();
        let length = (number * number * 5 + number) % 81_920;
        let content = noise(number + 1, length as usize);
        std::fs::write(inside.join(format!("file{number}")), content).unwrap();
    }
    std::fs::write(path.join("zeros"), vec![0; 50_000]).unwrap();
    std::fs::write(path.join("n".repeat(250)), "a long name").unwrap();
    std::fs::hard_link(path.join("zeros"), path.join("the same zeros")).unwrap();
    std::os::unix::fs::symlink("folder1/file11", path.join("link")).unwrap();
    std::os::unix::fs::symlink("x/".repeat(100), path.join("long link")).unwrap();
    let sparse = std::fs::File::create(path.join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 3_000_000).unwrap();
}

impl Fixture {
    /// A file system of `size` bytes made with these arguments of `mke2fs`, filled and then
    /// fragmented, in a volume that is `slack` bytes longer.
    pub(super) fn new(arguments: &[&str], size: u64, slack: u64) -> Self {
        let tree = folder();
        fill(tree.path());
        let fixture = Self::empty(arguments, size, Some(tree.path()));
        let mut commands = String::new();
        for number in (0..120).filter(|number| number % 3 != 1) {
            writeln!(commands, "rm folder{}/file{number}", number % 5).unwrap();
        }
        // Larger than any hole, so that they are spread over many.
        for number in 0..4u64 {
            let path = fixture.folder.path().join(format!("large{number}"));
            std::fs::write(&path, noise(number + 1000, 150_000)).unwrap();
            writeln!(commands, "write {} large{number}", path.display()).unwrap();
        }
        commands += "rm large1\n";
        let script = fixture.folder.path().join("commands");
        std::fs::write(&script, commands).unwrap();
        output("debugfs", &["-w", "-f", script.to_str().unwrap(), fixture.path()]);
        // Neither mke2fs nor debugfs counts quotas: the first check does.
        run("e2fsck", &["-fy", fixture.path()]);
        assert_clean(&fixture.image);
        let file = std::fs::File::options().write(true).open(&fixture.image).unwrap();
        file.set_len(size + slack).unwrap();
        fixture
    }

    /// A file system as `mke2fs` makes it.
    pub(super) fn empty(arguments: &[&str], size: u64, content: Option<&Path>) -> Self {
        let folder = folder();
        let image = folder.path().join("image");
        std::fs::File::create(&image).unwrap().set_len(size).unwrap();
        let mut all = vec!["-q", "-F", "-E", "nodiscard"];
        if let Some(content) = content {
            all.extend(["-d", content.to_str().unwrap()]);
        }
        all.extend_from_slice(arguments);
        all.push(image.to_str().unwrap());
        output("mke2fs", &all);
        Self { folder, image, dump: OnceLock::new() }
    }

    /// A volume with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let folder = folder();
        let image = folder.path().join("image");
        std::fs::write(&image, bytes).unwrap();
        Self { folder, image, dump: OnceLock::new() }
    }

    pub(super) fn path(&self) -> &str {
        self.image.to_str().unwrap()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.image).unwrap()
    }

    /// What `dumpe2fs` prints.
    pub(super) fn dump(&self) -> &str {
        self.dump.get_or_init(|| output("dumpe2fs", &[self.path()]))
    }

    /// A field of what `dumpe2fs` says of the superblock.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let line =
            self.dump().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }

    fn number(&self, name: &str) -> u64 {
        self.field(name).unwrap_or_else(|| panic!("{name}")).parse().unwrap()
    }

    /// Length of the file system in bytes, as `dumpe2fs` tells it.
    pub(super) fn length(&self) -> u64 {
        self.number("Block count") * self.number("Block size")
    }

    /// What is free in the words of `dumpe2fs`, in bytes.
    pub(super) fn free(&self) -> ExtentMap {
        let block = self.number("Block size");
        // It names the first blocks of the first and the last free cluster of a run.
        let cluster = self.field("Cluster size").map_or(block, |size| size.parse().unwrap());
        let lists = self.dump().lines().filter_map(|line| line.strip_prefix("  Free blocks: "));
        let ranges = lists.flat_map(|list| list.split(", ")).filter(|range| !range.is_empty());
        ranges
            .map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                Extent::between(first * block, (last * block + cluster).min(self.length()))
            })
            .collect()
    }

    /// What `partclone` would save, in bytes.
    pub(super) fn partclone(&self) -> ExtentMap {
        let map = self.folder.path().join("domain");
        let log = self.folder.path().join("partclone.log");
        let (map, log) = (map.to_str().unwrap(), log.to_str().unwrap());
        output("partclone.extfs", &["-D", "-q", "-s", self.path(), "-o", map, "-L", log]);
        let text = std::fs::read_to_string(map).unwrap();
        let hexadecimal = |word: &str| u64::from_str_radix(&word[2..], 16).unwrap();
        let lines = text.lines().filter(|line| line.ends_with("  +"));
        lines
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                Extent::new(hexadecimal(words[0]), hexadecimal(words[1]))
            })
            .collect()
    }

    /// Every file below the root: its path and content, or where a link points to.
    pub(super) fn files(&self, image: &Path) -> Vec<(String, Vec<u8>)> {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let command = format!("rdump / {}", folder.path().display());
        output("debugfs", &["-R", &command, image.to_str().unwrap()]);
        let mut files = Vec::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(inside) = folders.pop() {
            for entry in std::fs::read_dir(inside).unwrap() {
                let path = entry.unwrap().path();
                let kind = path.symlink_metadata().unwrap().file_type();
                if kind.is_dir() {
                    folders.push(path);
                    continue;
                }
                let content = if kind.is_symlink() {
                    std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
                } else {
                    std::fs::read(&path).unwrap()
                };
                let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
                files.push((name, content));
            }
        }
        files.sort();
        files
    }
}
