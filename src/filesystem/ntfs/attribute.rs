//! An attribute: one of the values that a file is made of, in its record or outside of it.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Concept - Attribute Header".

use super::Damaged;
use super::mapping_pairs::{self, MappingPairs};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// The kinds of attributes that mean something here.
pub(super) mod kind {
    pub(in super::super) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in super::super) const FILE_NAME: u32 = 0x30;
    pub(in super::super) const VOLUME_NAME: u32 = 0x60;
    pub(in super::super) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in super::super) const DATA: u32 = 0x80;
    /// Ends the attributes of a record.
    pub(in super::super) const END: u32 = 0xFFFF_FFFF;
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    kind: U32,
    length: U32,
    non_resident: u8,
    name_length: u8,
    name_offset: U16,
    flags: U16,
    instance: U16,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ResidentHeader {
    value_length: U32,
    value_offset: U16,
    indexed: u8,
    unused: u8,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct NonResidentHeader {
    first_cluster: U64,
    last_cluster: U64,
    pairs_offset: U16,
    compression_unit: u8,
    unused: [u8; 5],
    allocated_size: U64,
    size: U64,
    initialized_size: U64,
}

/// An attribute, or a part of one that is spread over several records.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u32,
    /// Its name in UTF-16, little-endian; most have none.
    pub(super) name: &'a [u8],
    /// Whether clusters hold something else than its bytes: compressed, encrypted, with holes.
    pub(super) encoded: bool,
    pub(super) value: Value<'a>,
}

/// Where the value is.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// In the record.
    Resident(&'a [u8]),
    /// In clusters.
    NonResident(NonResident<'a>),
}

/// A value in clusters. Numbers of clusters count from the start of the value.
#[derive(Clone, Copy)]
pub(super) struct NonResident<'a> {
    /// The first cluster that this part describes.
    pub(super) first_cluster: u64,
    pairs: &'a [u8],
    /// Length of the value in bytes; told by the first part only.
    pub(super) size: u64,
    /// How much of it was ever written, in bytes; what follows reads as zeros.
    pub(super) initialized_size: u64,
    /// Length of its clusters in bytes.
    pub(super) allocated_size: u64,
}

impl<'a> NonResident<'a> {
    /// Where its clusters are.
    pub(super) const fn runs(&self) -> MappingPairs<'a> {
        mapping_pairs::decode(self.pairs)
    }
}

/// Reads the attribute that `bytes` start with, and its length in them; `None` at the end.
fn parse(bytes: &[u8]) -> Result<Option<(Attribute<'_>, usize)>, Damaged> {
    let (kind, _) = U32::ref_from_prefix(bytes).map_err(|_| Damaged)?;
    if kind.get() == kind::END {
        return Ok(None);
    }
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| Damaged)?;
    let length = header.length.get() as usize;
    if !length.is_multiple_of(8) || length < size_of::<Header>() {
        return Err(Damaged);
    }
    let bytes = bytes.get(..length).ok_or(Damaged)?;
    let rest = &bytes[size_of::<Header>()..];
    let name_offset = usize::from(header.name_offset.get());
    let name_length = 2 * usize::from(header.name_length);
    let name = match name_length {
        0 => &[],
        _ => bytes.get(name_offset..name_offset + name_length).ok_or(Damaged)?,
    };
    let value = if header.non_resident == 0 {
        let (resident, _) = ResidentHeader::ref_from_prefix(rest).map_err(|_| Damaged)?;
        let value = bytes
            .get(usize::from(resident.value_offset.get())..)
            .and_then(|value| value.get(..resident.value_length.get() as usize))
            .ok_or(Damaged)?;
        Value::Resident(value)
    } else {
        let (clusters, _) = NonResidentHeader::ref_from_prefix(rest).map_err(|_| Damaged)?;
        Value::NonResident(NonResident {
            first_cluster: clusters.first_cluster.get(),
            pairs: bytes.get(usize::from(clusters.pairs_offset.get())..).ok_or(Damaged)?,
            size: clusters.size.get(),
            initialized_size: clusters.initialized_size.get(),
            allocated_size: clusters.allocated_size.get(),
        })
    };
    let attribute =
        Attribute { kind: header.kind.get(), name, encoded: header.flags.get() != 0, value };
    Ok(Some((attribute, length)))
}

/// The attributes of a record, from the first one on.
pub(super) const fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { bytes, done: false }
}

/// The iterator of [`attributes`]; it ends after the first error.
pub(super) struct Attributes<'a> {
    bytes: &'a [u8],
    done: bool,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = parse(self.bytes).transpose().map(|found| {
            found.map(|(attribute, length)| {
                self.bytes = &self.bytes[length..];
                attribute
            })
        });
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}
