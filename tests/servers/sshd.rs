//! An OpenSSH server of its own for a test: on loopback, with its own keys and its own password of
//! root, which the machine never sees. It ends with the test.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What root may type here.
pub(crate) const PASSWORD: &str = "päss word\"'#1";

pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether servers can be had here; says loudly when not.
pub(crate) fn can_serve() -> bool {
    let able = rustix::process::geteuid().is_root()
        && ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/unshare", "/usr/bin/openssl"]
            .iter()
            .all(|path| Path::new(path).exists());
    if !able {
        eprintln!("SKIPPED: needs root, openssh-server, openssh-client, util-linux and openssl");
    }
    able
}

impl Sshd {
    /// Starts a server that lets root in by its key and by `PASSWORD`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for (name, kind, passphrase) in [
            ("host", "ed25519", ""),
            ("second-host", "ecdsa", ""),
            ("key", "ed25519", ""),
            ("locked", "rsa", "open sesame"),
        ] {
            run("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-f", &path(name)]);
        }
        let keys =
            [path("key.pub"), path("locked.pub")].map(|file| fs::read_to_string(file).unwrap());
        fs::write(path("authorized"), keys.concat()).unwrap();
        let hash = run("openssl", &["passwd", "-6", "-salt", "calco", PASSWORD]);
        let shadow = fs::read_to_string("/etc/shadow").unwrap();
        let others = shadow.lines().filter(|line| !line.starts_with("root:"));
        let root = format!("root:{}:19000:0:99999:7:::", hash.trim());
        let lines: Vec<&str> = std::iter::once(root.as_str()).chain(others).collect();
        fs::write(path("shadow"), lines.join("\n") + "\n").unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nHostKey {}\nAuthorizedKeysFile {}\n\
             PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\nMaxAuthTries 20\n\
             PasswordAuthentication yes\nSubsystem sftp internal-sftp\nUseDNS no\n",
            path("host"),
            path("second-host"),
            path("authorized")
        );
        fs::write(path("configuration"), configuration).unwrap();
        fs::create_dir(path("images")).unwrap();
        let mut server = Self { folder, port, child: None };
        server.come_back();
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that tests use, as it is on the server.
    pub(crate) fn images(&self) -> PathBuf {
        self.path("images")
    }

    pub(crate) fn address(&self) -> String {
        format!("sftp://root@127.0.0.1:{}{}", self.port, self.images().display())
    }

    pub(crate) fn fingerprint(&self) -> String {
        let text = run("ssh-keygen", &["-lf", self.path("host.pub").to_str().unwrap()]);
        text.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Ends the server and all of its connections at once, as when the power fails.
    pub(crate) fn go_away(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
            // What it started ends with it, but a moment later.
            let begun = Instant::now();
            while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                assert!(begun.elapsed() < Duration::from_secs(60), "the server does not end");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Starts it, or starts it again.
    pub(crate) fn come_back(&mut self) {
        // In namespaces of its own: with them everything it started ends, and nothing of the
        // machine's changes.
        let script = "mount --bind \"$1\" /etc/shadow && mount -t tmpfs none /run && \
                      mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f \"$2\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", script, "sh"])
            .args([self.path("shadow"), self.path("configuration")])
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.path("log")).unwrap());
        self.child = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.go_away();
    }
}
