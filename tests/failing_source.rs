//! A disk with bad sectors, from the first read to the exit codes: its source is a plain file on a
//! small FUSE file system that answers EIO for some ranges.

#[path = "support/mod.rs"]
mod support;

use calco::image::{Freshness, Image};
use calco::operation::library;
use calco::store::LocalStore;
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEntry, ReplyOpen,
    Request,
};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use support::command::{calco, is_root, skipped, text};
use support::{MIB, disk};

/// One file, `disk`, that is another one with bad ranges, in bytes.
struct FailingFile {
    content: File,
    size: u64,
    bad: Vec<(u64, u64)>,
    failures: Arc<AtomicU64>,
}

const NAME: &str = "disk";
const TTL: Duration = Duration::from_secs(60);

impl FailingFile {
    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_root = inode == INodeNo::ROOT;
        FileAttr {
            ino: inode,
            size: if is_root { 0 } else { self.size },
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_root { FileType::Directory } else { FileType::RegularFile },
            perm: if is_root { 0o755 } else { 0o444 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            flags: 0,
            blksize: 4096,
        }
    }
}

impl Filesystem for FailingFile {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match parent == INodeNo::ROOT && name == NAME {
            true => reply.entry(&TTL, &self.attributes(INodeNo(2)), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // Past the page cache, so that each read arrives here as it is asked for.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let end = (offset + u64::from(size)).min(self.size);
        if self.bad.iter().any(|(start, length)| offset < start + length && *start < end) {
            self.failures.fetch_add(1, Ordering::SeqCst);
            return reply.error(Errno::EIO);
        }
        let mut bytes = vec![0; end.saturating_sub(offset) as usize];
        match self.content.read_exact_at(&mut bytes, offset) {
            Ok(()) => reply.data(&bytes),
            Err(_) => reply.error(Errno::ENXIO),
        }
    }
}

/// `content` behind bad ranges; `None`, and a line that says so, where that cannot be made.
fn failing(
    content: &Path,
    bad: &[(u64, u64)],
    mountpoint: &Path,
) -> Option<(BackgroundSession, PathBuf, Arc<AtomicU64>)> {
    if !is_root() || !Path::new("/dev/fuse").exists() {
        skipped("FUSE needs root and /dev/fuse");
        return None;
    }
    let failures = Arc::new(AtomicU64::new(0));
    let file = FailingFile {
        content: File::open(content).unwrap(),
        size: std::fs::metadata(content).unwrap().len(),
        bad: bad.to_vec(),
        failures: failures.clone(),
    };
    match fuser::spawn_mount(file, mountpoint, &Config::default()) {
        Ok(session) => Some((session, mountpoint.join(NAME), failures)),
        Err(error) => {
            skipped(&format!("this kernel mounts no FUSE: {error}"));
            None
        }
    }
}

#[test]
fn bad_sectors_are_kept_in_the_image_and_told_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let content = folder.path().join("content");
    disk::garbage(&content, 64 * MIB, 90);
    disk::write(&content, 0, &[0; 512]);
    // The partition ends long before the disk, so most of what follows is not in use.
    disk::sfdisk(&content, "label: dos\nlabel-id: 0x90\nstart=1M,size=24M,type=da\n");
    // One sector; a stretch over the edge of a chunk of 2 MiB; one longer than a chunk; and one
    // where nothing is in use.
    let bad = [
        (3 * MIB + 5 * 512, 512),
        (6 * MIB - 4096, 12_288),
        (11 * MIB + 512, 5 * MIB),
        (45 * MIB, MIB),
    ];
    let mountpoint = folder.path().join("mounted");
    std::fs::create_dir(&mountpoint).unwrap();
    let Some((_session, source, failures)) = failing(&content, &bad, &mountpoint) else { return };

    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let words = ["save", text(&source), "--to", text(&store), "--name", "image"];
    let saved = calco(&words).expect(4);
    assert!(saved.stderr.contains("cannot be read"), "{}", saved.stderr);
    assert!(saved.stdout.contains("could not be read"), "{}", saved.stdout);
    assert!(failures.load(Ordering::SeqCst) > 5 * MIB / 512, "each sector was tried");

    // The image lists what could not be read, sector by sector.
    let image = store.join("image");
    let opened = library::find(&LocalStore::open(&store).unwrap(), "image").unwrap();
    let opened = Image::open(opened, Freshness::Any).unwrap();
    let index = opened.index(0, Freshness::Any).unwrap();
    let mut listed: Vec<(u64, u64)> = Vec::new();
    for extent in index.segments().flat_map(|segment| segment.unwrap().unreadable) {
        listed.push((extent.offset, extent.length));
    }
    assert_eq!(listed, bad[..3]);
    let lost: u64 = bad[..3].iter().map(|(_, length)| length).sum();
    assert_eq!(opened.manifest().unreadable_bytes(), lost);

    // It is sound: what it lacks is part of it. Every command says so.
    let verified = calco(&["verify", text(&image)]).expect(0);
    assert!(verified.stdout.contains("sound"), "{}", verified.stdout);
    assert!(verified.stdout.contains("could not be read"), "{}", verified.stdout);
    let target = folder.path().join("target");
    disk::garbage(&target, 64 * MIB, 91);
    let words = ["restore", text(&image), "--to", text(&target), "--yes"];
    let restored = calco(&words).expect(4);
    assert!(restored.stdout.contains("could not be read"), "{}", restored.stdout);

    // What could not be read is zero, everything else of the partition is as it was.
    let mut position = MIB;
    for (start, length) in &bad[..3] {
        disk::assert_same("what is good", &content, &target, position, start - position);
        assert!(disk::read(&target, *start, *length).iter().all(|byte| *byte == 0));
        position = start + length;
    }
    disk::assert_same("what is good", &content, &target, position, 25 * MIB - position);
}
