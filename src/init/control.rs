//! What the menu asks of PID 1: one line of JSON for a request, one line for its answer, over a
//! Unix socket that only root can use.
//!
//! ```text
//! {"request":"power_off"}            → {"answer":"done"}
//! {"request":"keymap","name":"es"}   → {"answer":"done"}
//! {"request":"status"}               → {"answer":"status","consoles":["tty1"],…}
//! anything else                      → {"answer":"refused","why":{"id":…,"text":…}}
//! ```

use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::text::{Message, message};
use rustix::event::{PollFd, PollFlags};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind as IoErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// The socket.
pub const SOCKET: &str = "/run/calco/control";

/// Bytes of the longest line, either way.
const LINE_LIMIT: usize = 16 << 10;

/// Open connections at a time: one for each console, and some more.
const CONNECTIONS: usize = 16;

/// How long a connection may take to ask and to take its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// End everything in order and switch the machine off.
    PowerOff,
    /// End everything in order and start the machine again.
    Reboot,
    /// Use a keyboard layout on all screens from now on.
    Keymap {
        /// Its name, such as `es`.
        name: String,
    },
    /// Speak a language from now on.
    Language {
        /// Its code, such as `es`.
        code: String,
    },
    /// Set up the network in another way from now on.
    Network {
        /// How, in the words of `calco.ip=`.
        settings: String,
    },
    /// Tell how things are.
    Status,
}

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is done, or is being done.
    Done,
    /// It is not done.
    Refused {
        /// Why.
        why: Message,
    },
    /// How things are.
    Status(Status),
}

/// How things are in the live system.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// The consoles with a menu, the first one first.
    pub consoles: Vec<String>,
    /// Code of the language that was chosen, if any was.
    pub language: Option<String>,
    /// Name of the keyboard layout that was chosen, if any was.
    pub keymap: Option<String>,
    /// Whether no new device has come for a while since the start.
    pub settled: bool,
    /// What devices asked for and no driver here knows.
    pub unknown: Vec<String>,
    /// Drivers that could not be started, with the reason.
    pub failed: Vec<String>,
    /// The job that runs, or ran, unattended.
    pub unattended: Option<String>,
}

/// Asks PID 1.
///
/// # Errors
/// When there is no live system, or it does not answer within seconds; never
/// [`Answer::Refused`].
pub fn request(request: &Request) -> Result<Answer> {
    ask(Path::new(SOCKET), request)
}

fn ask(socket: &Path, request: &Request) -> Result<Answer> {
    let failed = || message!("init-control-failed");
    let mut stream = UnixStream::connect(socket).context(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).context(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).context(failed)?;
    let mut line = serde_json::to_vec(request).map_err(io::Error::from).context(failed)?;
    line.push(b'\n');
    stream.write_all(&line).context(failed)?;
    let mut answer = Vec::new();
    stream.take(LINE_LIMIT as u64 + 1).read_to_end(&mut answer).context(failed)?;
    serde_json::from_slice(&answer)
        .map_err(|error| Error::new(ErrorKind::Io, failed()).caused_by(error))
}

/// The socket and those who are asking.
pub(super) struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
}

struct Connection {
    stream: UnixStream,
    line: Vec<u8>,
    since: Instant,
}

impl Control {
    /// Opens the socket, in place of one that was there.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(super) fn open(socket: &Path) -> io::Result<Self> {
        let _ = fs::remove_file(socket);
        let listener = UnixListener::bind(socket)?;
        fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, connections: Vec::new() })
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> Vec<PollFd<'_>> {
        let asking = self.connections.iter().map(|connection| &connection.stream);
        std::iter::once(PollFd::new(&self.listener, PollFlags::IN))
            .chain(asking.map(|stream| PollFd::new(stream, PollFlags::IN)))
            .collect()
    }

    /// Whether somebody is connected, so that time must be looked at.
    pub(super) fn is_busy(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Takes what has arrived and has `answer` answer each request. Never blocks.
    pub(super) fn serve(&mut self, mut answer: impl FnMut(Request) -> Answer) {
        while let Ok((stream, _)) = self.listener.accept() {
            let root =
                rustix::net::sockopt::socket_peercred(&stream).is_ok_and(|peer| peer.uid.is_root());
            if root && self.connections.len() < CONNECTIONS && stream.set_nonblocking(true).is_ok()
            {
                self.connections.push(Connection {
                    stream,
                    line: Vec::new(),
                    since: Instant::now(),
                });
            }
        }
        self.connections.retain_mut(|connection| {
            let Some(line) = connection.read() else {
                return connection.since.elapsed() < PATIENCE;
            };
            let reply = match line.as_deref().map(serde_json::from_slice::<Request>) {
                Some(Ok(request)) => answer(request),
                Some(Err(error)) => Answer::Refused {
                    why: message!("init-control-not-understood", why = error.to_string())
                        .to_stored(),
                },
                None => return false,
            };
            if let Ok(mut text) = serde_json::to_vec(&reply) {
                text.push(b'\n');
                // The buffer of a new socket has more room than an answer needs.
                let _ = connection.stream.write_all(&text);
            }
            false
        });
    }
}

impl Connection {
    /// The line when it is whole, `Some(None)` when none will come, `None` when more must come.
    fn read(&mut self) -> Option<Option<Vec<u8>>> {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Some(None),
                Ok(length) => self.line.extend(&buffer[..length]),
                Err(error) if error.kind() == IoErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == IoErrorKind::Interrupted => continue,
                Err(_) => return Some(None),
            }
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                self.line.truncate(end);
                return Some(Some(std::mem::take(&mut self.line)));
            }
            if self.line.len() > LINE_LIMIT {
                return Some(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server in a thread that serves until it is asked to reboot.
    fn server(socket: &Path) -> std::thread::JoinHandle<Vec<Request>> {
        let mut control = Control::open(socket).unwrap();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            let end = Instant::now() + Duration::from_secs(20);
            while !asked.contains(&Request::Reboot) && Instant::now() < end {
                let mut descriptors = control.descriptors();
                super::super::reaper::wait_for(&mut descriptors, Duration::from_millis(50))
                    .unwrap();
                control.serve(|request| {
                    asked.push(request.clone());
                    match request {
                        Request::Status => Answer::Status(Status {
                            consoles: vec!["tty1".into()],
                            ..Status::default()
                        }),
                        Request::Keymap { .. } => {
                            Answer::Refused { why: message!("init-no-keymap", name = "xx") }
                        }
                        _ => Answer::Done,
                    }
                });
            }
            asked
        })
    }

    #[test]
    fn requests_are_answered_and_nonsense_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: only root may ask");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        let server = server(&socket);
        let raw = |text: &[u8]| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            // The other side may hang up in the middle.
            let _ = stream.write_all(text);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        };
        // Somebody who connects and says nothing is in nobody's way.
        let silent = UnixStream::connect(&socket).unwrap();
        let keymap = Request::Keymap { name: "xx".into() };
        let Answer::Refused { why } = ask(&socket, &keymap).unwrap() else { panic!() };
        assert_eq!(why.id(), "init-no-keymap");
        let Answer::Status(status) = ask(&socket, &Request::Status).unwrap() else { panic!() };
        assert_eq!(status.consoles, ["tty1"]);
        assert!(raw(b"{\"request\":\"explode\"}\n").contains("\"refused\""));
        assert_eq!(raw(b"{\"request\":\"status\"}"), "", "a line has an end");
        assert_eq!(raw(&b"x".repeat(1 << 20)), "");
        assert_eq!(ask(&socket, &Request::Reboot).unwrap(), Answer::Done);
        drop(silent);
        assert_eq!(server.join().unwrap(), [keymap, Request::Status, Request::Reboot]);
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_live_system_it_is_an_error() {
        let error = ask(Path::new("/nowhere/control"), &Request::Status).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
