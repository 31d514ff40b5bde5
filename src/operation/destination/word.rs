//! The words for volumes: `usb:NAME[/path]` and `disk:NAME[/path]`.

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use std::fmt;
use std::path::PathBuf;

/// Which disks are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// `usb:` those that can be taken away: on USB, in a card reader, outside of the machine.
    External,
    /// `disk:` all of them.
    Any,
}

impl Reach {
    /// What the word begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::External => "usb:",
            Self::Any => "disk:",
        }
    }
}

/// A word that names a volume and a folder on it. In it `%` and two hexadecimal digits stand for
/// a byte, so that names with spaces and slashes can be written anywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeWord {
    /// Which disks are looked at.
    pub reach: Reach,
    /// Label, UUID, serial number or name below `/dev/disk/by-id` of the volume.
    pub name: String,
    /// The names of the folders that lead to the one that is meant.
    pub folders: Vec<String>,
}

fn usage(word: &str) -> Error {
    Error::new(ErrorKind::Usage, message!("destination-word", word = word))
        .advise(message!("destination-word-advice"))
}

/// Undoes percent-encoding. A `%` that no two digits follow stands for itself; `None` when the
/// bytes are no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Encodes what would end the word in a shell, on the kernel's command line or in the word itself.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || "%/\"'\\".contains(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                write!(f, "%{byte:02X}")?;
            }
        } else {
            fmt::Write::write_char(f, c)?;
        }
    }
    Ok(())
}

impl VolumeWord {
    /// Reads a word; `None` when it names no volume but something else, such as a folder.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it begins like one and can mean nothing.
    pub fn parse(word: &str) -> Result<Option<Self>> {
        let reaches = [Reach::External, Reach::Any];
        let found =
            reaches.into_iter().find_map(|reach| Some((reach, word.strip_prefix(reach.prefix())?)));
        let Some((reach, rest)) = found else { return Ok(None) };
        let mut parts = rest.split('/');
        let decoded = |part: &str| {
            let text = decode(part).filter(|text| !text.contains('\0'));
            text.ok_or_else(|| usage(word))
        };
        let name = decoded(parts.next().unwrap_or_default())?;
        if name.trim().is_empty() {
            return Err(usage(word));
        }
        let mut folders = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            match decoded(part)?.as_str() {
                "." => {}
                // Nothing outside of the volume is meant.
                ".." => return Err(usage(word)),
                part if part.contains('/') => return Err(usage(word)),
                part => folders.push(part.to_owned()),
            }
        }
        Ok(Some(Self { reach, name, folders }))
    }

    /// The folder on the volume, from its root.
    pub fn path(&self) -> PathBuf {
        self.folders.iter().collect()
    }
}

impl fmt::Display for VolumeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reach.prefix())?;
        encode(&self.name, f)?;
        for folder in &self.folders {
            f.write_str("/")?;
            encode(folder, f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(reach: Reach, name: &str, folders: &[&str]) -> VolumeWord {
        let folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
        VolumeWord { reach, name: name.to_owned(), folders }
    }

    #[test]
    fn words_are_read() {
        for (text, expected) in [
            ("usb:BACKUP", word(Reach::External, "BACKUP", &[])),
            ("usb:BACKUP/", word(Reach::External, "BACKUP", &[])),
            ("disk:1234-ABCD/a//b/./c", word(Reach::Any, "1234-ABCD", &["a", "b", "c"])),
            ("usb:My%20Disk/mis imágenes", word(Reach::External, "My Disk", &["mis imágenes"])),
            ("usb:My Disk/50%/%C3%B1", word(Reach::External, "My Disk", &["50%", "ñ"])),
            ("disk:a%2Fb%25", word(Reach::Any, "a/b%", &[])),
        ] {
            assert_eq!(VolumeWord::parse(text).unwrap(), Some(expected), "{text}");
        }
        for other in ["/mnt/usb:x", "./usb:x", "usb", "nfs://host/x", "USB:x", ""] {
            assert_eq!(VolumeWord::parse(other).unwrap(), None, "{other}");
        }
        for wrong in ["usb:", "usb:/x", "usb:%20/x", "usb:x/../y", "usb:x/%2E%2E", "usb:%FF"] {
            let error = VolumeWord::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
        }
        for wrong in ["usb:x/a%2Fb", "disk:x%00y"] {
            assert!(VolumeWord::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            name in "[^\0]{0,8}[a-z%]",
            folders in proptest::collection::vec("[^\0/]{0,6}[a-zñ%]", 0..4),
        ) {
            let word = VolumeWord { reach: Reach::Any, name, folders };
            let text = word.to_string();
            prop_assert!(!text.contains([' ', '"', '\'', '\n']), "{}", text);
            prop_assert_eq!(VolumeWord::parse(&text).unwrap(), Some(word));
        }
    }
}
