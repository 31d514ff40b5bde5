//! A value that lies in clusters, read by offset.

use super::Damaged;
use super::attribute::NonResident;
use super::boot_sector::BootSector;
use crate::block::BlockSource;
use crate::error;
use crate::units::Extent;

/// A piece of the value that lies in one piece on the volume.
struct Piece {
    /// First cluster, counted from the start of the value.
    first: u64,
    length: u64,
    /// First cluster on the volume; none for a hole.
    cluster: Option<u64>,
}

/// A value in clusters, whose parts may be known only in part.
pub(super) struct Stream {
    /// In the order of the value, without gaps.
    pieces: Vec<Piece>,
    cluster_size: u64,
    /// Length in bytes.
    pub(super) size: u64,
    /// How much of it was ever written, in bytes.
    pub(super) initialized_size: u64,
    allocated_size: u64,
    /// Whether its clusters hold its bytes, all of them.
    pub(super) plain: bool,
}

impl Stream {
    /// The value whose first part this is.
    pub(super) fn new(
        first: NonResident<'_>,
        encoded: bool,
        boot: &BootSector,
        limit: usize,
    ) -> Result<Self, Damaged> {
        let mut stream = Self {
            pieces: Vec::new(),
            cluster_size: boot.cluster_size,
            size: first.size,
            initialized_size: first.initialized_size,
            allocated_size: first.allocated_size,
            plain: !encoded,
        };
        if first.size > first.allocated_size || first.initialized_size > first.size {
            return Err(Damaged);
        }
        stream.append(first, boot, limit)?;
        Ok(stream)
    }

    /// Clusters whose place is known.
    fn clusters(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.first + piece.length)
    }

    /// Adds the next part; `limit` is the largest number of pieces.
    pub(super) fn append(
        &mut self,
        part: NonResident<'_>,
        boot: &BootSector,
        limit: usize,
    ) -> Result<(), Damaged> {
        if part.first_cluster != self.clusters() {
            return Err(Damaged);
        }
        for run in part.runs() {
            let run = run?;
            let first = self.clusters();
            let end = first.checked_add(run.length).ok_or(Damaged)?;
            let inside = |cluster: u64| cluster + run.length <= boot.clusters;
            // No value can be longer than the volume, unless it has holes.
            if end.checked_mul(self.cluster_size).is_none()
                || self.pieces.len() >= limit
                || !run.cluster.is_none_or(inside)
            {
                return Err(Damaged);
            }
            self.plain &= run.cluster.is_some();
            self.pieces.push(Piece { first, length: run.length, cluster: run.cluster });
        }
        Ok(())
    }

    /// Whether the place of every cluster is known, and no cluster is there twice as far as
    /// their number tells.
    pub(super) fn is_complete(&self, boot: &BootSector) -> bool {
        let clusters = self.clusters();
        clusters.checked_mul(self.cluster_size) == Some(self.allocated_size)
            && (!self.plain || clusters <= boot.clusters)
    }

    /// Fills `buffer` with the bytes from `offset`, zeros where there is a hole.
    ///
    /// # Errors
    /// When the place of one of them is not known, or the medium cannot be read.
    pub(super) fn read_at(
        &self,
        source: &dyn BlockSource,
        mut offset: u64,
        mut buffer: &mut [u8],
    ) -> Result<(), ReadError> {
        while !buffer.is_empty() {
            let cluster = offset / self.cluster_size;
            let after = self.pieces.partition_point(|piece| piece.first <= cluster);
            let piece = after.checked_sub(1).map(|index| &self.pieces[index]);
            let piece = piece
                .filter(|piece| cluster - piece.first < piece.length)
                .ok_or(ReadError::Damaged)?;
            let extent =
                Extent::new(piece.first * self.cluster_size, piece.length * self.cluster_size);
            let skipped = offset - extent.offset;
            let length = (extent.end() - offset).min(buffer.len() as u64);
            let (now, later) = buffer.split_at_mut(length as usize);
            match piece.cluster {
                Some(cluster) => {
                    let place = cluster * self.cluster_size + skipped;
                    source.read_at(place, now).map_err(ReadError::Unreadable)?;
                }
                None => now.fill(0),
            }
            offset += length;
            buffer = later;
        }
        Ok(())
    }

    /// The runs of clusters on the volume, as first cluster and number.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.pieces.iter().filter_map(|piece| Some((piece.cluster?, piece.length)))
    }
}

/// Why a value could not be read.
pub(super) enum ReadError {
    /// Its parts contradict each other.
    Damaged,
    /// The medium.
    Unreadable(error::Error),
}

impl From<Damaged> for ReadError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}
