//! Multiple mount protection: the block that says whether some machine has the file system open.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Multiple Mount
//! Protection".

use super::checksum::crc32c;
use super::features::ro_compat;
use super::read;
use super::superblock::Superblock;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `mmp_magic`.
const MAGIC: u32 = 0x004d_4d50;
/// `mmp_seq` of a file system that nobody uses.
const SEQUENCE_CLEAN: u32 = 0xff4d_4d50;

/// `struct mmp_struct`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawMmp {
    mmp_magic: U32,
    mmp_seq: U32,
    mmp_time: U64,
    mmp_nodename: [u8; 64],
    mmp_bdevname: [u8; 32],
    mmp_check_interval: U16,
    mmp_pad1: U16,
    mmp_pad2: [u8; 0x3fc - 0x74],
    mmp_checksum: U32,
}

const _: () = assert!(size_of::<RawMmp>() == 1024);

/// A doubt when a machine uses the file system, or when that cannot be told.
pub(super) fn check(source: &dyn BlockSource, superblock: &Superblock) -> Result<(), Doubt> {
    let Some(block) = superblock.mmp_block else { return Ok(()) };
    let mut raw = RawMmp::new_zeroed();
    read(source, block * superblock.block_size, raw.as_mut_bytes())?;
    if raw.mmp_magic.get() != MAGIC {
        return Err(message!("ext-mmp-damaged"));
    }
    if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
        let covered = &raw.as_bytes()[..std::mem::offset_of!(RawMmp, mmp_checksum)];
        if crc32c(superblock.checksum_seed, covered) != raw.mmp_checksum.get() {
            return Err(message!("ext-mmp-damaged"));
        }
    }
    if raw.mmp_seq.get() != SEQUENCE_CLEAN {
        let name = raw.mmp_nodename.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        return Err(message!("ext-mmp-in-use", machine = name));
    }
    Ok(())
}
