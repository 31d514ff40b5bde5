//! The menu on a pseudo terminal, seen through a model of its screen.

use super::support::command::calco_command;
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();

struct Seen {
    screen: vt100::Parser,
    /// Everything that came, for terminals on which nothing is drawn.
    all: String,
    ended: bool,
}

/// A person's view of a running menu.
pub(crate) struct Menu {
    child: Child,
    master: File,
    seen: Arc<Mutex<Seen>>,
    /// What was written before this is not looked for any more.
    from: usize,
    drawn: bool,
    _folder: tempfile::TempDir,
}

pub(crate) const UP: &[u8] = b"\x1b[A";
pub(crate) const DOWN: &[u8] = b"\x1b[B";
pub(crate) const END: &[u8] = b"\x1b[4~";
pub(crate) const ESCAPE: &[u8] = b"\x1b";
pub(crate) const ENTER: &[u8] = b"\r";
pub(crate) const CTRL_C: &[u8] = b"\x03";

impl Menu {
    pub(crate) fn start(terminal: &str, language: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().to_owned();
        Self::start_in(terminal, language, folder, &runtime)
    }

    /// A second console of the machine that `other` is a console of.
    pub(crate) fn beside(other: &Self, terminal: &str, language: &str) -> Self {
        let runtime = other._folder.path().to_owned();
        Self::start_in(terminal, language, tempfile::tempdir().unwrap(), &runtime)
    }

    fn start_in(
        terminal: &str,
        language: &str,
        folder: tempfile::TempDir,
        runtime: &std::path::Path,
    ) -> Self {
        let size =
            Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let stdio = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = calco_command()
            .args(["--lang", language, "menu", "--console", "test"])
            .env("TERM", terminal)
            .env("XDG_RUNTIME_DIR", runtime)
            .env_remove("CALCO_LIVE")
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        drop(pty.slave);
        let master = File::from(pty.master);
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(ROWS, COLUMNS, 0),
            all: String::new(),
            ended: false,
        }));
        let (mut reader, shared) = (master.try_clone().unwrap(), seen.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let mut seen = shared.lock().unwrap();
                seen.screen.process(&buffer[..length]);
                seen.all += &String::from_utf8_lossy(&buffer[..length]);
            }
            shared.lock().unwrap().ended = true;
        });
        Self { child, master, seen, from: 0, drawn: terminal != "dumb", _folder: folder }
    }

    /// The folder in which the consoles of its machine meet.
    pub(crate) fn runtime(&self) -> &std::path::Path {
        self._folder.path()
    }

    /// What is on the screen, or what was printed since the last key.
    pub(crate) fn screen(&self) -> String {
        let seen = self.seen.lock().unwrap();
        match self.drawn {
            true => seen.screen.screen().contents(),
            false => seen.all[self.from..].to_owned(),
        }
    }

    /// Waits until the screen shows something, and holds it against what every screen must be.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let screen = self.screen();
            let flat: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
            if flat.contains(text) {
                self.check(&screen);
                return screen;
            }
            let ended = self.seen.lock().unwrap().ended;
            assert!(!ended && Instant::now() < end, "no \"{text}\" in:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn check(&self, screen: &str) {
        let columns = usize::from(COLUMNS.get());
        for line in screen.lines() {
            // Nothing in the last column, and nothing that had to be cut off.
            assert!(line.chars().count() < columns, "{line:?} in:\n{screen}");
            let cut = line.chars().count() == columns - 1 && line.ends_with('…');
            assert!(!cut, "{line:?} is cut off in:\n{screen}");
        }
    }

    /// Sends bytes as a fast terminal does.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.from = self.seen.lock().unwrap().all.len();
        self.master.write_all(bytes).unwrap();
    }

    /// Sends bytes one by one, as a slow line does.
    pub(crate) fn send_slowly(&mut self, bytes: &[u8]) {
        self.from = self.seen.lock().unwrap().all.len();
        for byte in bytes {
            self.master.write_all(&[*byte]).unwrap();
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Types a line.
    pub(crate) fn line(&mut self, text: &str) {
        self.send(format!("{text}\r").as_bytes());
    }

    /// Waits for the end of the menu; its exit code.
    pub(crate) fn end(mut self) -> i32 {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < end, "the menu does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What PID 1 does at the end of the system.
    pub(crate) fn ask_to_end(&self) {
        let id = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Menu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
