//! What the kernel tells and does about an open block device.
//!
//! All functions fail with `ENOTTY` (or `EINVAL`) when the descriptor is no block device.

use rustix::fd::{AsFd, AsRawFd};
use std::io;

mod request {
    //! Request codes from the kernel's `include/uapi/linux/fs.h` that rustix does not wrap.
    #![allow(missing_docs, reason = "the functions that call them are documented")]

    use nix::libc::c_int;
    use nix::{ioctl_none, ioctl_read, ioctl_read_bad, ioctl_write_ptr_bad};
    use nix::{request_code_none, request_code_read};

    // The kernel declares it with `size_t` and yet always stores 64 bits.
    ioctl_read_bad!(blkgetsize64, request_code_read!(0x12, 114, size_of::<usize>()), u64);
    ioctl_read!(blkgetdiskseq, 0x12, 128, u64);
    // These three carry no direction or size in their numbers.
    ioctl_read_bad!(blkroget, request_code_none!(0x12, 94), c_int);
    ioctl_write_ptr_bad!(blkroset, request_code_none!(0x12, 93), c_int);
    ioctl_none!(blkrrpart, 0x12, 95);
    ioctl_none!(blkflsbuf, 0x12, 97);
}

/// Size in bytes (`BLKGETSIZE64`).
///
/// # Errors
/// What the kernel answers.
pub fn size(device: impl AsFd) -> io::Result<u64> {
    let mut bytes = 0u64;
    // SAFETY: the kernel stores one 64-bit number at the pointer, which outlives the call.
    unsafe { request::blkgetsize64(device.as_fd().as_raw_fd(), &mut bytes) }?;
    Ok(bytes)
}

/// Logical sector size in bytes (`BLKSSZGET`).
///
/// # Errors
/// What the kernel answers.
pub fn logical_sector_size(device: impl AsFd) -> io::Result<u32> {
    Ok(rustix::fs::ioctl_blksszget(device)?)
}

/// Physical sector size in bytes (`BLKPBSZGET`).
///
/// # Errors
/// What the kernel answers.
pub fn physical_sector_size(device: impl AsFd) -> io::Result<u32> {
    Ok(rustix::fs::ioctl_blkpbszget(device)?)
}

/// Whether the kernel refuses writes to the device (`BLKROGET`).
///
/// # Errors
/// What the kernel answers.
pub fn is_read_only(device: impl AsFd) -> io::Result<bool> {
    let mut flag = 0;
    // SAFETY: the kernel stores one `int` at the pointer, which outlives the call.
    unsafe { request::blkroget(device.as_fd().as_raw_fd(), &mut flag) }?;
    Ok(flag != 0)
}

/// Makes the kernel refuse writes to the device, or allow them again (`BLKROSET`). Holds until
/// the next change, for every process; descriptors opened for writing before are refused too.
///
/// # Errors
/// What the kernel answers; `EACCES` without the right to administer the system.
pub fn set_read_only(device: impl AsFd, read_only: bool) -> io::Result<()> {
    let flag = i32::from(read_only);
    // SAFETY: the kernel reads one `int` from the pointer, which outlives the call.
    unsafe { request::blkroset(device.as_fd().as_raw_fd(), &flag) }?;
    Ok(())
}

/// Lets the kernel read the partition table again (`BLKRRPART`).
///
/// # Errors
/// What the kernel answers: `EBUSY` while a partition is in use, `EINVAL` for a partition or a
/// device that can have none.
pub fn reread_partition_table(device: impl AsFd) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    unsafe { request::blkrrpart(device.as_fd().as_raw_fd()) }?;
    Ok(())
}

/// Writes back and forgets the device's page cache, so that the next buffered read comes from
/// the medium (`BLKFLSBUF`).
///
/// # Errors
/// What the kernel answers; `EACCES` without the right to administer the system.
pub fn drop_cache(device: impl AsFd) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    unsafe { request::blkflsbuf(device.as_fd().as_raw_fd()) }?;
    Ok(())
}

/// The disk's sequence number: never the same for two disks, or two media in one drive, since
/// the system started (`BLKGETDISKSEQ`, Linux 5.15 and later).
///
/// # Errors
/// What the kernel answers.
pub fn disk_sequence(device: impl AsFd) -> io::Result<u64> {
    let mut sequence = 0u64;
    // SAFETY: the kernel stores one 64-bit number at the pointer, which outlives the call.
    unsafe { request::blkgetdiskseq(device.as_fd().as_raw_fd(), &mut sequence) }?;
    Ok(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::process::Command;

    /// A loop device on a temporary file, detached at the end.
    struct Loop {
        path: String,
        _file: tempfile::NamedTempFile,
    }

    impl Loop {
        fn new(bytes: u64, sector_size: &str) -> Option<Self> {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().set_len(bytes).unwrap();
            let output = Command::new("losetup")
                .args(["--find", "--show", "--sector-size", sector_size])
                .arg(file.path())
                .output();
            match output {
                Ok(output) if output.status.success() => Some(Self {
                    path: String::from_utf8(output.stdout).unwrap().trim().to_owned(),
                    _file: file,
                }),
                other => {
                    eprintln!("SKIPPED: needs root and loop devices: {other:?}");
                    None
                }
            }
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            let _ = Command::new("losetup").args(["--detach", &self.path]).status();
        }
    }

    #[test]
    fn a_loop_device_answers() {
        for sector_size in [512u32, 4096] {
            let Some(device) = Loop::new(5 << 20, &sector_size.to_string()) else { return };
            let file = File::options().read(true).write(true).open(&device.path).unwrap();
            assert_eq!(size(&file).unwrap(), 5 << 20);
            assert_eq!(logical_sector_size(&file).unwrap(), sector_size);
            assert!(physical_sector_size(&file).unwrap() >= sector_size);
            assert!(disk_sequence(&file).unwrap() > 0);
            drop_cache(&file).unwrap();

            assert!(!is_read_only(&file).unwrap());
            set_read_only(&file, true).unwrap();
            assert!(is_read_only(&file).unwrap());
            use std::os::unix::fs::FileExt;
            assert!(file.write_at(&[1; 4096], 0).is_err() || file.sync_all().is_err());
            set_read_only(&file, false).unwrap();
            assert!(!is_read_only(&file).unwrap());
            file.write_all_at(&[1; 4096], 0).unwrap();

            // Refused for a loop device without partition scanning: the request was understood.
            let error = reread_partition_table(&file).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(nix::libc::EINVAL));
        }
    }

    #[test]
    fn a_plain_file_is_no_block_device() {
        let file = tempfile::tempfile().unwrap();
        assert!(size(&file).is_err());
        assert!(logical_sector_size(&file).is_err());
        assert!(physical_sector_size(&file).is_err());
        assert!(is_read_only(&file).is_err());
        assert!(set_read_only(&file, true).is_err());
        assert!(reread_partition_table(&file).is_err());
        assert!(drop_cache(&file).is_err());
        assert!(disk_sequence(&file).is_err());
    }
}
