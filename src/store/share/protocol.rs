//! What is said between a store and the process that has the share mounted: frames of a number, a
//! header in JSON and plain bytes.

use super::mount::MountRequest;
use crate::error::ErrorRecord;
use crate::image::{FileEntry, Freshness};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// The longest header, in bytes: a list of files.
const LONGEST_HEADER: u32 = 64 << 20;
/// The most plain bytes of a frame.
pub(super) const LONGEST_CONTENT: u32 = 64 << 20;

/// What is asked of the process. Names are those of one directory or file, never paths.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    /// Mount: comes first, and once.
    Mount(MountRequest),
    Directories,
    Link {
        name: String,
    },
    Directory {
        name: String,
    },
    CreateDirectory {
        name: String,
    },
    RemoveDirectory {
        name: String,
    },
    FreeSpace,
    MaxFileSize,
    Claim {
        name: String,
    },
    Lock,
    Hold {
        directory: String,
    },
    List {
        directory: String,
    },
    Delete {
        directory: String,
        name: String,
    },
    Create {
        directory: String,
        name: String,
    },
    Resume {
        directory: String,
        name: String,
        length: u64,
    },
    Open {
        directory: String,
        name: String,
        is_fresh: bool,
    },
    /// The plain bytes follow what the file holds.
    Write {
        file: u64,
    },
    Sync {
        file: u64,
    },
    Finish {
        file: u64,
    },
    Read {
        file: u64,
        offset: u64,
        length: u32,
    },
    /// Gives up a file or a claim.
    Close {
        file: u64,
    },
}

/// What comes back when it could be done. What was read is the plain bytes of the frame.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Names(Vec<String>),
    Files(Vec<FileEntry>),
    Link(Option<String>),
    Number(Option<u64>),
    /// A file or claim, by its number, and the length of a file that is read, in bytes.
    Opened {
        file: u64,
        length: u64,
    },
    /// How many bytes of a file are durable.
    Durable(u64),
}

/// The end of a request.
pub(super) type Reply = Result<Answer, ErrorRecord>;

pub(super) fn freshness(is_fresh: bool) -> Freshness {
    if is_fresh { Freshness::Medium } else { Freshness::Any }
}

/// Writes a frame.
///
/// # Errors
/// When the other side is gone.
pub(super) fn send(
    mut to: impl Write,
    number: u64,
    header: &impl Serialize,
    content: &[u8],
) -> io::Result<()> {
    // Room enough for what is secret, so that it is not copied to and fro.
    let mut text = Zeroizing::new(Vec::with_capacity(16 << 10));
    serde_json::to_writer(&mut *text, header)?;
    let length = |bytes: &[u8], limit: u32| {
        u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length <= limit)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
    };
    let mut start = [0; 16];
    start[..8].copy_from_slice(&number.to_le_bytes());
    start[8..12].copy_from_slice(&length(&text, LONGEST_HEADER)?.to_le_bytes());
    start[12..].copy_from_slice(&length(content, LONGEST_CONTENT)?.to_le_bytes());
    to.write_all(&start)?;
    to.write_all(&text)?;
    to.write_all(content)
}

/// Reads a frame.
///
/// # Errors
/// When the other side is gone or makes no sense.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<(u64, T, Vec<u8>)> {
    let mut start = [0; 16];
    from.read_exact(&mut start)?;
    let field = |range: std::ops::Range<usize>| {
        u32::from_le_bytes(start[range].try_into().expect("four bytes"))
    };
    let (header, content) = (field(8..12), field(12..16));
    if header > LONGEST_HEADER || content > LONGEST_CONTENT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Zeroizing::new(vec![0; header as usize]);
    from.read_exact(&mut text)?;
    let mut bytes = vec![0; content as usize];
    from.read_exact(&mut bytes)?;
    let number = u64::from_le_bytes(start[..8].try_into().expect("eight bytes"));
    Ok((number, serde_json::from_slice(&text)?, bytes))
}
