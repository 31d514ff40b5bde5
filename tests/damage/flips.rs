//! One flipped bit, one byte less, one file missing: for every file of an image, at every byte.

use crate::support::*;
use calco::error::ErrorKind;
use calco::store::{MemoryStore, Store};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A damage to a file: its new bytes, or none when it is gone.
type Damage = Option<Vec<u8>>;

/// Verify and restore must both say that the image is damaged, and the target stay as it was.
fn must_be_found(store: &MemoryStore, file: &str, damage: Damage, also_restore: bool, what: &str) {
    store.set("image", file, damage);
    let verified = verify(store, "image");
    assert_eq!(kind_of(&verified), Some(ErrorKind::Damaged), "verify, {file}, {what}");
    if also_restore {
        let target = Target::new(vec![0xEE; MIB]);
        let restored = restore(store, 0, None, &target);
        assert_eq!(kind_of(&restored), Some(ErrorKind::Damaged), "restore, {file}, {what}");
        assert_eq!(target.written(), 0, "{file}, {what}: the target was written");
    }
}

/// Runs `check` for every position of every file, in as many threads as there are cores.
fn at_every_byte(check: impl Fn(&MemoryStore, &str, &[u8], usize) + Sync) {
    let original = stored(&[&small_disk()]);
    let files: Vec<(String, Vec<u8>)> = file_names(&original, "image")
        .into_iter()
        .map(|name| (name.clone(), original.get("image", &name).unwrap()))
        .collect();
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(files.len() >= 7, "{files:?}");
    assert!(total < 40 * KIB, "the image has {total} bytes");
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                // A copy of its own, in which one file at a time is damaged.
                let store = MemoryStore::default();
                for (name, bytes) in &files {
                    store.set("image", name, Some(bytes.clone()));
                }
                loop {
                    let mut position = next.fetch_add(1, Ordering::SeqCst);
                    let Some((name, bytes)) = files.iter().find(|(_, bytes)| {
                        let here = position < bytes.len();
                        if !here {
                            position -= bytes.len();
                        }
                        here
                    }) else {
                        break;
                    };
                    check(&store, name, bytes, position);
                    store.set("image", name, Some(bytes.clone()));
                }
                verify(&store, "image").unwrap();
            });
        }
    });
    assert!(next.into_inner() >= total);
}

#[test]
fn every_flipped_bit_is_found() {
    at_every_byte(|store, name, bytes, position| {
        let mut changed = bytes.to_vec();
        changed[position] ^= 1 << ((position * 5 + position / 8) % 8);
        must_be_found(store, name, Some(changed), true, &format!("flipped at {position}"));
    });
}

#[test]
fn every_missing_byte_is_found() {
    at_every_byte(|store, name, bytes, position| {
        let cut = bytes[..position].to_vec();
        must_be_found(store, name, Some(cut), position % 8 == 0, &format!("cut at {position}"));
        let mut without = bytes.to_vec();
        without.remove(position);
        let what = format!("without byte {position}");
        must_be_found(store, name, Some(without), position % 8 == 4, &what);
    });
}

#[test]
fn every_missing_longer_or_exchanged_file_is_found() {
    let original = stored(&[&small_disk()]);
    let mut other_disk = small_disk();
    other_disk[450 * KIB] ^= 1;
    let other = stored(&[&other_disk]);
    let names = file_names(&original, "image");
    let other_names = file_names(&other, "image");
    for (name, other_name) in names.iter().zip(&other_names) {
        let bytes = original.get("image", name).unwrap();
        must_be_found(&original, name, None, true, "missing");
        must_be_found(&original, name, Some(Vec::new()), true, "empty");
        let longer = [&bytes[..], &[0]].concat();
        must_be_found(&original, name, Some(longer), true, "longer");
        let doubled = [&bytes[..], &bytes[..]].concat();
        must_be_found(&original, name, Some(doubled), true, "doubled");
        let foreign = other.get("image", other_name).unwrap();
        if foreign != bytes {
            must_be_found(&original, name, Some(foreign), true, "of another image");
        }
        must_be_found(&original, name, Some(vec![0; bytes.len()]), true, "zeros");
        original.set("image", name, Some(bytes));
    }
    // Every pair of files of one image exchanged.
    for (position, one) in names.iter().enumerate() {
        for two in &names[position + 1..] {
            let (a, b) = (original.get("image", one), original.get("image", two));
            original.set("image", one, b.clone());
            must_be_found(&original, two, a.clone(), true, &format!("exchanged with {one}"));
            original.set("image", one, a);
            original.set("image", two, b);
        }
    }
    verify(&original, "image").unwrap();
    // Other files beside it are nobody's business.
    for junk in ["lost+found", ".DS_Store", "validated-1.json", "ffff-000000.pack", "x.index"] {
        original.set("image", junk, Some(b"junk".to_vec()));
    }
    verify(&original, "image").unwrap();
    let target = Target::new(vec![0xEE; MIB]);
    restore(&original, 0, None, &target).unwrap();
}

fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_binary_finds_it_too_and_sha256sum_agrees() {
    let folder = folder();
    let disk = folder.path().join("disk.img");
    std::fs::write(&disk, small_disk()).unwrap();
    let target = folder.path().join("target.img");
    let garbage = vec![0xEE; MIB];
    std::fs::write(&target, &garbage).unwrap();
    let (disk, to) = (utf8(&disk), utf8(folder.path()));
    let (code, _, text) = run(&["save", disk, "--to", to, "--name", "image"]);
    assert_eq!(code, 0, "{text}");
    let image = folder.path().join("image");
    let sums = || {
        std::process::Command::new("sha256sum")
            .args(["--strict", "--status", "-c", "SHA256SUMS"])
            .current_dir(&image)
            .status()
            .unwrap()
            .success()
    };
    assert!(sums(), "sha256sum refuses a sound image");
    assert_eq!(run(&["verify", utf8(&image)]).0, 0);

    let found = |what: &str, is_in_sums: bool| {
        let (code, _, text) = run(&["verify", utf8(&image)]);
        assert_eq!(code, 3, "verify, {what}: {text}");
        assert!(!text.contains("panicked") && text.lines().count() < 25, "{what}: {text}");
        let (code, _, text) = run(&["restore", utf8(&image), "--to", utf8(&target), "--yes"]);
        assert_eq!(code, 3, "restore, {what}: {text}");
        assert!(std::fs::read(&target).unwrap() == garbage, "{what}: the target was written");
        assert!(!is_in_sums || !sums(), "{what}: sha256sum found nothing");
    };
    for file in files_of(&image) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&file).unwrap();
        let others = name != "SHA256SUMS";
        let middle = bytes.len() / 2;
        for position in [0, middle, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[position] ^= 0x04;
            std::fs::write(&file, &changed).unwrap();
            found(&format!("{name} flipped at {position}"), others);
        }
        for length in [0, middle, bytes.len() - 1] {
            std::fs::write(&file, &bytes[..length]).unwrap();
            found(&format!("{name} cut at {length}"), others);
        }
        std::fs::remove_file(&file).unwrap();
        found(&format!("{name} missing"), others);
        std::fs::create_dir(&file).unwrap();
        found(&format!("{name} is a folder"), others);
        std::fs::remove_dir(&file).unwrap();
        if rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .is_ok()
        {
            found(&format!("{name} is a pipe that nobody writes"), false);
            std::fs::remove_file(&file).unwrap();
        }
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        found(&format!("{name} leads to /dev/zero"), false);
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(run(&["verify", utf8(&image)]).0, 0);
    let (code, _, text) = run(&["restore", utf8(&image), "--to", utf8(&target), "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert!(std::fs::read(&target).unwrap() == small_disk());
}

/// A store is a folder that anybody may have put things into.
#[test]
fn foreign_files_in_a_destination_are_passed_over() {
    let store = stored(&[&small_disk()]);
    store.set("photos", "a.jpg", Some(vec![1, 2, 3]));
    store.set("empty", "x", Some(vec![]));
    let entries = calco::operation::library::list(&store, &calco::report::Silent).unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(store.directories().unwrap().len(), 3);
}
