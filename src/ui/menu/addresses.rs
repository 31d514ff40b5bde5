//! The network: how it is, and how a person gives addresses where nobody else does.

use super::Menu;
use super::ask::{Answer, Leave, Tick};
use super::screen::{Choice, Input, List};
use crate::network::{Condition, Interface, Settings, State, StaticAddress, ipv6_addresses};
use crate::text::{Message, message};
use crate::ui::running;
use std::net::IpAddr;
use std::path::Path;

/// What can be done on the screen of the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Back,
    GiveAddress,
    AskForAddress,
}

fn state() -> Option<State> {
    State::read(Path::new(State::FILE))
}

fn screen(state: Option<&State>, ipv6: &[String], can_change: bool) -> List<Act> {
    let mut choices = vec![Choice::new(Act::Back, message!("menu-go-back"))];
    let mut list = List::new(message!("menu-network"), Vec::new());
    list = list.text(message!("menu-network-text"));
    let Some(state) = state.filter(|state| !state.interfaces.is_empty()) else {
        list.choices = choices;
        return list.warning(message!("network-no-interface"));
    };
    for interface in &state.interfaces {
        list = list.text(format!("{interface}  {}", hardware(interface)));
    }
    for line in ipv6 {
        list = list.text(line);
    }
    if !state.name_servers.is_empty() {
        list = list.text(message!("menu-network-names", servers = joined(&state.name_servers)));
    }
    if !state.is_ready() {
        list = list.text(message!("network-not-ready-advice"));
    }
    if can_change {
        choices.push(Choice::new(Act::GiveAddress, message!("menu-network-give")));
        choices.push(Choice::new(Act::AskForAddress, message!("menu-network-ask")));
    }
    list.choices = choices;
    list
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn hardware(interface: &Interface) -> String {
    let speed = interface.megabits.map(|megabits| format!(", {megabits} Mbit/s"));
    format!("({}{})", interface.hardware_address, speed.unwrap_or_default())
}

/// IPv6 addresses that routers announce: no setting says them.
fn announced(state: Option<&State>) -> Vec<String> {
    let known = |address: &IpAddr| {
        state.is_some_and(|state| {
            state.interfaces.iter().any(|one| {
                matches!(&one.condition, Condition::Ready { address: own, .. } if own == address)
            })
        })
    };
    ipv6_addresses()
        .into_iter()
        .filter(|(_, address)| !known(&IpAddr::V6(*address)))
        .map(|(name, address)| format!("{name}: {address}"))
        .collect()
}

/// The words of a line, with blanks or commas between them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', ',']).filter(|word| !word.is_empty())
}

/// The setting that a person has typed; the message says what is wrong with it.
fn typed_setting(parts: &Typed) -> Result<Settings, Message> {
    let mut text: Vec<String> = match parts.addresses.is_empty() {
        true => vec!["dhcp".to_owned()],
        false => words(&parts.addresses).map(str::to_owned).collect(),
    };
    text.extend(words(&parts.gateways).map(|word| format!("gw={word}")));
    text.extend(words(&parts.name_servers).map(|word| format!("dns={word}")));
    text.extend(words(&parts.vlan).map(|word| format!("vlan={word}")));
    text.push(format!("dev={}", parts.interface));
    Settings::parse(&text.join(",")).map_err(|error| error.message().clone())
}

/// Those of before with this one in place of what was said of its interface: by its name or its
/// hardware address. Interfaces of which nothing is said ask by DHCP.
fn with(before: &str, new: Settings, interface: &Interface) -> Vec<Settings> {
    let is_same = |one: &Settings| {
        one.interface.as_ref().is_some_and(|choice| {
            let choice = choice.to_string();
            choice == interface.name || choice == interface.hardware_address
        })
    };
    let mut all = vec![new];
    let before = Settings::parse_all(before).unwrap_or_default();
    all.extend(before.into_iter().filter(|one| one.interface.is_some() && !is_same(one)));
    all.push(Settings::dhcp());
    all
}

/// What a person has typed for one interface.
#[derive(Clone, Default)]
struct Typed {
    interface: String,
    addresses: String,
    gateways: String,
    name_servers: String,
    vlan: String,
}

impl Typed {
    /// The first address of the network that the address is in, where routers most often are.
    fn likely_gateway(&self) -> String {
        let first = words(&self.addresses).next().and_then(StaticAddress::parse);
        match first {
            Some(StaticAddress { address: IpAddr::V4(address), prefix }) if prefix <= 30 => {
                let mask = u32::MAX << (32 - u32::from(prefix));
                let router = std::net::Ipv4Addr::from((u32::from(address) & mask) + 1);
                if router == address { String::new() } else { router.to_string() }
            }
            _ => String::new(),
        }
    }
}

impl Menu<'_> {
    /// How the network is, as long as the person looks at it, and how it is to be.
    pub(super) fn network(&mut self) -> Result<(), Leave> {
        let can_change = self.machine.is_some();
        loop {
            let fresh = || {
                let state = state();
                let ipv6 = announced(state.as_ref());
                screen(state.as_ref(), &ipv6, can_change)
            };
            let first = fresh();
            let mut made = first.clone();
            let chosen = self.person.choose_fresh(first, || {
                let now = fresh();
                match now == made {
                    true => Tick::Same,
                    false => {
                        made = now;
                        Tick::New(made.clone())
                    }
                }
            })?;
            match chosen {
                Some(Act::GiveAddress) => {
                    self.give_address()?;
                }
                Some(Act::AskForAddress) => {
                    self.use_network(&[Settings::dhcp()])?;
                }
                Some(Act::Back) | None => return Ok(()),
            }
        }
    }

    /// Leads through what an interface needs to be told.
    fn give_address(&mut self) -> Answer<()> {
        let Some(state) = state() else { return Ok(None) };
        let title = message!("menu-network-give");
        let interface = match state.interfaces.as_slice() {
            [only] => only.clone(),
            several => {
                let choices = several
                    .iter()
                    .map(|one| Choice::new(one.name.clone(), one).detail(hardware(one)))
                    .collect();
                let list = List::new(&title, choices).text(message!("menu-network-which"));
                let Some(name) = self.person.choose(list)? else { return Ok(None) };
                match several.iter().find(|one| one.name == name) {
                    Some(chosen) => chosen.clone(),
                    None => return Ok(None),
                }
            }
        };
        // A tagged network is named after the interface that it is on.
        let name = interface.name.split('.').next().unwrap_or_default().to_owned();
        let mut typed = Typed { interface: name, ..Typed::default() };
        let mut at = 0;
        loop {
            let (prompt, value) = match at {
                0 => (message!("menu-network-address"), typed.addresses.clone()),
                1 => (message!("menu-network-gateway"), typed.likely_gateway()),
                2 => (message!("menu-network-servers"), typed.gateways.clone()),
                3 => (message!("menu-network-vlan"), typed.vlan.clone()),
                _ => break,
            };
            let filled = typed.clone();
            let check = |line: &str| {
                let mut filled = filled.clone();
                *filled.part(at) = line.trim().to_owned();
                let is_empty = at == 0 && filled.addresses.is_empty();
                match typed_setting(&filled) {
                    Ok(_) if is_empty => Some(message!("menu-network-address-empty").to_string()),
                    Ok(_) => None,
                    Err(wrong) => Some(wrong.to_string()),
                }
            };
            let input = Input::new(&title, prompt, &value);
            match self.person.line(input, check)? {
                Some(line) => {
                    *typed.part(at) = line.trim().to_owned();
                    at += 1;
                }
                None if at == 0 => return Ok(None),
                None => {
                    *typed.part(at) = String::new();
                    at -= 1;
                }
            }
        }
        let Ok(setting) = typed_setting(&typed) else { return Ok(None) };
        let all = with(&state.settings, setting, &interface);
        self.use_network(&all)
    }

    /// Sets up the network in this way, if the person wants it.
    fn use_network(&mut self, settings: &[Settings]) -> Answer<()> {
        let choices = vec![
            Choice::new(true, message!("menu-network-use")),
            Choice::new(false, message!("menu-go-back")),
        ];
        let words = Settings::words(settings);
        let mut list = List::new(message!("menu-network"), choices)
            .text(message!("menu-network-same", words = format!("calco.ip=\"{words}\"")));
        if let Some(job) = running::elsewhere() {
            list =
                list.warning(message!("menu-network-job", job = job.title, console = job.console));
            list.choices.reverse();
        }
        if !self.person.ask(list)? {
            return Ok(None);
        }
        if let Some(Err(error)) = self.machine.map(|machine| machine.network(settings)) {
            self.person.show_error(&error)?;
        }
        Ok(Some(()))
    }
}

impl Typed {
    /// What is asked as number `at`.
    fn part(&mut self, at: usize) -> &mut String {
        match at {
            0 => &mut self.addresses,
            1 => &mut self.gateways,
            2 => &mut self.name_servers,
            _ => &mut self.vlan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, last: u8) -> Interface {
        Interface {
            name: name.to_owned(),
            hardware_address: format!("52:54:00:00:00:0{last}"),
            megabits: None,
            condition: Condition::NoAnswer,
        }
    }

    #[test]
    fn what_is_typed_becomes_a_setting_for_one_interface() {
        let typed = Typed {
            interface: "eth0".into(),
            addresses: "192.168.1.20/24 fd00::5/64".into(),
            gateways: "192.168.1.1, fe80::1".into(),
            name_servers: "9.9.9.9".into(),
            vlan: "12".into(),
        };
        let setting = typed_setting(&typed).unwrap();
        let words =
            "192.168.1.20/24,fd00::5/64,gw=192.168.1.1,gw=fe80::1,dns=9.9.9.9,vlan=12,dev=eth0";
        assert_eq!(setting.to_string(), words);
        assert_eq!(typed.likely_gateway(), "192.168.1.1");
        for (addresses, vlan) in [("192.168.1.20", ""), ("a/24", ""), ("10.0.0.2/8", "5000")] {
            let wrong = Typed { addresses: addresses.into(), vlan: vlan.into(), ..typed.clone() };
            assert!(typed_setting(&wrong).is_err(), "{addresses} {vlan}");
        }
        let router = Typed { addresses: "10.0.0.1/8".into(), ..Typed::default() };
        assert_eq!(router.likely_gateway(), "");
    }

    #[test]
    fn a_setting_takes_the_place_of_that_of_its_interface() {
        let new = Settings::parse("10.0.0.2/8,dev=eth0").unwrap();
        let before = "10.0.0.9/8,dev=52:54:00:00:00:01;10.1.0.9/16,dev=eth1;192.168.0.2/24";
        let all = with(before, new.clone(), &interface("eth0", 1));
        assert_eq!(Settings::words(&all), "10.0.0.2/8,dev=eth0;10.1.0.9/16,dev=eth1;dhcp");
        assert_eq!(
            Settings::words(&with("", new, &interface("eth0", 1))),
            "10.0.0.2/8,dev=eth0;dhcp"
        );
    }

    #[test]
    fn the_screen_offers_a_change_only_where_it_can_be_made() {
        let state = State {
            interfaces: vec![interface("eth0", 1)],
            name_servers: Vec::new(),
            domains: Vec::new(),
            settings: "dhcp".into(),
        };
        let offered = |can_change| screen(Some(&state), &[], can_change).choices.len();
        assert_eq!((offered(true), offered(false)), (3, 1));
        assert_eq!(screen(None, &[], true).choices.len(), 1);
    }
}
