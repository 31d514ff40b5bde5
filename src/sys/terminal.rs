//! What the kernel's own terminals (virtual terminals on a screen) can be told.

use rustix::fd::{AsFd, AsRawFd};
use std::io;

mod request {
    //! Request codes from the kernel's `include/uapi/linux/kd.h`; they have no direction or size.

    use nix::libc::c_int;

    const KDSKBMODE: c_int = 0x4b45;
    nix::ioctl_write_int_bad!(kdskbmode, KDSKBMODE);
}

/// `K_UNICODE`: keys arrive as UTF-8.
const UNICODE: nix::libc::c_int = 3;

/// Has the keys of a virtual terminal arrive as UTF-8 (`KDSKBMODE`).
///
/// # Errors
/// `ENOTTY` for any other terminal.
pub fn keys_as_utf8(terminal: impl AsFd) -> io::Result<()> {
    // SAFETY: the argument is a number, not an address.
    unsafe { request::kdskbmode(terminal.as_fd().as_raw_fd(), UNICODE) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_plain_file_is_no_terminal() {
        assert!(super::keys_as_utf8(tempfile::tempfile().unwrap()).is_err());
    }
}
