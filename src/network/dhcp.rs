//! An address by DHCP (RFC 2131): asking for one, and keeping it.

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use dhcproto::v4::{DhcpOption, Flags, HType, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable as _, Decoder, Encodable as _};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

/// How long each try waits for an answer (RFC 2131, 4.1), in seconds.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];
/// The longest lease that is believed; "for ever" is one of them.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// The shortest one, so that no server keeps us busy.
const SHORTEST: Duration = Duration::from_secs(60);

/// In how many domains a name is looked for (`resolv.conf(5)`).
const LONGEST_SEARCH: usize = 6;

/// An address for a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    /// Our address.
    pub(super) address: Ipv4Addr,
    /// How many leading bits are the network's.
    pub(super) prefix: u8,
    /// The way to all other networks.
    pub(super) gateway: Option<Ipv4Addr>,
    /// The ways to single networks.
    pub(super) routes: Vec<Route>,
    /// Name servers.
    pub(super) name_servers: Vec<Ipv4Addr>,
    /// Time servers.
    pub(super) time_servers: Vec<Ipv4Addr>,
    /// The domains in which names without one are looked for.
    pub(super) domains: Vec<String>,
    /// Who gave the address.
    pub(super) server: Ipv4Addr,
    /// How long the address is ours.
    pub(super) length: Duration,
    /// When to ask for more time.
    pub(super) renewal: Duration,
}

/// The way to a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Route {
    /// The network's address.
    pub(super) network: Ipv4Addr,
    /// How many leading bits are the network's.
    pub(super) prefix: u8,
    /// Who passes packets on; none where the network is at the other end of the cable.
    pub(super) gateway: Option<Ipv4Addr>,
}

/// What came of asking for an address.
#[derive(Debug)]
pub(super) enum Obtained {
    /// It is ours.
    Lease(Lease),
    /// Nobody answered: what was ours is so until the end of its time.
    Nothing,
    /// What was ours is so no longer, and there is no other.
    Refused,
}

/// One interface that speaks DHCP.
pub(super) struct Client {
    socket: UdpSocket,
    hardware_address: [u8; 6],
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, message!("network-dhcp-failed")).caused_by(error)
}

impl Client {
    /// A client on an interface that is up.
    ///
    /// # Errors
    /// When the kernel gives no socket.
    pub(super) fn open(interface: &str, hardware_address: [u8; 6]) -> Result<Self> {
        let descriptor =
            socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
                .map_err(failed)?;
        setsockopt(&descriptor, sockopt::ReuseAddr, &true).map_err(failed)?;
        setsockopt(&descriptor, sockopt::Broadcast, &true).map_err(failed)?;
        // Without an address, the interface is what tells where packets go and come from.
        setsockopt(&descriptor, sockopt::BindToDevice, &OsString::from(interface))
            .map_err(failed)?;
        let any = nix::sys::socket::SockaddrIn::new(0, 0, 0, 0, 68);
        nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&descriptor), &any)
            .map_err(failed)?;
        Ok(Self { socket: descriptor.into(), hardware_address })
    }

    fn message(&self, kind: MessageType, transaction: u32, since: Instant) -> Message {
        let mut message = Message::default();
        message
            .set_opcode(Opcode::BootRequest)
            .set_htype(HType::Eth)
            .set_xid(transaction)
            .set_secs(since.elapsed().as_secs().min(u64::from(u16::MAX)) as u16)
            .set_chaddr(&self.hardware_address)
            // We have no address yet that an answer could be sent to.
            .set_flags(Flags::default().set_broadcast());
        let options = message.opts_mut();
        options.insert(DhcpOption::MessageType(kind));
        let mut identifier = vec![1];
        identifier.extend(self.hardware_address);
        options.insert(DhcpOption::ClientIdentifier(identifier));
        options.insert(DhcpOption::MaxMessageSize(1472));
        options.insert(DhcpOption::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            // Before the gateway (RFC 3442).
            OptionCode::ClasslessStaticRoute,
            OptionCode::Router,
            OptionCode::DomainNameServer,
            OptionCode::DomainName,
            OptionCode::DomainSearch,
            OptionCode::NtpServers,
            OptionCode::Renewal,
            OptionCode::AddressLeaseTime,
            OptionCode::ServerIdentifier,
        ]));
        message
    }

    /// Sends a message to everybody, and waits for an answer that `accept` wants.
    fn ask<T>(
        &self,
        build: impl Fn() -> Message,
        pauses: &[u64],
        accept: impl Fn(&Message, MessageType) -> Option<T>,
    ) -> Result<Option<T>> {
        let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
        for pause in pauses {
            let message = build();
            let transaction = message.xid();
            let bytes = message.to_vec().map_err(|error| failed(error.to_string()))?;
            self.socket.send_to(&bytes, everybody).map_err(failed)?;
            let until = Instant::now() + Duration::from_secs(*pause);
            let mut buffer = [0; 1500];
            while let Some(rest) = until.checked_duration_since(Instant::now()) {
                self.socket
                    .set_read_timeout(Some(rest.max(Duration::from_millis(1))))
                    .map_err(failed)?;
                let length = match self.socket.recv(&mut buffer) {
                    Ok(length) => length,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(failed(error)),
                };
                let Some(answer) = decode(&buffer[..length]) else { continue };
                let is_ours = answer.opcode() == Opcode::BootReply
                    && answer.xid() == transaction
                    && answer.chaddr() == self.hardware_address;
                let kind = answer.opts().msg_type().filter(|_| is_ours);
                if let Some(found) = kind.and_then(|kind| accept(&answer, kind)) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Asks for an address, or for more time for the one of `before`. When nobody answers to that,
    /// another one is asked for only where it `may_move`: an address that still is ours must not be
    /// taken from under a job.
    ///
    /// # Errors
    /// When the interface fails.
    pub(super) fn obtain(&self, before: Option<&Lease>, may_move: bool) -> Result<Obtained> {
        let mut none = Obtained::Nothing;
        let begun = Instant::now();
        let transaction = random()?;
        if let Some(before) = before {
            let request = || {
                let mut message = self.message(MessageType::Request, transaction, begun);
                message.opts_mut().insert(DhcpOption::RequestedIpAddress(before.address));
                message
            };
            let answer = self.ask(request, &PAUSES[..3], |answer, kind| match kind {
                MessageType::Ack => Some(lease_of(answer)),
                MessageType::Nak => Some(None),
                _ => None,
            })?;
            match answer {
                Some(Some(lease)) if lease.address == before.address => {
                    return Ok(Obtained::Lease(lease));
                }
                Some(_) => none = Obtained::Refused,
                None if !may_move => return Ok(none),
                None => {}
            }
        }
        let discover = || self.message(MessageType::Discover, transaction, begun);
        let offer = self.ask(discover, &PAUSES, |answer, kind| {
            (kind == MessageType::Offer).then(|| lease_of(answer)).flatten()
        })?;
        let Some(offer) = offer else { return Ok(none) };
        let request = || {
            let mut message = self.message(MessageType::Request, transaction, begun);
            let options = message.opts_mut();
            options.insert(DhcpOption::RequestedIpAddress(offer.address));
            options.insert(DhcpOption::ServerIdentifier(offer.server));
            message
        };
        let answer = self.ask(request, &PAUSES[..4], |answer, kind| match kind {
            MessageType::Ack => Some(lease_of(answer)),
            MessageType::Nak => Some(None),
            _ => None,
        })?;
        Ok(answer.flatten().map_or(none, Obtained::Lease))
    }
}

/// Reads a packet: of its options those alone that count here, since the crate is strict about
/// the lengths of some others.
fn decode(packet: &[u8]) -> Option<Message> {
    // The fixed fields and the magic cookie (RFC 2131, section 2; RFC 2132, section 2).
    const FIXED: usize = 240;
    // Mask, gateways, name servers, time servers, length of the lease, kind of message, server,
    // renewal.
    const KEPT: [u8; 8] = [1, 3, 6, 42, 51, 53, 54, 58];
    const DOMAIN: u8 = 15;
    // Domains and routes: one that is broken is left out, and nothing else with it.
    const OPTIONAL: [u8; 2] = [119, 121];
    const PAD: u8 = 0;
    const END: u8 = 255;
    let decode =
        |options: &[u8]| Message::decode(&mut Decoder::new(&[options, &[END]].concat())).ok();
    let (fixed, mut rest) = packet.split_at_checked(FIXED)?;
    let mut reduced = fixed.to_vec();
    while let Some((&code, tail)) = rest.split_first() {
        rest = match code {
            PAD => tail,
            END => break,
            _ => {
                let (&length, tail) = tail.split_first()?;
                let (value, after) = tail.split_at_checked(usize::from(length))?;
                if KEPT.contains(&code) {
                    reduced.extend([code, length]);
                    reduced.extend(value);
                }
                if OPTIONAL.contains(&code) {
                    let with = [&reduced, &[code, length][..], value].concat();
                    if decode(&with).is_some() {
                        reduced = with;
                    }
                }
                if code == DOMAIN
                    && let Some(domain) = domain_name(value)
                {
                    reduced.extend([code, domain.len() as u8]);
                    reduced.extend(domain);
                }
                after
            }
        };
    }
    decode(&reduced)
}

/// A domain as the resolver can be told it: some servers end it with a zero, and what comes from a
/// server must not become further lines of a file.
fn domain_name(value: &[u8]) -> Option<&[u8]> {
    let end = value.iter().rposition(|byte| *byte != 0)? + 1;
    let is_sound = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    Some(&value[..end]).filter(|name| name.iter().all(is_sound))
}

/// The domains of an answer: those to search (RFC 3397), else that of the machine.
fn domains_of(answer: &Message) -> Vec<String> {
    let options = answer.opts();
    if let Some(DhcpOption::DomainSearch(all)) = options.get(OptionCode::DomainSearch) {
        let names = all.iter().map(|name| name.to_ascii().trim_end_matches('.').to_owned());
        let sound =
            |name: &String| domain_name(name.as_bytes()).is_some_and(|it| it.len() == name.len());
        let names: Vec<String> = names.filter(sound).take(LONGEST_SEARCH).collect();
        if !names.is_empty() {
            return names;
        }
    }
    match options.get(OptionCode::DomainName) {
        Some(DhcpOption::DomainName(domain)) => vec![domain.clone()],
        _ => Vec::new(),
    }
}

fn random() -> Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(u32::from_ne_bytes(bytes))
}

/// What an offer or acknowledgement gives us; none when it is no address that a machine can have.
fn lease_of(answer: &Message) -> Option<Lease> {
    let options = answer.opts();
    let address = answer.yiaddr();
    let is_usable = |address: Ipv4Addr| {
        !address.is_unspecified()
            && !address.is_broadcast()
            && !address.is_multicast()
            && !address.is_loopback()
    };
    if !is_usable(address) {
        return None;
    }
    let mask = match options.get(OptionCode::SubnetMask) {
        Some(DhcpOption::SubnetMask(mask)) => u32::from(*mask),
        // What classes said before there were masks.
        _ => match address.octets()[0] {
            0..128 => 0xFF00_0000,
            128..192 => 0xFFFF_0000,
            _ => 0xFFFF_FF00,
        },
    };
    let prefix = mask.leading_ones();
    if mask.count_ones() != prefix || prefix == 0 {
        return None;
    }
    let seconds = |code: OptionCode| match options.get(code)? {
        DhcpOption::AddressLeaseTime(seconds) | DhcpOption::Renewal(seconds) => {
            Some(Duration::from_secs(u64::from(*seconds)))
        }
        _ => None,
    };
    let length = seconds(OptionCode::AddressLeaseTime).unwrap_or(LONGEST);
    let length = length.clamp(SHORTEST, LONGEST);
    let renewal = seconds(OptionCode::Renewal).filter(|renewal| *renewal < length);
    let list = |code: OptionCode| match options.get(code) {
        Some(
            DhcpOption::Router(all)
            | DhcpOption::DomainNameServer(all)
            | DhcpOption::NtpServers(all),
        ) => all.iter().copied().filter(|address| is_usable(*address)).collect(),
        _ => Vec::new(),
    };
    let server = match options.get(OptionCode::ServerIdentifier) {
        Some(DhcpOption::ServerIdentifier(server)) => *server,
        _ => answer.siaddr(),
    };
    let mut gateway = list(OptionCode::Router).first().copied();
    let mut routes = Vec::new();
    if let Some(DhcpOption::ClasslessStaticRoute(all)) =
        options.get(OptionCode::ClasslessStaticRoute)
    {
        // They stand for the gateway, too (RFC 3442).
        gateway = None;
        for (network, router) in all {
            match network.prefix_len() {
                0 if is_usable(*router) => gateway = gateway.or(Some(*router)),
                0 => {}
                prefix => routes.push(Route {
                    network: network.network(),
                    prefix,
                    gateway: Some(*router).filter(|router| is_usable(*router)),
                }),
            }
        }
    }
    Some(Lease {
        address,
        prefix: prefix as u8,
        gateway,
        routes,
        // What the resolver of the C library looks at.
        name_servers: list(OptionCode::DomainNameServer).into_iter().take(3).collect(),
        time_servers: list(OptionCode::NtpServers).into_iter().take(3).collect(),
        domains: domains_of(answer),
        server,
        length,
        renewal: renewal.unwrap_or(length / 2).max(SHORTEST / 2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer() -> Message {
        let mut message = Message::default();
        message.set_opcode(Opcode::BootReply).set_yiaddr([10, 0, 2, 15]);
        let options = message.opts_mut();
        options.insert(DhcpOption::MessageType(MessageType::Offer));
        options.insert(DhcpOption::SubnetMask([255, 255, 255, 0].into()));
        options.insert(DhcpOption::Router(vec![[10, 0, 2, 2].into()]));
        options.insert(DhcpOption::DomainNameServer(vec![[10, 0, 2, 3].into()]));
        options.insert(DhcpOption::NtpServers(vec![[10, 0, 2, 4].into()]));
        options.insert(DhcpOption::DomainName("lab.example".to_owned()));
        options.insert(DhcpOption::AddressLeaseTime(86400));
        options.insert(DhcpOption::ServerIdentifier([10, 0, 2, 2].into()));
        message
    }

    #[test]
    fn what_a_server_offers_is_understood() {
        let sent = offer().to_vec().unwrap();
        assert_eq!(
            lease_of(&decode(&sent).unwrap()).unwrap(),
            Lease {
                address: [10, 0, 2, 15].into(),
                prefix: 24,
                gateway: Some([10, 0, 2, 2].into()),
                routes: Vec::new(),
                name_servers: vec![[10, 0, 2, 3].into()],
                time_servers: vec![[10, 0, 2, 4].into()],
                domains: vec!["lab.example".to_owned()],
                server: [10, 0, 2, 2].into(),
                length: Duration::from_secs(86400),
                renewal: Duration::from_secs(43200),
            }
        );
        let mut endless = offer();
        endless.opts_mut().insert(DhcpOption::AddressLeaseTime(u32::MAX));
        assert_eq!(lease_of(&endless).unwrap().length, LONGEST);
        let mut none = offer();
        none.opts_mut().insert(DhcpOption::AddressLeaseTime(0));
        none.opts_mut().insert(DhcpOption::Renewal(0));
        assert!(lease_of(&none).unwrap().renewal >= Duration::from_secs(30));
    }

    #[test]
    fn domains_are_names_and_nothing_else() {
        let domain = |domain: &str| {
            let mut message = offer();
            message.opts_mut().insert(DhcpOption::DomainName(domain.to_owned()));
            lease_of(&decode(&message.to_vec().unwrap()).unwrap()).unwrap().domains
        };
        assert_eq!(domain("lan\0"), ["lan"]);
        for wrong in ["", "\0", "lan\nnameserver 6.6.6.6", "a b"] {
            assert!(domain(wrong).is_empty(), "{wrong:?}");
        }
    }

    /// An offer with a further option, byte for byte.
    fn offer_with(code: u8, value: &[u8]) -> Lease {
        let mut packet = offer().to_vec().unwrap();
        let end = packet.iter().rposition(|byte| *byte == 255).unwrap();
        packet.truncate(end);
        packet.extend([code, value.len() as u8]);
        packet.extend(value);
        packet.push(255);
        lease_of(&decode(&packet).unwrap()).unwrap()
    }

    /// Domains as RFC 3397 packs them: the second ends with the end of the first.
    #[test]
    fn domains_to_search_come_before_that_of_the_machine() {
        let packed = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        assert_eq!(offer_with(119, packed).domains, ["eng.apple.com", "marketing.apple.com"]);
        assert_eq!(offer_with(119, b"\x03l n\x00").domains, ["lab.example"]);
        for broken in [&b""[..], b"\xc0\x00", b"\xc0\x04", b"\x3fshort", b"\x00"] {
            assert_eq!(offer_with(119, broken).domains, ["lab.example"], "{broken:?}");
        }
    }

    #[test]
    fn routes_stand_for_the_gateway() {
        let lease = offer_with(
            121,
            &[16, 172, 16, 10, 0, 2, 7, 32, 10, 9, 9, 9, 0, 0, 0, 0, 0, 10, 0, 2, 9],
        );
        assert_eq!(lease.gateway, Some([10, 0, 2, 9].into()));
        let near = Route { network: [10, 9, 9, 9].into(), prefix: 32, gateway: None };
        let far = Route {
            network: [172, 16, 0, 0].into(),
            prefix: 16,
            gateway: Some([10, 0, 2, 7].into()),
        };
        assert_eq!(lease.routes, [far, near]);
        assert_eq!(offer_with(121, &[8, 10, 10, 0, 2, 7]).gateway, None);
        // A broken one takes nothing away.
        let broken = offer_with(121, &[24, 10, 0]);
        assert_eq!((broken.gateway, broken.routes), (Some([10, 0, 2, 2].into()), Vec::new()));
    }

    #[test]
    fn what_makes_no_sense_is_no_offer() {
        for address in [[0, 0, 0, 0], [255, 255, 255, 255], [224, 0, 0, 1], [127, 0, 0, 1]] {
            let mut message = offer();
            message.set_yiaddr(address);
            assert_eq!(lease_of(&message), None, "{address:?}");
        }
        for mask in [[0, 0, 0, 0], [255, 0, 255, 0]] {
            let mut message = offer();
            message.opts_mut().insert(DhcpOption::SubnetMask(mask.into()));
            assert_eq!(lease_of(&message), None, "{mask:?}");
        }
    }

    proptest! {
        #[test]
        fn any_packet_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), flips in proptest::collection::vec((0usize..600, any::<u8>()), 0..8)) {
            let _ = decode(&bytes).map(|message| lease_of(&message));
            let mut near = offer().to_vec().unwrap();
            for (position, byte) in flips {
                let length = near.len();
                near[position % length] = byte;
            }
            let _ = decode(&near).map(|message| lease_of(&message));
        }
    }
}
