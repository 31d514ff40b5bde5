//! What operating system seems to be in a volume, found without mounting anything.
//!
//! A hint for people and for names of images, nothing more: whatever goes wrong, the answer is
//! "unknown".

use crate::block::BlockSource;
use crate::filesystem::{Volume, VolumeKind};
use crate::image::System;
use crate::partition::{Partition, PartitionTable, PartitionType};
use crate::units::{GIB, KIB};
use ext4_view::{Ext4, Ext4Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long looking into one volume may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Files longer than this, in bytes, are not what they are taken for.
const FILE_LIMIT: u64 = 64 * KIB;
/// Names are cut to this number of characters.
const NAME_LIMIT: usize = 128;
/// More block groups than this are not looked into: at the usual 128 MiB each, 128 TiB.
const GROUP_LIMIT: u64 = 1 << 20;

/// The system in a volume, if it can be told from the volume alone.
pub fn identify(source: &dyn BlockSource, volume: &Volume) -> Option<System> {
    match volume.kind {
        VolumeKind::Ext2 | VolumeKind::Ext3 | VolumeKind::Ext4 => ext(source),
        _ => None,
    }
}

/// Partition types of the GPT that Windows makes.
const MICROSOFT_RESERVED: Uuid = Uuid::from_u128(0xe3c9e316_0b5c_4db8_817d_f92df00215ae);
const MICROSOFT_BASIC_DATA: Uuid = Uuid::from_u128(0xebd0a0a2_b9e5_4433_87c0_68b6b72699c7);
/// Partition type of the MBR for NTFS.
const MBR_NTFS: u8 = 0x07;

/// The system in a volume, as far as the partition table tells: `Windows` for the NTFS or
/// BitLocker volume that its installer would have put it in.
///
/// That is the first data partition after the reserved one on a GPT; on an MBR the active NTFS
/// partition, or the one after it when that is the small one that only starts Windows.
pub fn identify_by_table(
    volume: &Volume,
    partition: &Partition,
    table: &PartitionTable,
) -> Option<System> {
    if !matches!(volume.kind, VolumeKind::Ntfs | VolumeKind::Bitlocker) {
        return None;
    }
    let mut partitions: Vec<&Partition> = table.partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.extent.offset);
    let first_after = |start: u64, kind: PartitionType| {
        partitions.iter().copied().find(|p| p.extent.offset >= start && p.kind == kind)
    };
    let windows = match partition.kind {
        PartitionType::Gpt(_) => {
            let reserved = first_after(0, PartitionType::Gpt(MICROSOFT_RESERVED))?;
            first_after(reserved.extent.offset, PartitionType::Gpt(MICROSOFT_BASIC_DATA))?
        }
        PartitionType::Mbr(_) => {
            let ntfs = PartitionType::Mbr(MBR_NTFS);
            let active = partitions.iter().copied().find(|p| p.bootable && p.kind == ntfs)?;
            match active.extent.length < GIB {
                true => first_after(active.extent.end(), ntfs)?,
                false => active,
            }
        }
    };
    (windows.extent == partition.extent)
        .then(|| System { name: Some("Windows".to_owned()), host_name: None })
}

/// Reads wanted by the thread that knows ext: byte offset and length.
type Request = (u64, usize);

/// The volume as the thread sees it: through a channel, a window at a time.
struct Remote {
    size: u64,
    end: Instant,
    requests: Sender<Request>,
    answers: Receiver<Option<Vec<u8>>>,
    window_start: u64,
    window: Vec<u8>,
}

/// Bytes read at once. Group descriptors are asked for one by one, 64 bytes each.
const WINDOW: u64 = 64 * KIB;

impl Ext4Read for Remote {
    fn read(
        &mut self,
        start_byte: u64,
        dst: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut filled = 0;
        while filled < dst.len() {
            if Instant::now() > self.end {
                return Err("it takes too long".into());
            }
            let at = start_byte.checked_add(filled as u64).ok_or("past the end")?;
            let start = at / WINDOW * WINDOW;
            if start != self.window_start || self.window.is_empty() {
                let length = self.size.saturating_sub(start).min(WINDOW);
                self.requests.send((start, length as usize))?;
                self.window = self.answers.recv()?.ok_or("unreadable")?;
                self.window_start = start;
            }
            let rest = self.window.get((at - start) as usize..).unwrap_or(&[]);
            let count = rest.len().min(dst.len() - filled);
            if count == 0 {
                return Err("past the end".into());
            }
            dst[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
        }
        Ok(())
    }
}

/// The number of block groups that the superblock speaks of: memory is set aside for all of them
/// before the first is read.
fn group_count(source: &dyn BlockSource) -> Option<u64> {
    let superblock = source.read_vec(1024, 1024).ok()?;
    let number = |at: usize| {
        superblock.get(at..at + 4).map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    };
    let blocks = number(0x150)? << 32 | number(0x04)?;
    Some(blocks.div_ceil(number(0x20)?.max(1)))
}

/// Looks into an ext volume. The reader of ext wants a source that it owns, and can be kept busy
/// by a hostile volume: so it runs in a thread of its own, which asks this one for bytes.
fn ext(source: &dyn BlockSource) -> Option<System> {
    if group_count(source)? > GROUP_LIMIT {
        return None;
    }
    let (requests, wanted) = channel::<Request>();
    let (answer, answers) = channel();
    let end = Instant::now() + TIME_LIMIT;
    let size = source.size();
    let worker = std::thread::Builder::new().name("system".into()).spawn(move || {
        let remote = Remote { size, end, requests, answers, window_start: 0, window: Vec::new() };
        look(&Ext4::load(Box::new(remote)).ok()?)
    });
    let worker = worker.ok()?;
    loop {
        // A little longer than the thread gives itself.
        let left = end.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
        match wanted.recv_timeout(left) {
            Ok((offset, length)) => {
                // The thread may be gone; then the next turn ends this.
                let _ = answer.send(source.read_vec(offset, length).ok());
            }
            Err(RecvTimeoutError::Disconnected) => break,
            // It computes without reading: it is left behind.
            Err(RecvTimeoutError::Timeout) => return None,
        }
    }
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The text of a file, links followed, if it is a short plain file.
fn text(volume: &Ext4, path: &str) -> Option<String> {
    let metadata = volume.metadata(path).ok()?;
    if !metadata.file_type().is_regular_file() || metadata.len() > FILE_LIMIT {
        return None;
    }
    Some(String::from_utf8_lossy(&volume.read(path).ok()?).into_owned())
}

/// Looks for the files by which systems tell who they are. The last place is for a volume that
/// is mounted at `/usr`.
fn look(volume: &Ext4) -> Option<System> {
    let release = ["/etc/os-release", "/usr/lib/os-release", "/lib/os-release"]
        .into_iter()
        .find_map(|path| os_release_name(&text(volume, path)?));
    let line = |path: &str| first_line(&text(volume, path)?);
    let name = release
        .or_else(|| line("/etc/redhat-release"))
        .or_else(|| Some(format!("Debian {}", line("/etc/debian_version")?)))?;
    let host_name = line("/etc/hostname").filter(|name| !is_placeholder(name));
    Some(System { name: Some(name), host_name })
}

fn is_placeholder(host_name: &str) -> bool {
    ["localhost", "localhost.localdomain", "(none)", "none"].contains(&host_name)
}

/// The first line that is no comment, made fit to be shown.
fn first_line(text: &str) -> Option<String> {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).find_map(presentable)
}

/// Without padding and control characters, cut to a sensible length.
fn presentable(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    (!text.is_empty()).then_some(text)
}

/// `PRETTY_NAME`, else `NAME` and `VERSION`, of an os-release file (os-release(5)).
fn os_release_name(text: &str) -> Option<String> {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| unquote(value.trim()))
        })
    };
    presentable(&value("PRETTY_NAME").unwrap_or_default()).or_else(|| {
        let version = value("VERSION").unwrap_or_default();
        presentable(&format!("{} {version}", value("NAME")?))
    })
}

/// A value with the quoting of a shell assignment undone.
fn unquote(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inner) = quoted('\'') {
        return inner.to_owned();
    }
    let inner = quoted('"').unwrap_or(value);
    let mut result = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        result.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    result
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
