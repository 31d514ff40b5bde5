//! Small disks made on the host.

use std::path::{Path, PathBuf};
use std::process::Command;

const MEBI: u64 = 1 << 20;

/// A folder for the disks of a test, on the file system of the project: they are too large for a
/// temporary folder in memory. Gone when it is dropped.
pub fn work_folder(name: &str) -> tempfile::TempDir {
    let parent = crate::project_folder().join("target/vmtest-disks");
    std::fs::create_dir_all(&parent).unwrap();
    tempfile::Builder::new().prefix(name).tempdir_in(parent).unwrap()
}

/// A copy of a disk, holes left holes.
pub fn copy_of(disk: &Path, file: &Path) -> PathBuf {
    run(command("cp", &["--sparse=always"]).arg(disk).arg(file));
    file.to_owned()
}

/// Runs a tool of the system.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C")
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()))
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{words}\n{errors}", output.status);
    words
}

/// A file system that a stick can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickKind {
    Ext4,
    ExFat,
    Ntfs,
    Fat32,
}

impl StickKind {
    pub const ALL: [Self; 4] = [Self::Ext4, Self::ExFat, Self::Ntfs, Self::Fat32];

    pub fn label(self) -> &'static str {
        match self {
            Self::Ext4 => "EXTSTICK",
            Self::ExFat => "EXFATSTICK",
            Self::Ntfs => "NTFSSTICK",
            Self::Fat32 => "FATSTICK",
        }
    }

    fn partition_type(self) -> &'static str {
        match self {
            Self::Ext4 => "83",
            Self::ExFat | Self::Ntfs => "7",
            Self::Fat32 => "c",
        }
    }

    fn make(self, file: &Path) {
        let label = self.label();
        let mut command = match self {
            Self::Ext4 => command("mke2fs", &["-q", "-t", "ext4", "-L", label]),
            Self::ExFat => command("mkfs.exfat", &["-L", label]),
            Self::Ntfs => command("mkntfs", &["-F", "-Q", "-q", "-L", label]),
            Self::Fat32 => command("mkfs.fat", &["-F", "32", "-n", label]),
        };
        run(command.arg(file));
    }

    /// Judges the file system of a stick after the live system has written to it.
    #[track_caller]
    pub fn check(self, stick: &Path) {
        let folder = tempfile::tempdir().unwrap();
        let volume = folder.path().join("volume");
        let length = std::fs::metadata(stick).unwrap().len() / MEBI - 1;
        cut_out(stick, 1, length, &volume);
        let mut command = match self {
            Self::Ext4 => command("e2fsck", &["-f", "-n"]),
            Self::ExFat => command("fsck.exfat", &["-n"]),
            // It has no checker: this one looks at what the driver relies on.
            Self::Ntfs => command("ntfsfix", &["-n"]),
            Self::Fat32 => command("fsck.fat", &["-n"]),
        };
        run(command.arg(&volume));
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// An empty file of this size, in MiB: a disk that was never written to.
pub fn empty_disk(file: &Path, mebibytes: u64) -> PathBuf {
    std::fs::File::create(file).unwrap().set_len(mebibytes * MEBI).unwrap();
    file.to_owned()
}

/// A stick with one partition, as they are sold, with this size in MiB.
pub fn stick(folder: &Path, kind: StickKind, mebibytes: u64) -> PathBuf {
    made_stick(folder, kind, mebibytes, |volume| kind.make(volume))
}

/// A stick with ext4 that holds what is in a folder.
pub fn stick_with(folder: &Path, files: &Path, mebibytes: u64) -> PathBuf {
    let kind = StickKind::Ext4;
    made_stick(folder, kind, mebibytes, |volume| {
        let mut make = command("mke2fs", &["-q", "-t", "ext4", "-L", kind.label(), "-d"]);
        run(make.arg(files).arg(volume));
    })
}

/// A disk with one partition of `mebibytes` for each command, which makes a file system in the file
/// that is its last argument.
pub fn make_volumes(folder: &Path, commands: &[&str], mebibytes: u64) -> PathBuf {
    let total = 1 + commands.len() as u64 * mebibytes + 1;
    let file = empty_disk(&folder.join("volumes.img"), total);
    let mut table = "label: gpt\n".to_owned();
    for number in 0..commands.len() as u64 {
        let start = 1 + number * mebibytes;
        table += &format!("start={start}MiB, size={mebibytes}MiB\n");
    }
    partition(&file, &table);
    for (number, make) in commands.iter().enumerate() {
        let volume = empty_disk(&folder.join("volume"), mebibytes);
        let mut words = make.split_whitespace();
        let program = words.next().expect("a program");
        run(Command::new(program).args(words).arg(&volume));
        put(&volume, &file, 1 + number as u64 * mebibytes);
        std::fs::remove_file(volume).unwrap();
    }
    file
}

fn made_stick(folder: &Path, kind: StickKind, mebibytes: u64, make: impl FnOnce(&Path)) -> PathBuf {
    let file = empty_disk(&folder.join(format!("{}.img", kind.label())), mebibytes);
    partition(&file, &format!("label: dos\nstart=1MiB, type={}\n", kind.partition_type()));
    let volume = empty_disk(&folder.join("volume"), mebibytes - 1);
    make(&volume);
    put(&volume, &file, 1);
    std::fs::remove_file(volume).unwrap();
    file
}

/// The serial number of the small disk, and a name found on it.
pub const SMALL_SERIAL: &str = "SMALL1";

/// A disk of 64 MiB with a GPT, an ext4 with some files, and a swap area.
pub fn small_disk(folder: &Path) -> PathBuf {
    let file = empty_disk(&folder.join("small.img"), 64);
    let table = "label: gpt\nstart=1MiB, size=40MiB, type=linux, name=data\n\
                 start=41MiB, size=16MiB, type=swap\n";
    partition(&file, table);
    let files = folder.join("files");
    std::fs::create_dir_all(files.join("documents")).unwrap();
    // Programs, because they compress as what people have does.
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    std::fs::write(files.join("program"), &program[..program.len().min(12 << 20)]).unwrap();
    for number in 0..200 {
        let text = format!("Letter number {number}\n").repeat(100);
        std::fs::write(files.join(format!("documents/letter-{number}.txt")), text).unwrap();
    }
    let volume = empty_disk(&folder.join("volume"), 40);
    let mut make = command("mke2fs", &["-q", "-t", "ext4", "-L", "letters"]);
    run(make.args(["-E", "lazy_itable_init=0", "-d"]).arg(&files).arg(&volume));
    put(&volume, &file, 1);
    let swap = empty_disk(&volume, 16);
    run(command("mkswap", &["-q"]).arg(&swap));
    put(&swap, &file, 41);
    std::fs::remove_file(volume).unwrap();
    std::fs::remove_dir_all(files).unwrap();
    file
}

fn partition(disk: &Path, table: &str) {
    use std::io::Write as _;
    let mut command = command("sfdisk", &["-q"]);
    command.arg(disk).stdin(std::process::Stdio::piped());
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    let mut sfdisk = command.spawn().unwrap();
    sfdisk.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
    assert!(sfdisk.wait().unwrap().success());
}

/// Copies a volume to its place on a disk, in MiB, holes left holes.
fn put(volume: &Path, disk: &Path, mebibyte: u64) {
    run(command("dd", &["bs=1M", "conv=sparse,notrunc", "status=none"])
        .arg(format!("if={}", volume.display()))
        .arg(format!("of={}", disk.display()))
        .arg(format!("seek={mebibyte}")));
}

/// Copies the volume that begins at a place of a disk and has this length, both in MiB, holes left
/// holes.
pub fn cut_out(disk: &Path, start: u64, length: u64, volume: &Path) {
    run(command("dd", &["bs=1M", "conv=sparse", "status=none"])
        .arg(format!("if={}", disk.display()))
        .arg(format!("of={}", volume.display()))
        .arg(format!("skip={start}"))
        .arg(format!("count={length}")));
}

/// Fails unless both disks hold the same bytes. What was never written on the source is zero, and so
/// it is on an empty target: nothing may be missing and nothing may be too much.
#[track_caller]
pub fn assert_equal(source: &Path, target: &Path) {
    let size = |file: &Path| std::fs::metadata(file).unwrap().len();
    assert_eq!(size(source), size(target), "sizes in bytes");
    run(Command::new("cmp").arg(source).arg(target));
}
