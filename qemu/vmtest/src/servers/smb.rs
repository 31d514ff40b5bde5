//! An SMB server of its own for a test: Samba on loopback, with its own users and folders. It ends with
//! the test.

use super::{Daemon, can_run, free_port};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = "/usr/sbin/smbd";

/// What root may type here.
pub const PASSWORD: &str = "pä,ss w\"ord'#1\\";

/// The server.
pub struct Smb {
    folder: PathBuf,
    /// The port on 127.0.0.1, which is 10.0.2.2 for guests.
    pub port: u16,
    daemon: Option<Daemon>,
}

/// Whether the server can be had here; says loudly when not.
pub fn can_serve() -> bool {
    can_run(PROGRAM, "samba")
}

impl Smb {
    /// Starts a server with the shares `images` and `sealed` (encrypted) for root, `open` and `read-only` for
    /// everybody.
    /// Its files are in a new folder of `work`.
    pub fn start(work: &Path) -> Self {
        let folder = work.join("smb");
        fs::create_dir(&folder).unwrap();
        let port = free_port();
        let path = |name: &str| folder.join(name).display().to_string();
        let mut configuration = format!(
            "[global]\nserver role = standalone server\nworkgroup = LAB\nsmb ports = {port}\n\
             interfaces = lo\nbind interfaces only = yes\ndisable netbios = yes\n\
             load printers = no\nprinting = bsd\nprintcap name = /dev/null\n\
             disable spoolss = yes\nmap to guest = Bad User\nguest account = nobody\n\
             log file = {}\nmax log size = 0\nserver min protocol = SMB2_10\n",
            path("log")
        );
        for place in [
            "private dir",
            "lock directory",
            "state directory",
            "cache directory",
            "pid directory",
            "ncalrpc dir",
        ] {
            let own = path(&place.replace(' ', "-"));
            fs::create_dir(&own).unwrap();
            configuration += &format!("{place} = {own}\n");
        }
        for (name, more) in [
            ("images", "read only = no\nvalid users = root"),
            ("sealed", "read only = no\nvalid users = root\nsmb encrypt = required"),
            ("open", "read only = no\nguest ok = yes\nforce user = root"),
            ("read-only", "read only = yes\nguest ok = yes\nforce user = root"),
        ] {
            fs::create_dir(path(name)).unwrap();
            configuration += &format!("[{name}]\npath = {}\n{more}\n", path(name));
        }
        fs::write(path("smb.conf"), configuration).unwrap();
        let mut child = Command::new("smbpasswd")
            .args(["-c", &path("smb.conf"), "-s", "-a", "root"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        write!(input, "{PASSWORD}\n{PASSWORD}\n").unwrap();
        drop(input);
        assert!(child.wait().unwrap().success(), "smbpasswd");
        let mut server = Self { folder: folder.clone(), port, daemon: None };
        server.come_back();
        server
    }

    /// A folder that the server shows, as it is on the server.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Ends the server at once, with its connections.
    pub fn go_away(&mut self) {
        self.daemon = None;
    }

    /// Starts it, on the same port as before.
    pub fn come_back(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.args(["-F", "--no-process-group", "-s"]).arg(self.folder("smb.conf"));
        self.daemon = Some(Daemon::start(&mut command, self.port, &self.folder("log")));
    }
}
