//! Replacing an image, and two saves of one name: nothing is removed before what takes its place is
//! proven to be there, and nothing is lost because of a name.

use crate::support::*;
use calco::error::{ErrorKind, Result};
use calco::image::{
    Envelope, FileEntry, FileReader, FileWriter, Freshness, ImageFiles, Manifest, open_envelope,
    seal_envelope,
};
use calco::operation::library::{self, Condition};
use calco::operation::save::{self, SaveOptions};
use calco::report::Silent;
use calco::store::{Claim, LocalStore, MemoryStore, Store};
use std::sync::{Arc, Barrier};

fn replacing() -> SaveOptions {
    SaveOptions { replace: true, ..options("image") }
}

fn other_disk() -> Vec<u8> {
    let mut disk = small_disk();
    Random::new(123).fill(&mut disk[700 * KIB..800 * KIB]);
    disk
}

/// Images that replaced each other and are all still there: the first in `image`.
fn chain(count: usize) -> (MemoryStore, Vec<String>) {
    let store = MemoryStore::default();
    let mut directories: Vec<String> = Vec::new();
    for number in 0..count {
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let mut disk = small_disk();
        disk[500 * KIB] = number as u8;
        let kept: Vec<(String, Files)> =
            directories.iter().map(|directory| copy_of(&store, directory)).collect();
        let saved = save_to(&shared, vec![source(&disk, "disk0")], replacing()).unwrap();
        // As when the power went before the old ones were removed.
        for (directory, files) in kept {
            for (name, bytes) in files {
                store.set(&directory, &name, Some(bytes));
            }
        }
        directories.push(saved.location.rsplit_once('/').unwrap().1.to_owned());
    }
    (store, directories)
}

/// Names and bytes.
type Files = Vec<(String, Vec<u8>)>;

fn copy_of(store: &MemoryStore, directory: &str) -> (String, Files) {
    let names = file_names(store, directory);
    let files = names.into_iter().map(|name| {
        let bytes = store.get(directory, &name).unwrap();
        (name, bytes)
    });
    (directory.to_owned(), files.collect())
}

fn a_pack_of(store: &MemoryStore, directory: &str) -> String {
    file_names(store, directory).into_iter().find(|name| name.ends_with(".pack")).unwrap()
}

/// Changes the manifest of an image as somebody would who knows the format.
fn forge(store: &MemoryStore, directory: &str, change: impl FnOnce(&mut Manifest)) {
    let old = store.get(directory, "manifest.json").unwrap();
    let mut manifest: Manifest = open_envelope(Envelope::Manifest, &old).unwrap();
    change(&mut manifest);
    let new = seal_envelope(Envelope::Manifest, &manifest);
    let sums = String::from_utf8(store.get(directory, "SHA256SUMS").unwrap()).unwrap();
    let hash = |bytes: &[u8]| calco::codec::sha256(bytes).to_string();
    store.set(directory, "manifest.json", Some(new.clone()));
    store.set(directory, "SHA256SUMS", Some(sums.replace(&hash(&old), &hash(&new)).into_bytes()));
}

fn manifest_of(store: &MemoryStore, directory: &str) -> Manifest {
    open_envelope(Envelope::Manifest, &store.get(directory, "manifest.json").unwrap()).unwrap()
}

fn directories(entries: &[library::Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.directory.as_str()).collect()
}

#[test]
fn a_replaced_image_goes_once_its_replacement_is_proven() {
    let (store, made) = chain(3);
    let pruning = library::pruning(&store, &Silent).unwrap();
    // The oldest first: whatever is left when this is cut off, only the last has the name.
    assert_eq!(directories(&pruning.remove), [&made[0], &made[1]]);
    assert!(pruning.keep.is_empty());
    for entry in &pruning.remove {
        pruning.carry_out(&store, entry).unwrap();
    }
    assert_eq!(store.directories().unwrap(), [made[2].as_str()]);
}

#[test]
fn a_replaced_image_stays_when_its_replacement_is_not_whole() {
    type Damage = fn(&MemoryStore, &str);
    let damages: [(&str, Damage); 5] = [
        ("a pack is missing", |store, directory| {
            store.set(directory, &a_pack_of(store, directory), None);
        }),
        ("a pack is cut short", |store, directory| {
            let name = a_pack_of(store, directory);
            let mut bytes = store.get(directory, &name).unwrap();
            bytes.pop();
            store.set(directory, &name, Some(bytes));
        }),
        ("an index is missing", |store, directory| {
            let names = file_names(store, directory);
            let name = names.iter().find(|name| name.ends_with(".index")).unwrap();
            store.set(directory, name, None);
        }),
        ("the page is another", |store, directory| {
            store.set(directory, "about.html", Some(b"?".to_vec()));
        }),
        ("the log is missing", |store, directory| store.set(directory, "log.txt", None)),
    ];
    for (what, damage) in damages {
        let (store, made) = chain(2);
        damage(&store, &made[1]);
        let pruning = library::pruning(&store, &Silent).unwrap();
        assert!(pruning.remove.is_empty(), "{what}");
        assert_eq!(directories(&pruning.keep), [&made[0]], "{what}");
        let reason = pruning.keep[0].problem.as_ref().unwrap();
        assert_eq!(reason.id(), "library-keeps-unproven", "{what}");
        assert!(library::prunable(&store, &Silent).unwrap().is_empty(), "{what}");

        // The same when it happens while the person is asked.
        let (store, made) = chain(2);
        let pruning = library::pruning(&store, &Silent).unwrap();
        damage(&store, &made[1]);
        let removed = pruning.carry_out(&store, &pruning.remove[0]);
        assert_eq!(kind_of(&removed), Some(ErrorKind::Damaged), "{what}");
        assert!(store.get(&made[0], "manifest.json").is_some(), "{what}");
    }
}

#[test]
fn an_image_that_claims_to_replace_another_does_not_remove_it() {
    // Each claims to replace the other: neither may go.
    let (store, made) = chain(2);
    let second = manifest_of(&store, &made[1]).image_id;
    forge(&store, &made[0], |manifest| manifest.replaces = Some(second));
    let pruning = library::pruning(&store, &Silent).unwrap();
    assert!(pruning.remove.is_empty());
    assert_eq!(pruning.keep.len(), 2);
    assert_eq!(kind_of(&library::find(&store, "image")), Some(ErrorKind::Refused));
    // One of another name claims to replace it.
    let (store, made) = chain(2);
    forge(&store, &made[1], |manifest| manifest.name = "another".into());
    assert!(library::pruning(&store, &Silent).unwrap().remove.is_empty());
    assert_eq!(library::find(&store, "image").unwrap().location(), made[0]);
    // One claims to replace itself.
    let store = stored(&[&small_disk()]);
    let own = manifest_of(&store, "image").image_id;
    forge(&store, "image", |manifest| manifest.replaces = Some(own));
    assert!(library::pruning(&store, &Silent).unwrap().remove.is_empty());
    assert_eq!(library::find(&store, "image").unwrap().location(), "image");
}

#[test]
fn a_leftover_that_became_an_image_meanwhile_stays() {
    let store = stored(&[&small_disk()]);
    let [manifest, sums] = ["manifest.json", "SHA256SUMS"].map(|file| {
        let content = store.get("image", file);
        store.set("image", file, None);
        content
    });
    let pruning = library::pruning(&store, &Silent).unwrap();
    store.set("image", "SHA256SUMS", sums);
    store.set("image", "manifest.json", manifest);
    let removed = pruning.carry_out(&store, &pruning.remove[0]);
    assert_eq!(kind_of(&removed), Some(ErrorKind::Refused));
    verify(&store, "image").unwrap();
}

/// Loses a pack of an image at the very moment in which its manifest is complete.
struct Losing(MemoryStore);

struct LosingFiles {
    files: Arc<dyn ImageFiles>,
    store: MemoryStore,
    directory: String,
}

struct LosingWriter {
    writer: Box<dyn FileWriter>,
    store: MemoryStore,
    directory: String,
}

impl Store for Losing {
    fn location(&self) -> String {
        self.0.location()
    }

    fn directories(&self) -> Result<Vec<String>> {
        self.0.directories()
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.0.directory(name)
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let files = self.0.create_directory(name)?;
        let (store, directory) = (self.0.clone(), name.to_owned());
        Ok(Arc::new(LosingFiles { files, store, directory }))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.0.remove_directory(name)
    }

    fn free_space(&self) -> Option<u64> {
        None
    }

    fn max_file_size(&self) -> Option<u64> {
        None
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.0.claim(name)
    }
}

impl ImageFiles for LosingFiles {
    fn location(&self) -> String {
        self.files.location()
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let writer = self.files.create(name)?;
        let (store, directory) = (self.store.clone(), self.directory.clone());
        Ok(match name {
            "manifest.json" => Box::new(LosingWriter { writer, store, directory }),
            _ => writer,
        })
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        self.files.open(name, freshness)
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        self.files.list()
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.files.delete(name)
    }
}

impl FileWriter for LosingWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write(bytes)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let pack = a_pack_of(&self.store, &self.directory);
        self.store.set(&self.directory, &pack, None);
        self.writer.finish()
    }
}

#[test]
fn a_new_image_that_is_not_sound_removes_nothing() {
    let store = stored(&[&small_disk()]);
    let losing: Arc<dyn Store> = Arc::new(Losing(store.clone()));
    let saved = save_to(&losing, vec![source(&other_disk(), "disk0")], replacing());
    let error = saved.unwrap_err();
    assert_eq!((error.kind(), error.message().id()), (ErrorKind::Damaged, "save-unsound"));
    assert!(error.report().contains("image"), "{error:?}");
    assert!(store.get("image", "manifest.json").is_some());
    let image = calco::image::Image::open(store.directory("image").unwrap(), Freshness::Any);
    let report = calco::report::Stage::Verify;
    calco::image::verify(
        &image.unwrap(),
        calco::image::Depth::Full,
        Freshness::Any,
        report,
        &Silent,
    )
    .unwrap();
    assert!(library::pruning(&store, &Silent).unwrap().remove.is_empty());
}

#[test]
fn of_two_saves_of_one_name_both_are_kept() {
    for replace in [false, true] {
        let store = match replace {
            true => stored(&[&small_disk()]),
            false => MemoryStore::default(),
        };
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let options = SaveOptions { replace, ..options("image") };
        let plan = |disk: &[u8]| {
            let sources = vec![source(disk, "disk0")];
            save::plan(sources, shared.clone(), options.clone(), &Silent).unwrap()
        };
        let disks = [small_disk(), other_disk(), vec![7; MIB]];
        let plans = disks.each_ref().map(|disk| plan(disk));
        let outcomes = plans.map(|plan| plan.execute(&Silent).unwrap());
        let names = outcomes.each_ref().map(|outcome| outcome.name.as_str());
        assert_eq!(names, ["image", "image-2", "image-3"], "replace {replace}");
        assert!(outcomes[0].warnings.is_empty());
        for (number, outcome) in outcomes.iter().enumerate().skip(1) {
            let warning = outcome.warnings.iter().find(|warning| warning.id() == "save-name-lost");
            let warning = warning.expect("it is told").to_string();
            let directory = outcome.location.rsplit_once('/').unwrap().1;
            let manifest = manifest_of(&store, directory);
            assert_eq!(manifest.replaces, None, "it replaces nothing");
            assert!(manifest.warnings.iter().any(|kept| kept.to_string() == warning));
            let log = String::from_utf8(store.get(directory, "log.txt").unwrap()).unwrap();
            assert!(log.contains(&warning), "{log}");
            // It is found by the name it has now.
            let found = library::find(&store, &outcome.name).unwrap();
            assert_eq!(found.location(), directory);
            verify(&store, &outcome.name).unwrap();
            let image = open(&store, &outcome.name).unwrap();
            assert_eq!(image.manifest().image_id, outcomes[number].image_id);
        }
        assert_eq!(library::list(&store, &Silent).unwrap().len(), 3, "replace {replace}");
        assert!(library::prunable(&store, &Silent).unwrap().is_empty());
    }
}

#[test]
fn savers_that_end_at_the_same_moment_get_names_of_their_own() {
    const SAVERS: usize = 6;
    let folder = folder();
    let barrier = Barrier::new(SAVERS);
    let mut names: Vec<String> = std::thread::scope(|scope| {
        let savers: Vec<_> = (0..SAVERS)
            .map(|number| {
                let (folder, barrier) = (folder.path(), &barrier);
                scope.spawn(move || {
                    let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder).unwrap());
                    let mut disk = small_disk();
                    disk[450 * KIB] = number as u8;
                    let sources = vec![source(&disk, "disk0")];
                    let plan = save::plan(sources, store, options("image"), &Silent).unwrap();
                    barrier.wait();
                    plan.execute(&Silent).unwrap().name
                })
            })
            .collect();
        savers.into_iter().map(|saver| saver.join().unwrap()).collect()
    });
    names.sort_unstable();
    assert_eq!(names, ["image", "image-2", "image-3", "image-4", "image-5", "image-6"]);
    let store = LocalStore::open(folder.path()).unwrap();
    for name in names {
        verify(&store, &name).unwrap();
    }
}

#[test]
fn a_folder_that_somebody_renamed_is_called_as_it_is_now() {
    let store = stored(&[&small_disk()]);
    for (name, bytes) in copy_of(&store, "image").1 {
        store.set("last year", &name, Some(bytes));
    }
    library::delete(&store, "image").unwrap();
    let kept = manifest_of(&store, "last year").image_id;
    // The name is free, and the next save but one removes only what has it.
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    for options in [options("image"), replacing()] {
        let saved = save_to(&shared, vec![source(&other_disk(), "disk0")], options).unwrap();
        assert!(saved.warnings.is_empty());
        assert_eq!(open(&store, "image").unwrap().manifest().image_id, saved.image_id);
    }
    assert_eq!(open(&store, "last year").unwrap().manifest().image_id, kept);
    assert!(library::prunable(&store, &Silent).unwrap().is_empty());
    let names: Vec<String> =
        library::list(&store, &Silent).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["image", "last year"]);
}

/// Two finished images of one name, as an older version could leave them.
fn twins() -> (MemoryStore, Vec<String>) {
    let store = stored(&[&small_disk()]);
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let saved = save_to(&shared, vec![source(&other_disk(), "disk0")], options("other")).unwrap();
    let directory = format!("image~{}", saved.image_id.short());
    for (name, bytes) in copy_of(&store, "other").1 {
        store.set(&directory, &name, Some(bytes));
    }
    forge(&store, &directory, |manifest| manifest.name = "image".into());
    library::delete(&store, "other").unwrap();
    (store, vec!["image".into(), directory])
}

#[test]
fn a_name_that_two_images_have_is_no_guess() {
    let (store, made) = twins();
    let error = library::find(&store, "image").map(drop).unwrap_err();
    assert_eq!((error.kind(), error.message().id()), (ErrorKind::Refused, "library-ambiguous"));
    let report = error.report();
    for directory in &made {
        assert!(report.contains(&format!("/{directory}  =  ")), "{report}");
        // What it tells to write means one of them.
        let id = manifest_of(&store, directory).image_id.short();
        let word = format!("image~{id}");
        assert!(report.contains(&word), "{report}");
        assert_eq!(library::find(&store, &word).unwrap().location(), *directory);
    }
    assert_eq!(kind_of(&library::find(&store, "image~01234567")), Some(ErrorKind::NotFound));
    // A save that is to replace it cannot know which.
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let saved = save_to(&shared, vec![source(&small_disk(), "disk0")], replacing());
    assert_eq!(kind_of(&saved), Some(ErrorKind::Refused));
    // One whose description is damaged may be the one that is meant.
    store.set(&made[0], "manifest.json", Some(b"{\"calco\":\"manifest\"".to_vec()));
    assert_eq!(kind_of(&library::find(&store, "image")), Some(ErrorKind::Refused));
    // Under another name it is what a save leaves that was cut off at its end.
    for (name, bytes) in copy_of(&store, &made[0]).1 {
        store.set("image~00000000", &name, Some(bytes));
    }
    let kept = library::find(&store, &format!("image~{}", &made[1][6..])).unwrap();
    assert_eq!(kept.location(), made[1]);
    // Once one has gone, the name is clear.
    library::delete(&store, &made[0]).unwrap();
    assert_eq!(library::find(&store, "image").unwrap().location(), made[1]);
}

#[test]
fn a_damaged_image_can_be_replaced() {
    let store = stored(&[&small_disk()]);
    store.set("image", "manifest.json", Some(b"{\"calco\":\"manifest\"".to_vec()));
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let saved = save_to(&shared, vec![source(&other_disk(), "disk0")], replacing()).unwrap();
    assert_eq!(saved.name, "image");
    // What it holds is unknown, so it stays, and is in nobody's way.
    assert!(store.get("image", "manifest.json").is_some());
    let found = open(&store, "image").unwrap();
    assert_eq!(found.manifest().image_id, saved.image_id);
    let conditions: Vec<Condition> =
        library::list(&store, &Silent).unwrap().iter().map(|entry| entry.condition).collect();
    assert_eq!(conditions, [Condition::Damaged, Condition::Finished]);
}

#[test]
fn an_image_behind_a_link_is_listed_and_never_deleted_through_it() {
    let (folder, elsewhere) = (folder(), folder());
    let real: Arc<dyn Store> = Arc::new(LocalStore::open(elsewhere.path()).unwrap());
    save_to(&real, vec![source(&small_disk(), "disk0")], options("office")).unwrap();
    let cut = elsewhere.path().join("cut");
    std::fs::create_dir(&cut).unwrap();
    std::fs::write(cut.join("header.json"), b"{\"calco\":\"hea").unwrap();
    for (target, name) in [("office", "moved"), ("cut", "cut"), ("nowhere", "lost")] {
        let (target, link) = (elsewhere.path().join(target), folder.path().join(name));
        std::os::unix::fs::symlink(target, link).unwrap();
    }
    std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let entries = library::list(&store, &Silent).unwrap();
    let found: Vec<_> =
        entries.iter().map(|entry| (entry.directory.as_str(), entry.condition)).collect();
    assert_eq!(found, [("cut", Condition::Unfinished), ("moved", Condition::Finished)]);
    verify(&store, "moved").unwrap();
    // Neither the image nor the leftover is this store's to delete.
    for name in ["moved", "cut"] {
        let error = library::delete(&store, name).unwrap_err();
        assert_eq!((error.kind(), error.message().id()), (ErrorKind::Refused, "library-is-link"));
    }
    let pruning = library::pruning(&store, &Silent).unwrap();
    assert!(pruning.remove.is_empty());
    assert_eq!(directories(&pruning.keep), ["cut"]);
    verify(real.as_ref(), "office").unwrap();
    assert!(cut.join("header.json").exists());
    // One that is replaced stays too, and it is told.
    std::os::unix::fs::symlink(elsewhere.path().join("office"), folder.path().join("office"))
        .unwrap();
    let shared: Arc<dyn Store> = Arc::new(store);
    let replace = SaveOptions { replace: true, ..options("office") };
    let saved = save_to(&shared, vec![source(&other_disk(), "disk0")], replace).unwrap();
    assert!(saved.warnings.iter().any(|warning| warning.id() == "save-old-stays"));
    verify(real.as_ref(), "office").unwrap();
    let image = open(shared.as_ref(), "office").unwrap();
    assert_eq!(image.manifest().image_id, saved.image_id);
}

/// A store that takes no file longer than this.
struct Small(MemoryStore, u64);

impl Store for Small {
    fn location(&self) -> String {
        self.0.location()
    }

    fn directories(&self) -> Result<Vec<String>> {
        self.0.directories()
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.0.directory(name)
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.0.create_directory(name)
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.0.remove_directory(name)
    }

    fn free_space(&self) -> Option<u64> {
        None
    }

    fn max_file_size(&self) -> Option<u64> {
        Some(self.1)
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.0.claim(name)
    }
}

#[test]
fn an_index_that_the_destination_cannot_hold_is_refused_beforehand() {
    let mut disk = small_disk();
    // Each chunk another one, so that the index does not compress well.
    Random::new(3).fill(&mut disk[320 * KIB..]);
    let save = |limit: u64| {
        let memory = MemoryStore::default();
        let store: Arc<dyn Store> = Arc::new(Small(memory.clone(), limit));
        let saved = save_to(&store, vec![source(&disk, "disk0")], options("image"));
        (memory, saved)
    };
    let (memory, saved) = save(1 << 30);
    saved.unwrap();
    let names = file_names(&memory, "image");
    let index = names.iter().find(|name| name.ends_with(".index")).unwrap();
    let length = memory.get("image", index).unwrap().len() as u64;
    let (memory, saved) = save(length - 1);
    let error = saved.unwrap_err();
    assert_eq!((error.kind(), error.message().id()), (ErrorKind::NoSpace, "save-index-too-long"));
    assert!(memory.directories().unwrap().is_empty(), "nothing was written");
    let longest = calco::image::longest_index(16, 16);
    assert!(length <= longest && longest < 4 * length, "{length} of {longest}");
}
