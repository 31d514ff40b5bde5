//! Volumes by a generator written from the published description, by xorriso, and judged by
//! partclone; what is damaged is a doubt.

use super::*;
use crate::block::memory::MemoryDisk;
use crate::filesystem::testing::{Broken, Image, run};
use crate::filesystem::{VolumeKind, VolumeState, read};
use crate::units::ExtentMap;
use generator::{Journal, Made, Plan, make};

mod damage;
#[path = "../../../../tests/support/hfsplus.rs"]
mod generator;
mod states;
mod variants;

const BUDGET: Budget = Budget { extents: 1 << 20 };

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt| doubt.id().to_owned())
}

fn certain(source: &dyn BlockSource) -> Used {
    used(source, BUDGET).unwrap_or_else(|doubt| panic!("{}: {doubt}", source.name()))
}

/// A volume in a file, for programs.
fn image(made: &Made) -> Image {
    let image = Image::new(made.bytes.len() as u64);
    image.write(0, &made.bytes);
    image
}

/// The bytes that the generator gave out, and what follows the last block.
fn expected(plan: &Plan, made: &Made) -> ExtentMap {
    let size = plan.block_size as u64;
    let blocks = made.used.iter().enumerate().filter(|(_, used)| **used);
    blocks
        .map(|(block, _)| Extent::new(block as u64 * size, size))
        .chain([Extent::between(plan.blocks as u64 * size, made.bytes.len() as u64)])
        .collect()
}

/// The kinds of volume that the tests make.
fn plans() -> Vec<Plan> {
    let plan = Plan::default();
    vec![
        plan.clone(),
        Plan { block_size: 512, blocks: 8192, journal: Journal::None, ..plan.clone() },
        Plan { block_size: 512, blocks: 6001, special_pieces: 11, files: 60, ..plan.clone() },
        Plan { block_size: 1024, blocks: 3000, case_sensitive: true, ..plan.clone() },
        Plan { block_size: 65536, blocks: 700, journal: Journal::LittleEndian, ..plan.clone() },
        Plan { journal: Journal::LittleEndian, special_pieces: 4, behind: 2560, ..plan.clone() },
        Plan { behind: 512, ..plan.clone() },
        Plan { node_size: 32768, files: 300, blocks: 6000, file_pieces: 300, ..plan.clone() },
        Plan { spare_nodes: 500, blocks: 3000, ..plan.clone() },
        Plan { files: 300, file_pieces: 1, case_sensitive: true, blocks: 5000, ..plan },
    ]
}
