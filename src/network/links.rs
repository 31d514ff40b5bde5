//! The network interfaces of this machine, and how they are set up.

use super::dhcp::Route;
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::route::RouteScope;
use rtnetlink::{Handle, LinkUnspec, LinkVlan, RouteMessageBuilder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

/// How long the kernel may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A wired interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    /// The kernel's number.
    pub(super) index: u32,
    /// The kernel's name.
    pub(super) name: String,
    /// The hardware address (MAC).
    pub(super) hardware_address: [u8; 6],
    /// Whether a cable leads to something that is on; none while the interface is down.
    pub(super) has_carrier: Option<bool>,
    /// Bits per second, in millions, where the driver tells.
    pub(super) megabits: Option<u32>,
    /// For a tagged network: the name of the interface that it is on.
    pub(super) carrier_of_tags: Option<String>,
}

/// The longest name of an interface, in bytes.
const LONGEST_NAME: usize = 15;

fn hardware_address(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> =
        text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes?.try_into().ok()
}

impl Link {
    /// Every Ethernet interface that belongs to a device and needs no radio, in the order of the
    /// kernel's numbers. `root` is `/sys/class/net`.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
        let mut links: Vec<Self> =
            entries.flatten().filter_map(|entry| Self::read(&entry.path())).collect();
        links.sort_by_key(|link| link.index);
        links
    }

    fn read(path: &Path) -> Option<Self> {
        let text = |name: &str| {
            let text = std::fs::read_to_string(path.join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        // ARPHRD_ETHER of <linux/if_arp.h>.
        let is_ethernet = text("type")? == "1";
        let is_wired = path.join("device").exists() && !path.join("wireless").exists();
        if is_ethernet && is_wired { Self::read_any(path) } else { None }
    }

    /// Every interface of a tagged network. `root` is `/sys/class/net`.
    pub(super) fn all_tagged(root: &Path) -> Vec<Self> {
        let is_tagged = |path: &Path| {
            let text = std::fs::read_to_string(path.join("uevent")).unwrap_or_default();
            text.lines().any(|line| line == "DEVTYPE=vlan")
        };
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| is_tagged(path));
        paths.filter_map(|path| Self::read_any(&path)).collect()
    }

    /// Reads an interface of any kind.
    fn read_any(path: &Path) -> Option<Self> {
        let text = |name: &str| {
            let text = std::fs::read_to_string(path.join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        Some(Self {
            index: text("ifindex")?.parse().ok()?,
            name: path.file_name()?.to_str()?.to_owned(),
            hardware_address: hardware_address(&text("address")?)?,
            // Reading it fails while the interface is down.
            has_carrier: text("carrier").map(|carrier| carrier == "1"),
            megabits: text("speed").and_then(|speed| speed.parse().ok()).filter(|speed| *speed > 0),
            carrier_of_tags: None,
        })
    }

    /// What the interface of the tagged network `number` on this one is called.
    pub(super) fn name_of_tagged(&self, number: u16) -> String {
        let name = format!("{}.{number}", self.name);
        match name.len() <= LONGEST_NAME {
            true => name,
            false => format!("vlan{}.{number}", self.index),
        }
    }

    /// The interface of the tagged network `number` on this one, if it is there. `root` is
    /// `/sys/class/net`.
    pub(super) fn tagged(&self, root: &Path, number: u16) -> Option<Self> {
        let link = Self::read_any(&root.join(self.name_of_tagged(number)))?;
        Some(Self { carrier_of_tags: Some(self.name.clone()), ..link })
    }
}

/// The kernel's side of interfaces, spoken to by netlink.
pub(super) struct Netlink {
    runtime: tokio::runtime::Runtime,
    handle: Handle,
}

/// How far a way is: of several interfaces, that with the lowest number is taken.
fn metric(link: &Link) -> u32 {
    100 + link.index
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, message!("network-kernel-refused")).caused_by(error)
}

impl Netlink {
    /// Opens a netlink socket.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub(super) fn open() -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let guard = runtime.enter();
        let (connection, handle, _) = rtnetlink::new_connection().map_err(failed)?;
        drop(guard);
        runtime.spawn(connection);
        Ok(Self { runtime, handle })
    }

    fn ask<T>(&self, request: impl Future<Output = Result<T, rtnetlink::Error>>) -> Result<T> {
        let limited = async { tokio::time::timeout(ANSWER, request).await };
        self.runtime.block_on(limited).map_err(failed)?.map_err(failed)
    }

    /// Switches an interface on.
    ///
    /// # Errors
    /// When the kernel or the driver refuses.
    pub(super) fn up(&self, link: &Link) -> Result<()> {
        let message = LinkUnspec::new_with_index(link.index).up().build();
        self.ask(self.handle.link().set(message).execute())
    }

    /// Switches an interface off. Its IPv6 addresses and all routes through it are gone then.
    ///
    /// # Errors
    /// When the kernel or the driver refuses.
    pub(super) fn down(&self, link: &Link) -> Result<()> {
        let message = LinkUnspec::new_with_index(link.index).down().build();
        self.ask(self.handle.link().set(message).execute())
    }

    /// Takes away an interface that is not of a device.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn remove(&self, link: &Link) -> Result<()> {
        self.ask(self.handle.link().del(link.index).execute())
    }

    /// Makes the interface of the tagged network `number` on an interface.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn add_tagged(&self, link: &Link, number: u16) -> Result<()> {
        let message = LinkVlan::new(&link.name_of_tagged(number), link.index, number).build();
        self.ask(self.handle.link().add(message).execute())
    }

    /// Gives an interface an address; one that it has already is fine.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn add_address(&self, link: &Link, address: IpAddr, prefix: u8) -> Result<()> {
        let request = self.handle.address().add(link.index, address, prefix).replace();
        self.ask(request.execute())
    }

    /// Takes all IPv4 addresses of an interface away, and with them the routes through it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn remove_addresses(&self, link: &Link) -> Result<()> {
        let found = self
            .handle
            .address()
            .get()
            .set_link_index_filter(link.index)
            .execute()
            .try_collect::<Vec<_>>();
        for address in self.ask(found)? {
            let is_ipv4 = address
                .attributes
                .iter()
                .any(|attribute| matches!(attribute, AddressAttribute::Address(IpAddr::V4(_))));
            if is_ipv4 {
                self.ask(self.handle.address().del(address).execute())?;
            }
        }
        Ok(())
    }

    /// Sends what is for nobody near through `gateway`; of several interfaces, through that with
    /// the lowest number.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn add_default_route(&self, link: &Link, gateway: IpAddr) -> Result<()> {
        match gateway {
            IpAddr::V4(gateway) => {
                let everywhere =
                    Route { network: Ipv4Addr::UNSPECIFIED, prefix: 0, gateway: Some(gateway) };
                self.add_route(link, &everywhere)
            }
            IpAddr::V6(gateway) => {
                let route = RouteMessageBuilder::<Ipv6Addr>::new()
                    .gateway(gateway)
                    .output_interface(link.index)
                    .priority(metric(link))
                    .build();
                self.ask(self.handle.route().add(route).replace().execute())
            }
        }
    }

    /// Sends what is for one network its way.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn add_route(&self, link: &Link, route: &Route) -> Result<()> {
        let way = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(route.network, route.prefix)
            .output_interface(link.index)
            .priority(metric(link));
        let way = match route.gateway {
            // The gateway may be outside of the network of our own address, as in data centres.
            Some(gateway) => way.gateway(gateway).onlink(),
            None => way.scope(RouteScope::Link),
        };
        self.ask(self.handle.route().add(way.build()).replace().execute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wired_interfaces_of_devices_are_found() {
        let root = tempfile::tempdir().unwrap();
        let add = |name: &str, kind: &str, files: &[(&str, &str)], folders: &[&str]| {
            let path = root.path().join(name);
            std::fs::create_dir(&path).unwrap();
            for (file, content) in [("type", kind)].iter().chain(files) {
                std::fs::write(path.join(file), format!("{content}\n")).unwrap();
            }
            for folder in folders {
                std::fs::create_dir(path.join(folder)).unwrap();
            }
        };
        let address = ("address", "52:54:00:12:34:56");
        add("lo", "772", &[("ifindex", "1"), ("address", "00:00:00:00:00:00")], &[]);
        add(
            "enp3s0",
            "1",
            &[("ifindex", "3"), address, ("carrier", "1"), ("speed", "1000")],
            &["device"],
        );
        add("eth0", "1", &[("ifindex", "2"), address, ("speed", "-1")], &["device"]);
        add("br0", "1", &[("ifindex", "4"), address], &[]);
        add("wlan0", "1", &[("ifindex", "5"), address], &["device", "wireless"]);
        let links = Link::all(root.path());
        let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["eth0", "enp3s0"]);
        assert_eq!((links[0].has_carrier, links[0].megabits), (None, None));
        assert_eq!((links[1].has_carrier, links[1].megabits), (Some(true), Some(1000)));
        assert_eq!(links[1].hardware_address, [0x52, 0x54, 0, 0x12, 0x34, 0x56]);

        assert_eq!(links[1].tagged(root.path(), 42), None);
        add("enp3s0.42", "1", &[("ifindex", "9"), address, ("carrier", "1")], &[]);
        let tagged = links[1].tagged(root.path(), 42).unwrap();
        assert_eq!((tagged.index, tagged.carrier_of_tags.as_deref()), (9, Some("enp3s0")));
        let long = Link { name: "enx525400123456".into(), ..links[1].clone() };
        assert_eq!(long.name_of_tagged(4094), "vlan3.4094");
        assert_eq!(Link::all_tagged(root.path()), []);
        std::fs::write(root.path().join("enp3s0.42/uevent"), "DEVTYPE=vlan\nIFINDEX=9\n").unwrap();
        let names: Vec<String> =
            Link::all_tagged(root.path()).into_iter().map(|link| link.name).collect();
        assert_eq!(names, ["enp3s0.42"]);
    }
}
