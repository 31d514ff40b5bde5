//! Loop devices and mounts, for root only. What is attached here is detached when it is dropped.

use super::command::{is_root, skipped, text, tool, try_tool};
use std::path::{Path, PathBuf};

/// A loop device.
pub(crate) struct Loop {
    path: PathBuf,
    has_partitions: bool,
}

impl Loop {
    /// Attaches a plain file; none, said loudly, where that is not possible.
    pub(crate) fn attach(file: &Path, sector_size: u32) -> Option<Self> {
        if !is_root() || !Path::new("/dev/loop-control").exists() {
            skipped("needs root and loop devices");
            return None;
        }
        let size = sector_size.to_string();
        let path = tool("losetup", &["--find", "--show", "--sector-size", &size, text(file)]);
        Some(Self { path: PathBuf::from(path.trim()), has_partitions: false })
    }

    /// As `attach`, with a device for each partition of the table on it.
    pub(crate) fn with_partitions(file: &Path, sector_size: u32) -> Option<Self> {
        let mut device = Self::attach(file, sector_size)?;
        tool("partx", &["--update", text(&device.path)]);
        device.has_partitions = true;
        Some(device)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        text(&self.path)
    }

    /// The path of a partition's device.
    pub(crate) fn partition(&self, number: u32) -> String {
        format!("{}p{number}", self.path.display())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if self.has_partitions {
            try_tool("partx", &["--delete", text(&self.path)]);
        }
        try_tool("losetup", &["--detach", text(&self.path)]);
    }
}

/// A mounted device.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn new(device: &str, folder: &Path, options: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        tool("mount", &["-o", options, device, text(folder)]);
        Self(folder.to_owned())
    }

    /// Mounts a device or a plain file by a FUSE driver; none, said loudly, where that is not
    /// possible. A look is `ro`: a driver that may write notes, for one, when a file was read.
    pub(crate) fn by_driver(
        program: &str,
        options: &str,
        source: &Path,
        folder: &Path,
    ) -> Option<Self> {
        if !is_root() || !Path::new("/dev/fuse").exists() {
            skipped("needs root and FUSE");
            return None;
        }
        std::fs::create_dir_all(folder).unwrap();
        tool(program, &["-o", options, text(source), text(folder)]);
        Some(Self(folder.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        try_tool("umount", &[text(&self.0)]);
    }
}
