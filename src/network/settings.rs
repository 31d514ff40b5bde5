//! How an interface is to be set up, in the words of `calco.ip=` on the kernel's command line.
//!
//! A setting is a list of words with commas between them; several settings, each for another
//! interface, have `;` between them.
//!
//! | Word | Meaning |
//! |---|---|
//! | `dhcp` | the address comes by DHCP, and by router advertisement for IPv6 |
//! | `ADDRESS/PREFIX` | this address; more than one can be given |
//! | `ADDRESS` | the first of its family after an address with prefix: the gateway; then name servers |
//! | `gw=ADDRESS`, `dns=ADDRESS` | the same, whatever their order |
//! | `ntp=ADDRESS`, `ntp=ADDRESS:PORT` | a time server; with DHCP instead of those that are offered |
//! | `dev=NAME`, `dev=MAC` | this interface alone; otherwise the first one with a link |
//! | `vlan=NUMBER` | the tagged network of this number on it (1 to 4094) |

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Which interface is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InterfaceChoice {
    /// By the kernel's name.
    Name(String),
    /// By its hardware address.
    HardwareAddress([u8; 6]),
}

/// An address with the length of its network's prefix, in bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaticAddress {
    /// The address.
    pub address: IpAddr,
    /// How many leading bits are the network's.
    pub prefix: u8,
}

/// Where addresses come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Addressing {
    /// DHCP.
    Dhcp,
    /// Given; at least one.
    Static(Vec<StaticAddress>),
}

/// How one interface is to be set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Which interface; none: all of them for DHCP, the first with a link otherwise.
    pub interface: Option<InterfaceChoice>,
    /// The number of the tagged network.
    pub vlan: Option<u16>,
    /// Where addresses come from.
    pub addressing: Addressing,
    /// At most one of each family, each of a family an address was given for.
    pub gateways: Vec<IpAddr>,
    /// Name servers; with DHCP they count instead of those offered.
    pub name_servers: Vec<IpAddr>,
    /// Time servers; with DHCP they count instead of those offered.
    pub time_servers: Vec<SocketAddr>,
}

/// Where time servers listen.
pub(super) const TIME_PORT: u16 = 123;

fn wrong(word: &str) -> Error {
    Error::new(ErrorKind::Usage, message!("network-setting-wrong", word = word))
        .advise(message!("network-setting-advice"))
}

fn host_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    (!address.is_unspecified() && !address.is_multicast() && !broadcast).then_some(address)
}

impl StaticAddress {
    /// Reads `ADDRESS/PREFIX`; none when it is no address a machine can have.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address = host_address(address)?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| digits)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (1..=longest).contains(&prefix).then_some(Self { address, prefix })
    }
}

impl InterfaceChoice {
    /// Reads a name as the kernel allows it, or a hardware address (`52:54:00:12:34:56`).
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split([':', '-']).collect();
        let byte = |part: &&str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            u8::from_str_radix(part, 16).ok().filter(|_| digits)
        };
        let bytes: Option<Vec<u8>> = parts.iter().map(byte).collect();
        if let Some(bytes) = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok()) {
            return Some(Self::HardwareAddress(bytes));
        }
        // The kernel's dev_valid_name(): at most 15 bytes, no slash, colon or space, no dots alone.
        let plain = |c: char| c.is_ascii_graphic() && c != '/' && c != ':';
        let is_name = (1..=15).contains(&text.len()) && text.chars().all(plain);
        (is_name && text != "." && text != "..").then(|| Self::Name(text.to_owned()))
    }
}

impl fmt::Display for InterfaceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::HardwareAddress(address) => {
                f.write_str(&address.map(|byte| format!("{byte:02x}")).join(":"))
            }
        }
    }
}

/// In the words that are read.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = match &self.addressing {
            Addressing::Dhcp => vec!["dhcp".to_owned()],
            Addressing::Static(own) => {
                own.iter().map(|own| format!("{}/{}", own.address, own.prefix)).collect()
            }
        };
        words.extend(self.gateways.iter().map(|gateway| format!("gw={gateway}")));
        words.extend(self.name_servers.iter().map(|server| format!("dns={server}")));
        words.extend(self.time_servers.iter().map(|server| format!("ntp={server}")));
        words.extend(self.vlan.map(|number| format!("vlan={number}")));
        words.extend(self.interface.as_ref().map(|interface| format!("dev={interface}")));
        f.write_str(&words.join(","))
    }
}

impl Settings {
    /// DHCP on every interface: what is done where nothing was said.
    pub fn dhcp() -> Self {
        Self {
            interface: None,
            vlan: None,
            addressing: Addressing::Dhcp,
            gateways: Vec::new(),
            name_servers: Vec::new(),
            time_servers: Vec::new(),
        }
    }

    /// All of them, in the words that are read.
    pub fn words(all: &[Self]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
    }

    /// Reads the value of `calco.ip=`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] with the word that means nothing or does not fit to the others.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        text.split(';').map(Self::parse).collect()
    }

    /// Reads one setting.
    ///
    /// # Errors
    /// As [`Settings::parse_all`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut interface = None;
        let mut vlan = None;
        let mut dhcp = false;
        let mut addresses: Vec<StaticAddress> = Vec::new();
        let mut gateways: Vec<IpAddr> = Vec::new();
        let mut name_servers = Vec::new();
        let mut time_servers = Vec::new();
        for word in text.split(',').map(str::trim) {
            let of_family = |gateways: &[IpAddr], address: IpAddr| {
                gateways.iter().any(|gateway| gateway.is_ipv4() == address.is_ipv4())
            };
            let bad = || wrong(word);
            match word.split_once('=') {
                Some(("dev", name)) if interface.is_none() => {
                    interface = Some(InterfaceChoice::parse(name).ok_or_else(bad)?);
                }
                Some(("vlan", number)) if vlan.is_none() => {
                    let number = number.parse().ok().filter(|number| (1..=4094).contains(number));
                    vlan = Some(number.ok_or_else(bad)?);
                }
                Some(("gw", address)) => {
                    let address = host_address(address).ok_or_else(bad)?;
                    if of_family(&gateways, address) {
                        return Err(bad());
                    }
                    gateways.push(address);
                }
                Some(("dns", address)) => {
                    name_servers.push(host_address(address).ok_or_else(bad)?);
                }
                Some(("ntp", address)) => {
                    let with_port = || host_address(address).map(|host| (host, TIME_PORT).into());
                    time_servers.push(address.parse().ok().or_else(with_port).ok_or_else(bad)?);
                }
                Some(_) => return Err(bad()),
                None if word == "dhcp" => dhcp = true,
                None if word.contains('/') => {
                    addresses.push(StaticAddress::parse(word).ok_or_else(bad)?);
                }
                None => {
                    let address = host_address(word).ok_or_else(bad)?;
                    let given =
                        addresses.iter().any(|own| own.address.is_ipv4() == address.is_ipv4());
                    if given && !of_family(&gateways, address) {
                        gateways.push(address);
                    } else {
                        name_servers.push(address);
                    }
                }
            }
        }
        let addressing = match (dhcp, addresses.is_empty()) {
            (true, true) => Addressing::Dhcp,
            (false, false) => Addressing::Static(addresses),
            // Both, or none.
            _ => return Err(wrong(text)),
        };
        let fits = |gateway: &IpAddr| match &addressing {
            Addressing::Dhcp => false,
            Addressing::Static(own) => {
                own.iter().any(|own| own.address.is_ipv4() == gateway.is_ipv4())
            }
        };
        if let Some(gateway) = gateways.iter().find(|gateway| !fits(gateway)) {
            return Err(wrong(&gateway.to_string()));
        }
        Ok(Self { interface, vlan, addressing, gateways, name_servers, time_servers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_word_has_its_meaning() {
        let settings = Settings::parse_all(
            "dhcp;192.168.1.5/24,192.168.1.1,9.9.9.9,dev=52:54:00:12:34:5f,fd00::5/64,\
             gw=fe80::1,dns=2620:fe::fe,vlan=12,ntp=10.0.0.9,ntp=[fd00::9]:1123",
        )
        .unwrap();
        assert_eq!(settings[0].addressing, Addressing::Dhcp);
        let second = &settings[1];
        let mac = [0x52, 0x54, 0, 0x12, 0x34, 0x5f];
        assert_eq!(second.interface, Some(InterfaceChoice::HardwareAddress(mac)));
        assert_eq!(second.vlan, Some(12));
        let times = ["10.0.0.9:123", "[fd00::9]:1123"].map(|text| text.parse().unwrap());
        assert_eq!(second.time_servers, times);
        let own = [("192.168.1.5", 24), ("fd00::5", 64)];
        let own = own.map(|(address, prefix)| StaticAddress { address: ip(address), prefix });
        assert_eq!(second.addressing, Addressing::Static(own.to_vec()));
        assert_eq!(second.gateways, [ip("192.168.1.1"), ip("fe80::1")]);
        assert_eq!(second.name_servers, [ip("9.9.9.9"), ip("2620:fe::fe")]);
        let dhcp = Settings::parse("dhcp,dev=eth0,9.9.9.9").unwrap();
        assert_eq!(dhcp.interface, Some(InterfaceChoice::Name("eth0".into())));
        assert_eq!(dhcp.name_servers, [ip("9.9.9.9")]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_word() {
        for (text, word) in [
            ("", ""),
            ("10.0.0.2", "10.0.0.2"),
            ("10.0.0.2/33", "10.0.0.2/33"),
            ("10.0.0.2/0", "10.0.0.2/0"),
            ("10.0.0.2/+8", "10.0.0.2/+8"),
            ("0.0.0.0/8", "0.0.0.0/8"),
            ("dhcp,10.0.0.2/8", "dhcp,10.0.0.2/8"),
            ("dhcp,gw=10.0.0.1", "10.0.0.1"),
            ("10.0.0.2/8,gw=fe80::1", "fe80::1"),
            ("10.0.0.2/8,gw=10.0.0.1,gw=10.0.0.3", "gw=10.0.0.3"),
            ("dhcp,vlan=4095", "vlan=4095"),
            ("dhcp,dev=a/b", "dev=a/b"),
            ("dhcp,dev=eth0,dev=eth1", "dev=eth1"),
            ("dhcp;dcp", "dcp"),
        ] {
            let error = Settings::parse_all(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "dhcp",
            "192.168.1.5/24,fd00::5/64,gw=192.168.1.1,gw=fe80::1,dns=9.9.9.9,ntp=10.0.0.9:1123,\
             vlan=12,dev=52:54:00:12:34:5f;dhcp,dev=eth1;dhcp",
        ] {
            let all = Settings::parse_all(text).unwrap();
            assert_eq!(Settings::words(&all), text);
        }
        assert_eq!(Settings::parse_all("dhcp").unwrap(), [Settings::dhcp()]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text: String, words in "[0-9a-f.:/,;=dhcpvlangws]{0,40}") {
            for text in [text, words] {
                if let Ok(all) = Settings::parse_all(&text) {
                    prop_assert_eq!(Settings::parse_all(&Settings::words(&all)).unwrap(), all);
                }
            }
        }
    }
}
