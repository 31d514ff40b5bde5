//! The real binary, killed at random moments of a save and of a restore.

use crate::support::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each run is killed.
const KILLS: u32 = 100;
const DISK: usize = 96 * MIB;

/// A disk of which most is in use, half of it content that does not shrink.
fn make_disk(path: &Path, seed: u64) {
    let mut disk = vec![0; DISK];
    let sectors = (DISK / 512) as u64;
    write_gpt(&mut disk, 512, &[(2048, 8192), (16384, sectors - 16384 - 2048)]);
    let mut random = Random::new(seed);
    for piece in disk[8 * MIB..DISK - 2 * MIB].chunks_mut(MIB) {
        random.fill(&mut piece[..512 * KIB]);
        piece[512 * KIB..].fill(seed as u8);
    }
    std::fs::write(path, disk).unwrap();
}

struct Place {
    folder: tempfile::TempDir,
    store: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        let store = folder.path().join("store");
        std::fs::create_dir(&store).unwrap();
        Self { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn image(&self, name: &str) -> String {
        utf8(&self.store.join(name)).to_owned()
    }

    fn conditions(&self) -> Vec<(String, String, String)> {
        let (code, json, text) = run(&["--json", "images", utf8(&self.store)]);
        assert_eq!(code, 0, "{text}");
        let json: Value = serde_json::from_str(&json).unwrap();
        let field = |image: &Value, name: &str| image[name].as_str().unwrap().to_owned();
        json["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|image| {
                (field(image, "directory"), field(image, "name"), field(image, "condition"))
            })
            .collect()
    }

    /// Deletes what is left of a save, where an image may have its name: by the word that is said then.
    #[track_caller]
    fn delete_leftover(&self, directory: &str) {
        let image = self.image(directory);
        let (code, _, text) = run(&["delete", &image, "--yes"]);
        if code == 5 {
            let words = text.lines().filter_map(|line| line.split_once("  =  "));
            let mut own = words.filter(|(place, _)| place.trim() == image);
            let (_, word) = own.next().unwrap_or_else(|| panic!("{text}"));
            let (code, _, text) = run(&["delete", word, "--yes"]);
            assert_eq!(code, 0, "{text}");
        } else {
            assert_eq!(code, 0, "{text}");
        }
    }
}

fn same(one: &Path, other: &Path) -> bool {
    Command::new("cmp").arg("-s").args([one, other]).status().unwrap().success()
}

/// Runs the binary and kills it after `moment`; answers whether it had come to its end before.
fn kill_after(arguments: &[&str], moment: Duration) -> bool {
    let begun = Instant::now();
    let mut child = calco()
        .args(["--progress", "none"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{arguments:?}: {status}");
            return true;
        }
        let left = moment.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(Duration::from_millis(1)));
    }
    child.kill().unwrap();
    child.wait().unwrap().success()
}

/// Moments to kill at, spread over a run, a random one in each hundredth of it. How long a run
/// takes depends on what else the machine does, so what is taken for its length follows what is seen:
/// about one run in four comes to its end, and none of its hundredths is left out.
struct Moments {
    whole: Duration,
    random: Random,
}

impl Moments {
    /// `run` is what will be killed.
    fn of(run: impl FnOnce()) -> Self {
        let begun = Instant::now();
        run();
        Self { whole: begun.elapsed(), random: Random::new(u64::from(std::process::id())) }
    }

    fn moment(&mut self, number: u32) -> Duration {
        let within = self.random.below(1000) as f64 / 1000.0;
        // The order is not that of time, so that all parts of a run follow what was seen.
        let hundredth = f64::from(number * 37 % KILLS);
        self.whole.mul_f64((hundredth + within) / f64::from(KILLS))
    }

    fn learn(&mut self, has_ended: bool) {
        self.whole = self.whole.mul_f64(if has_ended { 0.97 } else { 1.01 });
    }
}

#[test]
fn a_save_leaves_whole_images_or_unfinished_ones() {
    let place = Place::new();
    let (first, second) = (place.path("first.img"), place.path("second.img"));
    make_disk(&first, 1);
    make_disk(&second, 2);
    let store = utf8(&place.store).to_owned();
    let save = |disk: &Path, name: &str, more: &[&str]| {
        let arguments = [&["save", utf8(disk), "--to", &store, "--name", name], more].concat();
        let (code, _, text) = run(&arguments);
        assert_eq!(code, 0, "{text}");
    };
    save(&first, "kept", &[]);
    save(&first, "image", &[]);
    let mut moments = Moments::of(|| save(&second, "image", &["--replace"]));
    save(&first, "image", &["--replace"]);
    let kept = std::fs::read(place.store.join("kept/manifest.json")).unwrap();

    let target = place.path("target.img");
    let (mut ended, mut unfinished_seen) = (0, 0);
    // What the image of that name holds now.
    let mut current = first.clone();
    for number in 0..KILLS {
        let moment = moments.moment(number);
        let next = if current == first { &second } else { &first };
        let arguments = ["save", utf8(next), "--to", &store, "--name", "image", "--replace"];
        let is_complete = kill_after(&arguments, moment);
        moments.learn(is_complete);
        let what = format!("kill {number} after {moment:?} of {:?}", moments.whole);

        let listed = place.conditions();
        for (directory, _, condition) in &listed {
            match condition.as_str() {
                "finished" | "replaced" => {
                    let (code, _, text) = run(&["verify", &place.image(directory)]);
                    assert_eq!(code, 0, "{what}: {directory}: {text}");
                }
                "unfinished" => unfinished_seen += 1,
                other => panic!("{what}: {directory} is {other}"),
            }
        }
        // Exactly one image has the name, and it is one of the two disks, whole.
        let finished: Vec<_> = listed
            .iter()
            .filter(|(_, name, condition)| name == "image" && condition == "finished")
            .collect();
        assert_eq!(finished.len(), 1, "{what}: {listed:?}");
        assert!(
            listed.iter().any(|(_, name, condition)| name == "kept" && condition == "finished")
        );
        std::fs::write(&target, vec![0xEE; DISK]).unwrap();
        let (code, _, text) = run(&[
            "restore",
            &place.image("image"),
            "--to",
            utf8(&target),
            "--yes",
            "--no-verify",
            "--no-precheck",
        ]);
        assert_eq!(code, 0, "{what}: {text}");
        let is_new = same(&target, next);
        assert!(is_new || same(&target, &current), "{what}: neither the old nor the new disk");
        assert!(is_new || !is_complete, "{what}: it said that it was done");
        if is_new {
            current = next.clone();
        }
        ended += u32::from(is_complete);
        // Leftovers never stand in the way; every tenth time they are cleaned up.
        if number % 10 == 9 {
            // What lacks its manifest alone could be an image that lost it: by name only.
            for (directory, _, condition) in place.conditions() {
                let image = place.store.join(&directory);
                let lacks_manifest = condition == "unfinished"
                    && image.join("SHA256SUMS").exists()
                    && std::fs::metadata(image.join("manifest.json")).map_or(0, |m| m.len()) == 0;
                if lacks_manifest {
                    place.delete_leftover(&directory);
                }
            }
            let (code, _, text) = run(&["prune", &store, "--unfinished", "--yes"]);
            assert_eq!(code, 0, "{what}: {text}");
            assert_eq!(place.conditions().len(), 2, "{what}");
        }
    }
    assert!(std::fs::read(place.store.join("kept/manifest.json")).unwrap() == kept);
    assert!(ended < KILLS / 2, "{ended} runs ended before they were killed");
    assert!(unfinished_seen > 20, "only {unfinished_seen} unfinished images were seen");
}

/// Whether `target` has a partition table that is not that of the complete `disk`. The table is
/// written last and in parts: our own reader knows it by its first part, when all else is there.
fn has_table(target: &Path, disk: &Path) -> bool {
    let dumped = Command::new("sfdisk").arg("-d").arg(target).output().unwrap();
    let (code, json, text) = run(&["--json", "map", utf8(target)]);
    assert_eq!(code, 0, "{text}");
    let json: Value = serde_json::from_str(&json).unwrap();
    let volumes = json["disks"][0]["volumes"].as_array().unwrap();
    let is_known = volumes.iter().any(|volume| !volume["partition"].is_null());
    let rest = |path: &Path| std::fs::read(path).unwrap()[34 * 512..DISK - 34 * 512].to_vec();
    dumped.status.success() || (is_known && rest(target) != rest(disk))
}

fn blkid(disk: &Path) -> String {
    let probed = Command::new("blkid").args(["-p", "-o", "value", "-s", "TYPE"]).arg(disk).output();
    String::from_utf8(probed.unwrap().stdout).unwrap()
}

/// Restores over `old` again and again, killed each time; `is_recognized` must say no of every
/// target that is not complete.
fn restore_killed(disk: &Path, place: &Place, old: &[u8], is_recognized: fn(&Path, &Path) -> bool) {
    let store = utf8(&place.store).to_owned();
    let (code, _, text) = run(&["save", utf8(disk), "--to", &store, "--name", "image"]);
    assert_eq!(code, 0, "{text}");
    let target = place.path("target.img");
    let image = place.image("image");
    let arguments = ["restore", &image, "--to", utf8(&target), "--yes"];
    std::fs::write(&target, old).unwrap();
    let mut moments = Moments::of(|| {
        let (code, _, text) = run(&arguments);
        assert_eq!(code, 0, "{text}");
    });
    let (mut untouched, mut broken, mut complete) = (0, 0, 0);
    for number in 0..KILLS {
        let moment = moments.moment(number);
        std::fs::write(&target, old).unwrap();
        let ended = kill_after(&arguments, moment);
        moments.learn(ended);
        let what = format!("kill {number} after {moment:?} of {:?}", moments.whole);
        if same(&target, disk) {
            complete += 1;
            continue;
        }
        assert!(!ended, "{what}: it said that it was done");
        if std::fs::read(&target).unwrap() == old {
            untouched += 1;
            continue;
        }
        assert!(!is_recognized(&target, disk), "{what}: the target looks whole");
        broken += 1;
        if number % 10 == 0 {
            let (code, _, text) = run(&arguments);
            assert_eq!(code, 0, "{what}: {text}");
            assert!(same(&target, disk), "{what}: restored again, and not equal");
        }
    }
    eprintln!("{untouched} before the first write, {broken} in the middle, {complete} complete");
    // Where the moments fall depends on how busy the machine is.
    assert!(broken >= 5, "{untouched} untouched, {broken} broken, {complete} complete");
    let (code, _, _) = run(&["verify", &image]);
    assert_eq!(code, 0);
}

#[test]
fn a_restore_leaves_no_table_until_it_is_complete() {
    let place = Place::new();
    let disk = place.path("disk.img");
    make_disk(&disk, 3);
    let mut old = vec![0x5A; DISK];
    write_gpt(&mut old, 512, &[(2048, 100_000)]);
    restore_killed(&disk, &place, &old, has_table);
}

#[test]
fn a_restore_leaves_no_file_system_until_it_is_complete() {
    let place = Place::new();
    let disk = place.path("disk.img");
    let tree = place.path("tree");
    std::fs::create_dir(&tree).unwrap();
    let mut content = vec![0; 60 * MIB];
    Random::new(11).fill(&mut content);
    std::fs::write(tree.join("file"), content).unwrap();
    std::fs::File::create(&disk).unwrap().set_len(DISK as u64).unwrap();
    let made =
        Command::new("mke2fs").args(["-q", "-t", "ext4", "-d"]).args([&tree, &disk]).status();
    assert!(made.unwrap().success());
    // Unused blocks are not in the image: on a target of zeros the result is the whole disk, as
    // far as mke2fs left its unused blocks zero.
    restore_killed(&disk, &place, &vec![0; DISK], |target, disk| {
        assert!(!blkid(disk).is_empty());
        !blkid(target).is_empty()
    });
}

#[test]
fn a_save_that_ended_before_the_first_byte_of_its_manifest_is_unfinished() {
    let place = Place::new();
    let disk = place.path("disk.img");
    make_disk(&disk, 1);
    let store = utf8(&place.store);
    let save = ["save", utf8(&disk), "--to", store, "--name", "image"];
    assert_eq!(run(&save).0, 0);
    std::fs::write(place.store.join("image/manifest.json"), "").unwrap();
    assert_eq!(place.conditions()[0].2, "unfinished");
    let (code, _, text) = run(&["verify", &place.image("image")]);
    assert_eq!(code, 3, "{text}");
    // Its name is free. It may be all that is left of an image, so it goes only by its name.
    assert_eq!(run(&save).0, 0);
    let (code, _, text) = run(&["prune", store, "--unfinished", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(place.conditions().len(), 2);
    let (code, _, text) = run(&["delete", &place.image("image"), "--yes"]);
    assert_eq!((code, place.conditions().len()), (5, 2), "{text}");
    place.delete_leftover("image");
    let left = place.conditions();
    assert_eq!((left.len(), left[0].2.as_str()), (1, "finished"));
}
