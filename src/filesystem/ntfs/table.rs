//! The master file table: a file that holds the record of every file, its own first.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", sections "File - $MFT" and "File -
//! $MFTMirr".

use super::attribute::{Attribute, Value, kind};
use super::attribute_list;
use super::boot_sector::BootSector;
use super::file_record::{FileRecord, record_number};
use super::stream::{ReadError, Stream};
use super::{Damaged, record_doubt};
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::MIB;

/// The table itself.
pub(super) const MFT: u64 = 0;
/// The log.
pub(super) const LOG_FILE: u64 = 2;
/// Name, version and state of the volume.
pub(super) const VOLUME: u64 = 3;
/// The root directory.
pub(super) const ROOT_DIRECTORY: u64 = 5;
/// The allocation bitmap.
pub(super) const BITMAP: u64 = 6;
/// The clusters that must not be used.
pub(super) const BAD_CLUSTERS: u64 = 8;

/// Records that the copy of the table has.
const MIRRORED: u64 = 4;

/// Bytes of records read at once.
const PIECE: u64 = MIB;

/// A value of a file.
pub(super) enum FileValue {
    /// As it is in the record.
    Resident(Vec<u8>),
    /// In clusters.
    Stream(Stream),
}

/// Where a part of an attribute is: its first cluster, counted from the start of the value, and
/// the reference to its record.
type Part = (u64, u64);
/// What is done with a record in use, by its number.
type OnRecord<'a> = dyn FnMut(u64, Result<FileRecord<'_>, Damaged>) -> Result<(), Doubt> + 'a;

/// The master file table of a volume.
pub(super) struct MasterFileTable<'a> {
    pub(super) source: &'a dyn BlockSource,
    pub(super) boot: BootSector,
    /// The largest number of pieces in which one of the volume's own files may lie.
    limit: usize,
    data: Stream,
}

impl<'a> MasterFileTable<'a> {
    /// The table that the boot sector tells of.
    ///
    /// # Errors
    /// A doubt when it is damaged or cannot be read.
    pub(super) fn open(
        source: &'a dyn BlockSource,
        boot: BootSector,
        limit: usize,
    ) -> Result<Self, Doubt> {
        let start = boot.cluster_extent(boot.mft_cluster, 0).offset;
        let mut bytes =
            source.read_vec(start, boot.record_size as usize).map_err(unreadable_doubt)?;
        let damaged = |_: Damaged| record_doubt(ReadError::Damaged, MFT);
        let record = FileRecord::parse(&mut bytes).map_err(damaged)?;
        let attribute = record.ok_or(Damaged).and_then(|record| record.attribute(kind::DATA));
        let data = match attribute.map_err(damaged)? {
            Some(Attribute { value: Value::NonResident(value), encoded, .. }) => {
                Stream::new(value, encoded, &boot, limit).map_err(damaged)?
            }
            _ => return Err(damaged(Damaged)),
        };
        let mut table = Self { source, boot, limit, data };
        // The records that continue the first one lie in what is known of the table already.
        table.complete().map_err(|error| record_doubt(error, MFT))?;
        Ok(table)
    }

    fn complete(&mut self) -> Result<(), ReadError> {
        for part in self.parts(MFT, kind::DATA, &[])?.into_iter().skip(1) {
            let mut bytes = self.buffer();
            let attribute = self.part(MFT, kind::DATA, &[], part, &mut bytes)?;
            let Value::NonResident(value) = attribute.value else { return Err(Damaged.into()) };
            if attribute.encoded {
                return Err(Damaged.into());
            }
            self.data.append(value, &self.boot, self.limit)?;
        }
        let usable = self.data.plain
            && self.data.is_complete(&self.boot)
            && self.data.runs().next().is_some_and(|(first, _)| first == self.boot.mft_cluster);
        if usable { Ok(()) } else { Err(ReadError::Damaged) }
    }

    fn buffer(&self) -> Vec<u8> {
        vec![0; self.boot.record_size as usize]
    }

    /// Number of records, those never used left out.
    fn records(&self) -> u64 {
        self.data.initialized_size / self.boot.record_size
    }

    /// Reads a record into `bytes`; `None` when it is not in use.
    fn record<'b>(
        &self,
        number: u64,
        bytes: &'b mut [u8],
    ) -> Result<Option<FileRecord<'b>>, ReadError> {
        if number >= self.records() {
            return Err(ReadError::Damaged);
        }
        self.data.read_at(self.source, number * self.boot.record_size, bytes)?;
        Ok(FileRecord::parse(bytes)?)
    }

    /// Where the parts of an attribute of a file are, in the order of its value; none when the
    /// file has no such attribute.
    fn parts(&self, number: u64, kind: u32, name: &[u8]) -> Result<Vec<Part>, ReadError> {
        let mut bytes = self.buffer();
        let record = self.record(number, &mut bytes)?.ok_or(Damaged)?;
        let Some(list) = record.attribute(kind::ATTRIBUTE_LIST)? else {
            let here = find(record, kind, name, 0)?;
            let reference = u64::from(record.sequence_number()) << 48 | number;
            return Ok(here.map(|_| (0, reference)).into_iter().collect());
        };
        let list = match list.value {
            Value::Resident(list) => list.to_vec(),
            Value::NonResident(value) => {
                let list = Stream::new(value, list.encoded, &self.boot, self.limit)?;
                let usable = list.plain
                    && list.size <= attribute_list::LONGEST
                    && list.initialized_size == list.size;
                if !usable {
                    return Err(ReadError::Damaged);
                }
                let mut bytes = vec![0; list.size as usize];
                list.read_at(self.source, 0, &mut bytes)?;
                bytes
            }
        };
        let mut parts: Vec<Part> = attribute_list::entries(&list)?
            .into_iter()
            .filter(|entry| entry.kind == kind && entry.name == name)
            .map(|entry| (entry.first_cluster, entry.record))
            .collect();
        parts.sort_unstable();
        Ok(parts)
    }

    /// Reads the record of a part into `bytes`.
    fn part<'b>(
        &self,
        number: u64,
        kind: u32,
        name: &[u8],
        (first_cluster, reference): Part,
        bytes: &'b mut [u8],
    ) -> Result<Attribute<'b>, ReadError> {
        let record = self.record(record_number(reference), bytes)?.ok_or(Damaged)?;
        let belongs = record_number(reference) == number || record.base_record() == number;
        if !belongs || u64::from(record.sequence_number()) != reference >> 48 {
            return Err(ReadError::Damaged);
        }
        Ok(find(record, kind, name, first_cluster)?.ok_or(Damaged)?)
    }

    /// The value of an attribute of a file.
    ///
    /// # Errors
    /// When its records are damaged or cannot be read.
    pub(super) fn value(
        &self,
        number: u64,
        kind: u32,
        name: &[u8],
    ) -> Result<Option<FileValue>, ReadError> {
        let mut value: Option<Stream> = None;
        let mut bytes = self.buffer();
        for part in self.parts(number, kind, name)? {
            let attribute = self.part(number, kind, name, part, &mut bytes)?;
            match (attribute.value, &mut value) {
                (Value::Resident(bytes), None) => {
                    return Ok(Some(FileValue::Resident(bytes.to_vec())));
                }
                (Value::NonResident(first), None) => {
                    let stream = Stream::new(first, attribute.encoded, &self.boot, self.limit)?;
                    value = Some(stream);
                }
                (Value::NonResident(next), Some(stream)) => {
                    stream.append(next, &self.boot, self.limit)?;
                }
                (Value::Resident(_), Some(_)) => return Err(ReadError::Damaged),
            }
        }
        Ok(value.map(FileValue::Stream))
    }

    /// The content of one of the volume's own files, which lies in clusters as it is.
    ///
    /// # Errors
    /// A doubt when it does not, or its records are damaged.
    pub(super) fn own_file(&self, number: u64) -> Result<Stream, Doubt> {
        match self.value(number, kind::DATA, &[]).map_err(|error| record_doubt(error, number))? {
            Some(FileValue::Stream(stream)) if stream.is_complete(&self.boot) => {
                match stream.plain {
                    true => Ok(stream),
                    false => Err(message!("ntfs-own-file-encoded", number = number.to_string())),
                }
            }
            _ => Err(record_doubt(ReadError::Damaged, number)),
        }
    }

    /// Shows every record in use, and the number of each that is damaged.
    ///
    /// # Errors
    /// The first doubt that `on_record` answers, or one when the table cannot be read.
    pub(super) fn for_each_record(&self, on_record: &mut OnRecord<'_>) -> Result<(), Doubt> {
        let size = self.boot.record_size;
        let per_piece = PIECE / size;
        let mut buffer = vec![0; (per_piece.min(self.records()) * size) as usize];
        for first in (0..self.records()).step_by(per_piece as usize) {
            let count = per_piece.min(self.records() - first);
            let piece = &mut buffer[..(count * size) as usize];
            self.data
                .read_at(self.source, first * size, piece)
                .map_err(|error| record_doubt(error, first))?;
            for (number, bytes) in (first..).zip(piece.chunks_exact_mut(size as usize)) {
                match FileRecord::parse(bytes) {
                    Ok(None) => {}
                    Ok(Some(record)) => on_record(number, Ok(record))?,
                    Err(damaged) => on_record(number, Err(damaged))?,
                }
            }
        }
        Ok(())
    }

    /// A doubt when the first records and their copies differ.
    pub(super) fn check_mirror(&self) -> Result<(), Doubt> {
        let start = self.boot.cluster_extent(self.boot.mft_mirror_cluster, 0).offset;
        let (mut bytes, mut copy) = (self.buffer(), self.buffer());
        for number in 0..MIRRORED {
            let place = start + number * self.boot.record_size;
            self.source.read_at(place, &mut copy).map_err(unreadable_doubt)?;
            let record =
                self.record(number, &mut bytes).map_err(|error| record_doubt(error, number))?;
            let same = match (record, FileRecord::parse(&mut copy)) {
                (Some(record), Ok(Some(copy))) => record.bytes == copy.bytes,
                _ => false,
            };
            if !same {
                return Err(message!("ntfs-mirror-differs", number = number.to_string()));
            }
        }
        Ok(())
    }
}

/// The part of an attribute of a record that begins with this cluster of its value.
fn find<'b>(
    record: FileRecord<'b>,
    kind: u32,
    name: &[u8],
    first_cluster: u64,
) -> Result<Option<Attribute<'b>>, Damaged> {
    for attribute in record.attributes() {
        let attribute = attribute?;
        let first = match attribute.value {
            Value::Resident(_) => 0,
            Value::NonResident(value) => value.first_cluster,
        };
        if attribute.kind == kind && attribute.name == name && first == first_cluster {
            return Ok(Some(attribute));
        }
    }
    Ok(None)
}
