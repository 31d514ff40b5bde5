//! Keys: what the items of every tree are ordered by.
//!
//! Source: btrfs documentation, "On-disk Format", section "Keys", and the numbers of item types
//! and trees in "Btrees".

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// `struct btrfs_disk_key`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawKey {
    objectid: U64,
    kind: u8,
    offset: U64,
}

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    pub(super) object: u64,
    /// Type of the item.
    pub(super) kind: u8,
    pub(super) offset: u64,
}

/// Object of all chunk items.
const FIRST_CHUNK_TREE: u64 = 256;
/// Object of all device items.
const DEVICE_ITEMS: u64 = 1;

impl Key {
    /// Bytes of a key on disk.
    pub(super) const LENGTH: usize = size_of::<RawKey>();

    /// The smallest key there is.
    pub(super) const FIRST: Self = Self { object: 0, kind: 0, offset: 0 };

    /// The largest key there is.
    pub(super) const LAST: Self = Self { object: u64::MAX, kind: u8::MAX, offset: u64::MAX };

    pub(super) const ROOT_ITEM: u8 = 132;
    pub(super) const EXTENT_ITEM: u8 = 168;
    pub(super) const METADATA_ITEM: u8 = 169;
    pub(super) const BLOCK_GROUP_ITEM: u8 = 192;
    pub(super) const DEVICE_EXTENT: u8 = 204;
    pub(super) const DEVICE_ITEM: u8 = 216;
    pub(super) const CHUNK_ITEM: u8 = 228;

    /// Reads the key at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (raw, _) = RawKey::ref_from_prefix(bytes).ok()?;
        Some(Self { object: raw.objectid.get(), kind: raw.kind, offset: raw.offset.get() })
    }

    /// The first key of an object.
    pub(super) const fn of_object(object: u64) -> Self {
        Self { object, kind: 0, offset: 0 }
    }

    /// Whether it is that of a chunk.
    pub(super) const fn is_chunk(self) -> bool {
        self.object == FIRST_CHUNK_TREE && self.kind == Self::CHUNK_ITEM
    }

    /// Whether it is that of a device.
    pub(super) const fn is_device(self) -> bool {
        self.object == DEVICE_ITEMS && self.kind == Self::DEVICE_ITEM
    }
}
