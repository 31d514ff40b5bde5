//! Thin pools of the device mapper (dm-thin), which LVM2 keeps in two logical volumes: which blocks of a
//! pool's data volume are in use, read from its metadata volume.
//!
//! In use is what the space map of the data volume says. Certain it is when every block that a thin
//! device or a metadata snapshot maps is among it, when every metadata block has its checksum and is
//! led to as often as the space map of the metadata volume says, so that nothing leads to mappings that
//! were not read, and when every device has as many mappings as its description says.
//!
//! Sources: Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst,
//! drivers/md/dm-thin-metadata.c, drivers/md/persistent-data. Facts only. Little-endian.
//!
//! Every metadata block is read once. For each of them 17 bytes are kept, 71 MB for the largest metadata
//! volume that there can be; for each data block a bit, 32 MiB at most.

mod blocks;
mod space_map;
mod superblock;
mod tree;

#[cfg(test)]
mod tests;

use self::blocks::{Blocks, damaged, u64_at};
use self::space_map::InUse;
use self::superblock::Trees;
use self::tree::{Role, Shape, Visits};
use super::{Budget, Doubt};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder};
use std::collections::BTreeMap;

/// Low bits of a mapping that tell when it was made; the data block is in the others.
const TIME_BITS: u32 = 24;
/// Length of the description of a device in bytes.
const DETAILS: usize = 24;
/// Length of a mapping, and of the root of the mappings of a device, in bytes.
const MAPPING: usize = 8;
/// Most devices in one pool: LVM2 cannot describe as many.
const MAXIMUM_DEVICES: usize = 1 << 18;

/// What is known of a pool from elsewhere, and has to be what it says itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// Length of its data volume in bytes.
    pub data_size: u64,
    /// Length of a data block (chunk) in bytes.
    pub data_block: u64,
    /// Number of the last transaction.
    pub transaction: u64,
    /// Numbers of devices that it has; it may have others.
    pub devices: Vec<u64>,
}

/// The bytes of its data volume that a pool uses, read from its metadata volume.
///
/// # Errors
/// A doubt, where that is not certain.
pub fn used(
    metadata: &dyn BlockSource,
    expected: &Expected,
    budget: Budget,
) -> Result<ExtentMap, Doubt> {
    let blocks = Blocks::new(metadata);
    let superblock = superblock::read(&blocks)?;
    if superblock.transaction != expected.transaction {
        return Err(message!(
            "thin-transaction",
            stored = superblock.transaction.to_string(),
            expected = expected.transaction.to_string()
        ));
    }
    if superblock.data_block != expected.data_block {
        return Err(message!("thin-differs"));
    }
    let data_blocks = superblock.data_space_map.blocks;
    let length = data_blocks.saturating_mul(superblock.data_block);
    if length > expected.data_size {
        return Err(message!(
            "thin-size",
            length = length.to_string(),
            size = expected.data_size.to_string()
        ));
    }

    let metadata_blocks = superblock.metadata_space_map.metadata_blocks(blocks.count())?;
    let mut visits = Visits::new(&blocks, metadata_blocks);
    visits.meet(superblock::LOCATION, Role::Superblock)?;
    let stored = space_map::metadata(&mut visits, &superblock.metadata_space_map)?;
    let in_use = space_map::data(&mut visits, &superblock.data_space_map)?;
    let devices = devices(&mut visits, superblock.trees, &in_use)?;
    if !expected.devices.iter().all(|device| devices.contains_key(device)) {
        return Err(message!("thin-differs"));
    }
    if let Some(location) = superblock.held_root {
        visits.meet(location, Role::Superblock)?;
        let trees = superblock::read_held(&blocks, location)?;
        held(&mut visits, trees, &in_use)?;
    }
    check_references(&visits, &stored)?;

    let mut extents = ExtentMapBuilder::with_budget(budget.extents);
    extents.extend(in_use.runs().map(|run| {
        // The end of the last block lies in the data volume.
        Extent::between(run.start * superblock.data_block, run.end * superblock.data_block)
    }));
    Ok(extents.build())
}

/// The devices of the pool with the roots of their mappings, all of which were held against the data
/// blocks that are in use.
fn devices(
    visits: &mut Visits<'_>,
    trees: Trees,
    in_use: &InUse,
) -> Result<BTreeMap<u64, u64>, Doubt> {
    let mut mapped = BTreeMap::new();
    let shape = Shape { role: Role::Details, value: DETAILS };
    visits.walk(trees.details, shape, &mut |device, details| {
        mapped.insert(device, u64_at(details, 0).unwrap_or_default());
        if mapped.len() > MAXIMUM_DEVICES { Err(damaged(trees.details)) } else { Ok(()) }
    })?;
    let roots = roots(visits, trees.mappings)?;
    if !roots.keys().eq(mapped.keys()) {
        return Err(damaged(trees.details));
    }
    for ((device, root), stored) in roots.iter().zip(mapped.values()) {
        let counted = mappings(visits, *root, in_use)?;
        if counted != *stored {
            return Err(message!(
                "thin-mapped",
                device = device.to_string(),
                counted = counted.to_string(),
                stored = stored.to_string()
            ));
        }
    }
    Ok(roots)
}

/// The same for a metadata snapshot, which shares branches with the pool: those were met before.
fn held(visits: &mut Visits<'_>, trees: Trees, in_use: &InUse) -> Result<(), Doubt> {
    visits.walk(
        trees.details,
        Shape { role: Role::Details, value: DETAILS },
        &mut |_, _| Ok(()),
    )?;
    for root in roots(visits, trees.mappings)?.into_values() {
        mappings(visits, root, in_use)?;
    }
    Ok(())
}

/// The roots of the mappings of each device whose node was not met before.
fn roots(visits: &mut Visits<'_>, root: u64) -> Result<BTreeMap<u64, u64>, Doubt> {
    let mut roots = BTreeMap::new();
    let shape = Shape { role: Role::Devices, value: MAPPING };
    visits.walk(root, shape, &mut |device, value| {
        roots.insert(device, u64_at(value, 0).unwrap_or_default());
        if roots.len() > MAXIMUM_DEVICES { Err(damaged(root)) } else { Ok(()) }
    })?;
    Ok(roots)
}

/// Holds the mappings of a device against the data blocks that are in use; answers how many there are.
fn mappings(visits: &mut Visits<'_>, root: u64, in_use: &InUse) -> Result<u64, Doubt> {
    let shape = Shape { role: Role::Mappings, value: MAPPING };
    visits.walk(root, shape, &mut |_, value| {
        let block = u64_at(value, 0).unwrap_or_default() >> TIME_BITS;
        match in_use.has(block) {
            true => Ok(()),
            false => Err(message!("thin-free", block = block.to_string())),
        }
    })
}

/// Every metadata block has to be led to as often as the space map says.
fn check_references(visits: &Visits<'_>, stored: &[u32]) -> Result<(), Doubt> {
    let pairs = visits.references().iter().zip(stored).enumerate();
    match pairs.into_iter().find(|(_, (counted, stored))| counted != stored) {
        None => Ok(()),
        Some((block, (counted, stored))) => Err(message!(
            "thin-references",
            block = block.to_string(),
            counted = counted.to_string(),
            stored = stored.to_string()
        )),
    }
}
