//! A server of the S3 interface for a test (moto, from PyPI), on loopback. It ends with the test. It lets
//! in only requests whose signature botocore computes as well, see `signed_moto.py`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const BUCKET: &str = "images";

/// The secret key that signs.
pub(crate) const SECRET: &str = "wJalr/XUtnFEMI+K7MDENG";

pub(crate) struct Moto {
    pub(crate) port: u16,
    child: Child,
}

fn program() -> String {
    std::env::var("CALCO_S3_SERVER").unwrap_or_else(|_| "moto_server".to_owned())
}

/// The Python that the server is installed for: it stands in the first line of its program.
pub(crate) fn interpreter() -> String {
    let file = match program() {
        path if path.contains('/') => path,
        name => {
            let found = Command::new("which").arg(name).output().unwrap().stdout;
            String::from_utf8(found).unwrap().trim().to_owned()
        }
    };
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().next().unwrap().trim_start_matches("#!").to_owned()
}

/// Whether the server can be had here; says loudly when not.
pub(crate) fn can_serve() -> bool {
    let able = Command::new(program())
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !able {
        eprintln!("SKIPPED: needs moto_server (moto[server] from PyPI), named by CALCO_S3_SERVER");
    }
    able
}

impl Moto {
    /// Starts a server that has one empty bucket.
    pub(crate) fn start() -> Self {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/signed_moto.py");
        let child = Command::new(interpreter())
            .arg(script)
            .arg(port.to_string())
            .env("CALCO_TEST_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { port, child };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the server does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        let answer = server.ask("PUT", BUCKET);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server
    }

    /// Makes a request without any signature.
    pub(crate) fn ask(&self, method: &str, path: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            connection,
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request\r\n\
             Connection: close\r\n\r\n",
            self.port
        )
        .unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The address of a prefix, reached through a port on loopback.
    pub(crate) fn address(port: u16, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}?endpoint=http://127.0.0.1:{port}")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
