//! Superblocks of Linux md, all versions.
//!
//! Source: Linux, `include/uapi/linux/raid/md_p.h` and md(4). 1.x is little-endian; 0.90 has the
//! byte order of the machine, of which only the little-endian one is read here.

use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::{Extent, KIB};

const MAGIC: u32 = 0xA92B_4EFC;
const SECTOR: u64 = 512;
const SUPERBLOCK: usize = 4096;
/// 1.x: there is a bitmap.
const FEATURE_BITMAP: u32 = 1;
/// 1.x: the role of spares, faulty members and journals starts here.
const ROLE_SPARE: u16 = 0xFFFD;
/// The magic of a bitmap.
const BITMAP_MAGIC: u32 = 0x6D74_6962;
const BITMAP_HEADER: u64 = 256;
/// Levels by their numbers.
pub(super) const LINEAR: i32 = -1;
const MIRROR: i32 = 1;

/// One member of an array.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) array: [u8; 16],
    pub(super) level: i32,
    /// Number of members without spares.
    pub(super) members: u32,
    /// Which of them it is.
    pub(super) role: Option<u32>,
    pub(super) events: u64,
    /// Whether nothing was being written or rebuilt.
    pub(super) is_clean: bool,
    /// Where the content is that the array has of it.
    pub(super) data: Extent,
    pub(super) superblock: Extent,
    /// Bitmap, list of bad blocks.
    pub(super) areas: Vec<Extent>,
    pub(super) name: Option<String>,
}

impl Member {
    /// Whether it holds a part of the content, as far as it knows.
    pub(super) fn is_active(&self) -> bool {
        self.role.is_some_and(|role| role < self.members)
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) | u32::from(self.u16(at + 2)) << 16
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from(self.u32(at)) | u64::from(self.u32(at + 4)) << 32
    }

    /// The sum of all words of the first `length` bytes, without the one at `checksum`.
    fn sum(&self, length: usize, checksum: usize) -> u32 {
        let words = self.0[..length].as_chunks::<4>();
        let sum: u64 = words.0.iter().map(|word| u64::from(u32::from_le_bytes(*word))).sum();
        let rest = match words.1 {
            [low, high] => u64::from(u16::from_le_bytes([*low, *high])),
            _ => 0,
        };
        let sum = sum + rest - u64::from(self.u32(checksum));
        ((sum & 0xFFFF_FFFF) + (sum >> 32)) as u32
    }
}

fn read(source: &dyn BlockSource, offset: u64, length: usize) -> Result<Vec<u8>, Doubt> {
    source
        .read_vec(offset, length)
        .map_err(|error| message!("md-unreadable", why = error.message().clone()))
}

fn damaged(at: u64) -> Doubt {
    message!("md-damaged", offset = at.to_string())
}

/// The superblock of a member; more than one is a doubt.
pub(super) fn member(source: &dyn BlockSource) -> Result<Member, Doubt> {
    let size = source.size();
    let old = (size / (64 * KIB) * 64 * KIB).checked_sub(64 * KIB);
    let end = (size / SECTOR).checked_sub(16).map(|sector| sector / 8 * 8 * SECTOR);
    let mut found = Vec::new();
    let mut positions = vec![(old, true), (end, false), (Some(0), false), (Some(4 * KIB), false)];
    positions.dedup();
    for (at, is_old) in positions {
        let Some(at) = at.filter(|at| at + SUPERBLOCK as u64 <= size) else { continue };
        let bytes = read(source, at, SUPERBLOCK)?;
        let words = Bytes(&bytes);
        let is_big = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) == MAGIC;
        if is_big && is_old {
            return Err(message!("md-version"));
        }
        if words.u32(0) != MAGIC {
            continue;
        }
        match (is_old, words.u32(4)) {
            (true, 0) => found.push(version_0(&words, at)?),
            (false, 1) if words.u64(144) == at / SECTOR => {
                found.push(version_1(source, &words, at)?);
            }
            _ => {}
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(member), None) => Ok(member),
        (Some(_), Some(_)) => Err(message!("md-two-superblocks")),
        (None, _) => Err(message!("md-version")),
    }
}

/// The level, when it is one whose content lies on the members as it is.
fn known_level(level: u32) -> Result<i32, Doubt> {
    match level as i32 {
        level @ (LINEAR | MIRROR) => Ok(level),
        -4 => Err(message!("md-level", level = "multipath")),
        level => Err(message!("md-level", level = format!("RAID {level}"))),
    }
}

fn version_0(words: &Bytes<'_>, at: u64) -> Result<Member, Doubt> {
    let word = |index: usize| words.u32(4 * index);
    if words.sum(SUPERBLOCK, 4 * 38) != word(38) {
        return Err(damaged(at));
    }
    // 91 is a reshape on its way.
    if word(2) != 90 {
        return Err(message!("md-reshape"));
    }
    let level = known_level(word(7))?;
    let mut array = [0; 16];
    for (bytes, index) in array.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        bytes.copy_from_slice(&word(index).to_le_bytes());
    }
    // `this_disk`: number, major, minor, place, state; the state of a disk in use is "active"
    // and "in sync", and perhaps "write mostly".
    let (role, state) = (word(992 + 3), word(992 + 4));
    let is_member = state & !(1 << 9) == 0b110;
    let length = match level {
        LINEAR => match u64::from(word(65)) {
            0 => at,
            chunk => at / chunk * chunk,
        },
        _ => u64::from(word(8)) * KIB,
    };
    if length == 0 || length > at {
        return Err(damaged(at));
    }
    Ok(Member {
        array,
        level,
        members: word(10),
        role: is_member.then_some(role),
        events: words.u64(4 * 39),
        is_clean: word(33) & 1 == 1,
        data: Extent::new(0, length),
        superblock: Extent::new(at, SUPERBLOCK as u64),
        // The bitmap is in the rest of the 64 KiB.
        areas: vec![Extent::new(at, 64 * KIB)],
        name: None,
    })
}

fn version_1(source: &dyn BlockSource, words: &Bytes<'_>, at: u64) -> Result<Member, Doubt> {
    let bad = || damaged(at);
    let roles = words.u32(220) as usize;
    let length = roles.checked_mul(2).map(|length| length + 256).filter(|l| *l <= SUPERBLOCK);
    if words.sum(length.ok_or_else(bad)?, 216) != words.u32(216) {
        return Err(bad());
    }
    let features = words.u32(8);
    if features & 0b10_0100 != 0 {
        return Err(message!("md-reshape"));
    }
    if features & !FEATURE_BITMAP != 0 {
        return Err(message!("md-feature", bits = format!("{features:#x}")));
    }
    let level = known_level(words.u32(72))?;
    let number = words.u32(160) as usize;
    let role = if number < roles { words.u16(256 + 2 * number) } else { 0xFFFF };
    let sectors = |at: usize| words.u64(at).checked_mul(SECTOR).ok_or_else(bad);
    let (offset, room) = (sectors(128)?, sectors(136)?);
    let length = match level {
        // What the chunks fill.
        LINEAR => match u64::from(words.u32(88)) * SECTOR {
            0 => room,
            chunk => room / chunk * chunk,
        },
        _ => sectors(80)?,
    };
    let inside = |start: u64, length: u64| {
        start.checked_add(length).filter(|end| *end <= source.size() && length > 0)
    };
    if length > room {
        return Err(bad());
    }
    inside(offset, length).ok_or_else(bad)?;
    inside(offset, room).ok_or_else(bad)?;
    let relative = |sectors: i32| at.checked_add_signed(i64::from(sectors) * SECTOR as i64);

    let superblock = Extent::new(at, SUPERBLOCK as u64);
    let mut areas = vec![superblock];
    if features & FEATURE_BITMAP != 0 {
        let start = relative(words.u32(96) as i32).ok_or_else(bad)?;
        let header = read(source, start, BITMAP_HEADER as usize)?;
        let header = Bytes(&header);
        let chunk = u64::from(header.u32(52));
        if header.u32(0) != BITMAP_MAGIC || chunk == 0 {
            return Err(damaged(start));
        }
        let bits = header.u64(40).checked_mul(SECTOR).ok_or_else(bad)?.div_ceil(chunk);
        let length = (BITMAP_HEADER + bits.div_ceil(8)).max(u64::from(header.u32(64)) * SECTOR);
        let length = length.next_multiple_of(4 * KIB).min(source.size() - start);
        areas.push(Extent::new(start, length));
    }
    let log = i64::from(words.u16(186)) * SECTOR as i64;
    if log > 0 {
        let start = relative(words.u32(188) as i32).ok_or_else(bad)?;
        inside(start, log as u64).ok_or_else(bad)?;
        areas.push(Extent::new(start, log as u64));
    }
    let data = Extent::new(offset, length);
    if areas.iter().any(|area| area.overlaps(data)) {
        return Err(bad());
    }
    let mut array = [0; 16];
    array.copy_from_slice(&words.0[16..32]);
    Ok(Member {
        array,
        level,
        members: words.u32(92),
        role: (role < ROLE_SPARE).then_some(u32::from(role)),
        events: words.u64(200),
        is_clean: words.u64(208) == u64::MAX || level == LINEAR,
        data,
        superblock,
        areas,
        name: crate::filesystem::recognize::text(&words.0[32..64]),
    })
}
