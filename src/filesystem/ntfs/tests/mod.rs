//! Volumes made by mkntfs, filled through ntfs-3g, judged by the programs of both and by
//! partclone.

use super::*;
use crate::filesystem::testing::{Broken, Image};
use crate::text::Message;

mod damage;
mod fixture;
mod states;
mod variants;

const BUDGET: Budget = Budget { extents: 1 << 20 };

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt: Message| doubt.id().to_owned())
}

fn certain(source: &dyn BlockSource) -> Used {
    used(source, BUDGET).unwrap_or_else(|doubt| panic!("{}: {doubt}", source.name()))
}

/// Where record `number` of the master file table begins, in bytes of the volume, and its size.
fn record_place(source: &dyn BlockSource, number: u64) -> (u64, u64) {
    let boot = read_boot_sector(source, 0).unwrap().unwrap();
    // The first records lie together in every volume made here.
    (boot.mft_cluster * boot.cluster_size + number * boot.record_size, boot.record_size)
}

/// Gives the data of a file that lies in clusters, or its stream with a name of so many units,
/// other mapping pairs. By the offsets of the documentation alone; the attribute has to be the
/// last one of the record where it has to grow.
fn write_pairs(image: &Image, number: u64, name_length: u8, pairs: &[u8]) {
    let (place, length) = record_place(image, number);
    let record = image.read_vec(place, length as usize).unwrap();
    let word = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    let mut at = word(20);
    while !(record[at] == 0x80 && record[at + 8] == 1 && record[at + 9] == name_length) {
        at += word(at + 4);
    }
    let (old, start) = (word(at + 4), word(at + 32));
    let new = (start + pairs.len()).next_multiple_of(8);
    image.write(place + (at + start) as u64, pairs);
    if new > old {
        assert_eq!(record[at + old..at + old + 4], [0xFF; 4], "the last attribute");
        image.write(place + at as u64 + 4, &(new as u32).to_le_bytes());
        let end = at + new;
        assert!(end + 8 <= 510);
        image.write(place + end as u64, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
        image.write(place + 24, &((end + 8) as u32).to_le_bytes());
    }
}
