//! How large an image will be, from samples of what is in use.

use crate::block::BlockSource;
use crate::codec::{Compressor, Level, is_zero};
use crate::error::Result;
use crate::units::{Extent, ExtentMap};

/// Number of samples, and the length of each in bytes: 16 MiB in all, a moment on any disk.
const SAMPLES: u64 = 64;
const SAMPLE: u64 = 256 << 10;

/// The estimated length of what is stored for the used bytes of a disk.
///
/// # Errors
/// When the compressor fails.
pub fn stored_bytes(disk: &dyn BlockSource, map: &ExtentMap, level: Level) -> Result<u64> {
    let used = map.total_bytes();
    let mut compressor = Compressor::new(level)?;
    let (mut plain, mut stored) = (0u64, 0u64);
    let mut output = Vec::new();
    for place in sample_places(map, used) {
        let mut buffer = vec![0; place.length as usize];
        // A bad place is no sample: it would take long, and tell nothing.
        if disk.read_at(place.offset, &mut buffer).is_err() {
            continue;
        }
        plain += place.length;
        if !is_zero(&buffer) {
            compressor.compress(&buffer, &mut output)?;
            stored += output.len() as u64;
        }
    }
    if plain == 0 {
        // Nothing is in use, or nothing of it can be read.
        return Ok(used);
    }
    // The index: an entry for each chunk, and room for its extents.
    let index = used / 8192;
    Ok((u128::from(used) * u128::from(stored) / u128::from(plain)) as u64 + index)
}

/// Places spread evenly over the used bytes, in disk order.
fn sample_places(map: &ExtentMap, used: u64) -> Vec<Extent> {
    let step = (used / SAMPLES).max(SAMPLE);
    let mut places = Vec::new();
    let (mut passed, mut next) = (0u64, step / 2);
    for extent in map.iter() {
        while next < passed + extent.length {
            let start = extent.offset + (next - passed);
            places.push(Extent::between(start, extent.end().min(start + SAMPLE)));
            next += step;
        }
        passed += extent.length;
    }
    if places.is_empty() {
        places.extend(map.iter().take(16).map(|e| Extent::new(e.offset, e.length.min(SAMPLE))));
    }
    places
}
