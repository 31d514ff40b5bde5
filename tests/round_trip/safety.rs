//! What is refused, what an interruption leaves, and that a refusal changes nothing.

use crate::source::{save, small};
use crate::support::command::{
    calco, calco_command, finish, has_tools, is_root, skipped, text, tool, try_tool,
};
use crate::support::loops::{Loop, Mount};
use crate::support::{MIB, disk, tree};
use calco::block::BlockTarget as _;
use calco::block::device::{Access, Device};
use calco::image::{Freshness, Image};
use calco::store::{LocalStore, Store as _};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The image of a small disk, and a target full of garbage.
fn image_and_target(folder: &Path) -> (String, std::path::PathBuf) {
    let source = folder.join("source.img");
    disk::garbage(&source, 6 * MIB, 30);
    let image = save(&[text(&source)], &folder.join("store"), "image");
    let target = folder.join("target.img");
    disk::garbage(&target, 24 * MIB, 31);
    (image, target)
}

/// Does something and says whether a file is still the same.
#[track_caller]
fn assert_untouched(file: &Path, action: impl FnOnce()) {
    let copy = file.with_extension("copy");
    fs::copy(file, &copy).unwrap();
    action();
    let length = fs::metadata(&copy).unwrap().len();
    assert_eq!(fs::metadata(file).unwrap().len(), length);
    disk::assert_same("a refused target", &copy, file, 0, length);
    fs::remove_file(copy).unwrap();
}

#[test]
fn without_a_terminal_nothing_is_destroyed_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (image, target) = image_and_target(folder.path());
    assert_untouched(&target, || {
        calco(&["restore", &image, "--to", text(&target)]).expect(5);
        calco(&["restore", &image, "--to", text(&target), "--json"]).expect(5);
        calco(&["restore", &image, "--to", text(&target), "--dry-run"]).expect(0);
    });
    calco(&["delete", &image]).expect(5);
    calco(&["verify", &image]).expect(0);
}

#[test]
fn names_that_mean_another_disk_tomorrow_are_refused_unattended() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    for name in ["sda", "/dev/sda", "nvme0n1", "/dev/vdz", "/dev/../dev/sdz1"] {
        let run = calco(&["restore", &image, "--to", name, "--yes"]).expect(5);
        assert!(run.stderr.contains("by-id"), "{name}:\n{}", run.stderr);
    }
}

#[test]
fn a_source_given_twice_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let (_, source) = image_and_target(folder.path());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&source, &link).unwrap();
    let store = folder.path().join("empty");
    fs::create_dir(&store).unwrap();
    for other in [&source, &link] {
        let words = ["save", text(&source), text(other), "--to", text(&store), "--name", "twice"];
        calco(&words).expect(2);
    }
    assert_eq!(fs::read_dir(&store).unwrap().count(), 0);
}

#[test]
fn a_target_inside_the_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let packs = fs::read_dir(&image).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack"));
    let pack = pack.unwrap();
    assert_untouched(&pack, || {
        calco(&["restore", &image, "--to", text(&pack), "--yes"]).expect(5);
    });
    calco(&["verify", &image]).expect(0);
}

#[test]
fn a_mounted_target_is_refused_and_a_mounted_source_only_when_it_can_change() {
    if !has_tools(&["mke2fs", "losetup", "mount"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let file = folder.path().join("ext4.img");
    disk::blank(&file, 32 * MIB);
    tool("mke2fs", &["-q", "-F", "-t", "ext4", text(&file)]);
    let Some(device) = Loop::attach(&file, 512) else { return };
    let store = folder.path().join("store");
    let folder_of_mount = folder.path().join("mounted");
    let restore = ["restore", &image, "--to", device.text(), "--yes"];
    let save = |name: &str| calco(&["save", device.text(), "--to", text(&store), "--name", name]);

    let mount = Mount::new(device.text(), &folder_of_mount, "rw");
    fs::write(mount.path().join("alive"), "alive").unwrap();
    calco(&restore).expect(5);
    save("mounted").expect(5);
    assert_eq!(fs::read_to_string(mount.path().join("alive")).unwrap(), "alive");
    drop(mount);
    assert!(!store.join("mounted").exists());

    let mount = Mount::new(device.text(), &folder_of_mount, "ro");
    calco(&restore).expect(5);
    save("read only").expect(0);
    drop(mount);
    calco(&["verify", text(&store.join("read only"))]).expect(0);
    tool("e2fsck", &["-fn", text(&file)]);
    calco(&restore).expect(0);
}

#[test]
fn a_mounted_plain_file_is_refused_as_a_target() {
    if !has_tools(&["mke2fs", "losetup", "mount"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let file = folder.path().join("ext4.img");
    disk::blank(&file, 32 * MIB);
    tool("mke2fs", &["-q", "-F", "-t", "ext4", text(&file)]);
    let Some(device) = Loop::attach(&file, 512) else { return };
    let mount = Mount::new(device.text(), &folder.path().join("mounted"), "rw");
    calco(&["restore", &image, "--to", text(&file), "--yes"]).expect(5);
    let store = folder.path().join("store");
    calco(&["save", text(&file), "--to", text(&store), "--name", "x"]).expect(5);
    drop(mount);
    drop(device);
    tool("e2fsck", &["-fn", text(&file)]);
}

#[test]
fn a_swap_area_in_use_is_refused() {
    if !has_tools(&["mkswap", "swapon", "swapoff"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let file = folder.path().join("swap.img");
    disk::garbage(&file, 16 * MIB, 33);
    tool("mkswap", &[text(&file)]);
    let Some(device) = Loop::attach(&file, 512) else { return };
    let (code, answer) = try_tool("swapon", &[device.text()]);
    if code != 0 {
        skipped(&format!("no swap here: {answer}"));
        return;
    }
    let run = calco(&["restore", &image, "--to", device.text(), "--yes"]);
    let store = folder.path().join("store");
    let saved = calco(&["save", device.text(), "--to", text(&store), "--name", "swap"]);
    tool("swapoff", &[device.text()]);
    run.expect(5);
    saved.expect(5);
}

#[test]
fn the_disk_that_holds_the_image_is_refused() {
    if !is_root() || !has_tools(&["mke2fs", "losetup", "mount"]) {
        skipped("needs root and loop devices");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let file = folder.path().join("stick.img");
    disk::blank(&file, 64 * MIB);
    tool("mke2fs", &["-q", "-F", "-t", "ext4", text(&file)]);
    let Some(device) = Loop::attach(&file, 512) else { return };
    let mount = Mount::new(device.text(), &folder.path().join("mounted"), "rw");
    tool("cp", &["-r", &image, text(mount.path())]);
    let there = mount.path().join("image");
    calco(&["verify", text(&there)]).expect(0);
    calco(&["restore", text(&there), "--to", device.text(), "--yes"]).expect(5);
    calco(&["restore", text(&there), "--to", text(&file), "--yes"]).expect(5);
    calco(&["verify", text(&there)]).expect(0);
}

fn list(store: &Path) -> Vec<(String, String)> {
    let document = calco(&["images", text(store), "--json"]).expect(0).json();
    let images = document["images"].as_array().unwrap().clone();
    let word = |image: &serde_json::Value, field: &str| image[field].as_str().unwrap().to_owned();
    images.iter().map(|image| (word(image, "name"), word(image, "condition"))).collect()
}

#[test]
fn an_interrupted_save_is_listed_as_unfinished_and_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let large = folder.path().join("large.img");
    disk::garbage(&large, 200 * MIB, 34);
    let words = ["save", text(&large), "--to", text(&store), "--name", "cut", "--level", "19"];
    let child =
        calco_command().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let has_pack = || {
        let Ok(files) = fs::read_dir(store.join("cut")) else { return false };
        files.flatten().any(|file| file.path().extension().is_some_and(|e| e == "pack"))
    };
    while !has_pack() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no pack appears");
        std::thread::sleep(Duration::from_millis(2));
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    finish("save, interrupted", child).expect(130);

    let names = |condition: &str| -> Vec<String> {
        let all = list(&store).into_iter();
        all.filter(|(_, found)| found == condition).map(|(name, _)| name).collect()
    };
    assert_eq!(names("unfinished"), ["cut"]);
    assert_eq!(names("finished"), ["image"]);
    let cut = store.join("cut");
    calco(&["verify", text(&cut)]).expect(3);
    let target = folder.path().join("target.img");
    assert_untouched(&target, || {
        calco(&["restore", text(&cut), "--to", text(&target), "--yes"]).expect(3);
    });
    // Asked for, since nobody is there to confirm; then gone, and nothing else with it.
    calco(&["prune", text(&store), "--unfinished"]).expect(5);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert!(!cut.exists());
    assert_eq!(list(&store), [("image".to_owned(), "finished".to_owned())]);
    calco(&["verify", &image]).expect(0);
}

#[test]
fn a_name_is_taken_until_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let before = tree::nodes(&store);
    let other = folder.path().join("other.img");
    disk::garbage(&other, 40 * MIB, 35);
    let words = ["save", text(&other), "--to", text(&store), "--name", "image"];
    calco(&words).expect(5);
    assert_eq!(tree::nodes(&store), before);

    // A replacement that does not come to its end leaves the old image alone.
    let child = calco_command()
        .args([&words[..], &["--replace", "--level", "19"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while fs::read_dir(&store).unwrap().count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing appears");
        std::thread::sleep(Duration::from_millis(1));
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    finish("save, killed", child);
    calco(&["verify", &image]).expect(0);
    let after = tree::nodes(&store);
    assert!(before.iter().all(|(path, node)| after.get(path) == Some(node)));

    calco(&[&words[..], &["--replace"]].concat()).expect(0);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert_eq!(list(&store), [("image".to_owned(), "finished".to_owned())]);
    let target = folder.path().join("target.img");
    disk::garbage(&target, 40 * MIB, 36);
    calco(&["restore", text(&store.join("image")), "--to", text(&target), "--yes"]).expect(0);
    disk::assert_same("the new image", &other, &target, 0, 40 * MIB);
}

#[test]
fn a_bad_choice_of_partitions_changes_nothing() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = small(folder.path());
    let store = folder.path().join("empty");
    fs::create_dir(&store).unwrap();
    for (list, code) in [("9", 1), ("1,,1", 2), ("other.img:1", 2), ("x", 2)] {
        let words =
            ["save", text(&source.path), "--partitions", list, "--to", text(&store), "--name", "n"];
        calco(&words).expect(code);
    }
    assert_eq!(fs::read_dir(&store).unwrap().count(), 0);
}

#[test]
fn tables_fit_the_terminal_that_output_is_passed_on_to() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    for columns in [60, 80] {
        let output = calco_command()
            .args(["show", &image])
            .env("COLUMNS", columns.to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let rule = shown.lines().find(|line| line.starts_with('─')).unwrap();
        assert!(rule.chars().count() <= columns, "{shown}");
    }
}

#[test]
fn an_image_that_lost_its_manifest_is_not_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let manifest = Path::new(&image).join("manifest.json");
    let kept = fs::read(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    let shown = calco(&["verify", &image]).expect(3);
    assert!(shown.stderr.contains("no manifest"), "{}", shown.stderr);
    let before = tree::nodes(&store);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert_eq!(tree::nodes(&store), before);
    // The same when a save was stopped between its creation and its first byte.
    fs::write(&manifest, "").unwrap();
    calco(&["verify", &image]).expect(3);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    fs::write(&manifest, kept).unwrap();
    calco(&["verify", &image]).expect(0);
}

#[test]
fn an_image_that_is_being_read_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (image, source) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let reader = LocalStore::open(&store).unwrap();
    let reader = Image::open(reader.directory("image").unwrap(), Freshness::Any).unwrap().held();
    let run = calco(&["delete", &image, "--yes"]).expect(5);
    assert!(run.stderr.contains("reading or writing"), "{}", run.stderr);
    // Others may read it too, and one that takes its name stands beside it.
    calco(&["verify", &image]).expect(0);
    let words = ["save", text(&source), "--to", text(&store), "--name", "image", "--replace"];
    let run = calco(&words).expect(0);
    assert!((run.stdout + &run.stderr).contains("reading or writing"));
    assert!(Path::new(&image).join("manifest.json").exists());
    // Replaced once more: none of the two seems to be the image again, whatever is tried.
    calco(&words).expect(0);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert_eq!(fs::read_dir(&store).unwrap().count(), 3);
    calco(&["verify", &image]).expect(0);
    drop(reader);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert_eq!(fs::read_dir(&store).unwrap().count(), 1);
}

#[test]
fn a_file_that_somebody_writes_meanwhile_makes_no_image() {
    use std::os::unix::fs::FileExt as _;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("running.img");
    disk::garbage(&source, 64 * MIB, 33);
    let writer = fs::File::options().write(true).open(&source).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                writer.write_all_at(b"another moment", 4096).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let words = ["save", text(&source), "--to", text(folder.path()), "--name", "torn"];
        let run = calco(&words);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let run = run.expect(5);
        assert!(run.stderr.contains("was changed"), "{}", run.stderr);
    });
    calco(&["verify", text(&folder.path().join("torn"))]).expect(3);
}

#[test]
fn no_file_of_any_image_is_a_target() {
    let folder = tempfile::tempdir().unwrap();
    let (image, source) = image_and_target(folder.path());
    let other = save(&[text(&source)], &folder.path().join("store"), "other");
    let own = |image: &str| {
        let packs = fs::read_dir(image).unwrap().map(|entry| entry.unwrap().path());
        packs.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap()
    };
    let link = folder.path().join("link.img");
    fs::hard_link(own(&image), &link).unwrap();
    for target in [&own(&other), &link] {
        calco(&["restore", &image, "--to", text(target), "--yes"]).expect(5);
    }
    calco(&["verify", &image, &other]).expect(0);
}

#[test]
fn what_a_list_calls_complete_has_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let packs = fs::read_dir(&image).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack"));
    fs::remove_file(pack.unwrap()).unwrap();
    let shown = calco(&["images", text(&store)]).expect(0).stdout;
    assert!(shown.contains("DAMAGED") && shown.contains(".pack is missing"), "{shown}");
}

#[test]
fn names_from_elsewhere_do_not_command_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("n\nl\u{1b}[31mred.img");
    disk::garbage(&source, 2 * MIB, 34);
    let image = save(&[text(&source)], &folder.path().join("store"), "red");
    let target = folder.path().join("target.img");
    disk::garbage(&target, 2 * MIB, 35);
    let restore = calco(&["restore", &image, "--to", text(&target), "--json"]).expect(5);
    let show = calco(&["show", &image]).expect(0);
    let log = fs::read_to_string(Path::new(&image).join("log.txt")).unwrap();
    for text in [restore.stdout, restore.stderr, show.stdout, log] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn a_program_that_reads_json_gets_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let refused = calco(&["delete", &image, "--json"]).expect(5);
    assert_eq!(refused.json()["error"]["exit_code"], 5);
    for words in [&["save", "--json"][..], &["images", "x", "--wait", "x", "--json"]] {
        assert_eq!(calco(words).expect(2).json()["error"]["exit_code"], 2);
    }
    assert!(refused.stderr.contains(&image), "{}", refused.stderr);
}

#[test]
fn an_image_stays_until_its_replacement_has_been_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let other = folder.path().join("other.img");
    disk::garbage(&other, 40 * MIB, 37);
    let words = ["save", text(&other), "--to", text(&store), "--name", "image", "--replace"];
    calco(&[&words[..], &["--no-verify"]].concat()).expect(0);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    let mut found = list(&store);
    found.sort();
    let expected = ["finished", "replaced"].map(|state| ("image".to_owned(), state.to_owned()));
    assert_eq!(found, expected);
    calco(&["verify", &image]).expect(0);
    // The next one is, and both go.
    calco(&words).expect(0);
    calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0);
    assert_eq!(list(&store), [("image".to_owned(), "finished".to_owned())]);
}

/// Both lie under the same name, one of them in the directory of that name: the word that is told for the
/// old one must not mean the new one.
#[test]
fn an_image_that_was_replaced_is_deleted_by_a_word_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (image, _) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let old = calco(&["show", &image, "--json"]).expect(0).json()["header"]["image_id"].clone();
    let other = folder.path().join("other.img");
    disk::garbage(&other, 40 * MIB, 37);
    let words = ["save", text(&other), "--to", text(&store), "--name", "image", "--replace"];
    let saved = calco(&[&words[..], &["--no-verify"]].concat()).expect(0);
    let word = format!("image~{}", &old.as_str().unwrap()[..8]);
    assert!(
        saved.stdout.contains(&word) || saved.stderr.contains(&word),
        "{}{}",
        saved.stdout,
        saved.stderr
    );
    let shown = calco(&["images", text(&store)]).expect(0).stdout;
    assert!(shown.contains(&word), "{shown}");
    let pruned = calco(&["prune", text(&store), "--unfinished", "--yes"]).expect(0).stdout;
    assert!(pruned.contains(&word), "{pruned}");
    let refused = calco(&["delete", &image, "--yes"]).expect(5).stderr;
    assert!(refused.contains(&word), "{refused}");
    calco(&["delete", text(&store.join(&word)), "--yes"]).expect(0);
    assert_eq!(list(&store), [("image".to_owned(), "finished".to_owned())]);
    let left = calco(&["show", &image, "--json"]).expect(0).json();
    assert_ne!(left["header"]["image_id"], old);
    // Now it is the only one.
    calco(&["delete", &image, "--yes"]).expect(0);
}

/// A folder that somebody renamed gives its image another name: the word is made of that.
#[test]
fn images_that_came_to_one_name_by_hand_have_words_that_mean_them() {
    let folder = tempfile::tempdir().unwrap();
    let (image, target) = image_and_target(folder.path());
    let store = folder.path().join("store");
    let id = calco(&["show", &image, "--json"]).expect(0).json()["header"]["image_id"].clone();
    calco(&["save", text(&target), "--to", text(&store), "--name", "foo"]).expect(0);
    fs::rename(store.join("foo"), store.join("foo~12345678")).unwrap();
    fs::rename(&image, store.join("foo")).unwrap();
    let word = format!("foo~{}", &id.as_str().unwrap()[..8]);
    let shown = calco(&["images", text(&store)]).expect(0).stdout;
    assert!(shown.contains(&word), "{shown}");
    let found = calco(&["show", text(&store.join(&word)), "--json"]).expect(0).json();
    assert_eq!(found["header"]["image_id"], id);
}

#[test]
fn what_of_an_image_is_not_restored_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (one, two, target) = (path("one.img"), path("two.img"), path("target.img"));
    disk::garbage(&one, 4 * MIB, 38);
    disk::garbage(&two, 4 * MIB, 39);
    disk::garbage(&target, 4 * MIB, 40);
    let store = path("store");
    fs::create_dir(&store).unwrap();
    calco(&["save", text(&one), text(&two), "--to", text(&store), "--name", "both"]).expect(0);
    let image = store.join("both");
    let to = format!("one.img={}", text(&target));
    let words = ["restore", text(&image), "--to", &to, "--yes"];
    let shown = calco(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert!(shown.stdout.contains("Nothing is restored of two.img"), "{}", shown.stdout);
    // What was there is kept in a new file only, and that is known before anything else.
    assert_untouched(&target, || {
        calco(&[&words[..], &["--keep-old", text(&two)]].concat()).expect(1);
    });
}

#[test]
fn a_target_that_goes_away_is_said_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("target.img");
    disk::blank(&file, 8 * MIB);
    let Some(device) = Loop::attach(&file, 512) else { return };
    let target = Device::open(device.path(), Access::Target).unwrap();
    target.write_at(4 * MIB, &[1; 4096]).unwrap();
    // The kernel makes a disk that was pulled out one without room.
    fs::File::options().write(true).open(&file).unwrap().set_len(0).unwrap();
    tool("losetup", &["--set-capacity", device.text()]);
    let error = target.write_at(4 * MIB, &[2; 4096]).unwrap_err();
    assert_eq!(error.message().id(), "block-gone", "{}", error.report());
    assert!(error.report().contains("No space left"), "the cause stays: {}", error.report());
}

#[test]
fn in_the_live_system_its_own_medium_is_no_target() {
    let folder = tempfile::tempdir().unwrap();
    let (image, target) = image_and_target(folder.path());
    disk::write(&target, 32 << 10, b"\x01CD001\x01");
    disk::write(&target, (32 << 10) + 40, b"CALCO     ");
    let restore = |live: &str| {
        let mut command = calco_command();
        command.args(["restore", &image, "--to", text(&target), "--dry-run"]);
        command.env("CALCO_LIVE", live).output().unwrap()
    };
    assert_untouched(&target, || {
        let refused = restore("1");
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Calco medium"), "{refused:?}");
        assert_eq!(restore("0").status.code(), Some(0));
    });
}
