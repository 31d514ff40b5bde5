//! An NFS server of its own for a test: NFS-Ganesha on loopback, which shows folders of its own. It ends
//! with the test.

use super::{Daemon, can_run, free_port};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "/usr/bin/ganesha.nfsd";

/// The server.
pub struct Nfs {
    folder: PathBuf,
    /// The port on 127.0.0.1, which is 10.0.2.2 for guests.
    pub port: u16,
    daemon: Option<Daemon>,
}

/// Whether the server can be had here; says loudly when not.
pub fn can_serve() -> bool {
    can_run(PROGRAM, "nfs-ganesha and nfs-ganesha-vfs")
}

impl Nfs {
    /// Starts a server that exports `/images`, `/read-only`, and `/closed`, which is for another machine.
    /// Its files are in a new folder of `work`.
    pub fn start(work: &Path) -> Self {
        let folder = work.join("nfs");
        fs::create_dir(&folder).unwrap();
        let port = free_port();
        let path = |name: &str| folder.join(name).display().to_string();
        fs::create_dir(path("recovery")).unwrap();
        let mut configuration = format!(
            "NFS_CORE_PARAM {{ Bind_addr = 127.0.0.1; NFS_Port = {port}; Protocols = 4;\n\
             Enable_NLM = false; Enable_RQUOTA = false; }}\n\
             NFSV4 {{ RecoveryBackend = fs; RecoveryRoot = \"{}\"; Grace_Period = 5;\n\
             Lease_Lifetime = 5; Minor_Versions = 0, 1, 2; Only_Numeric_Owners = true; }}\n",
            path("recovery")
        );
        for (number, (name, access, clients)) in
            [("images", "RW", "*"), ("read-only", "RO", "*"), ("closed", "RW", "192.0.2.1")]
                .into_iter()
                .enumerate()
        {
            fs::create_dir(path(name)).unwrap();
            configuration += &format!(
                "EXPORT {{ Export_Id = {}; Path = \"{}\"; Pseudo = \"/{name}\"; Protocols = 4;\n\
                 Transports = TCP; Access_Type = None; Squash = No_Root_Squash; SecType = sys;\n\
                 CLIENT {{ Clients = {clients}; Access_Type = {access}; }}\n\
                 FSAL {{ Name = VFS; }} }}\n",
                number + 1,
                path(name)
            );
        }
        fs::write(path("ganesha.conf"), configuration).unwrap();
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
        command.arg("-F").arg("-f").arg(self.folder("ganesha.conf"));
        command.arg("-L").arg(self.folder("log")).arg("-p").arg(self.folder("pid"));
        self.daemon = Some(Daemon::start(&mut command, self.port, &self.folder("log")));
    }
}
