//! What the fuzz targets and the test over their corpus share.
//!
//! Each target is a function from bytes to nothing: it panics where a parser does what it must
//! not do with that input. libFuzzer calls it for hours (`./build.sh fuzz`), the test over the
//! corpus calls it a fixed number of times.

pub mod checksum;
pub mod image;
pub mod mutate;
pub mod sparse_disk;
pub mod target;
pub mod whole;
