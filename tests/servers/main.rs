//! Destinations on servers: the program as a person runs it, against real servers on loopback.

#[path = "../support/mod.rs"]
mod support;

mod bucket;
mod line;
mod moto;
mod nginx;
mod sftp;
mod site;
mod sshd;

use std::path::{Path, PathBuf};
use support::{MIB, disk};

/// A disk of which nothing is known, so that all of it is saved.
fn unknown_disk(folder: &Path, mebibytes: u64) -> PathBuf {
    let path = folder.join("disk.img");
    disk::garbage(&path, mebibytes * MIB, 7);
    path
}
