//! The process that keeps the network of the live system set up.

use super::cmdline::Options;
use super::log;
use crate::network::{self, Settings, State};
use std::path::Path;
use std::process::ExitCode;

/// Where the C library looks for name servers.
const RESOLVER_FILE: &str = "/etc/resolv.conf";

/// Names the variable of the environment with settings that were chosen since the start, in the words
/// of `calco.ip=`.
pub(super) const CHOSEN: &str = "CALCO_IP";

pub(super) fn run() -> ExitCode {
    let line = std::fs::read("/proc/cmdline").unwrap_or_default();
    let options = Options::parse(&String::from_utf8_lossy(&line));
    let chosen = std::env::var(CHOSEN).ok().and_then(|text| Settings::parse_all(&text).ok());
    let anew = chosen.is_some();
    let mut settings = chosen.unwrap_or(options.network);
    if settings.is_empty() {
        settings.push(Settings::dhcp());
    }
    let state = Path::new(State::FILE);
    let resolver = Path::new(RESOLVER_FILE);
    match network::run(&settings, state, resolver, anew, &|line| log::info(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&error.report());
            ExitCode::FAILURE
        }
    }
}
