//! What a review found: each was a way to lose data, to hang, or to mislead.

use calco::block::device::{Access, Device};
use calco::block::memory::MemoryDisk;
use calco::block::{BlockSource, BlockTarget, check_range};
use calco::codec::sha256;
use calco::error::{ErrorKind, Result};
use calco::image::{
    DiskIdentity, Envelope, Freshness, Image, Manifest, open_envelope, seal_envelope,
};
use calco::operation::library::{self, Condition};
use calco::operation::restore::{self, Assignment, BareTarget, PartitionPlace, RestoreOptions};
use calco::operation::save::{self, SaveOptions, SaveOutcome, SaveSource};
use calco::operation::survey::Choice;
use calco::report::Silent;
use calco::store::fault::{FailingStore, Fault};
use calco::store::{LocalStore, MemoryStore, Store};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// A disk of 4 MiB with an MBR, one partition of unknown content, and no zero byte in it.
fn disk() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..4 * MIB as u32).map(|i| (i % 251) as u8 + 1).collect();
    bytes[..512].fill(0);
    // Type 0x83 from LBA 2048, 4096 sectors.
    bytes[446 + 4] = 0x83;
    bytes[446 + 8..446 + 12].copy_from_slice(&2048u32.to_le_bytes());
    bytes[446 + 12..446 + 16].copy_from_slice(&4096u32.to_le_bytes());
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

fn save(disk: Arc<dyn BlockSource>, store: &MemoryStore, replace: bool) -> Result<SaveOutcome> {
    let identity = DiskIdentity { name: "sdz".into(), ..DiskIdentity::default() };
    let source =
        SaveSource { disk, identity, physical_sector_size: None, choice: Choice::default() };
    let options = SaveOptions { name: Some("office".into()), replace, ..SaveOptions::default() };
    save::plan(vec![source], Arc::new(store.clone()), options, &Silent)?.execute(&Silent)
}

/// Cannot be read from byte 2 MiB on, and may have gone altogether.
struct Failing {
    disk: MemoryDisk,
    gone: bool,
}

impl Failing {
    fn new(gone: bool) -> Arc<Self> {
        Arc::new(Self { disk: MemoryDisk::new(disk()), gone })
    }
}

impl BlockSource for Failing {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn name(&self) -> String {
        "failing".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(2 * MIB as u64, offset, buffer.len() as u64)?;
        self.disk.read_at(offset, buffer)
    }

    fn check_present(&self) -> Result<()> {
        match self.gone {
            true => check_range(0, 77, 1),
            false => Ok(()),
        }
    }
}

#[test]
fn a_disk_that_was_pulled_out_is_not_saved_as_zeros() {
    let store = MemoryStore::default();
    save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
    let error = save(Failing::new(true), &store, true).unwrap_err();
    assert!(error.report().contains("77"), "{error:?}");
    let entries = library::list(&store, &Silent).unwrap();
    let finished: Vec<_> =
        entries.iter().filter(|entry| entry.condition == Condition::Finished).collect();
    assert_eq!(finished.len(), 1, "only the first one");
    assert_eq!(finished[0].manifest.as_ref().unwrap().unreadable_bytes(), 0);
}

#[test]
fn an_image_with_holes_does_not_remove_the_one_it_replaces() {
    let store = MemoryStore::default();
    let whole = save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
    let holes = save(Failing::new(false), &store, true).unwrap();
    assert_eq!(holes.unreadable_bytes, 2 * MIB as u64);
    assert!(holes.warnings.iter().any(|warning| warning.id() == "save-old-kept"));
    // The new one has the name, the old one is there, and no pruning takes it.
    let found = Image::open(library::find(&store, "office").unwrap(), Freshness::Any).unwrap();
    assert_eq!(found.manifest().image_id, holes.image_id);
    let ids = |store: &MemoryStore| -> Vec<_> {
        let entries = library::list(store, &Silent).unwrap();
        entries.iter().filter_map(|entry| Some(entry.manifest.as_ref()?.image_id)).collect()
    };
    assert!(ids(&store).contains(&whole.image_id));
    assert!(library::prunable(&store, &Silent).unwrap().is_empty());
    // A whole one replaces both: the first must not come back as the image of this name.
    let third = save(Arc::new(MemoryDisk::new(disk())), &store, true).unwrap();
    assert_eq!(ids(&store), [third.image_id]);
}

#[test]
fn folders_of_others_are_no_images() {
    let store = MemoryStore::default();
    store.set("objects", "pack-0123456789abcdef.pack", Some(vec![1; 100]));
    store.set("game", "textures.pack", Some(vec![1; 100]));
    store.set("game", "0123456789abcdef-textures.index", Some(vec![1; 100]));
    store.set("web", "manifest.json", Some(b"{\"name\":\"app\"}".to_vec()));
    store.set("web", "header.json", Some(b"{}".to_vec()));
    assert!(library::list(&store, &Silent).unwrap().is_empty());
    assert!(library::prunable(&store, &Silent).unwrap().is_empty());
    for directory in ["objects", "game", "web"] {
        let error = library::delete(&store, directory).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{directory}");
    }
    assert!(store.get("web", "manifest.json").is_some());

    // What a save left that was cut at once, even inside its header, is still found.
    store.set("cut", "header.json", Some(b"{\"calco\":\"hea".to_vec()));
    store.set("lost", "0123456789abcdef-000000.pack", Some(vec![1; 100]));
    store.set("lost", "holiday.pack", Some(vec![1; 100]));
    let pruned: Vec<String> = library::prunable(&store, &Silent)
        .unwrap()
        .into_iter()
        .map(|entry| entry.directory)
        .collect();
    assert_eq!(pruned, ["cut", "lost"]);
    library::delete(&store, "lost").unwrap();
    assert!(store.get("lost", "holiday.pack").is_some(), "it was not ours");
    assert!(store.get("lost", "0123456789abcdef-000000.pack").is_none());
}

#[test]
fn a_pipe_in_the_place_of_a_file_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["header.json", "manifest.json"] {
        let image = folder.path().join(name.replace('.', "-"));
        std::fs::create_dir(&image).unwrap();
        let made = Command::new("mkfifo").arg(image.join(name)).status().unwrap();
        assert!(made.success());
    }
    let store = LocalStore::open(folder.path()).unwrap();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let listed = library::list(&store, &Silent).map(|entries| entries.len());
        let claimed = store.claim("header-json").map(|_| ());
        let _ = done.send((listed, claimed));
    });
    let (listed, claimed) =
        finished.recv_timeout(Duration::from_secs(20)).expect("it must not wait for the pipe");
    assert_eq!(listed.unwrap(), 0);
    claimed.unwrap();
}

#[test]
fn a_hostile_table_is_damage() {
    let changes: [fn(&mut Manifest); 4] = [
        |manifest| manifest.disks[0].table.sector_size = 0,
        |manifest| manifest.disks[0].table.sector_size = 1 << 30,
        |manifest| manifest.disks[0].table.regions[0].extent.length = 1 << 40,
        |manifest| manifest.disks[0].table.regions[0].extent.offset = u64::MAX - 3,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let store = MemoryStore::default();
        save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
        let old = store.get("office", "manifest.json").unwrap();
        let mut manifest: Manifest = open_envelope(Envelope::Manifest, &old).unwrap();
        change(&mut manifest);
        let new = seal_envelope(Envelope::Manifest, &manifest);
        let sums = String::from_utf8(store.get("office", "SHA256SUMS").unwrap()).unwrap();
        let sums = sums.replace(&sha256(&old).to_string(), &sha256(&new).to_string());
        store.set("office", "manifest.json", Some(new));
        store.set("office", "SHA256SUMS", Some(sums.into_bytes()));
        let opened = Image::open(store.directory("office").unwrap(), Freshness::Any);
        assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Damaged), "{number}");
    }
}

/// Keeps what is written, except that the first sector reads differently once it is not zero.
struct Lying(MemoryDisk);

impl BlockSource for Lying {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn name(&self) -> String {
        "lying".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buffer)?;
        if offset == 0 {
            buffer[0] ^= 1;
        }
        Ok(())
    }
}

impl BlockTarget for Lying {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.0.write_at(offset, data)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_table_that_reads_back_wrong_does_not_stay() {
    let store = MemoryStore::default();
    save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
    let image = Image::open(store.directory("office").unwrap(), Freshness::Any).unwrap();
    let lying = Arc::new(Lying(MemoryDisk::new(vec![0xEE; 4 * MIB])));
    let assignment =
        Assignment { disk: 0, target: Arc::new(BareTarget(lying.clone())), partitions: None };
    let plan = restore::plan(image, vec![assignment], RestoreOptions::default()).unwrap();
    let error = plan.execute(&Silent).unwrap_err();
    assert_eq!(error.message().id(), "restore-differs");
    let bytes = lying.0.to_vec();
    assert!(bytes[..512].iter().all(|byte| *byte == 0), "the table was taken back");
}

#[test]
fn a_partition_goes_onto_a_whole_disk_only_when_the_plan_says_so() {
    let store = MemoryStore::default();
    save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
    let plan = |bytes: Vec<u8>, place: PartitionPlace| {
        let image = Image::open(store.directory("office").unwrap(), Freshness::Any).unwrap();
        let target = Arc::new(BareTarget(Arc::new(MemoryDisk::new(bytes))));
        let assignment = Assignment { disk: 0, target, partitions: Some(vec![place]) };
        restore::plan(image, vec![assignment], RestoreOptions::default())
    };
    let blank = vec![0xEE; 4 * MIB];
    // As large as the disk of the image: it may be one that lost its table.
    let error = plan(blank.clone(), PartitionPlace::Number(1, 1)).err().unwrap();
    assert_eq!(error.message().id(), "restore-no-table");
    let made = plan(vec![0xEE; 3 * MIB], PartitionPlace::Number(1, 1)).unwrap();
    let places = made.targets[0].partitions.as_ref().unwrap();
    assert!(matches!(places[..], [PartitionPlace::Whole(1)]), "{places:?}");
    assert_eq!(made.targets[0].bytes, 2 * MIB as u64);
    // Another number than that of the image was meant for a table.
    let error = plan(blank.clone(), PartitionPlace::Number(1, 3)).err().unwrap();
    assert_eq!(error.message().id(), "restore-no-target-partition");
    // A table that is not understood is not the same as none: a BSD disklabel at LBA 1.
    let mut bsd = blank;
    bsd[512..516].copy_from_slice(&0x8256_4557u32.to_le_bytes());
    bsd[512 + 132..512 + 136].copy_from_slice(&0x8256_4557u32.to_le_bytes());
    let error = plan(bsd, PartitionPlace::Number(1, 1)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[test]
fn disks_of_one_image_have_names_of_their_own() {
    let store = MemoryStore::default();
    let source = || SaveSource {
        disk: Arc::new(MemoryDisk::new(disk())),
        identity: DiskIdentity { name: "disk.img".into(), ..DiskIdentity::default() },
        physical_sector_size: None,
        choice: Choice::default(),
    };
    let options = SaveOptions { name: Some("three".into()), ..SaveOptions::default() };
    let sources = vec![source(), source(), source()];
    save::plan(sources, Arc::new(store.clone()), options, &Silent)
        .unwrap()
        .execute(&Silent)
        .unwrap();
    let image = Image::open(store.directory("three").unwrap(), Freshness::Any).unwrap();
    let names: Vec<&str> =
        image.manifest().disks.iter().map(|disk| disk.identity.name.as_str()).collect();
    assert_eq!(names, ["disk.img", "disk.img-2", "disk.img-3"]);
}

#[test]
fn a_save_that_fails_at_its_very_end_leaves_no_damaged_image() {
    let run = |fault: Fault| {
        let memory = MemoryStore::default();
        let store = FailingStore::new(Arc::new(memory.clone()), fault, ErrorKind::NoSpace);
        let store = Arc::new(store);
        let source = SaveSource {
            disk: Arc::new(MemoryDisk::new(disk())),
            identity: DiskIdentity::default(),
            physical_sector_size: None,
            choice: Choice::default(),
        };
        let options = SaveOptions { name: Some("last".into()), ..SaveOptions::default() };
        let saved = save::plan(vec![source], store.clone(), options, &Silent)
            .and_then(|plan| plan.execute(&Silent));
        (memory, store.operations(), saved)
    };
    let (_, operations, saved) = run(Fault::Once(u64::MAX));
    saved.unwrap();
    let mut failed = 0;
    for at in 0..operations {
        let (memory, _, saved) = run(Fault::Once(at));
        failed += u32::from(saved.is_err());
        for entry in library::list(&memory, &Silent).unwrap() {
            assert_ne!(entry.condition, Condition::Damaged, "operation {at}");
        }
    }
    assert!(failed > 10, "{failed} of {operations}");
}

/// A loop device with one partition, detached at the end.
struct Loop {
    path: String,
    _file: tempfile::NamedTempFile,
}

impl Loop {
    fn with_partition() -> Option<Self> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(&disk(), 0).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(file.path()).output();
        let output = output.ok().filter(|output| output.status.success())?;
        let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let made = Self { path, _file: file };
        let added = Command::new("partx").args(["--add", &made.path]).status();
        added.is_ok_and(|status| status.success()).then_some(made)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("partx").args(["--delete", &self.path]).output();
        let _ = Command::new("losetup").args(["--detach", &self.path]).status();
    }
}

#[test]
fn what_was_written_to_a_partition_is_read_from_its_disk() {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(device) = Loop::with_partition() else {
        eprintln!("SKIPPED: needs root, loop devices and partx");
        return;
    };
    // As a mounted second partition does, or a daemon that watches disks.
    let holder = std::fs::File::open(&device.path).unwrap();
    for access in [Access::Look, Access::Source, Access::Target] {
        let mark = NUMBER.fetch_add(1, Ordering::Relaxed) as u8 + 100;
        let open = |access| Device::open(device.path.as_ref(), access).unwrap();
        // Everything is read once, aligned or not, so that a cache that remembers is filled.
        let place = MIB as u64 + 1024;
        open(Access::Look).read_vec(place, 1024).unwrap();
        let partition =
            std::fs::File::options().write(true).open(format!("{}p1", device.path)).unwrap();
        partition.write_all_at(&[mark; 8192], 0).unwrap();
        partition.sync_all().unwrap();
        drop(partition);
        let disk = open(access);
        assert_eq!(disk.read_vec(place, 1024).unwrap(), [mark; 1024], "{access:?}");
        assert_eq!(disk.read_vec(place + 1, 13).unwrap(), [mark; 13], "{access:?}");
    }
    drop(holder);
}

#[test]
fn the_folder_one_stands_in_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("disk.img");
    std::fs::write(&source, disk()).unwrap();
    let calco = |words: &[&str], inside: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_calco"))
            .args(words)
            .current_dir(inside)
            .output()
            .unwrap()
            .status
            .code()
    };
    let words = ["save", "./disk.img", "--to", ".", "--name", "office"];
    assert_eq!(calco(&words, folder.path()), Some(0));
    let image = folder.path().join("office");
    assert_eq!(calco(&["verify", "."], &image), Some(0));
    assert_eq!(calco(&["verify", "./"], &image), Some(0));
    assert_eq!(calco(&["verify", "../office/"], &image), Some(0));
}

/// An image that was replaced and stays is in the directory of the plain name: chosen in the menu, the one
/// that replaced it was restored.
#[test]
fn the_address_of_an_image_means_that_image() {
    let store = MemoryStore::default();
    save(Arc::new(MemoryDisk::new(disk())), &store, false).unwrap();
    // What cannot be read keeps the old one.
    save(Failing::new(false), &store, true).unwrap();
    let entries = library::list(&store, &Silent).unwrap();
    let mut conditions: Vec<Condition> = entries.iter().map(|entry| entry.condition).collect();
    conditions.sort_by_key(|condition| *condition == Condition::Replaced);
    assert_eq!(conditions, [Condition::Finished, Condition::Replaced]);
    for entry in entries {
        for word in [entry.address(), entry.word()] {
            let found = library::find(&store, &word).unwrap().directory();
            assert_eq!(found, entry.directory, "{word}");
        }
    }
}
