//! SCSI commands to a disk, through the kernel's generic SCSI interface (`SG_IO`, version 3).

use rustix::fd::{AsFd, AsRawFd};
use std::io;
use std::time::Duration;

/// Longest sense data that the kernel keeps, in bytes.
const SENSE_LENGTH: usize = 96;

/// `struct sg_io_hdr` of the kernel's `include/scsi/sg.h`.
#[repr(C)]
struct SgIoHeader {
    interface_id: i32,
    transfer_direction: i32,
    command_length: u8,
    max_sense_length: u8,
    iovec_count: u16,
    transfer_length: u32,
    transfer: *mut u8,
    command: *const u8,
    sense: *mut u8,
    /// In milliseconds.
    timeout: u32,
    flags: u32,
    pack_id: i32,
    user_pointer: *mut u8,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_written: u8,
    host_status: u16,
    driver_status: u16,
    residual: i32,
    /// In milliseconds.
    duration: u32,
    info: u32,
}

/// `SG_DXFER_NONE`: the command moves no data.
const NO_TRANSFER: i32 = -1;

mod request {
    use nix::{ioctl_readwrite_bad, libc::c_int};

    // SG_IO has no direction or size in its number.
    const SG_IO: c_int = 0x2285;
    ioctl_readwrite_bad!(sg_io, SG_IO, super::SgIoHeader);
}

/// What a command without data answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// SCSI status: 0 is good, 2 "check condition": the sense data tells more.
    pub status: u8,
    /// Sense data, empty when there is none.
    pub sense: Vec<u8>,
}

/// Sends a command that moves no data and waits for its answer, at most `timeout`.
///
/// # Errors
/// When the kernel refuses the command (`EPERM` without the right to raw I/O, `ENOTTY` for a
/// device that speaks no SCSI), or when no answer came from the device.
pub fn command_without_data(
    device: impl AsFd,
    command: &[u8; 16],
    timeout: Duration,
) -> io::Result<Answer> {
    let mut sense = [0u8; SENSE_LENGTH];
    let mut header = SgIoHeader {
        interface_id: i32::from(b'S'),
        transfer_direction: NO_TRANSFER,
        command_length: 16,
        max_sense_length: SENSE_LENGTH as u8,
        iovec_count: 0,
        transfer_length: 0,
        transfer: std::ptr::null_mut(),
        command: command.as_ptr(),
        sense: sense.as_mut_ptr(),
        timeout: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        flags: 0,
        pack_id: 0,
        user_pointer: std::ptr::null_mut(),
        status: 0,
        masked_status: 0,
        message_status: 0,
        sense_written: 0,
        host_status: 0,
        driver_status: 0,
        residual: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: the header is laid out as the kernel's; the command has the 16 bytes it states and
    // is only read; the sense buffer has the bytes it states; both outlive the call, which
    // returns only when the command is over. No data is moved.
    unsafe { request::sg_io(device.as_fd().as_raw_fd(), &mut header) }?;
    if header.host_status != 0 {
        return Err(io::Error::from_raw_os_error(nix::libc::EIO));
    }
    let written = usize::from(header.sense_written).min(SENSE_LENGTH);
    Ok(Answer { status: header.status, sense: sense[..written].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_kernels_layout() {
        // From `pahole sg_io_hdr` on 64-bit machines.
        if cfg!(target_pointer_width = "64") {
            assert_eq!(size_of::<SgIoHeader>(), 88);
            assert_eq!(std::mem::offset_of!(SgIoHeader, transfer), 16);
            assert_eq!(std::mem::offset_of!(SgIoHeader, timeout), 40);
            assert_eq!(std::mem::offset_of!(SgIoHeader, status), 64);
            assert_eq!(std::mem::offset_of!(SgIoHeader, info), 80);
        }
    }

    #[test]
    fn a_plain_file_speaks_no_scsi() {
        let file = tempfile::tempfile().unwrap();
        assert!(command_without_data(&file, &[0; 16], Duration::from_secs(1)).is_err());
    }
}
