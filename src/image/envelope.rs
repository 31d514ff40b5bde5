//! JSON documents that prove themselves (section 3).

use super::damaged;
use super::files::{Freshness, ImageFiles};
use crate::codec::{Digest, Hasher};
use crate::error::Result;
use crate::text::message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an envelope holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Envelope {
    /// `header.json`.
    Header,
    /// `manifest.json`.
    Manifest,
}

impl Envelope {
    const fn kind(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Manifest => "manifest",
        }
    }

    /// The name of the file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Header => super::HEADER,
            Self::Manifest => super::MANIFEST,
        }
    }

    /// The longest file that is read, in bytes.
    const fn limit(self) -> u64 {
        match self {
            Self::Header => 1 << 20,
            Self::Manifest => 64 << 20,
        }
    }

    fn digest(self, body: &[u8]) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(self.kind().as_bytes());
        hasher.update(b"\n");
        hasher.update(body);
        hasher.finish()
    }

    fn prefix(self) -> String {
        format!("{{\"calco\":\"{}\",\"sha256\":\"", self.kind())
    }
}

const MIDDLE: &[u8] = b"\",\"body\":";
const SUFFIX: &[u8] = b"}\n";

/// The bytes of the file that holds `body`.
pub fn seal<T: Serialize>(envelope: Envelope, body: &T) -> Vec<u8> {
    let body = serde_json::to_vec_pretty(body).expect("our own structures are valid JSON");
    let mut file = envelope.prefix().into_bytes();
    file.extend_from_slice(envelope.digest(&body).to_string().as_bytes());
    file.extend_from_slice(MIDDLE);
    file.extend_from_slice(&body);
    file.extend_from_slice(SUFFIX);
    file
}

/// Checks the bytes of a file and reads its body.
///
/// # Errors
/// [`crate::error::ErrorKind::Damaged`] for anything that is not exactly an envelope of this kind
/// with the right hash and a body of the right form.
pub fn open<T: DeserializeOwned>(envelope: Envelope, file: &[u8]) -> Result<T> {
    let body = file
        .strip_prefix(envelope.prefix().as_bytes())
        .and_then(|rest| rest.split_at_checked(64))
        .and_then(|(digest, rest)| {
            let digest = Digest::from_hex(std::str::from_utf8(digest).ok()?)?;
            let body = rest.strip_prefix(MIDDLE)?.strip_suffix(SUFFIX)?;
            (envelope.digest(body) == digest).then_some(body)
        })
        .ok_or_else(|| damaged(envelope.file(), message!("image-envelope-damaged")))?;
    serde_json::from_slice(body).map_err(|error| {
        damaged(envelope.file(), message!("image-envelope-foreign")).caused_by(error)
    })
}

/// Reads a small file whole.
pub(super) fn read_small(
    files: &dyn ImageFiles,
    name: &str,
    limit: u64,
    freshness: Freshness,
) -> Result<Vec<u8>> {
    let reader = files.open(name, freshness)?;
    if reader.length() > limit {
        return Err(damaged(
            name,
            message!("image-file-too-long", limit = crate::units::human_bytes(limit)),
        ));
    }
    let mut bytes = vec![0; reader.length() as usize];
    reader.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Whether the file begins as an envelope of this kind does; so does one that was cut off.
pub(super) fn begins(files: &dyn ImageFiles, envelope: Envelope) -> Result<bool> {
    let reader = files.open(envelope.file(), Freshness::Any)?;
    let prefix = envelope.prefix();
    let mut start = vec![0; (prefix.len() as u64).min(reader.length()) as usize];
    reader.read_at(0, &mut start)?;
    Ok(prefix.as_bytes().starts_with(&start))
}

/// Reads the envelope file of an image: its bytes and its body.
pub(super) fn read<T: DeserializeOwned>(
    files: &dyn ImageFiles,
    envelope: Envelope,
    freshness: Freshness,
) -> Result<(Vec<u8>, T)> {
    let bytes = read_small(files, envelope.file(), envelope.limit(), freshness)?;
    let body = open(envelope, &bytes)?;
    Ok((bytes, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_missing_or_added_byte_is_found() {
        let body = vec!["a".to_owned(), "ñ".to_owned()];
        let file = seal(Envelope::Header, &body);
        assert_eq!(open::<Vec<String>>(Envelope::Header, &file).unwrap(), body);
        assert!(serde_json::from_slice::<serde_json::Value>(&file).is_ok(), "it is JSON");
        assert!(open::<Vec<String>>(Envelope::Manifest, &file).is_err(), "kinds do not mix");
        for position in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[position] ^= 1 << bit;
                assert!(open::<Vec<String>>(Envelope::Header, &changed).is_err(), "{position}");
            }
            let mut shorter = file.clone();
            shorter.remove(position);
            assert!(open::<Vec<String>>(Envelope::Header, &shorter).is_err());
            assert!(open::<Vec<String>>(Envelope::Header, &file[..position]).is_err());
        }
        let mut longer = file;
        longer.push(b'\n');
        assert!(open::<Vec<String>>(Envelope::Header, &longer).is_err());
    }
}
