//! A DHCP server at the other end of a guest's network cable, which says what a test wants. It speaks
//! Ethernet frames in datagrams on loopback, and ends with the test.

use dhcproto::v4::{DhcpOption, Message, MessageType, Opcode, OptionCode, UnknownOption};
use dhcproto::{Decodable as _, Decoder, Encodable as _};
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The server's address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// The time server that it names, which is not there.
pub const TIME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 9);
/// How long an address is given for, in seconds: the shortest time that the live system believes.
pub const LEASE: u32 = 60;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const HARDWARE: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];

/// What the server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manners {
    /// Gives 10.9.0.N, and nothing else.
    Gives(u8),
    /// Says nothing.
    Silent,
}

/// What a guest said: the kind, and the address that it asks for.
pub type Heard = (MessageType, Option<Ipv4Addr>);

struct Shared {
    manners: Manners,
    heard: Vec<Heard>,
}

/// The server.
pub struct Dhcp {
    /// The port on 127.0.0.1 that frames go to.
    pub port: u16,
    /// The port on 127.0.0.1 that frames come from: the guest's.
    pub guest_port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Dhcp {
    /// Starts one that gives 10.9.0.N.
    pub fn start(last: u8) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        // Free until QEMU takes it.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let guest_port = free.local_addr().unwrap().port();
        let manners = Manners::Gives(last);
        let shared = Arc::new(Mutex::new(Shared { manners, heard: Vec::new() }));
        let theirs = Arc::downgrade(&shared);
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        std::thread::spawn(move || {
            let mut frame = [0; 2048];
            // Until the test has ended.
            while let Some(shared) = theirs.upgrade() {
                let Ok(length) = socket.recv(&mut frame) else { continue };
                let Some(message) = message_in(&frame[..length]) else { continue };
                let mut shared = shared.lock().unwrap();
                let Some(kind) = message.opts().msg_type() else { continue };
                shared.heard.push((kind, asked(&message)));
                if let Manners::Gives(last) = shared.manners
                    && let Some(answer) = answer(&message, kind, [10, 9, 0, last].into())
                {
                    let _ = socket.send_to(&framed(&answer), ("127.0.0.1", guest_port));
                }
            }
        });
        Self { port, guest_port, shared }
    }

    /// From now on it does this.
    pub fn set(&self, manners: Manners) {
        self.shared.lock().unwrap().manners = manners;
    }

    /// Everything it was told since it was asked the last time.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.shared.lock().unwrap().heard)
    }

    /// Waits until it is told something.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait(&self, patience: Duration) -> Vec<Heard> {
        let begun = Instant::now();
        loop {
            let heard = self.heard();
            if !heard.is_empty() {
                return heard;
            }
            assert!(begun.elapsed() < patience, "nothing was heard for {patience:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The message for the server in an Ethernet frame.
fn message_in(frame: &[u8]) -> Option<Message> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let Some(TransportSlice::Udp(udp)) = packet.transport else { return None };
    let is_ours = udp.destination_port() == SERVER_PORT;
    is_ours.then(|| Message::decode(&mut Decoder::new(udp.payload())).ok()).flatten()
}

/// The address that is asked for; one that is in use already stands in a place of its own.
fn asked(message: &Message) -> Option<Ipv4Addr> {
    match message.opts().get(OptionCode::RequestedIpAddress) {
        Some(DhcpOption::RequestedIpAddress(address)) => Some(*address),
        _ => Some(message.ciaddr()).filter(|address| !address.is_unspecified()),
    }
}

/// What a server that has only this address answers (RFC 2131, section 4.3).
fn answer(message: &Message, kind: MessageType, address: Ipv4Addr) -> Option<Message> {
    let kind = match kind {
        MessageType::Discover => MessageType::Offer,
        MessageType::Request if asked(message) == Some(address) => MessageType::Ack,
        MessageType::Request => MessageType::Nak,
        _ => return None,
    };
    let mut answer = Message::default();
    answer
        .set_opcode(Opcode::BootReply)
        .set_xid(message.xid())
        .set_flags(message.flags())
        .set_chaddr(message.chaddr());
    let options = answer.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    options.insert(DhcpOption::ServerIdentifier(SERVER));
    if kind != MessageType::Nak {
        options.insert(DhcpOption::SubnetMask([255, 255, 255, 0].into()));
        // RFC 3442: the first of these ways, and the one to everywhere; the gateway does not count.
        options.insert(DhcpOption::Router(vec![TIME_SERVER]));
        let routes = [[16, 10, 77, 10, 9, 0, 2].as_slice(), &[0], &SERVER.octets()].concat();
        options.insert(DhcpOption::Unknown(UnknownOption::new(OptionCode::Unknown(121), routes)));
        let domains = b"\x03lab\x07example\x00\x06campus\xc0\x04".to_vec();
        options.insert(DhcpOption::Unknown(UnknownOption::new(OptionCode::Unknown(119), domains)));
        options.insert(DhcpOption::NtpServers(vec![TIME_SERVER]));
        options.insert(DhcpOption::AddressLeaseTime(LEASE));
        answer.set_yiaddr(address);
    }
    Some(answer)
}

/// In an Ethernet frame to everybody.
fn framed(message: &Message) -> Vec<u8> {
    let bytes = message.to_vec().unwrap();
    let builder = PacketBuilder::ethernet2(HARDWARE, [0xFF; 6])
        .ipv4(SERVER.octets(), Ipv4Addr::BROADCAST.octets(), 64)
        .udp(SERVER_PORT, CLIENT_PORT);
    let mut frame = Vec::new();
    builder.write(&mut frame, &bytes).unwrap();
    frame
}
