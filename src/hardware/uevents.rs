//! The kernel's messages about devices that come and go.

use kobject_uevent::UEvent;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use std::io;

pub use kobject_uevent::ActionType as Action;

/// The kernel's own messages; udev sends to the second group.
const KERNEL_GROUP: u32 = 1;
/// Room in bytes for messages not read yet. It is memory only when it is used: a hub with many
/// devices, or a server with hundreds of disks, makes thousands of messages at once.
const BUFFER: usize = 8 << 20;
/// The kernel's limit for one message is 2 KiB of values and the path (`UEVENT_BUFFER_SIZE`).
const MESSAGE: usize = 8 << 10;

/// A socket that receives the kernel's messages about devices.
pub struct Uevents(OwnedFd);

/// A message about a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uevent {
    /// What happened.
    pub action: Action,
    /// The kind of device: `block`, `usb`, `tty`…
    pub subsystem: String,
    /// Where it is below `/sys`.
    pub path: String,
    /// What it asks for: the name by which its driver is found.
    pub alias: Option<String>,
}

/// One answer of [`Uevents::next`].
#[derive(Debug)]
pub enum Received {
    /// A message.
    Uevent(Uevent),
    /// Messages were lost: look at all devices again.
    Lost,
    /// Nothing is waiting.
    Nothing,
}

impl Uevents {
    /// Opens the socket. It never blocks; use [`AsFd`] to wait for it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::KOBJECT_UEVENT),
        )?;
        // As an ordinary user the limit of the system holds.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, BUFFER)?;
        }
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// The next message.
    ///
    /// # Errors
    /// What the kernel answers; never that nothing is there or that messages were lost.
    pub fn next(&self) -> io::Result<Received> {
        loop {
            let mut buffer = [0u8; MESSAGE];
            let (length, _, sender) =
                match rustix::net::recvfrom(&self.0, &mut buffer, RecvFlags::empty()) {
                    Ok(received) => received,
                    Err(Errno::AGAIN) => return Ok(Received::Nothing),
                    Err(Errno::NOBUFS) => return Ok(Received::Lost),
                    Err(Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                };
            // Other processes can send here too; the kernel's number is 0.
            let kernel = sender
                .and_then(|sender| SocketAddrNetlink::try_from(sender).ok())
                .is_some_and(|sender| sender.pid() == 0);
            if let (true, Some(uevent)) = (kernel, parse(&buffer[..length])) {
                return Ok(Received::Uevent(uevent));
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A message of the kernel's; `None` when it is none.
fn parse(message: &[u8]) -> Option<Uevent> {
    let mut uevent = UEvent::from_netlink_packet(message).ok()?;
    Some(Uevent {
        action: uevent.action,
        subsystem: uevent.subsystem,
        path: uevent.devpath.to_str()?.to_owned(),
        alias: uevent.env.remove("MODALIAS").filter(|alias| !alias.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_about_a_stick_is_understood() {
        let message = b"add@/devices/pci0000:00/usb1/1-1/1-1:1.0\0ACTION=add\0\
            DEVPATH=/devices/pci0000:00/usb1/1-1/1-1:1.0\0SUBSYSTEM=usb\0DEVTYPE=usb_interface\0\
            MODALIAS=usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00\0SEQNUM=2111\0";
        let uevent = parse(message).unwrap();
        assert_eq!(uevent.action, Action::Add);
        assert_eq!(uevent.subsystem, "usb");
        assert_eq!(uevent.path, "/devices/pci0000:00/usb1/1-1/1-1:1.0");
        assert!(uevent.alias.unwrap().starts_with("usb:v0781"));
    }

    #[test]
    fn the_socket_opens_and_has_nothing_or_messages() {
        let socket = Uevents::open().unwrap();
        assert!(matches!(socket.next().unwrap(), Received::Nothing | Received::Uevent(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(message: Vec<u8>) {
            parse(&message);
        }
    }
}
