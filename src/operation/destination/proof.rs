//! Whether a folder stores what it is given: a file written, read back from the medium, removed.

use crate::block::direct::{DirectFile, drop_cache};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::image::Freshness;
use crate::store::Store;
use crate::text::message;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of the file.
const LENGTH: usize = 64 << 10;

/// Writes a small file in `folder`, reads it back past the cache and removes it again; `location`
/// is what a person calls the folder.
///
/// # Errors
/// What the system answers; [`ErrorKind::Io`] when other bytes come back.
pub(super) fn prove(folder: &Path, location: &str) -> Result<()> {
    let mut bytes = vec![0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(std::io::Error::other)
        .context(|| message!("destination-test-failed"))?;
    let path = folder.join(format!(".calco-test-{}", hex::encode(&bytes[..4])));
    let result = write(&path, &bytes).and_then(|()| read_back(&path, &bytes));
    // Not even this much may be left behind, whatever went wrong.
    let removed = std::fs::remove_file(&path).context(|| message!("destination-test-failed"));
    result.and(removed).map_err(|error| {
        let error = error.on_device(location);
        match error.kind() {
            ErrorKind::NoSpace => error.advise(message!("destination-full-advice")),
            _ => error.advise(message!("destination-test-advice")),
        }
    })
}

/// Does the same in a store, in a directory made for it. Where nothing may be removed, an almost empty
/// directory is left behind.
///
/// # Errors
/// As [`prove`].
pub(super) fn prove_store(store: &dyn Store) -> Result<()> {
    const FILE: &str = "test";
    let mut bytes = vec![0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(std::io::Error::other)
        .context(|| message!("destination-test-failed"))?;
    let directory = format!(".calco-test-{}", hex::encode(&bytes[..4]));
    let files = store.create_directory(&directory)?;
    let write = || -> Result<()> {
        let mut file = files.create(FILE)?;
        file.write(&bytes)?;
        file.finish()
    };
    let read_back = || -> Result<()> {
        let file = files.open(FILE, Freshness::Medium)?;
        let mut found = vec![0; LENGTH];
        if file.length() == LENGTH as u64 {
            file.read_at(0, &mut found)?;
        }
        match found == bytes {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Io, message!("destination-test-differs"))),
        }
    };
    let result = write().and_then(|()| read_back());
    let _ = files.delete(FILE).and_then(|()| store.remove_directory(&directory));
    result
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().context(|| message!("destination-test-failed"))
}

fn read_back(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = File::open(path).context(|| message!("destination-test-failed"))?;
    drop_cache(&file)?;
    let mut found = vec![0; bytes.len()];
    match DirectFile::open(path) {
        Some(direct) => direct.read_exact_at(0, &mut found),
        None => file.read_exact_at(&mut found, 0),
    }
    .context(|| message!("destination-test-failed"))?;
    if found != bytes {
        return Err(Error::new(ErrorKind::Io, message!("destination-test-differs")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_stores_passes_and_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        prove(folder.path(), "here").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = prove(&folder.path().join("missing"), "usb:X").unwrap_err();
        assert!(error.report().contains("usb:X"), "{error:?}");
        let mut bytes = vec![7; LENGTH];
        let path = folder.path().join("file");
        write(&path, &bytes).unwrap();
        read_back(&path, &bytes).unwrap();
        bytes[LENGTH - 1] ^= 1;
        assert_eq!(
            read_back(&path, &bytes).unwrap_err().message().id(),
            "destination-test-differs"
        );
    }
}
