//! Bytes in, bytes out: hashing and compression. Knows no file, no disk and no format.
#![forbid(unsafe_code)]

mod digest;
mod zstandard;

pub use digest::{Digest, Hasher, sha256};
pub use zstandard::{Compressor, Decompressor, Encoding, Level};

/// Whether every byte is zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    // Blocks of a fixed size compile to wide comparisons.
    let (blocks, rest) = bytes.as_chunks::<256>();
    blocks.iter().all(|block| block == &[0; 256]) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::is_zero;

    #[test]
    fn one_set_bit_anywhere_is_not_zero() {
        for length in [0, 1, 255, 256, 257, 1000] {
            assert!(is_zero(&vec![0; length]));
            for position in 0..length {
                let mut bytes = vec![0; length];
                bytes[position] = 1;
                assert!(!is_zero(&bytes));
            }
        }
    }
}
