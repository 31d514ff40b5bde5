//! The files of a mounted volume, to compare two of them.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What is at a path: length in bytes and hash of a file with the number of its names; none for
/// folders.
pub(in crate::filesystem) type Tree = BTreeMap<String, Option<(u64, Vec<u8>, u64)>>;

/// Every path below `root`.
pub(in crate::filesystem) fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let node = if metadata.is_dir() {
            walk(root, &path, found);
            None
        } else {
            let hash = Sha256::digest(fs::read(&path).unwrap()).to_vec();
            Some((metadata.len(), hash, metadata.nlink()))
        };
        found.insert(name, node);
    }
}
