//! A web server of its own for a test, on loopback. It ends with the test.

use crate::support::command::tool;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What `ana` has to say to see the closed folder.
pub(crate) const PASSWORD: &str = "päss word:1";

pub(crate) struct Nginx {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    secure_port: u16,
    child: Child,
}

/// Whether the server can be had here; says loudly when not.
pub(crate) fn can_serve() -> bool {
    let able = ["/usr/sbin/nginx", "/usr/bin/openssl"].iter().all(|path| Path::new(path).exists());
    if !able {
        eprintln!("SKIPPED: needs nginx-light and openssl");
    }
    able
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Nginx {
    /// Starts a server that shows one folder: openly, to those who are let in, and without ranges.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(path("images")).unwrap();
        let hash = tool("openssl", &["passwd", "-6", "-salt", "calco", PASSWORD]);
        fs::write(path("users"), format!("ana:{hash}")).unwrap();
        let (key, authority) = (path("authority.key"), path("authority.pem"));
        let make =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let named = ["-days", "30", "-keyout", &key, "-out", &authority, "-subj", "/CN=The lab"];
        tool("openssl", &[&make[..], &named].concat());
        let (own_key, own) = (path("server.key"), path("server.pem"));
        let signed = ["-CA", &authority, "-CAkey", &key, "-addext", "subjectAltName=IP:127.0.0.1"];
        let end = ["-addext", "basicConstraints=critical,CA:FALSE"];
        let named = ["-days", "30", "-keyout", &own_key, "-out", &own, "-subj", "/CN=server"];
        tool("openssl", &[&make[..], &named, &signed, &end].concat());
        let (port, secure_port) = (free_port(), free_port());
        let images = path("images");
        let users = path("users");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", path(name)))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid {pid}; error_log {log};\n\
             events {{}}\n\
             http {{\n{temporary}access_log off;\n\
             server {{\n\
               listen 127.0.0.1:{port};\n\
               listen 127.0.0.1:{secure_port} ssl;\n\
               ssl_certificate {own}; ssl_certificate_key {own_key};\n\
               location /images/ {{ alias {images}/; }}\n\
               location /whole/ {{ alias {images}/; max_ranges 0; }}\n\
               location /closed/ {{ alias {images}/; auth_basic x; auth_basic_user_file {users}; }}\n\
             }} }}\n",
            pid = path("pid"),
            log = path("log"),
        );
        fs::write(path("configuration"), configuration).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", text(folder.path()), "-c", &path("configuration"), "-e", &path("log")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { folder, port, secure_port, child };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(server.path("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that is shown, as it is on the server.
    pub(crate) fn images(&self) -> PathBuf {
        self.path("images")
    }

    pub(crate) fn address(&self, place: &str) -> String {
        format!("http://127.0.0.1:{}/{place}", self.port)
    }

    pub(crate) fn secure_address(&self, place: &str) -> String {
        format!("https://127.0.0.1:{}/{place}", self.secure_port)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
