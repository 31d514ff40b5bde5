//! Volumes made by mkfs.exfat, filled through the FUSE driver of exFAT, judged by fsck.exfat and
//! partclone.

use super::*;
use crate::filesystem::testing::{Broken, Image};
use crate::text::Message;

mod damage;
mod fixture;
mod variants;

const BUDGET: Budget = Budget { extents: 1 << 20 };

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt: Message| doubt.id().to_owned())
}

fn certain(source: &dyn BlockSource) -> Used {
    used(source, BUDGET).unwrap_or_else(|doubt| panic!("{}: {doubt}", source.name()))
}

fn boot(source: &dyn BlockSource) -> BootSector {
    read_boot_sector(source).unwrap().unwrap()
}

/// Makes the checksum of a boot region right again, by the formula of the specification.
fn repair_checksum(image: &Image, region: Extent) {
    let sector = region.length / 12;
    let bytes = image.read_vec(region.offset, (sector * 11) as usize).unwrap();
    let mut sum = 0u32;
    for (at, byte) in bytes.into_iter().enumerate() {
        if at == 106 || at == 107 || at == 112 {
            continue;
        }
        let high = if sum & 1 == 1 { 0x8000_0000u32 } else { 0 };
        sum = high.wrapping_add(sum >> 1).wrapping_add(u32::from(byte));
    }
    let words = sum.to_le_bytes().repeat(sector as usize / 4);
    image.write(region.offset + sector * 11, &words);
}
