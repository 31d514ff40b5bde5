//! The process that keeps the network of the live system set up.

use super::cmdline::Options;
use super::log;
use crate::network::{self, Addressing, Settings, State};
use std::path::Path;
use std::process::ExitCode;

/// Where the C library looks for name servers.
const RESOLVER_FILE: &str = "/etc/resolv.conf";

/// What is done where nothing was said.
fn by_dhcp() -> Settings {
    Settings {
        interface: None,
        vlan: None,
        addressing: Addressing::Dhcp,
        gateways: Vec::new(),
        name_servers: Vec::new(),
        time_servers: Vec::new(),
    }
}

pub(super) fn run() -> ExitCode {
    let line = std::fs::read("/proc/cmdline").unwrap_or_default();
    let options = Options::parse(&String::from_utf8_lossy(&line));
    let mut settings = options.network;
    if settings.is_empty() {
        settings.push(by_dhcp());
    }
    let state = Path::new(State::FILE);
    match network::run(&settings, state, Path::new(RESOLVER_FILE), &|line| log::info(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&error.report());
            ExitCode::FAILURE
        }
    }
}
