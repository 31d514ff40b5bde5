//! Folders full of files, and whether two of them are the same.

use super::disk::Noise;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

/// What is at a path of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Folder,
    /// Length, hash of the content, number of names.
    File(u64, [u8; 32], u64),
    Link(String),
}

/// Every path of a tree, `lost+found` left out.
pub(crate) fn nodes(root: &Path) -> BTreeMap<String, Node> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Node>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if name == "lost+found" {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let node = if metadata.is_dir() {
            walk(root, &path, found);
            Node::Folder
        } else if metadata.is_symlink() {
            Node::Link(fs::read_link(&path).unwrap().to_string_lossy().into_owned())
        } else {
            Node::File(metadata.len(), hash_of(&path), metadata.nlink())
        };
        found.insert(name, node);
    }
}

fn hash_of(path: &Path) -> [u8; 32] {
    let mut file = File::open(path).unwrap();
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return hasher.finalize().into(),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Fails with the first paths that two trees do not have in common. Numbers of names do not
/// count: tools that copy out of a volume make several files of one with several names.
#[track_caller]
pub(crate) fn assert_same(what: &str, expected: &BTreeMap<String, Node>, found: &Path) {
    let without_links = |node: &Node| match node {
        Node::File(length, hash, _) => Node::File(*length, *hash, 0),
        other => other.clone(),
    };
    let found = nodes(found);
    assert!(!expected.is_empty());
    let mut wrong = Vec::new();
    for (path, node) in expected {
        let there = found.get(path).map(without_links);
        if there.as_ref() != Some(&without_links(node)) {
            wrong.push(format!("{path}: expected {node:?}, found {there:?}"));
        }
    }
    wrong.extend(found.keys().filter(|path| !expected.contains_key(*path)).cloned());
    assert!(
        wrong.is_empty(),
        "{what}: {} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

/// Copies files of this machine's `/usr/share` until there are `bytes` of them: real names, real
/// sizes, real contents. Made-up text fills up what is missing on a small machine. Without `unix`
/// there are no links, and only names that FAT takes.
pub(crate) fn fill_from_machine(folder: &Path, bytes: u64, unix: bool) {
    let mut left = bytes;
    copy_some(Path::new("/usr/share"), folder, &mut left, unix);
    let mut number = 0;
    while left > 0 {
        let length = left.min(200_000 + number * 37);
        let line = format!("line {number} of a file that stands for a real one\n");
        let content = line.repeat(length as usize / line.len() + 1);
        fs::write(folder.join(format!("made-up-{number}")), &content[..length as usize]).unwrap();
        left -= length;
        number += 1;
    }
}

/// Whether FAT takes a name.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+ ".contains(c))
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
}

fn copy_some(from: &Path, to: &Path, left: &mut u64, unix: bool) {
    fs::create_dir_all(to).unwrap();
    let Ok(entries) = fs::read_dir(from) else { return };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut taken = BTreeSet::new();
    for path in entries {
        let Some(name) = path.file_name().filter(|_| *left > 0) else { return };
        let folded = name.to_string_lossy().to_lowercase();
        // FAT does not tell upper from lower case.
        if !unix && (!is_plain(&folded) || !taken.insert(folded)) {
            continue;
        }
        let target = to.join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_symlink() {
            if unix && let Ok(link) = fs::read_link(&path) {
                std::os::unix::fs::symlink(link, target).unwrap();
            }
        } else if metadata.is_dir() {
            copy_some(&path, &target, left, unix);
        } else if metadata.is_file() && metadata.len() <= *left && fs::copy(&path, &target).is_ok()
        {
            *left -= metadata.len();
        }
    }
}

/// Files of every kind that is easy to lose: empty, of one byte, large and random, all zeros,
/// with a name as long as names go and one that is not ASCII; with `unix`, hard links, symbolic
/// links and sparse ones too.
pub(crate) fn fill_with_oddities(folder: &Path, seed: u64, random_bytes: u64, unix: bool) {
    let mut noise = Noise::new(seed);
    let file = |name: &str, content: &[u8]| fs::write(folder.join(name), content).unwrap();
    file("empty", b"");
    file("one byte", b"1");
    file("zeros.bin", &vec![0; 3_000_000]);
    file(&format!("{}.txt", "n".repeat(200)), b"a long name");
    file("año ñandú.txt", "áéíóú".as_bytes());
    for number in 0..4 {
        file(&format!("random-{number}.bin"), &noise.bytes((random_bytes / 4) as usize));
    }
    let many = folder.join("many");
    fs::create_dir(&many).unwrap();
    for number in 0..300u64 {
        let length = number * 7919 % 30_000;
        fs::write(many.join(format!("f{number:03}")), noise.bytes(length as usize)).unwrap();
    }
    if unix {
        fs::hard_link(folder.join("one byte"), folder.join("the same byte")).unwrap();
        std::os::unix::fs::symlink("many/f001", folder.join("short link")).unwrap();
        std::os::unix::fs::symlink("x/".repeat(200), folder.join("long link")).unwrap();
        let sparse = File::create(folder.join("sparse")).unwrap();
        sparse.write_all_at(b"middle", 5_000_000).unwrap();
        sparse.set_len(9_000_000).unwrap();
    }
}
