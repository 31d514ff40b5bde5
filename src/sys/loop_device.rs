//! What a loop device stands on.

use rustix::fd::{AsFd, AsRawFd};
use std::io;

/// `struct loop_info64` of the kernel's `include/uapi/linux/loop.h`.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    block_device: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encryption_type: u32,
    encryption_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    encryption_name: [u8; 64],
    encryption_key: [u8; 32],
    init: [u64; 2],
}

mod request {
    use nix::libc::c_int;

    // LOOP_GET_STATUS64 has no direction or size in its number.
    const LOOP_GET_STATUS64: c_int = 0x4c05;
    nix::ioctl_read_bad!(loop_get_status64, LOOP_GET_STATUS64, super::LoopInfo);
}

/// The file or device a loop device stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backing {
    /// Device number of the file system the file lies in (`st_dev`).
    pub file_system: u64,
    /// Inode number of the file.
    pub inode: u64,
    /// Device number of the block device, when it stands on one, else 0.
    pub block_device: u64,
}

/// What an attached loop device stands on, true even when the file was renamed or deleted since.
///
/// # Errors
/// `ENXIO` when nothing is attached, `ENOTTY` for another kind of device.
pub fn backing(device: impl AsFd) -> io::Result<Backing> {
    let mut info = LoopInfo {
        device: 0,
        inode: 0,
        block_device: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encryption_type: 0,
        encryption_key_size: 0,
        flags: 0,
        file_name: [0; 64],
        encryption_name: [0; 64],
        encryption_key: [0; 32],
        init: [0; 2],
    };
    // SAFETY: the structure is laid out as the kernel's and outlives the call, which fills it.
    unsafe { request::loop_get_status64(device.as_fd().as_raw_fd(), &mut info) }?;
    Ok(Backing { file_system: info.device, inode: info.inode, block_device: info.block_device })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_has_the_kernels_size() {
        assert_eq!(size_of::<LoopInfo>(), 232);
    }

    #[test]
    fn a_plain_file_is_no_loop_device() {
        assert!(backing(tempfile::tempfile().unwrap()).is_err());
    }
}
