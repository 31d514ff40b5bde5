//! Files read past the page cache where the system allows it: what lies on the medium is what
//! verification must see.

use super::buffer::{ALIGNMENT, AlignedBuffer};
use crate::error::{Context as _, Result};
use crate::text::message;
use rustix::fs::{Advice, Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Mutex;

/// A file or device open for direct reading.
pub struct DirectFile {
    file: File,
    /// Offsets and lengths of transfers are multiples of this, in bytes.
    granularity: usize,
    /// For transfers whose memory or range is not aligned.
    bounce: Mutex<AlignedBuffer>,
}

const BOUNCE: usize = 1 << 20;

impl DirectFile {
    /// Opens `path` for direct reading; `None` where its file system has no such thing.
    pub fn open(path: &Path) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
        let direct = Self::new(file, ALIGNMENT);
        // Some file systems accept the flag and refuse the first read.
        let mut probe = AlignedBuffer::zeroed(ALIGNMENT);
        direct.file.read_at(&mut probe, 0).ok()?;
        Some(direct)
    }

    /// Opens the block device that `device` is, found at `path`, for direct reading in units of
    /// its logical sectors: a bad one then costs itself and no more.
    pub fn of_device(path: &Path, device: &File, sector_size: u32) -> Option<Self> {
        let file = reopen(path, device, OFlags::RDONLY | OFlags::DIRECT)?;
        Some(Self::new(file, sector_size as usize))
    }

    fn new(file: File, granularity: usize) -> Self {
        Self { file, granularity, bounce: Mutex::new(AlignedBuffer::zeroed(BOUNCE)) }
    }

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// What the system answers; `UnexpectedEof` behind the end.
    pub fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let is_aligned = buffer.as_ptr().align_offset(ALIGNMENT) == 0
            && offset.is_multiple_of(self.granularity as u64)
            && buffer.len().is_multiple_of(self.granularity);
        if is_aligned {
            return self.file.read_exact_at(buffer, offset);
        }
        let mut bounce = self.bounce.lock().expect("no reader panics");
        let mut done = 0;
        while done < buffer.len() {
            let position = offset + done as u64;
            let skip = (position % self.granularity as u64) as usize;
            let wanted = (buffer.len() - done).min(BOUNCE - skip);
            let span = (skip + wanted).next_multiple_of(self.granularity);
            let read = self.read_up_to(&mut bounce[..span], position - skip as u64)?;
            if read < skip + wanted {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            buffer[done..done + wanted].copy_from_slice(&bounce[skip..skip + wanted]);
            done += wanted;
        }
        Ok(())
    }

    /// Reads until the buffer is full or the file ends; the number of bytes read. A direct read
    /// may stop short only at the end of the file.
    fn read_up_to(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => {
                    done += read;
                    if !done.is_multiple_of(self.granularity) {
                        break;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

/// Opens the block device at `path` once more; `None` when that fails, or when another device has
/// taken over the name since `device` was opened.
pub fn reopen(path: &Path, device: &File, flags: OFlags) -> Option<File> {
    let file = File::from(rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).ok()?);
    let number = |file: &File| file.metadata().ok().map(|metadata| metadata.rdev());
    (number(&file).is_some() && number(&file) == number(device)).then_some(file)
}

/// Tells the kernel to forget what it keeps of a file, so that the next read comes from the
/// medium as far as the file system allows.
///
/// # Errors
/// When what is still to be written cannot be.
pub fn drop_cache(file: &File) -> Result<()> {
    match file.sync_data() {
        // A file system that is never written to has nothing to write back, and says so.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {}
        Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {}
        result => result.context(|| message!("block-flush-failed"))?,
    }
    // Advice may be ignored; that costs nothing but the certainty of the comparison.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_reads_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..3_000_001u32).map(|i| ((i * 7) >> 3) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let Some(file) = DirectFile::open(&path) else { return };
        for (offset, length) in
            [(0, 10), (1, 4096), (4095, 2), (4096, 8192), (17, 2_500_000), (2_999_999, 2), (0, 0)]
        {
            let mut buffer = vec![0; length];
            file.read_exact_at(offset as u64, &mut buffer).unwrap();
            assert_eq!(buffer, bytes[offset..offset + length]);
        }
        assert!(file.read_exact_at(3_000_000, &mut [0; 2]).is_err());
    }
}
