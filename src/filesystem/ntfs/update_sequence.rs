//! The update sequence array: what tells a record that was written to its end from a torn one.
//!
//! The last two bytes of each 512 bytes hold a number that changes with each write; the bytes
//! that belong there are kept at the start of the record.
//! Source: Linux-NTFS project, "NTFS Documentation", section "Concept - Fixup".

use super::Damaged;

/// Bytes that are protected together, whatever the sector size.
const STRIDE: usize = 512;

/// Puts the bytes back where they belong.
///
/// # Errors
/// When the record was not written to its end, or its array makes no sense.
pub(super) fn undo(record: &mut [u8]) -> Result<(), Damaged> {
    let number = |record: &[u8], at: usize| {
        record.get(at..at + 2).map(|bytes| [bytes[0], bytes[1]]).ok_or(Damaged)
    };
    let start = usize::from(u16::from_le_bytes(number(record, 4)?));
    let count = usize::from(u16::from_le_bytes(number(record, 6)?));
    let strides = record.len() / STRIDE;
    // The array itself lies before the first of the places it protects.
    if count != strides + 1 || start % 2 != 0 || start + 2 * count > STRIDE - 2 {
        return Err(Damaged);
    }
    let current = number(record, start)?;
    for stride in 0..strides {
        let place = (stride + 1) * STRIDE - 2;
        if number(record, place)? != current {
            return Err(Damaged);
        }
        let original = number(record, start + 2 * (stride + 1))?;
        record[place..place + 2].copy_from_slice(&original);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut record = vec![7; 1024];
        record[4..8].copy_from_slice(&[48, 0, 3, 0]);
        record[48..54].copy_from_slice(&[1, 2, 0xA, 0xB, 0xC, 0xD]);
        record[510..512].copy_from_slice(&[1, 2]);
        record[1022..1024].copy_from_slice(&[1, 2]);
        record
    }

    #[test]
    fn bytes_come_back_and_torn_records_are_told() {
        let mut sound = record();
        undo(&mut sound).unwrap();
        assert_eq!(sound[509..513], [7, 0xA, 0xB, 7]);
        assert_eq!(sound[1021..], [7, 0xC, 0xD]);
        for (at, value) in [(1022, 2), (510, 0), (48, 0), (6, 2), (6, 4), (4, 49), (5, 2)] {
            let mut damaged = record();
            damaged[at] = value;
            assert!(undo(&mut damaged).is_err(), "{at}");
        }
        assert!(undo(&mut []).is_err());
        assert!(undo(&mut [0; 100]).is_err());
    }
}
