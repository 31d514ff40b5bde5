//! A terminal on the guest's serial line: bytes in, a screen out, every byte kept.

use crate::screen::Screen;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ROWS: NonZeroU16 = NonZeroU16::new(24).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).unwrap();
/// More of the guest's output than this is not kept in memory, in bytes. The log has it all.
const MOST_KEPT: usize = 16 << 20;

/// What stands at the other end of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TerminalKind {
    /// A VT100 of 80×24 characters, which answers when it is asked where its cursor is.
    #[default]
    Vt100,
    /// One that shows characters and knows nothing else: it answers no question.
    Dumb,
}

/// Collects what the guest asks of its terminal.
#[derive(Default)]
pub(crate) struct Questions {
    answers: Vec<u8>,
}

impl vt100::Callbacks for Questions {
    /// ECMA-48 DSR: `CSI 5 n` asks for the state, `CSI 6 n` for the position; DA: `CSI c` asks what
    /// it is.
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        intermediate: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let first = parameters.first().and_then(|values| values.first()).copied().unwrap_or(0);
        match (intermediate, last, first) {
            (None, 'n', 5) => self.answers.extend(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                let answer = format!("\x1b[{};{}R", row + 1, column + 1);
                self.answers.extend(answer.as_bytes());
            }
            (None, 'c', 0) => self.answers.extend(b"\x1b[?1;0c"),
            _ => {}
        }
    }
}

pub(crate) fn new_model() -> vt100::Parser<Questions> {
    vt100::Parser::new_with_callbacks(ROWS, COLUMNS, 0, Questions::default())
}

struct State {
    model: vt100::Parser<Questions>,
    bytes: Vec<u8>,
    /// The guest's end is closed: QEMU ended.
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The terminal of one serial line.
pub(crate) struct Terminal {
    shared: Arc<Shared>,
    line: UnixStream,
    between_bytes: Duration,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Begins to listen. Every byte goes to `log`.
    pub(crate) fn listen(line: UnixStream, kind: TerminalKind, log: &Path) -> io::Result<Self> {
        let state = State { model: new_model(), bytes: Vec::new(), closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let log = File::create(log)?;
        let reader = {
            let (shared, line) = (shared.clone(), line.try_clone()?);
            std::thread::Builder::new()
                .name("terminal".to_owned())
                .spawn(move || read_all(&shared, line, kind, log))?
        };
        Ok(Self { shared, line, between_bytes: Duration::ZERO, reader: Some(reader) })
    }

    /// What is shown now.
    pub(crate) fn screen(&self) -> Screen {
        Screen::of(self.shared.lock().model.screen())
    }

    /// Every byte the guest has written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    /// Waits until the screen is as wanted. The last one is given either way.
    pub(crate) fn wait(
        &self,
        within: Duration,
        mut wanted: impl FnMut(&Screen) -> bool,
    ) -> Result<Screen, Screen> {
        self.wait_for_state(within, |state| {
            let screen = Screen::of(state.model.screen());
            if wanted(&screen) { Ok(screen) } else { Err(screen) }
        })
    }

    /// Waits until the guest has written this text, on the screen still or not, after so many bytes.
    pub(crate) fn wait_for_bytes(
        &self,
        within: Duration,
        text: &[u8],
        after: usize,
    ) -> Result<usize, Screen> {
        self.wait_for_state(within, |state| {
            let from = after.min(state.bytes.len());
            let found = match text {
                [] => Some(0),
                text => state.bytes[from..].windows(text.len()).position(|part| part == text),
            };
            found.map(|at| from + at + text.len()).ok_or_else(|| Screen::of(state.model.screen()))
        })
    }

    fn wait_for_state<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&State) -> Result<T, Screen>,
    ) -> Result<T, Screen> {
        let until = Instant::now() + within;
        let mut state = self.shared.lock();
        loop {
            let seen = look(&state);
            let left = until.saturating_duration_since(Instant::now());
            if seen.is_ok() || state.closed || left.is_zero() {
                return seen;
            }
            state = match self.shared.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Sets the time between two bytes, as a slow line or a slow hand would have it.
    pub(crate) fn set_pace(&mut self, between_bytes: Duration) {
        self.between_bytes = between_bytes;
    }

    /// Sends bytes to the guest.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.between_bytes.is_zero() {
            return self.line.write_all(bytes);
        }
        for byte in bytes {
            self.line.write_all(&[*byte])?;
            std::thread::sleep(self.between_bytes);
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.line.shutdown(std::net::Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Reads until the line is closed.
fn read_all(shared: &Shared, mut line: UnixStream, kind: TerminalKind, mut log: File) {
    let mut buffer = [0; 4096];
    loop {
        let count = match line.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let _ = log.write_all(&buffer[..count]);
        let answers = {
            let mut state = shared.lock();
            let room = MOST_KEPT.saturating_sub(state.bytes.len());
            state.bytes.extend_from_slice(&buffer[..count.min(room)]);
            state.model.process(&buffer[..count]);
            std::mem::take(&mut state.model.callbacks_mut().answers)
        };
        shared.changed.notify_all();
        if kind == TerminalKind::Vt100 && !answers.is_empty() {
            let _ = line.write_all(&answers);
        }
    }
    shared.lock().closed = true;
    shared.changed.notify_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn terminal(kind: TerminalKind) -> (Terminal, UnixStream, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (ours, guest) = UnixStream::pair().unwrap();
        guest.set_read_timeout(Some(SOON)).unwrap();
        let terminal = Terminal::listen(ours, kind, &folder.path().join("serial.log")).unwrap();
        (terminal, guest, folder)
    }

    #[test]
    fn what_the_guest_writes_is_shown_and_kept() {
        let (terminal, mut guest, folder) = terminal(TerminalKind::Vt100);
        guest.write_all(b"one\r\n\x1b[2J\x1b[Htwo").unwrap();
        let screen = terminal.wait(SOON, |screen| screen.says("two")).unwrap();
        assert!(!screen.says("one"));
        let end = terminal.wait_for_bytes(SOON, b"one", 0).unwrap();
        assert_eq!(end, 3);
        assert!(terminal.wait_for_bytes(Duration::ZERO, b"one", end).is_err());
        assert!(terminal.wait(Duration::from_millis(10), |screen| screen.says("three")).is_err());
        drop(terminal);
        let log = std::fs::read(folder.path().join("serial.log")).unwrap();
        assert_eq!(log, b"one\r\n\x1b[2J\x1b[Htwo");
    }

    #[test]
    fn waiting_ends_when_the_guest_does() {
        let (terminal, guest, _folder) = terminal(TerminalKind::Vt100);
        drop(guest);
        let begun = Instant::now();
        assert!(terminal.wait(SOON, |screen| screen.says("never")).is_err());
        assert!(begun.elapsed() < SOON);
    }

    #[test]
    fn a_vt100_tells_its_cursor_and_a_dumb_terminal_does_not() {
        let (_terminal, mut guest, _folder) = terminal(TerminalKind::Vt100);
        guest.write_all(b"\x1b[999;999H\x1b[6n").unwrap();
        let mut answer = [0; 8];
        guest.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"\x1b[24;80R");

        let (terminal, mut guest, _folder) = self::terminal(TerminalKind::Dumb);
        guest.write_all(b"\x1b[6nseen").unwrap();
        terminal.wait(SOON, |screen| screen.says("seen")).unwrap();
        drop(terminal);
        assert_eq!(guest.read(&mut answer).unwrap(), 0);
    }

    #[test]
    fn a_pace_spreads_the_bytes() {
        let (mut terminal, mut guest, _folder) = terminal(TerminalKind::Vt100);
        terminal.set_pace(Duration::from_millis(5));
        let begun = Instant::now();
        terminal.send(b"\x1b[B").unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(15));
        let mut bytes = [0; 3];
        guest.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"\x1b[B");
    }
}
