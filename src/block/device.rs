//! Block devices, and plain files that hold a disk.

use super::buffer::{ALIGNMENT, is_aligned};
use super::direct::{DirectFile, drop_cache, reopen};
use super::{BlockSource, BlockTarget, DEFAULT_SECTOR_SIZE, check_range};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::sys::block_device;
use crate::text::message;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a device is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// To be read, alone.
    Source,
    /// To be read, although something else holds it open: a mount that only reads.
    SharedSource,
    /// To be looked at: what is found may change under our eyes.
    Look,
    /// To be written, alone.
    Target,
}

/// How long a lock of somebody else is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// An open block device or plain file.
pub struct Device {
    path: PathBuf,
    file: File,
    direct: Option<DirectFile>,
    direct_writer: Option<File>,
    size: u64,
    sector_size: u32,
    physical_sector_size: Option<u32>,
    is_block_device: bool,
    /// Of a plain file, its length and when it was written, when it was opened.
    written: Option<Written>,
}

/// Length in bytes, and seconds and nanoseconds of the last change of the content.
type Written = (u64, i64, i64);

fn written(file: &File) -> Option<Written> {
    let metadata = file.metadata().ok()?;
    Some((metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

impl Device {
    /// Opens a device or plain file.
    ///
    /// # Errors
    /// When it does not exist, is neither, is empty, or is in use by somebody else.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        Self::open_here(path, access).map_err(|error| error.on_device(path.display().to_string()))
    }

    fn open_here(path: &Path, access: Access) -> Result<Self> {
        let metadata =
            std::fs::metadata(path).context(|| message!("block-open-failed")).map_err(|error| {
                match error.kind() {
                    ErrorKind::NotFound => error.advise(message!("block-not-found-advice")),
                    _ => error,
                }
            })?;
        let is_block_device = metadata.file_type().is_block_device();
        if !is_block_device && !metadata.is_file() {
            return Err(Error::new(ErrorKind::Usage, message!("block-neither"))
                .advise(message!("block-neither-advice")));
        }
        let mut flags = match access {
            Access::Target => OFlags::RDWR,
            _ => OFlags::RDONLY,
        } | OFlags::CLOEXEC;
        // For block devices alone O_EXCL means: nobody else holds it, no mount, no RAID, no map.
        let exclusive = matches!(access, Access::Source | Access::Target);
        if is_block_device && exclusive {
            flags |= OFlags::EXCL;
        }
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
            use rustix::io::Errno;
            if errno == Errno::BUSY {
                return Error::new(ErrorKind::Refused, message!("block-busy"))
                    .advise(message!("block-busy-advice"));
            }
            let error = Err::<(), _>(errno).context(|| message!("block-open-failed")).unwrap_err();
            match errno {
                Errno::ACCESS | Errno::PERM => error.advise(message!("block-forbidden-advice")),
                _ => error,
            }
        })?);
        let lock = match access {
            Access::Target => Some(FlockOperation::NonBlockingLockExclusive),
            Access::Source => Some(FlockOperation::NonBlockingLockShared),
            Access::SharedSource | Access::Look => None,
        };
        // udev locks a disk for the moment in which it looks at it.
        let patience = Instant::now() + LOCK_PATIENCE;
        while let Some(lock) = lock
            && rustix::fs::flock(&file, lock) == Err(rustix::io::Errno::WOULDBLOCK)
        {
            if Instant::now() >= patience {
                return Err(Error::new(ErrorKind::Refused, message!("block-locked"))
                    .advise(message!("block-busy-advice")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let size = if is_block_device {
            rustix::fs::seek(&file, rustix::fs::SeekFrom::End(0))
                .context(|| message!("block-open-failed"))?
        } else {
            metadata.len()
        };
        if size == 0 {
            return Err(Error::new(ErrorKind::Usage, message!("block-empty"))
                .advise(message!("block-empty-advice")));
        }
        let (sector_size, physical_sector_size) = if is_block_device {
            let logical = block_device::logical_sector_size(&file)
                .context(|| message!("block-open-failed"))?;
            (logical, block_device::physical_sector_size(&file).ok())
        } else {
            (DEFAULT_SECTOR_SIZE, None)
        };
        // A plain file on a disk is read through the cache, which reads ahead better than we do.
        // A device never is: its page cache is not that of its partitions, and keeps what it
        // holds for as long as anybody has the device open, whatever is written to them.
        let direct =
            is_block_device.then(|| DirectFile::of_device(path, &file, sector_size)).flatten();
        if is_block_device && direct.is_none() {
            // Refused to some users, who then see what the cache has.
            let _ = block_device::drop_cache(&file);
        }
        let written = (!is_block_device).then(|| written(&file)).flatten();
        let direct_writer = (is_block_device && access == Access::Target)
            .then(|| reopen(path, &file, OFlags::RDWR | OFlags::DIRECT))
            .flatten();
        Ok(Self {
            path: path.to_owned(),
            file,
            direct,
            direct_writer,
            size,
            sector_size,
            physical_sector_size,
            is_block_device,
            written,
        })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for system calls about it.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether sysfs, where it is mounted, does not know the device any more.
    fn is_unplugged(&self) -> bool {
        let devices = Path::new("/sys/dev/block");
        let Ok(metadata) = self.file.metadata() else { return true };
        let (major, minor) =
            (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
        self.is_block_device
            && devices.is_dir()
            && !devices.join(format!("{major}:{minor}")).exists()
    }

    /// Whether it is a block device rather than a plain file.
    pub fn is_block_device(&self) -> bool {
        self.is_block_device
    }

    /// Physical sector size in bytes, where known.
    pub fn physical_sector_size(&self) -> Option<u32> {
        self.physical_sector_size
    }
}

impl Device {
    /// Whether it is still there, in all its size.
    fn is_present(&self) -> bool {
        // The kernel gives a disk that was pulled out the size 0.
        let size = match self.is_block_device {
            true => block_device::size(&self.file).ok(),
            false => self.file.metadata().ok().map(|metadata| metadata.len()),
        };
        size.is_some_and(|size| size >= self.size) && !self.is_unplugged()
    }

    /// What is said of a failure to write: that the device was pulled out, where that is why. The kernel
    /// answers with no space or an I/O error then.
    fn explain(&self, error: Error) -> Error {
        match self.is_present() {
            true => error.on_device(self.name()),
            false => Error::new(ErrorKind::Io, message!("block-gone"))
                .on_device(self.name())
                .caused_by(error)
                .advise(message!("block-gone-target-advice")),
        }
    }
}

impl BlockSource for Device {
    fn size(&self) -> u64 {
        self.size
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        match &self.direct {
            Some(direct) => direct.read_exact_at(offset, buffer),
            None => self.file.read_exact_at(buffer, offset),
        }
        .context(|| message!("block-read-failed"))
        .map_err(|error| error.on_device(self.name()).at_offset(offset))
    }

    fn check_present(&self) -> Result<()> {
        if self.is_present() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Io, message!("block-gone"))
            .on_device(self.name())
            .advise(message!("block-gone-advice")))
    }

    fn check_unchanged(&self) -> Result<()> {
        if self.written.is_none() || self.written == written(&self.file) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Refused, message!("block-changed"))
            .on_device(self.name())
            .advise(message!("block-changed-advice")))
    }
}

impl BlockTarget for Device {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        check_range(self.size, offset, data.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        match &self.direct_writer {
            Some(direct) if is_aligned(offset, data, ALIGNMENT) => {
                direct.write_all_at(data, offset)
            }
            _ => self.file.write_all_at(data, offset),
        }
        .context(|| message!("block-write-failed"))
        .map_err(|error| self.explain(error.at_offset(offset)))
    }

    fn flush(&self) -> Result<()> {
        self.file
            .sync_all()
            .context(|| message!("block-flush-failed"))
            .map_err(|error| self.explain(error))
    }

    fn forget_cache(&self) -> Result<()> {
        drop_cache(&self.file).map_err(|error| error.on_device(self.name()))?;
        if self.is_block_device {
            // Refused to some users; the reads that follow are direct ones in any case.
            let _ = block_device::drop_cache(&self.file);
        }
        Ok(())
    }

    fn announce_table(&self) -> Result<()> {
        if !self.is_block_device {
            return Ok(());
        }
        match block_device::reread_partition_table(&self.file) {
            // A partition, or a device that has no partitions, has no table to read.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                Ok(())
            }
            result => result
                .context(|| message!("block-table-in-use"))
                .map_err(|error| error.on_device(self.name())),
        }
    }
}
