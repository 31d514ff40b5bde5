//! Servers of their own for tests, on loopback: guests reach them as 10.0.2.2. Each ends with its test.

pub mod dhcp;
pub mod nfs;
mod nfs3;
pub mod smb;

pub use dhcp::Dhcp;
pub use nfs::Nfs;
pub use nfs3::Nfs3;
pub use smb::Smb;

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a server can be had here; says loudly when not.
fn can_run(program: &str, packages: &str) -> bool {
    let able = geteuid().is_root() && Path::new(program).exists();
    if !able {
        assert!(std::env::var_os("CALCO_REQUIRE_LIVE").is_none(), "needs root and {packages}");
        eprintln!("SKIPPED: needs root and {packages}");
    }
    able
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that runs, with all processes that it starts.
struct Daemon(Child);

impl Daemon {
    /// Starts a server and waits until it listens; `log` is where it says why not.
    fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(command.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "the server does not start: {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}
