//! NVMe admin commands that read a log page (NVM Express Base Specification 2.0, section 5.16).

use rustix::fd::{AsFd, AsRawFd};
use std::io;
use std::time::Duration;

/// `struct nvme_passthru_cmd` of the kernel's `include/uapi/linux/nvme_ioctl.h`.
#[repr(C)]
#[derive(Default)]
struct AdminCommand {
    opcode: u8,
    flags: u8,
    reserved_1: u16,
    namespace: u32,
    command_2: u32,
    command_3: u32,
    metadata: u64,
    address: u64,
    metadata_length: u32,
    data_length: u32,
    command_10: u32,
    command_11: u32,
    command_12: u32,
    command_13: u32,
    command_14: u32,
    command_15: u32,
    /// In milliseconds.
    timeout: u32,
    result: u32,
}

mod request {
    nix::ioctl_readwrite!(nvme_admin, b'N', 0x41, super::AdminCommand);
}

/// Opcode of Get Log Page.
const GET_LOG_PAGE: u8 = 0x02;
/// The whole controller instead of one namespace.
const ALL_NAMESPACES: u32 = u32::MAX;

fn get_log_page(page: u8, buffer: &mut [u8; 512], timeout: Duration) -> AdminCommand {
    // The number of 4-byte words to return, less one, in the upper half.
    let words = buffer.len() as u32 / 4 - 1;
    AdminCommand {
        opcode: GET_LOG_PAGE,
        namespace: ALL_NAMESPACES,
        address: buffer.as_mut_ptr() as u64,
        data_length: buffer.len() as u32,
        command_10: words << 16 | u32::from(page),
        timeout: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        ..AdminCommand::default()
    }
}

/// Reads the 512 bytes of a log page of the controller, waiting at most `timeout`.
///
/// # Errors
/// When the kernel refuses (`EACCES` without the right to administer the system, `ENOTTY` for
/// another kind of device), or the controller answers with an error status.
pub fn log_page(device: impl AsFd, page: u8, timeout: Duration) -> io::Result<[u8; 512]> {
    let mut buffer = [0u8; 512];
    let mut command = get_log_page(page, &mut buffer, timeout);
    // SAFETY: the command is laid out as the kernel's, and `address` and `data_length` describe
    // `buffer`, which outlives the call.
    let status = unsafe { request::nvme_admin(device.as_fd().as_raw_fd(), &mut command) }?;
    if status != 0 {
        return Err(io::Error::from_raw_os_error(nix::libc::EIO));
    }
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_built_as_specified() {
        assert_eq!(size_of::<AdminCommand>(), 72);
        assert_eq!(std::mem::offset_of!(AdminCommand, address), 24);
        assert_eq!(std::mem::offset_of!(AdminCommand, command_10), 40);
        let mut buffer = [0; 512];
        let address = buffer.as_ptr() as u64;
        let command = get_log_page(2, &mut buffer, Duration::from_secs(3));
        assert_eq!((command.opcode, command.namespace), (2, 0xffff_ffff));
        assert_eq!(command.command_10, 0x007f_0002);
        assert_eq!((command.address, command.data_length, command.timeout), (address, 512, 3000));
    }

    #[test]
    fn a_plain_file_speaks_no_nvme() {
        let file = tempfile::tempfile().unwrap();
        assert!(log_page(&file, 2, Duration::from_secs(1)).is_err());
    }
}
