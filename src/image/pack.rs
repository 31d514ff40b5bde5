//! Packs (section 5): files of chunks that describe themselves.

use super::header::{ImageId, SaveId, random};
use super::{FORMAT, u32_at, u64_at};
use crate::codec::{Digest, Encoding, sha256};
use crate::error::Result;

/// Header of a pack file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackHeader {
    /// Number of the pack within its save.
    pub number: u32,
    /// The image it was made for.
    pub image_id: ImageId,
    /// The run that made it.
    pub save_id: SaveId,
    /// Random identity of the pack itself.
    pub pack_id: [u8; 32],
}

impl PackHeader {
    /// Length on disk, in bytes.
    pub const LENGTH: usize = 96;
    const MAGIC: [u8; 8] = *b"CALCOPAK";

    /// A header with a new pack id.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(number: u32, image_id: ImageId, save_id: SaveId) -> Result<Self> {
        Ok(Self { number, image_id, save_id, pack_id: random()? })
    }

    /// The file name of pack `number` of a save.
    pub fn file_name(save_id: SaveId, number: u32) -> String {
        format!("{save_id}-{number:06}.pack")
    }

    /// The bytes on disk.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..8].copy_from_slice(&Self::MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.image_id.0);
        bytes[32..40].copy_from_slice(&self.save_id.0);
        bytes[48..80].copy_from_slice(&self.pack_id);
        let check = sha256(&bytes[..88]).short();
        bytes[88..96].copy_from_slice(&check);
        bytes
    }

    /// Reads the bytes on disk; `None` when they are not a header of this format.
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let sound = bytes[0..8] == Self::MAGIC
            && u32_at(bytes, 8) == FORMAT
            && bytes[40..48] == [0; 8]
            && bytes[80..88] == [0; 8]
            && bytes[88..96] == sha256(&bytes[..88]).short();
        sound.then(|| Self {
            number: u32_at(bytes, 12),
            image_id: ImageId(bytes[16..32].try_into().expect("16 bytes")),
            save_id: SaveId(bytes[32..40].try_into().expect("8 bytes")),
            pack_id: bytes[48..80].try_into().expect("32 bytes"),
        })
    }
}

/// Header of a record: one chunk in a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordHeader {
    /// How the content is stored.
    pub encoding: Encoding,
    /// Length of the plaintext in bytes.
    pub plain_length: u32,
    /// Length of the stored content in bytes.
    pub stored_length: u32,
    /// The disk where the content was first met.
    pub disk: u32,
    /// The number of the chunk there.
    pub chunk: u64,
    /// Hash of the plaintext.
    pub digest: Digest,
}

impl RecordHeader {
    /// Length on disk, in bytes.
    pub const LENGTH: usize = 72;
    const MAGIC: [u8; 4] = *b"CHNK";

    /// The bytes on disk.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..4].copy_from_slice(&Self::MAGIC);
        bytes[4] = match self.encoding {
            Encoding::Raw => 0,
            Encoding::Zstd => 1,
        };
        bytes[8..12].copy_from_slice(&self.plain_length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.stored_length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.disk.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.chunk.to_le_bytes());
        bytes[32..64].copy_from_slice(&self.digest.0);
        let check = sha256(&bytes[..64]).short();
        bytes[64..72].copy_from_slice(&check);
        bytes
    }

    /// Reads the bytes on disk; `None` when they are not a header of this format or state
    /// lengths beyond `chunk_size`.
    pub fn decode(bytes: &[u8; Self::LENGTH], chunk_size: u32) -> Option<Self> {
        let encoding = match bytes[4] {
            0 => Encoding::Raw,
            1 => Encoding::Zstd,
            _ => return None,
        };
        let (plain_length, stored_length) = (u32_at(bytes, 8), u32_at(bytes, 12));
        let sound = bytes[0..4] == Self::MAGIC
            && bytes[5..8] == [0; 3]
            && bytes[20..24] == [0; 4]
            && (1..=chunk_size).contains(&plain_length)
            && (1..=plain_length).contains(&stored_length)
            && bytes[64..72] == sha256(&bytes[..64]).short();
        sound.then(|| Self {
            encoding,
            plain_length,
            stored_length,
            disk: u32_at(bytes, 16),
            chunk: u64_at(bytes, 24),
            digest: Digest(bytes[32..64].try_into().expect("32 bytes")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_and_every_flip_is_found() {
        let header = PackHeader::new(7, ImageId([1; 16]), SaveId([2; 8])).unwrap();
        let bytes = header.encode();
        assert_eq!(PackHeader::decode(&bytes), Some(header));
        for position in 0..bytes.len() {
            let mut changed = bytes;
            changed[position] ^= 0x10;
            assert_eq!(PackHeader::decode(&changed), None, "{position}");
        }
        let record = RecordHeader {
            encoding: Encoding::Zstd,
            plain_length: 4096,
            stored_length: 17,
            disk: 1,
            chunk: 99,
            digest: sha256(b"x"),
        };
        let bytes = record.encode();
        assert_eq!(RecordHeader::decode(&bytes, 65536), Some(record));
        assert_eq!(RecordHeader::decode(&bytes, 4095), None, "longer than a chunk");
        for position in 0..bytes.len() {
            let mut changed = bytes;
            changed[position] ^= 0x01;
            assert_eq!(RecordHeader::decode(&changed, 65536), None, "{position}");
        }
    }
}
