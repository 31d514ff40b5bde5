//! A destination that fails at any operation: an error, no image that is not whole, nothing lost.

use crate::support::*;
use calco::error::{ErrorKind, Result};
use calco::operation::library::{self, Condition};
use calco::operation::save::SaveOptions;
use calco::store::fault::{FailingStore, Fault};
use calco::store::{MemoryStore, Store};
use std::sync::Arc;

fn new_disk() -> Vec<u8> {
    let mut disk = small_disk();
    Random::new(77).fill(&mut disk[700 * KIB..900 * KIB]);
    disk
}

/// Saves over `store`, which fails as told; answers how many operations it took.
fn save_failing(
    store: &MemoryStore,
    fault: Fault,
    kind: ErrorKind,
    options: SaveOptions,
) -> (Result<()>, u64) {
    let failing = Arc::new(FailingStore::new(Arc::new(store.clone()), fault, kind));
    let shared: Arc<dyn Store> = failing.clone();
    let saved = save_to(&shared, vec![source(&new_disk(), "disk0")], options).map(drop);
    (saved, failing.operations())
}

/// Whatever is listed as finished must verify and be one of the two disks, whole.
fn check(store: &MemoryStore, what: &str) -> usize {
    let mut finished = 0;
    for entry in library::list(store, &calco::report::Silent).unwrap() {
        match entry.condition {
            Condition::Finished | Condition::Replaced => {
                let image = calco::image::Image::open(
                    store.directory(&entry.directory).unwrap(),
                    calco::image::Freshness::Any,
                )
                .unwrap();
                calco::image::verify(
                    &image,
                    calco::image::Depth::Full,
                    calco::image::Freshness::Medium,
                    calco::report::Stage::Verify,
                    &calco::report::Silent,
                )
                .unwrap_or_else(|error| panic!("{what}: {} is finished: {error:?}", entry.name));
                finished += 1;
            }
            Condition::Unfinished | Condition::InProgress | Condition::Damaged => {}
            Condition::TooNew | Condition::Unreadable => panic!("{what}: {entry:?}"),
        }
    }
    finished
}

fn restored(store: &MemoryStore) -> Vec<u8> {
    let target = Target::new(vec![0xEE; MIB]);
    restore(store, 0, None, &target).unwrap();
    target.disk.to_vec()
}

fn fails_everywhere(replace: bool, fault: fn(u64) -> Fault, kind: ErrorKind) {
    let mut number = 0;
    loop {
        let store = stored(&[&small_disk()]);
        let before: Vec<_> = file_names(&store, "image")
            .into_iter()
            .map(|name| (name.clone(), store.get("image", &name)))
            .collect();
        let name = if replace { "image" } else { "another" };
        let (saved, operations) =
            save_failing(&store, fault(number), kind, SaveOptions { replace, ..options(name) });
        let what = format!("operation {number} of {operations}, {kind:?}, replace {replace}");
        let finished = check(&store, &what);
        match saved {
            Err(error) => {
                assert_eq!(error.kind(), kind, "{what}: {error:?}");
                for (file, bytes) in &before {
                    assert!(store.get("image", file) == *bytes, "{what}: {file} was touched");
                }
                assert!(finished >= 1);
                let found = restored(&store);
                assert!(found == small_disk() || (replace && found == new_disk()), "{what}");
            }
            // The save had its image committed when the removal of the old one failed.
            Ok(()) if replace => assert!(restored(&store) == new_disk(), "{what}"),
            Ok(()) => assert_eq!(finished, 2, "{what}"),
        }
        if number >= operations {
            assert!(operations > 40, "only {operations} operations were tried");
            break;
        }
        // What failed can be pruned, and then only whole images are left.
        for entry in library::prunable(&store, &calco::report::Silent).unwrap() {
            library::delete(&store, &entry.directory).unwrap();
        }
        check(&store, &what);
        number += 1;
    }
}

#[test]
fn a_store_that_fails_once_at_any_operation() {
    fails_everywhere(false, Fault::Once, ErrorKind::Io);
}

#[test]
fn a_store_that_is_gone_from_any_operation_on() {
    fails_everywhere(false, Fault::From, ErrorKind::NoSpace);
}

#[test]
fn a_replacement_that_fails_once() {
    fails_everywhere(true, Fault::Once, ErrorKind::NoSpace);
}

#[test]
fn a_replacement_whose_store_goes_away() {
    fails_everywhere(true, Fault::From, ErrorKind::Io);
}

/// What cannot be looked into is listed: nobody should believe that nothing is there.
#[test]
fn a_directory_that_cannot_be_read_is_said() {
    let store = stored(&[&small_disk()]);
    // The second listing is that of the files of the image.
    let failing = FailingStore::new(Arc::new(store.clone()), Fault::From(1), ErrorKind::Io);
    let entries = library::list(&failing, &calco::report::Silent).unwrap();
    let found: Vec<_> = entries.iter().map(|e| (e.directory.as_str(), e.condition)).collect();
    assert_eq!(found, [("image", Condition::Unreadable)]);
    assert!(entries[0].problem.is_some());
    assert!(library::prunable(&store, &calco::report::Silent).unwrap().is_empty());
}

/// Nobody knows what is on a server that is gone, or what a person did not wait for.
#[test]
fn a_list_that_cannot_be_whole_is_none() {
    let store = stored(&[&small_disk()]);
    for kind in [ErrorKind::Unreachable, ErrorKind::Interrupted] {
        for from in 0..5 {
            let failing = FailingStore::new(Arc::new(store.clone()), Fault::From(from), kind);
            let listed = library::list(&failing, &calco::report::Silent);
            assert_eq!(listed.unwrap_err().kind(), kind, "operation {from}");
        }
    }
    struct Impatient;
    impl calco::report::Report for Impatient {
        fn begin(&self, _: calco::report::Stage, _: u64) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn note(&self, _: &calco::text::Message) {}
        fn is_interrupted(&self) -> bool {
            true
        }
    }
    assert_eq!(library::list(&store, &Impatient).unwrap_err().kind(), ErrorKind::Interrupted);
}

/// Deleting in the middle of which the store fails leaves the image whole or unfinished, and can
/// be done again.
#[test]
fn a_deletion_that_fails_at_any_operation() {
    for number in 0.. {
        let store = stored(&[&small_disk()]);
        let failing =
            FailingStore::new(Arc::new(store.clone()), Fault::From(number), ErrorKind::Io);
        let deleted = library::delete(&failing, "image");
        check(&store, &format!("deletion, operation {number}"));
        if deleted.is_ok() {
            assert!(store.directories().unwrap().is_empty());
            assert!(number >= 9, "{number}");
            break;
        }
        if store.directories().unwrap().contains(&"image".to_owned())
            && !file_names(&store, "image").is_empty()
        {
            library::delete(&store, "image").unwrap();
        }
    }
}
