//! Copies of images: a copy that counts is whole, whatever failed before; the original is not touched.

use crate::support::*;
use calco::error::{ErrorKind, Result};
use calco::operation::copy::{self, CopyOutcome};
use calco::operation::library::{self, Condition};
use calco::report::Silent;
use calco::store::fault::{FailingStore, Fault};
use calco::store::{MemoryStore, Store};
use std::sync::Arc;

/// An image of two packs and more, so that there is a middle.
fn original() -> MemoryStore {
    stored(&[&small_disk(), &small_disk()[..MIB / 2]])
}

fn copy_to(from: &MemoryStore, to: Arc<dyn Store>) -> Result<CopyOutcome> {
    copy::plan(open(from, "image")?, to, None, &Silent)?.execute(&Silent)
}

#[track_caller]
fn assert_equal(one: &MemoryStore, other: &MemoryStore, directory: &str) {
    assert_eq!(file_names(one, "image"), file_names(other, directory));
    for name in file_names(one, "image") {
        assert!(one.get("image", &name) == other.get(directory, &name), "{name} differs");
    }
}

#[test]
fn a_copy_is_the_same_image() {
    let (from, to) = (original(), MemoryStore::default());
    let outcome = copy_to(&from, Arc::new(to.clone())).unwrap();
    assert!(!outcome.was_there);
    assert_equal(&from, &to, "image");
    verify(&to, "image").unwrap();
    // Once more is no harm.
    assert!(copy_to(&from, Arc::new(to.clone())).unwrap().was_there);
    assert_eq!(library::list(&to, &Silent).unwrap().len(), 1);
    // A copy that went bad is not called good.
    let pack = file_names(&to, "image").into_iter().find(|name| name.ends_with(".pack")).unwrap();
    let mut bytes = to.get("image", &pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    to.set("image", &pack, Some(bytes));
    let again = copy_to(&from, Arc::new(to.clone()));
    assert_eq!(kind_of(&again), Some(ErrorKind::Damaged));
}

#[test]
fn another_image_of_the_name_is_in_the_way_and_stays() {
    let from = original();
    let to = stored(&[&vec![7; MIB]]);
    let before = to.get("image", "manifest.json");
    assert_eq!(kind_of(&copy_to(&from, Arc::new(to.clone()))), Some(ErrorKind::Refused));
    assert_eq!(library::list(&to, &Silent).unwrap().len(), 1);
    assert_eq!(to.get("image", "manifest.json"), before);
    let plan =
        copy::plan(open(&from, "image").unwrap(), Arc::new(to.clone()), Some("second"), &Silent);
    let outcome = plan.unwrap().execute(&Silent).unwrap();
    assert_eq!(outcome.name, "second");
    assert_equal(&from, &to, "second");
    verify(&to, "second").unwrap();
}

#[test]
fn a_damaged_image_is_not_replicated() {
    let from = original();
    for name in file_names(&from, "image") {
        let sound = from.get("image", &name).unwrap();
        for at in [0, sound.len() / 2, sound.len() - 1] {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            from.set("image", &name, Some(bytes));
            let to = MemoryStore::default();
            let copied = copy_to(&from, Arc::new(to.clone()));
            let kind = kind_of(&copied).unwrap_or_else(|| panic!("{name}, byte {at}"));
            // A header of another format version is not damaged for certain.
            assert!(matches!(
                kind,
                ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::NotFound
            ));
            assert!(
                library::list(&to, &Silent)
                    .unwrap()
                    .iter()
                    .all(|entry| entry.condition == Condition::Unfinished)
            );
        }
        from.set("image", &name, Some(sound));
    }
}

#[test]
fn a_store_that_fails_at_any_operation_leaves_no_half_copy_and_the_next_attempt_goes_on() {
    let from = original();
    for fault in [Fault::Once as fn(u64) -> Fault, Fault::From] {
        let mut number = 0;
        loop {
            let to = MemoryStore::default();
            let failing =
                Arc::new(FailingStore::new(Arc::new(to.clone()), fault(number), ErrorKind::Io));
            let copied = copy_to(&from, failing.clone());
            let what = format!("operation {number}: {copied:?}");
            for entry in library::list(&to, &Silent).unwrap() {
                if entry.condition == Condition::Finished {
                    verify(&to, &entry.directory).unwrap_or_else(|error| panic!("{what}: {error}"));
                }
            }
            let operations = failing.operations();
            assert!(
                copied.is_err() || number >= operations || fault(0) == Fault::Once(0),
                "{what}"
            );
            copy_to(&from, Arc::new(to.clone())).unwrap_or_else(|error| panic!("{what}: {error}"));
            verify(&to, "image").unwrap();
            let finished = library::list(&to, &Silent).unwrap();
            assert_eq!(finished.len(), 1, "{what}: {finished:?}");
            number += 1;
            if number > operations {
                assert!(operations > 30, "only {operations} operations were tried");
                break;
            }
        }
    }
}

#[test]
fn what_an_attempt_stored_is_kept_only_where_it_is_sound() {
    let from = original();
    let to = MemoryStore::default();
    let failing = FailingStore::new(Arc::new(to.clone()), Fault::From(25), ErrorKind::Io);
    copy_to(&from, Arc::new(failing)).unwrap_err();
    let there = file_names(&to, "image");
    let pack = there.iter().find(|name| name.ends_with(".pack")).expect("a pack was stored");
    let mut bytes = to.get("image", pack).unwrap();
    bytes[100] ^= 1;
    to.set("image", pack, Some(bytes));
    copy_to(&from, Arc::new(to.clone())).unwrap();
    assert_equal(&from, &to, "image");
}
