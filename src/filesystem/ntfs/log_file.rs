//! The start of the log: whether there is something in it that is not yet in place.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "File - $LogFile"; what version 2
//! means: Microsoft, knowledge base article 2955372, and ntfs-3g(8).

use super::stream::Stream;
use super::table::{LOG_FILE, MasterFileTable};
use super::{Damaged, record_doubt, update_sequence};
use crate::filesystem::Doubt;
use crate::text::message;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Size of a restart page, of which there are two, in bytes. Others were never seen.
const PAGE: u64 = 4096;
/// Bytes read at once where the log has to be looked through.
const PIECE: u64 = 256 << 10;
/// No client has the log open.
const NO_CLIENT: u16 = 0xFFFF;
/// The volume was closed cleanly.
const CLEAN: u16 = 2;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RestartPage {
    signature: [u8; 4],
    update_sequence_offset: U16,
    update_sequence_count: U16,
    checked: U64,
    system_page_size: U32,
    log_page_size: U32,
    restart_offset: U16,
    minor_version: U16,
    major_version: U16,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RestartArea {
    current: U64,
    clients: U16,
    free_client: U16,
    client_in_use: U16,
    flags: U16,
}

/// What a restart page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Restart {
    /// The number of the last entry of the log when the page was written.
    current: u64,
    version: (u16, u16),
    closed: bool,
}

fn parse(page: &mut [u8]) -> Result<Restart, Damaged> {
    update_sequence::undo(page)?;
    let (header, _) = RestartPage::ref_from_prefix(page).map_err(|_| Damaged)?;
    if &header.signature != b"RSTR" || u64::from(header.system_page_size.get()) != PAGE {
        return Err(Damaged);
    }
    let area = page.get(usize::from(header.restart_offset.get())..).ok_or(Damaged)?;
    let (area, _) = RestartArea::ref_from_prefix(area).map_err(|_| Damaged)?;
    Ok(Restart {
        current: area.current.get(),
        version: (header.major_version.get(), header.minor_version.get()),
        closed: area.client_in_use.get() == NO_CLIENT || area.flags.get() & CLEAN != 0,
    })
}

/// A doubt when the log has entries that may not be in place yet.
pub(super) fn check(table: &MasterFileTable<'_>) -> Result<(), Doubt> {
    let log = table.own_file(LOG_FILE)?;
    if log.size < 2 * PAGE {
        return Err(message!("ntfs-log-unknown"));
    }
    let mut pages = vec![0; 2 * PAGE as usize];
    log.read_at(table.source, 0, &mut pages).map_err(|error| record_doubt(error, LOG_FILE))?;
    if pages.iter().all(|byte| *byte == 0xFF) {
        return check_empty(table, &log);
    }
    let (first, second) = pages.split_at_mut(PAGE as usize);
    // A clean volume has two pages written to their end.
    let (Ok(first), Ok(second)) = (parse(first), parse(second)) else {
        return Err(message!("ntfs-log-unknown"));
    };
    let newer = if second.current > first.current { second } else { first };
    match newer.version {
        (1, _) if newer.closed => Ok(()),
        (1, _) => Err(message!("ntfs-log-not-clean")),
        // Windows 8 and later write version 1 again when they close a volume: until then part
        // of it is in the memory of a running or sleeping system.
        (2, 0) => Err(message!("ntfs-kept-in-memory")),
        (major, minor) => Err(message!("ntfs-log-version", version = format!("{major}.{minor}"))),
    }
}

/// A log that was emptied, as formatting and ntfs-3g do, has nothing but ones.
fn check_empty(table: &MasterFileTable<'_>, log: &Stream) -> Result<(), Doubt> {
    let mut buffer = vec![0; PIECE.min(log.size) as usize];
    for offset in (0..log.size).step_by(PIECE as usize) {
        let piece = &mut buffer[..PIECE.min(log.size - offset) as usize];
        log.read_at(table.source, offset, piece).map_err(|error| record_doubt(error, LOG_FILE))?;
        if piece.iter().any(|byte| *byte != 0xFF) {
            return Err(message!("ntfs-log-unknown"));
        }
    }
    Ok(())
}
