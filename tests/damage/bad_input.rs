//! Wrong words, disks that lie, destinations that cannot: the exit code of the contract, one
//! screen, nothing written.

use crate::support::*;
use std::path::Path;

/// One screen, no crash, the exit code, what must be said.
#[track_caller]
fn expect(arguments: &[&str], code: i32, says: &[&str]) -> String {
    let begun = std::time::Instant::now();
    let (found, out, err) = run(arguments);
    assert_eq!(found, code, "{arguments:?}: {err}{out}");
    assert!(!err.contains("panicked") && !out.contains("panicked"), "{arguments:?}: {err}");
    let lines = err.lines().count();
    assert!(lines < 25, "{arguments:?}: {lines} lines: {err}");
    if code != 0 && code != 4 {
        assert!(!err.trim().is_empty(), "{arguments:?}: says nothing");
    }
    for text in says {
        let low = err.to_lowercase();
        assert!(low.contains(&text.to_lowercase()), "{arguments:?}: no {text:?} in: {err}");
    }
    assert!(begun.elapsed().as_secs() < 30, "{arguments:?} took {:?}", begun.elapsed());
    err
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn words_that_mean_nothing() {
    let folder = folder();
    let disk = folder.path().join("disk.img");
    std::fs::write(&disk, small_disk()).unwrap();
    let to = folder.path().join("store");
    std::fs::create_dir(&to).unwrap();
    let (disk, to) = (utf8(&disk), utf8(&to));
    let wrong: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["frobnicate"], &["frobnicate"]),
        (&["save"], &[]),
        (&["save", disk], &["--to"]),
        (&["save", disk, "--to"], &["--to"]),
        (&["save", disk, "--to", to, "--nonsense"], &["--nonsense"]),
        (&["save", disk, "--to", to, "--split", "1K"], &["16"]),
        (&["save", disk, "--to", to, "--split", "many"], &["many"]),
        (&["save", disk, "--to", to, "--split", "99999999999999999999G"], &[]),
        (&["save", disk, "--to", to, "--level", "20"], &["20"]),
        (&["save", disk, "--to", to, "--level", "-1"], &[]),
        (&["save", disk, "--to", to, "--level", "0"], &["0"]),
        (&["save", disk, "--to", to, "--name", "../escape"], &["../escape"]),
        (&["save", disk, "--to", to, "--name", ""], &[]),
        (&["save", disk, "--to", to, "--name", ".."], &[]),
        (&["save", disk, "--to", to, "--name", "a~b"], &["a~b"]),
        (&["save", disk, "--to", to, "--partitions", "x"], &["x"]),
        (&["save", disk, "--to", to, "--partitions", "other:1"], &["other:1"]),
        (&["save", disk, disk, "--to", to], &[]),
        (&["save", to, "--to", to], &[to]),
        (&["save", "", "--to", to], &[]),
        (&["save", disk, "--to", disk], &[disk]),
        (&["restore"], &[]),
        (&["verify"], &[]),
        (&["verify", "/"], &[]),
        (&["prune", to], &["--unfinished"]),
        (&["images", to, "--progress", "loud"], &["loud"]),
        (&["images", to, "--lang", "xx"], &["xx"]),
        (&["images", to, "--host-key", "MD5:aa:bb"], &["MD5:aa:bb", "SHA256:"]),
        (&["images", "ftp://nas/images"], &["ftp://nas/images", "sftp://"]),
    ];
    for (arguments, says) in wrong {
        expect(arguments, 2, says);
    }
    expect(&["--wait", "soon", "images", to], 2, &["soon", "not a whole number"]);
    assert!(is_empty(Path::new(to)), "something was written");
}

#[test]
fn things_that_are_not_there_or_not_what_they_should_be() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (disk, store, empty) = (path("disk.img"), path("store"), path("empty.img"));
    std::fs::write(&disk, small_disk()).unwrap();
    std::fs::write(&empty, b"").unwrap();
    std::fs::create_dir(&store).unwrap();
    let missing = path("missing");
    let nowhere = path("no/where");
    let foreign = path("store/photos");
    let zero = path("store/zero");

    expect(&["save", &missing, "--to", &store], 1, &["missing"]);
    expect(&["save", "/dev/no-such-disk", "--to", &store], 1, &["/dev/no-such-disk"]);
    expect(&["save", "id:no-such-*", "--to", &store], 1, &["no-such-"]);
    expect(&["save", &empty, "--to", &store], 2, &["empty.img"]);
    expect(&["save", "/dev/null", "--to", &store], 2, &["/dev/null"]);
    expect(&["save", &disk, "--to", &nowhere], 1, &["no/where"]);
    expect(&["save", &disk, "--to", "nfs://host.invalid/share"], 1, &["host.invalid"]);
    expect(&["save", &disk, "--to", &store, "--partitions", "9"], 1, &["9"]);
    expect(&["images", &nowhere], 1, &["no/where"]);
    expect(&["map", &missing], 1, &["missing"]);
    expect(&["map", &empty], 2, &["empty.img"]);
    assert!(is_empty(Path::new(&store)));

    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(Path::new(&foreign).join("a.jpg"), b"not ours").unwrap();
    std::fs::create_dir(&zero).unwrap();
    for name in ["header.json", "manifest.json", "SHA256SUMS", "log.txt", "about.html"] {
        std::fs::write(Path::new(&zero).join(name), b"").unwrap();
    }
    let target = path("target.img");
    std::fs::write(&target, vec![0xEE; MIB]).unwrap();
    for command in ["verify", "show", "map"] {
        expect(&[command, &foreign], 1, &["photos"]);
        expect(&[command, &zero], 3, &["zero"]);
    }
    expect(&["verify", &path("store/nothing")], 1, &["nothing"]);
    expect(&["restore", &foreign, "--to", &target, "--yes"], 1, &["photos"]);
    expect(&["restore", &zero, "--to", &target, "--yes"], 3, &["zero"]);
    expect(&["delete", &foreign, "--yes"], 1, &["photos"]);
    expect(&["images", &store], 0, &[]);
    assert!(Path::new(&foreign).join("a.jpg").exists());

    expect(&["save", &disk, "--to", &store, "--name", "image"], 0, &[]);
    let image = path("store/image");
    expect(&["save", &disk, "--to", &store, "--name", "image"], 5, &["image", "--replace"]);
    expect(&["restore", &image, "--yes"], 2, &["--to"]);
    expect(&["restore", &image, "--to", &missing, "--yes"], 1, &["missing"]);
    expect(&["restore", &image, "--to", &store, "--yes"], 2, &[]);
    expect(&["restore", &image, "--to", &empty, "--yes"], 2, &["empty.img"]);
    expect(&["restore", &image, "--to", "sda", "--yes"], 5, &["sda"]);
    expect(&["restore", &image, "--to", &target, "--partitions", "7", "--yes"], 1, &["7"]);
    expect(&["restore", &image, "--to", &target, "--place", "1", "--yes"], 2, &[]);
    // Nobody is there to confirm.
    expect(&["restore", &image, "--to", &target], 5, &["--yes"]);
    let small = path("small.img");
    std::fs::write(&small, vec![0xEE; MIB - 512]).unwrap();
    expect(&["restore", &image, "--to", &small, "--yes"], 5, &["512"]);
    // A file of the image itself.
    let pack = std::fs::read_dir(&image)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .unwrap();
    expect(&["restore", &image, "--to", utf8(&pack), "--yes"], 5, &[]);
    assert!(std::fs::read(&target).unwrap() == vec![0xEE; MIB], "the target was written");
    assert!(std::fs::read(&small).unwrap() == vec![0xEE; MIB - 512]);
    expect(&["verify", &image], 0, &[]);
    // Damage outweighs what is merely not there.
    expect(&["verify", &image, &zero, &path("store/nothing")], 3, &[]);
}

#[test]
fn disks_of_one_name() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["a", "b", "store"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    let mut second = small_disk();
    second[500 * KIB] ^= 1;
    std::fs::write(path("a/disk.img"), small_disk()).unwrap();
    std::fs::write(path("b/disk.img"), &second).unwrap();
    let (one, two, store) = (path("a/disk.img"), path("b/disk.img"), path("store"));
    expect(&["save", &one, &two, "--to", &store, "--name", "image"], 0, &[]);
    let image = path("store/image");
    std::fs::write(path("t1"), vec![0xEE; MIB]).unwrap();
    std::fs::write(path("t2"), vec![0xEE; MIB]).unwrap();
    let (t1, t2) = (path("t1"), path("t2"));
    // One target for two disks, and a name that is neither's.
    expect(&["restore", &image, "--to", &t1, "--yes"], 2, &["disk.img", "disk.img-2"]);
    expect(&["restore", &image, "--to", &format!("other={t1}"), "--yes"], 2, &["disk.img-2"]);
    let to = [format!("disk.img={t1}"), format!("disk.img-2={t2}")];
    let twice = format!("disk.img-2={t1}");
    expect(&["restore", &image, "--to", &to[0], "--to", &twice, "--yes"], 2, &["t1"]);
    expect(&["restore", &image, "--to", &to[0], "--to", &to[1], "--yes"], 0, &[]);
    assert!(std::fs::read(t1).unwrap() == small_disk());
    assert!(std::fs::read(t2).unwrap() == second);
}

#[test]
fn destinations_that_are_full_or_read_only() {
    let Some(small) = SmallMount::new("size=2m") else {
        assert!(!is_root(), "root can mount a tmpfs");
        eprintln!("not root: no small file system to fill");
        return;
    };
    let folder = folder();
    let disk = folder.path().join("disk.img");
    let mut content = vec![0; 8 * MIB];
    Random::new(3).fill(&mut content);
    std::fs::write(&disk, &content).unwrap();
    // Seen before anything is written.
    let to = utf8(small.path());
    expect(&["save", utf8(&disk), "--to", to, "--name", "image"], 1, &["MiB"]);
    assert!(is_empty(small.path()));

    // An image that stands while the next one does not fit.
    std::fs::write(&disk, &content[..MIB]).unwrap();
    expect(&["save", utf8(&disk), "--to", to, "--name", "image"], 0, &[]);
    let image = small.path().join("image");
    std::fs::write(&disk, &content[MIB..2 * MIB + 512 * KIB]).unwrap();
    expect(&["save", utf8(&disk), "--to", to, "--name", "image", "--replace"], 1, &[]);
    expect(&["verify", utf8(&image)], 0, &[]);
    // What was there does not fit beside it: nothing is restored, and no part of it is left.
    let (target, kept) = (folder.path().join("target.img"), small.path().join("kept"));
    std::fs::write(&target, &content).unwrap();
    let words = ["restore", utf8(&image), "--to", utf8(&target), "--yes", "--keep-old"];
    expect(&[&words[..], &[utf8(&kept)]].concat(), 1, &["kept"]);
    assert!(!kept.exists() && std::fs::read(&target).unwrap() == content);

    // Full in the middle: the estimate sees a disk that compresses, the save meets one that grew.
    let filler = small.path().join("filler");
    let free = 600 * KIB;
    let used = rustix::fs::statvfs(small.path()).unwrap();
    let available = (used.f_bavail * used.f_frsize) as usize;
    std::fs::write(&filler, vec![1; available.saturating_sub(free)]).unwrap();
    let mut mixed = vec![0; 24 * MIB];
    for piece in mixed.chunks_mut(256 * KIB) {
        Random::new(piece.as_ptr() as u64).fill(&mut piece[..9 * KIB]);
    }
    std::fs::write(&disk, &mixed).unwrap();
    let (code, _, text) = run(&["save", utf8(&disk), "--to", to, "--name", "second"]);
    assert_eq!(code, 1, "{text}");
    assert!(!text.contains("panicked") && text.lines().count() < 25, "{text}");
    expect(&["verify", utf8(&image)], 0, &[]);
    let (code, json, _) = run(&["--json", "images", to]);
    assert_eq!(code, 0);
    assert!(!json.contains("\"finished\"") || json.matches("\"finished\"").count() == 1, "{json}");

    let remount = |how: &str| {
        let status = std::process::Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(small.path())
            .status();
        assert!(status.unwrap().success());
    };
    remount("ro");
    let says = ["read-only"];
    expect(&["save", utf8(&disk), "--to", to, "--name", "third"], 1, &says[..0]);
    expect(&["delete", utf8(&image), "--yes"], 1, &says);
    expect(&["verify", utf8(&image)], 0, &[]);
    let target = folder.path().join("target.img");
    std::fs::write(&target, vec![0xEE; MIB]).unwrap();
    expect(&["restore", utf8(&image), "--to", utf8(&target), "--yes"], 0, &[]);
    assert!(std::fs::read(&target).unwrap() == content[..MIB]);
    remount("rw");
}

/// Tables and superblocks of nonsense: saved whole, with the reason, quickly; restored equal.
#[test]
fn disks_that_lie() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("store")).unwrap();
    let poke = |disk: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    };
    /// Makes the checksum of the primary GPT header right again.
    fn seal(disk: &mut [u8]) {
        disk[512 + 16..512 + 20].fill(0);
        let check = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&disk[512..512 + 92]);
        disk[512 + 16..512 + 20].copy_from_slice(&check.to_le_bytes());
    }
    let mut lies: Vec<(&str, Vec<u8>)> = Vec::new();
    let last = MIB - 512;
    for (name, count) in [("count-4294967295", u32::MAX), ("count-zero", 0)] {
        let mut disk = small_disk();
        poke(&mut disk, 512 + 80, &count.to_le_bytes());
        seal(&mut disk);
        disk[last..].fill(0);
        lies.push((name, disk));
    }
    let mut disk = small_disk();
    poke(&mut disk, 512 + 84, &u32::MAX.to_le_bytes());
    seal(&mut disk);
    lies.push(("entry-length", disk));
    let mut disk = small_disk();
    poke(&mut disk, 512 + 72, &u64::MAX.to_le_bytes());
    seal(&mut disk);
    lies.push(("entries-at-the-end-of-the-world", disk));
    let mut disk = vec![0; MIB];
    write_mbr(&mut disk, &[(10, 1000), (500, 1000), (700, u32::MAX), (0, 5)]);
    lies.push(("overlapping", disk));
    let mut disk = vec![0; MIB];
    write_mbr(&mut disk, &[(10, 1000)]);
    disk[0x1be + 4] = 5;
    // An EBR that leads to itself.
    disk.copy_within(0..512, 10 * 512);
    lies.push(("ebr-loop", disk));
    for (name, seed) in [("ext", 1u64), ("fat", 2), ("swap", 3)] {
        let mut disk = vec![0; MIB];
        Random::new(seed).fill(&mut disk);
        match name {
            "ext" => poke(&mut disk, 1024 + 56, &[0x53, 0xef]),
            "fat" => {
                poke(&mut disk, 0, &[0xeb, 0x3c, 0x90]);
                poke(&mut disk, 510, &[0x55, 0xaa]);
            }
            _ => poke(&mut disk, 4086, b"SWAPSPACE2"),
        }
        lies.push((name, disk));
    }
    lies.push(("one-byte", vec![7]));
    lies.push(("511-bytes", vec![7; 511]));
    lies.push(("all-ones", vec![0xff; MIB]));
    for (name, disk) in lies {
        let file = path(name);
        std::fs::write(&file, &disk).unwrap();
        expect(&["map", &file], 0, &[]);
        let store = path("store");
        expect(&["save", &file, "--to", &store, "--name", name], 0, &[]);
        let image = format!("{store}/{name}");
        expect(&["verify", &image], 0, &[]);
        expect(&["show", &image], 0, &[]);
        let target = path("target.img");
        std::fs::write(&target, vec![0xEE; disk.len()]).unwrap();
        expect(&["restore", &image, "--to", &target, "--yes"], 0, &[]);
        // Whatever was not understood was saved whole; small gaps and unknown partitions too.
        assert!(std::fs::read(&target).unwrap() == disk, "{name}");
    }
}

#[test]
fn words_that_are_no_text_are_named() {
    use std::os::unix::ffi::OsStrExt as _;
    // A name in Latin-1.
    let word = std::ffi::OsStr::from_bytes(b"/mnt/im\xe1genes");
    for words in [vec!["images"], vec!["save", "disk.img", "--to"], vec!["verify", "a"]] {
        let output = calco().args(&words).arg(word).output().unwrap();
        let (code, _, text) = text_of(&output);
        assert_eq!(code, 2, "{words:?}: {text}");
        assert!(text.contains("/mnt/im\u{fffd}genes") && text.contains("UTF-8"), "{text}");
    }
}
