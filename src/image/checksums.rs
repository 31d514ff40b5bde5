//! `SHA256SUMS` (section 7), in the form that `sha256sum -c` reads.

use super::manifest::Manifest;
use super::{HEADER, MANIFEST};
use crate::codec::Digest;

/// The longest file that is read, in bytes.
pub(super) const LIMIT: u64 = 64 << 20;

/// What the file must be for a manifest whose own file has the hash `manifest_file`.
pub(super) fn expected(manifest: &Manifest, manifest_file: Digest) -> String {
    let mut lines: Vec<(&str, Digest)> = vec![(MANIFEST, manifest_file)];
    lines.extend(manifest.files.iter().map(|file| (file.file.as_str(), file.sha256)));
    lines.extend(
        manifest
            .packs
            .iter()
            .filter(|pack| pack.base.is_none())
            .map(|pack| (pack.file.as_str(), pack.sha256)),
    );
    lines.extend(manifest.disks.iter().map(|disk| (disk.index.file.as_str(), disk.index.sha256)));
    lines.sort_unstable();
    debug_assert!(lines.iter().any(|(name, _)| *name == HEADER));
    lines.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}
