//! Where things are.

use std::path::{Path, PathBuf};

/// The project's own folder.
pub fn project_folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where logs and screenshots of a guest are kept after it has ended, until the next one with its
/// name.
pub fn evidence_folder(name: &str) -> PathBuf {
    project_folder().join("target/vmtest").join(name)
}
