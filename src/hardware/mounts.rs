//! What is mounted and swapped on, from procfs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A line of `/proc/self/mountinfo` (proc(5)).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// Id of the mount.
    pub id: u64,
    /// Device number of the file system; its major number is 0 when it stands on no single
    /// block device (btrfs, network, memory).
    pub device: (u32, u32),
    /// The folder of the file system that is seen there; `/` when all of it is.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Kind of file system, such as `ext4`.
    pub file_system: String,
    /// What was mounted: a device node for most file systems on disks.
    pub source: PathBuf,
    /// Whether the file system itself is read-only. A read-only bind of one that is written to
    /// elsewhere is not.
    pub read_only: bool,
    /// The file system's own options.
    pub options: Vec<OsString>,
}

/// An entry of `/proc/swaps`: a device node or a file.
pub type Swap = PathBuf;

/// A field in which the kernel writes white space, backslashes and `#` as `\ooo`.
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = rest {
            bytes.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
            rest = &rest[4..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|field| !field.is_empty())
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let text = |field: &[u8]| String::from_utf8(field.to_vec()).ok();
    // Not split through `fields`: an empty source is a field too.
    let mut parts = line.split(|byte| *byte == b' ');
    let id = text(parts.next()?)?.parse().ok()?;
    let (major, minor) = {
        let device = text(parts.nth(1)?)?;
        let (major, minor) = device.split_once(':')?;
        (major.parse().ok()?, minor.parse().ok()?)
    };
    let root = unescape(parts.next()?).into();
    let mount_point = unescape(parts.next()?).into();
    // Mount options, then any number of tags, then a dash.
    parts.by_ref().find(|field| *field == b"-")?;
    let file_system = text(parts.next()?)?;
    let source = unescape(parts.next()?).into();
    let options: Vec<OsString> =
        parts.next().unwrap_or(b"").split(|byte| *byte == b',').map(unescape).collect();
    let read_only = options.iter().any(|option| option == "ro");
    let device = (major, minor);
    Some(Mount { id, device, root, mount_point, file_system, source, read_only, options })
}

/// The mounts in the text of a mountinfo file.
pub fn parse_mounts(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(parse_mount).collect()
}

/// The swap areas in the text of `/proc/swaps`, whose first line is a heading.
pub fn parse_swaps(text: &[u8]) -> Vec<Swap> {
    text.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| fields(line).next())
        .map(|field| unescape(field).into())
        .collect()
}

/// The mounts that this process sees; `root` holds `proc`.
pub(super) fn mounts(root: &Path) -> Vec<Mount> {
    parse_mounts(&fs::read(root.join("proc/self/mountinfo")).unwrap_or_default())
}

/// The swap areas in use; `root` holds `proc`.
pub(super) fn swaps(root: &Path) -> Vec<Swap> {
    parse_swaps(&fs::read(root.join("proc/swaps")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        let text = br"36 35 98:0 /mnt1 /mnt2\040with\134 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
40 36 0:44 /@ /srv ro,relatime - btrfs /dev/sdb\0431 rw,space_cache,subvol=/@
41 36 8:17 / /media/stick rw - vfat /dev/sdb1 ro,uid=0
42 36 0:5 / /empty rw - tmpfs  rw,size=4k
broken
";
        let mounts = parse_mounts(text);
        assert_eq!(mounts.len(), 4);
        assert_eq!((mounts[0].id, mounts[0].device), (36, (98, 0)));
        assert_eq!(mounts[0].mount_point, Path::new(r"/mnt2 with\"));
        assert_eq!(mounts[0].root, Path::new("/mnt1"));
        assert_eq!(mounts[2].root, Path::new("/"));
        assert_eq!(mounts[0].source, Path::new("/dev/root"));
        assert!(!mounts[0].read_only);
        assert!(!mounts[1].read_only, "only this view of it is read-only");
        assert_eq!(mounts[1].source, Path::new("/dev/sdb#1"));
        assert_eq!(mounts[1].file_system, "btrfs");
        assert!(mounts[2].read_only, "the file system is");
        assert_eq!((mounts[3].source.as_os_str(), mounts[3].read_only), ("".as_ref(), false));

        let swaps = parse_swaps(
            b"Filename\t\t\t\tType\t\tSize\n/dev/sda2   partition\t1\n/swap\\040file\tfile\t1\n",
        );
        assert_eq!(swaps, [PathBuf::from("/dev/sda2"), PathBuf::from("/swap file")]);
        assert!(parse_swaps(b"").is_empty());
    }

    #[test]
    fn the_systems_own_mounts_are_read() {
        let mounts = mounts(Path::new("/"));
        assert!(mounts.iter().any(|mount| mount.mount_point == Path::new("/")));
        let lines = fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
        assert_eq!(mounts.len(), lines);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (parse_mounts(&text), parse_swaps(&text));
        }

        #[test]
        fn escapes_are_undone(name in proptest::collection::vec(1u8..=255, 1..30)) {
            let mut escaped = Vec::new();
            for byte in &name {
                match byte {
                    b' ' | b'\t' | b'\n' | b'\\' | b'#' => escaped.extend(format!("\\{byte:03o}").bytes()),
                    byte => escaped.push(*byte),
                }
            }
            prop_assert_eq!(unescape(&escaped), OsString::from_vec(name));
        }
    }
}
