//! Compression of one chunk as one independent zstd frame (RFC 8878).

use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::text::message;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zstd::zstd_safe::CParameter;

/// How a content is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// One zstd frame.
    Zstd,
}

/// How hard to compress.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Level {
    /// Store everything as it is.
    None,
    /// The fastest zstd levels (negative ones).
    Fast,
    /// A good balance for disks: the default.
    #[default]
    Auto,
    /// A zstd level, 1 to 19.
    Number(i32),
}

impl Level {
    /// The zstd level; `None` when nothing is compressed.
    const fn zstd_level(self) -> Option<i32> {
        match self {
            Self::None => None,
            Self::Fast => Some(-3),
            Self::Auto => Some(3),
            Self::Number(level) => Some(level),
        }
    }

    /// At most how many bytes a [`Compressor`] of this level holds for chunks of up to 2 MiB.
    pub const fn compressor_bytes(self) -> u64 {
        const MIB: u64 = 1 << 20;
        match self.zstd_level() {
            None => 0,
            Some(..=4) => 3 * MIB,
            Some(5..=8) => 6 * MIB,
            Some(9..=11) => 24 * MIB,
            Some(12..) => 36 * MIB,
        }
    }

    /// What differs from the zstd level. `Auto` has smaller tables than level 3: they stay in the
    /// processor's cache, which saves a fifth of the time for 1 % of the size (docs/decisions,
    /// chunk size and levels). What does not compress costs next to nothing at any of them.
    const fn parameters(self) -> &'static [CParameter] {
        match self {
            Self::Auto => &[CParameter::HashLog(16), CParameter::ChainLog(14)],
            _ => &[],
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Fast => f.write_str("fast"),
            Self::Auto => f.write_str("auto"),
            Self::Number(level) => level.fmt(f),
        }
    }
}

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.to_string()
    }
}

impl TryFrom<String> for Level {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "fast" => Ok(Self::Fast),
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(level @ 1..=19) => Ok(Self::Number(level)),
                _ => Err(Error::new(
                    ErrorKind::Usage,
                    message!("image-level-unknown", level = text.to_owned()),
                )),
            },
        }
    }
}

/// Compresses chunks, one at a time, reusing its memory.
pub struct Compressor {
    context: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    /// A compressor for a level.
    ///
    /// # Errors
    /// When zstd has no memory for its context.
    pub fn new(level: Level) -> Result<Self> {
        let prepare = |zstd_level| -> std::io::Result<_> {
            let mut context = zstd::bulk::Compressor::new(zstd_level)?;
            for parameter in level.parameters() {
                context.set_parameter(*parameter)?;
            }
            Ok(context)
        };
        let context = level
            .zstd_level()
            .map(prepare)
            .transpose()
            .context(|| message!("image-zstd-failed"))?;
        Ok(Self { context })
    }

    /// Encodes `plain` into `output`, whose old content is lost. A content that does not shrink
    /// is kept as it is, so the output is never longer than the input.
    ///
    /// # Errors
    /// When zstd fails.
    pub fn compress(&mut self, plain: &[u8], output: &mut Vec<u8>) -> Result<Encoding> {
        output.clear();
        if let Some(context) = &mut self.context {
            output.reserve(zstd::zstd_safe::compress_bound(plain.len()));
            context.compress_to_buffer(plain, output).context(|| message!("image-zstd-failed"))?;
            if output.len() < plain.len() {
                return Ok(Encoding::Zstd);
            }
            output.clear();
        }
        output.extend_from_slice(plain);
        Ok(Encoding::Raw)
    }
}

/// Decodes chunks, one at a time, reusing its memory.
pub struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
}

impl Decompressor {
    /// A decompressor.
    ///
    /// # Errors
    /// When zstd has no memory for its context.
    pub fn new() -> Result<Self> {
        let context = zstd::bulk::Decompressor::new().context(|| message!("image-zstd-failed"))?;
        Ok(Self { context })
    }

    /// Decodes `stored` into exactly the whole of `output`; false when it is anything but that.
    /// Memory is bounded by the length of `output`, whatever the frame says.
    pub fn decompress(&mut self, encoding: Encoding, stored: &[u8], output: &mut [u8]) -> bool {
        match encoding {
            Encoding::Raw if stored.len() == output.len() => {
                output.copy_from_slice(stored);
                true
            }
            Encoding::Raw => false,
            Encoding::Zstd => {
                let expected = output.len();
                self.context
                    .decompress_to_buffer(stored, output)
                    .is_ok_and(|length| length == expected)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compressors_hold_what_their_levels_say() {
        let plain: Vec<u8> =
            (0..2u32 << 20).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
        let levels = (1..=19).map(Level::Number).chain([Level::Fast, Level::Auto]);
        for level in levels {
            let mut compressor = Compressor::new(level).unwrap();
            compressor.compress(&plain, &mut Vec::new()).unwrap();
            let held = compressor.context.as_mut().unwrap().context_mut().sizeof() as u64;
            assert!(held <= level.compressor_bytes(), "{level}: {held}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            plain in proptest::collection::vec(0u8..4, 1..5000),
            level in prop_oneof![Just(Level::None), Just(Level::Fast), Just(Level::Auto), (1i32..=19).prop_map(Level::Number)],
        ) {
            let mut stored = Vec::new();
            let encoding = Compressor::new(level).unwrap().compress(&plain, &mut stored).unwrap();
            prop_assert!(stored.len() <= plain.len());
            let mut decoder = Decompressor::new().unwrap();
            let mut output = vec![0xAA; plain.len()];
            prop_assert!(decoder.decompress(encoding, &stored, &mut output));
            prop_assert_eq!(&output, &plain);
            // One byte more or less is not what was announced.
            prop_assert!(!decoder.decompress(encoding, &stored, &mut vec![0; plain.len() + 1]));
            prop_assert!(!decoder.decompress(encoding, &stored, &mut vec![0; plain.len() - 1]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(stored in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut output = vec![0; 4096];
            Decompressor::new().unwrap().decompress(Encoding::Zstd, &stored, &mut output);
        }
    }

    #[test]
    fn levels_are_read_and_written() {
        for text in ["none", "fast", "auto", "1", "19"] {
            assert_eq!(text.parse::<Level>().unwrap().to_string(), text);
        }
        for wrong in ["0", "20", "-1", "", "best"] {
            assert_eq!(wrong.parse::<Level>().unwrap_err().kind(), ErrorKind::Usage);
        }
    }
}
