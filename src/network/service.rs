//! Keeps the wired interfaces of the live system set up, and writes down how they are.

use super::clock;
use super::dhcp::{Client, Lease, Obtained};
use super::links::{Link, Netlink};
use super::settings::{Addressing, InterfaceChoice, Settings, StaticAddress, TIME_PORT};
use crate::error::Result;
use crate::text::message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// The longest time without a look at the interfaces.
const TICK: Duration = Duration::from_millis(500);
/// The pause after nobody answered, or an interface failed.
const PAUSE: Duration = Duration::from_secs(20);

/// How an interface is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "condition", rename_all = "kebab-case")]
pub enum Condition {
    /// No cable, or nothing that is on at its other end.
    NoCable,
    /// An address is being asked for.
    Asking,
    /// Nobody answered; it is tried again.
    NoAnswer,
    /// It has an address.
    Ready {
        /// The address.
        address: IpAddr,
        /// How many leading bits are the network's.
        prefix: u8,
        /// The way to other networks.
        gateway: Option<IpAddr>,
        /// Whether the address came by DHCP.
        by_dhcp: bool,
    },
    /// The kernel or the driver refused.
    Failed {
        /// Why.
        why: String,
    },
    /// No setting is for it.
    LeftAlone,
}

/// An interface, as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interface {
    /// The kernel's name.
    pub name: String,
    /// The hardware address, as it stands on labels.
    pub hardware_address: String,
    /// Bits per second, in millions, where the driver tells.
    pub megabits: Option<u32>,
    /// How it is.
    #[serde(flatten)]
    pub condition: Condition,
}

impl std::fmt::Display for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name.as_str();
        let text = match &self.condition {
            Condition::NoCable => message!("network-no-cable", name = name),
            Condition::Asking => message!("network-asking", name = name),
            Condition::NoAnswer => message!("network-no-answer", name = name),
            Condition::Ready { address, prefix, .. } => {
                message!("network-ready", name = name, address = format!("{address}/{prefix}"))
            }
            Condition::Failed { why } => {
                message!("network-failed", name = name, why = why.as_str())
            }
            Condition::LeftAlone => message!("network-left-alone", name = name),
        };
        text.fmt(f)
    }
}

/// The network of this machine.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// Every wired interface.
    pub interfaces: Vec<Interface>,
    /// Who tells the addresses of names.
    pub name_servers: Vec<IpAddr>,
    /// The domains in which names without one are looked for.
    #[serde(default)]
    pub domains: Vec<String>,
    /// How it is to be set up, in the words of `calco.ip=`.
    #[serde(default)]
    pub settings: String,
}

impl State {
    /// Where the live system keeps it.
    pub const FILE: &str = "/run/calco/network.json";

    /// Reads it; none where nobody keeps one.
    pub fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Whether an interface has an address.
    pub fn is_ready(&self) -> bool {
        self.interfaces.iter().any(|one| matches!(one.condition, Condition::Ready { .. }))
    }

    /// Waits until an interface has an address, at most `limit`; none when nobody keeps the state,
    /// which means that the network is not ours to look after.
    pub fn wait_until_ready(file: &Path, limit: Duration) -> Option<Self> {
        let until = Instant::now() + limit;
        loop {
            let state = Self::read(file)?;
            if state.is_ready() || Instant::now() >= until {
                return Some(state);
            }
            std::thread::sleep(TICK);
        }
    }
}

/// The IPv6 addresses in a list as in `/proc/net/if_inet6` that others can reach: of global scope
/// (`00`), which routers announce, and not on the loopback interface.
fn global_ipv6(list: &str) -> Vec<(String, Ipv6Addr)> {
    let global = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, "00", _, name] = words.as_slice() else { return None };
        let address = u128::from_str_radix(address, 16).ok().filter(|_| *name != "lo")?;
        Some(((*name).to_owned(), Ipv6Addr::from(address)))
    };
    list.lines().filter_map(global).collect()
}

/// The IPv6 addresses that others can reach, each with the name of its interface: given, or made by
/// the kernel from what routers announce.
pub fn ipv6_addresses() -> Vec<(String, Ipv6Addr)> {
    global_ipv6(&std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default())
}

/// Writes a file so that nobody sees half of it.
fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, content)?;
    std::fs::rename(new, file)
}

/// How long the clock counts as right after a time server was asked.
const CLOCK: Duration = Duration::from_secs(12 * 3600);

/// What came of asking.
enum Answer {
    /// For an address on the interface of a number.
    Address(u32, Result<Obtained>),
    /// For the time: by how many seconds the clock was behind, if it had to be set.
    Time(SocketAddr, Result<Option<f64>>),
}

/// An interface and what was done with it.
struct Managed {
    link: Link,
    condition: Condition,
    lease: Option<(Lease, Instant)>,
    is_asking: bool,
    /// When to do something again.
    due: Instant,
}

struct Service<'a> {
    settings: &'a [Settings],
    log: &'a dyn Fn(&str),
    netlink: Netlink,
    managed: BTreeMap<u32, Managed>,
    /// The numbers of interfaces on which the kernel makes no tagged network.
    refused: Vec<u32>,
    /// When to ask for the time again.
    clock_due: Instant,
    answers: Sender<Answer>,
}

fn ready(lease: &Lease) -> Condition {
    Condition::Ready {
        address: lease.address.into(),
        prefix: lease.prefix,
        gateway: lease.gateway.map(IpAddr::from),
        by_dhcp: true,
    }
}

/// Routes through an interface without a cable are not used as long as there is another way.
fn ignore_dead_routes(interface: &str) {
    for family in ["ipv4", "ipv6"] {
        let setting =
            format!("/proc/sys/net/{family}/conf/{interface}/ignore_routes_with_linkdown");
        // An old kernel has no such setting, and one without IPv6 no such family.
        let _ = std::fs::write(setting, "1");
    }
}

/// Which setting is for an interface.
fn setting_for<'a>(settings: &'a [Settings], link: &Link) -> Option<&'a Settings> {
    let named = settings.iter().find(|one| match &one.interface {
        Some(InterfaceChoice::Name(name)) => {
            name == link.carrier_of_tags.as_ref().unwrap_or(&link.name)
        }
        Some(InterfaceChoice::HardwareAddress(address)) => *address == link.hardware_address,
        None => false,
    });
    named.or_else(|| settings.iter().find(|one| one.interface.is_none()))
}

impl Service<'_> {
    /// Every interface; in the place of those whose settings name a tagged network, that network's.
    fn links(&mut self) -> Vec<Link> {
        let root = Path::new("/sys/class/net");
        let mut links = Link::all(root);
        for link in &mut links {
            let Some(number) = setting_for(self.settings, link).and_then(|one| one.vlan) else {
                continue;
            };
            let mut tagged = link.tagged(root, number);
            if tagged.is_none() && !self.refused.contains(&link.index) {
                // Without its carrier it has none.
                let made =
                    self.netlink.up(link).and_then(|()| self.netlink.add_tagged(link, number));
                match made {
                    Ok(()) => tagged = link.tagged(root, number),
                    Err(error) => {
                        self.fail(link, &error);
                        self.refused.push(link.index);
                    }
                }
            }
            if let Some(tagged) = tagged {
                *link = tagged;
            }
        }
        links
    }

    /// Looks at every interface, and begins what is due.
    fn look(&mut self) {
        let links = self.links();
        self.managed.retain(|index, _| links.iter().any(|link| link.index == *index));
        for link in links {
            let index = link.index;
            if !self.managed.contains_key(&index) {
                ignore_dead_routes(&link.name);
                let condition = match self.netlink.up(&link) {
                    Ok(()) => Condition::NoCable,
                    Err(error) => self.fail(&link, &error),
                };
                let due = Instant::now();
                self.managed.insert(
                    index,
                    Managed { link: link.clone(), condition, lease: None, is_asking: false, due },
                );
            }
            if let Some(mut managed) = self.managed.remove(&index) {
                managed.link = link;
                self.attend(&mut managed);
                self.managed.insert(index, managed);
            }
        }
    }

    fn fail(&self, link: &Link, error: &crate::error::Error) -> Condition {
        let why = error.report().replace('\n', " ");
        (self.log)(
            &message!("network-log-failed", name = link.name.as_str(), why = why.as_str())
                .to_string(),
        );
        Condition::Failed { why }
    }

    fn attend(&mut self, managed: &mut Managed) {
        let Some(setting) = setting_for(self.settings, &managed.link) else {
            managed.condition = Condition::LeftAlone;
            return;
        };
        if setting.vlan.is_some() && managed.link.carrier_of_tags.is_none() {
            // Never outside of the network that was asked for.
            managed.condition = Condition::Failed { why: message!("network-no-vlan").to_string() };
            return;
        }
        if managed.link.has_carrier != Some(true) {
            // Addresses stay: the cable may come back. Then the lease is asked about.
            managed.condition = Condition::NoCable;
            managed.due = Instant::now();
            return;
        }
        let had_no_cable = managed.condition == Condition::NoCable;
        if let Some((lease, since)) = &managed.lease
            && since.elapsed() >= lease.length
        {
            let _ = self.netlink.remove_addresses(&managed.link);
            managed.lease = None;
            managed.condition = Condition::Asking;
        }
        if managed.is_asking || (managed.due > Instant::now() && !had_no_cable) {
            return;
        }
        match &setting.addressing {
            Addressing::Dhcp => self.ask(managed),
            // One machine has an address only once.
            Addressing::Static(_)
                if setting.interface.is_none() && self.is_given_elsewhere(setting) =>
            {
                managed.condition = Condition::LeftAlone;
            }
            Addressing::Static(addresses) => {
                managed.condition = match self.give(&managed.link, addresses, &setting.gateways) {
                    Ok(condition) => condition,
                    Err(error) => self.fail(&managed.link, &error),
                };
                managed.due = Instant::now()
                    + match managed.condition {
                        Condition::Failed { .. } => PAUSE,
                        _ => Duration::from_secs(1 << 30),
                    };
            }
        }
    }

    fn is_given_elsewhere(&self, setting: &Settings) -> bool {
        let Addressing::Static(addresses) = &setting.addressing else { return false };
        self.managed.values().any(|other| match &other.condition {
            Condition::Ready { address, .. } => addresses.iter().any(|one| one.address == *address),
            _ => false,
        })
    }

    fn give(
        &self,
        link: &Link,
        addresses: &[StaticAddress],
        gateways: &[IpAddr],
    ) -> Result<Condition> {
        for StaticAddress { address, prefix } in addresses {
            self.netlink.add_address(link, *address, *prefix)?;
        }
        for gateway in gateways {
            self.netlink.add_default_route(link, *gateway)?;
        }
        let StaticAddress { address, prefix } = addresses[0];
        let gateway = gateways.iter().find(|one| one.is_ipv4() == address.is_ipv4()).copied();
        let ready = Condition::Ready { address, prefix, gateway, by_dhcp: false };
        self.log_ready(link, &ready);
        Ok(ready)
    }

    fn log_ready(&self, link: &Link, condition: &Condition) {
        if let Condition::Ready { address, prefix, gateway, .. } = condition {
            let gateway = gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
            let text = message!(
                "network-log-ready",
                name = link.name.as_str(),
                address = format!("{address}/{prefix}"),
                gateway = gateway
            );
            (self.log)(&text.to_string());
        }
    }

    /// Begins to ask for an address, or for more time.
    fn ask(&mut self, managed: &mut Managed) {
        managed.is_asking = true;
        // The cable may lead to another network now; and near its end a lease is better replaced than
        // lost (RFC 2131, section 4.4.5).
        let is_old = |(lease, since): &(Lease, Instant)| since.elapsed() >= lease.length / 8 * 7;
        let may_move =
            managed.condition == Condition::NoCable || managed.lease.as_ref().is_none_or(is_old);
        if managed.lease.is_none() || managed.condition == Condition::NoCable {
            managed.condition = Condition::Asking;
        }
        let (name, address) = (managed.link.name.clone(), managed.link.hardware_address);
        let (index, answers) = (managed.link.index, self.answers.clone());
        let before = managed.lease.as_ref().map(|(lease, _)| lease.clone());
        std::thread::spawn(move || {
            let answer = Client::open(&name, address)
                .and_then(|client| client.obtain(before.as_ref(), may_move));
            let _ = answers.send(Answer::Address(index, answer));
        });
    }

    /// Asks for the time, if somebody is known who can tell and it is due.
    fn ask_time(&mut self) {
        if self.clock_due > Instant::now() || !self.state().is_ready() {
            return;
        }
        let mut servers: Vec<SocketAddr> =
            self.settings.iter().flat_map(|setting| setting.time_servers.clone()).collect();
        if servers.is_empty() {
            let leases = self.managed.values().filter_map(|managed| managed.lease.as_ref());
            let offered = leases.flat_map(|(lease, _)| lease.time_servers.iter().copied());
            servers = offered.map(|server| (server, TIME_PORT).into()).collect();
        }
        if servers.is_empty() {
            return;
        }
        // Until there is an answer.
        self.clock_due = Instant::now() + CLOCK;
        let answers = self.answers.clone();
        std::thread::spawn(move || {
            for (number, server) in servers.iter().enumerate() {
                let answer = clock::set_by(*server);
                if answer.is_ok() || number + 1 == servers.len() {
                    let _ = answers.send(Answer::Time(*server, answer));
                    return;
                }
            }
        });
    }

    fn take_time(&mut self, server: SocketAddr, answer: Result<Option<f64>>) {
        let server = server.to_string();
        let text = match answer {
            Ok(None) => return,
            Ok(Some(behind)) => {
                let seconds = behind.abs().round() as u64;
                match behind > 0.0 {
                    true => {
                        message!("network-log-clock-behind", server = server, seconds = seconds)
                    }
                    false => {
                        message!("network-log-clock-ahead", server = server, seconds = seconds)
                    }
                }
            }
            Err(error) => {
                self.clock_due = Instant::now() + 3 * PAUSE;
                let why = error.report().replace('\n', " ");
                message!("network-log-no-time", server = server, why = why)
            }
        };
        (self.log)(&text.to_string());
    }

    /// Takes what came of asking for an address.
    fn take(&mut self, index: u32, answer: Result<Obtained>) {
        let Some(mut managed) = self.managed.remove(&index) else { return };
        managed.is_asking = false;
        managed.due = Instant::now() + PAUSE;
        match answer {
            Ok(Obtained::Lease(lease)) => {
                let result = self.use_lease(&managed, &lease);
                managed.due = Instant::now() + lease.renewal;
                match result {
                    Ok(condition) => {
                        if managed.condition != condition {
                            self.log_ready(&managed.link, &condition);
                        }
                        managed.condition = condition;
                        managed.lease = Some((lease, Instant::now()));
                    }
                    Err(error) => {
                        managed.condition = self.fail(&managed.link, &error);
                        managed.due = Instant::now() + PAUSE;
                    }
                }
            }
            // The address is ours until the end of its time.
            Ok(Obtained::Nothing) if managed.lease.is_some() => {
                managed.condition =
                    managed.lease.as_ref().map_or(Condition::NoAnswer, |one| ready(&one.0));
            }
            Ok(Obtained::Nothing | Obtained::Refused) => {
                if managed.lease.take().is_some() {
                    let _ = self.netlink.remove_addresses(&managed.link);
                }
                if managed.condition != Condition::NoAnswer {
                    let name = managed.link.name.as_str();
                    (self.log)(&message!("network-log-no-answer", name = name).to_string());
                }
                managed.condition = Condition::NoAnswer;
            }
            Err(error) => managed.condition = self.fail(&managed.link, &error),
        }
        self.managed.insert(index, managed);
    }

    fn use_lease(&self, managed: &Managed, lease: &Lease) -> Result<Condition> {
        let is_other = |(before, _): &(Lease, Instant)| {
            (before.address, before.prefix) != (lease.address, lease.prefix)
        };
        if managed.lease.as_ref().is_some_and(is_other) {
            self.netlink.remove_addresses(&managed.link)?;
        }
        self.netlink.add_address(&managed.link, lease.address.into(), lease.prefix)?;
        for route in &lease.routes {
            if let Err(error) = self.netlink.add_route(&managed.link, route) {
                let _ = self.fail(&managed.link, &error);
            }
        }
        if let Some(gateway) = lease.gateway
            && let Err(error) = self.netlink.add_default_route(&managed.link, gateway.into())
        {
            // The network itself can be reached without one.
            let _ = self.fail(&managed.link, &error);
        }
        Ok(ready(lease))
    }

    fn state(&self) -> State {
        let interfaces = self.managed.values().map(|managed| Interface {
            name: managed.link.name.clone(),
            hardware_address: managed
                .link
                .hardware_address
                .map(|byte| format!("{byte:02x}"))
                .join(":"),
            megabits: managed.link.megabits,
            condition: managed.condition.clone(),
        });
        let mut name_servers: Vec<IpAddr> =
            self.settings.iter().flat_map(|setting| setting.name_servers.clone()).collect();
        if name_servers.is_empty() {
            let leases = self.managed.values().filter_map(|managed| managed.lease.as_ref());
            let offered = leases.flat_map(|(lease, _)| lease.name_servers.iter().copied());
            name_servers = offered.map(IpAddr::from).collect();
        }
        name_servers.dedup();
        let leases = self.managed.values().filter_map(|managed| managed.lease.as_ref());
        let mut domains: Vec<String> =
            leases.flat_map(|(lease, _)| lease.domains.clone()).collect();
        domains.dedup();
        let settings = Settings::words(self.settings);
        State { interfaces: interfaces.collect(), name_servers, domains, settings }
    }
}

/// Takes away what an earlier process set up: addresses, routes and tagged networks.
fn forget(netlink: &Netlink, log: &dyn Fn(&str)) {
    let root = Path::new("/sys/class/net");
    let removed = Link::all_tagged(root).into_iter().map(|link| netlink.remove(&link));
    let emptied = Link::all(root)
        .into_iter()
        .map(|link| netlink.remove_addresses(&link).and_then(|()| netlink.down(&link)));
    for error in removed.chain(emptied).filter_map(Result::err) {
        log(&error.report().replace('\n', " "));
    }
}

/// Sets up every wired interface as `settings` say, and keeps it so. Writes [`State`] to
/// `state_file`, and the name servers to `resolver_file` as the C library reads them. What was set
/// up before is taken away first where it is to be set up `anew`.
///
/// # Errors
/// It ends only when the kernel gives no netlink socket.
pub fn run(
    settings: &[Settings],
    state_file: &Path,
    resolver_file: &Path,
    anew: bool,
    log: &dyn Fn(&str),
) -> Result<()> {
    let (answers, received): (Sender<Answer>, Receiver<Answer>) = channel();
    let netlink = Netlink::open()?;
    if anew {
        forget(&netlink, log);
    }
    let mut service = Service {
        settings,
        log,
        netlink,
        managed: BTreeMap::new(),
        refused: Vec::new(),
        clock_due: Instant::now(),
        answers,
    };
    let mut written: Option<State> = None;
    loop {
        service.look();
        service.ask_time();
        let state = service.state();
        if written.as_ref() != Some(&state) {
            let servers = state.name_servers.iter().take(3);
            let mut lines: String =
                servers.map(|server| format!("nameserver {server}\n")).collect();
            if !state.domains.is_empty() {
                lines += &format!("search {}\n", state.domains.join(" "));
            }
            let stored = serde_json::to_vec(&state).unwrap_or_default();
            // Names first: who sees an address may ask for one at once.
            let result = replace(resolver_file, lines.as_bytes())
                .and_then(|()| replace(state_file, &stored));
            if let Err(error) = result {
                log(&message!("network-log-unwritten", why = error.to_string()).to_string());
            }
            written = Some(state);
        }
        match received.recv_timeout(TICK) {
            Ok(Answer::Address(index, answer)) => service.take(index, answer),
            Ok(Answer::Time(server, answer)) => service.take_time(server, answer),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, last: u8) -> Link {
        Link {
            index: u32::from(last),
            name: name.to_owned(),
            hardware_address: [2, 0, 0, 0, 0, last],
            has_carrier: Some(true),
            megabits: None,
            carrier_of_tags: None,
        }
    }

    #[test]
    fn a_setting_with_a_name_counts_before_one_for_all() {
        let all = Settings::parse_all("dhcp;dev=eth1,10.0.0.5/24").unwrap();
        assert_eq!(setting_for(&all, &link("eth0", 1)), Some(&all[0]));
        assert_eq!(setting_for(&all, &link("eth1", 2)), Some(&all[1]));
        let one = Settings::parse_all("dhcp,dev=02:00:00:00:00:07").unwrap();
        assert_eq!(setting_for(&one, &link("eth0", 1)), None);
        assert_eq!(setting_for(&one, &link("eth0", 7)), Some(&one[0]));
        // A tagged network has the setting of the interface that it is on.
        let tagged = Link { carrier_of_tags: Some("eth1".into()), ..link("eth1.42", 9) };
        assert_eq!(setting_for(&all, &tagged), Some(&all[1]));
    }

    #[test]
    fn addresses_that_routers_announce_are_seen() {
        let lo = "00000000000000000000000000000001 01 80 10 80       lo\n";
        let local = "fe800000000000005054000000123456 02 40 20 80     eth0\n";
        let global = "20010db8000000005054000000123456 02 40 00 00     eth0\n";
        assert_eq!(global_ipv6("nonsense 1 2 00 4 eth0\n"), []);
        assert_eq!(global_ipv6(&[lo, local].concat()), []);
        let address = "2001:db8::5054:0:12:3456".parse().unwrap();
        assert_eq!(global_ipv6(&[lo, local, global].concat()), [("eth0".to_owned(), address)]);
    }

    #[test]
    fn the_state_can_be_read_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("network.json");
        assert_eq!(State::read(&file), None);
        let ready = Condition::Ready {
            address: "10.0.2.15".parse().unwrap(),
            prefix: 24,
            gateway: None,
            by_dhcp: true,
        };
        let interface = |condition: Condition| Interface {
            name: "eth0".into(),
            hardware_address: "52:54:00:12:34:56".into(),
            megabits: Some(1000),
            condition,
        };
        let state = State {
            interfaces: vec![interface(Condition::Asking), interface(ready)],
            name_servers: vec!["10.0.2.3".parse().unwrap()],
            domains: Vec::new(),
            settings: "dhcp".to_owned(),
        };
        replace(&file, &serde_json::to_vec(&state).unwrap()).unwrap();
        let read = State::read(&file).unwrap();
        assert_eq!(read, state);
        assert!(read.is_ready());
        assert_eq!(State::wait_until_ready(&file, Duration::ZERO), Some(read));
        assert!(!State::default().is_ready());
    }
}
