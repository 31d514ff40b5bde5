//! Keys from a terminal. An arrow key is Escape and two more bytes, which a serial line of 9600
//! baud delivers one by one: what follows Escape within [`WINDOW`] belongs to it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the rest of a key may take after its first byte. 9600 baud need 1 ms for each byte,
/// a busy machine more; a person takes longer between two keys.
const WINDOW: Duration = Duration::from_millis(100);

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// A letter, digit or sign.
    Char(char),
    Enter,
    Escape,
    Backspace,
    Delete,
    Tab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-L: draw everything anew.
    Redraw,
    /// The terminal is gone.
    Gone,
}

/// Makes keys of bytes.
#[derive(Default)]
struct Decoder {
    /// Bytes of a key that is not complete.
    pending: Vec<u8>,
    /// Whether the last byte was a carriage return: the line feed some terminals send with it is
    /// no second key.
    after_return: bool,
}

impl Decoder {
    /// Takes a byte; answers the key that it completes.
    fn push(&mut self, byte: u8) -> Option<Key> {
        let after_return = std::mem::take(&mut self.after_return);
        if self.pending.is_empty() {
            return match byte {
                0x1b | 0xc2..=0xf4 => {
                    self.pending.push(byte);
                    None
                }
                b'\r' => {
                    self.after_return = true;
                    Some(Key::Enter)
                }
                b'\n' if after_return => None,
                b'\n' => Some(Key::Enter),
                b'\t' => Some(Key::Tab),
                0x08 | 0x7f => Some(Key::Backspace),
                0x03 => Some(Key::Interrupt),
                0x0c => Some(Key::Redraw),
                b' '..=b'~' => Some(Key::Char(char::from(byte))),
                _ => None,
            };
        }
        self.pending.push(byte);
        if self.pending[0] == 0x1b {
            return self.escape_sequence();
        }
        match std::str::from_utf8(&self.pending) {
            Ok(text) => {
                let key = text.chars().next().filter(|c| !c.is_control()).map(Key::Char);
                self.pending.clear();
                key
            }
            // More bytes can make it valid.
            Err(error) if error.error_len().is_none() => None,
            Err(_) => {
                self.pending.clear();
                // The byte that does not belong to it may begin another key.
                if !(0x80..0xc2).contains(&byte) { self.push(byte) } else { None }
            }
        }
    }

    /// What the pending bytes, which begin with Escape, have become by the last of them.
    fn escape_sequence(&mut self) -> Option<Key> {
        let (key, complete) = match &self.pending[1..] {
            // Escape pressed twice.
            [0x1b] => {
                self.pending.truncate(1);
                return Some(Key::Escape);
            }
            [b'['] | [b'O'] | [b'[', b'['] => (None, false),
            // F1 to F5 of the Linux console.
            [b'[', b'[', _] => (None, true),
            [b'[', parameters @ .., last] => match last {
                b' '..=b'?' => (None, parameters.len() > 16),
                b'~' => (numbered(parameters), true),
                last => (lettered(*last), true),
            },
            [b'O', last] => (lettered(*last), true),
            // Alt with a key.
            _ => (None, true),
        };
        if complete {
            self.pending.clear();
        }
        key
    }

    /// No more bytes came in time.
    fn time_is_up(&mut self) -> Option<Key> {
        let alone = self.pending == [0x1b];
        self.pending.clear();
        alone.then_some(Key::Escape)
    }
}

/// `ESC [ 5 ~` and its like.
fn numbered(parameters: &[u8]) -> Option<Key> {
    let number = parameters.split(|byte| *byte == b';').next()?;
    Some(match number {
        b"1" | b"7" => Key::Home,
        b"3" => Key::Delete,
        b"4" | b"8" => Key::End,
        b"5" => Key::PageUp,
        b"6" => Key::PageDown,
        _ => return None,
    })
}

/// `ESC [ A`, `ESC O A` and their like.
fn lettered(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        _ => return None,
    })
}

/// Reads keys from standard input.
#[derive(Default)]
pub(super) struct Keys {
    decoder: Decoder,
    bytes: VecDeque<u8>,
}

impl Keys {
    /// The next key, or none within `timeout`.
    pub(super) fn next(&mut self, timeout: Duration) -> Option<Key> {
        let end = Instant::now() + timeout;
        loop {
            while let Some(byte) = self.bytes.pop_front() {
                if let Some(key) = self.decoder.push(byte) {
                    return Some(key);
                }
            }
            let wait = match self.decoder.pending.is_empty() {
                true => end.saturating_duration_since(Instant::now()),
                false => WINDOW,
            };
            match self.fill(wait) {
                Filled::Some => {}
                Filled::Gone => return Some(Key::Gone),
                Filled::Nothing if !self.decoder.pending.is_empty() => {
                    if let Some(key) = self.decoder.time_is_up() {
                        return Some(key);
                    }
                }
                Filled::Nothing => return None,
            }
        }
    }

    fn fill(&mut self, wait: Duration) -> Filled {
        let input = rustix::stdio::stdin();
        let wait = Timespec::try_from(wait).ok();
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut ready, wait.as_ref()) {
            // A signal: whoever waits looks at what it wanted.
            Ok(0) | Err(_) => return Filled::Nothing,
            Ok(_) => {}
        }
        let mut buffer = [0u8; 64];
        match rustix::io::read(input, &mut buffer) {
            Ok(0) => Filled::Gone,
            Ok(length) => {
                self.bytes.extend(&buffer[..length]);
                Filled::Some
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Filled::Nothing,
            Err(_) => Filled::Gone,
        }
    }

    /// Forgets what was typed before now: it was not meant for what is shown next.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        self.decoder = Decoder::default();
        // Standard input may be no terminal any more: then there is nothing to forget.
        let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
    }
}

enum Filled {
    Some,
    Nothing,
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.push(*byte)).collect();
        keys.extend(decoder.time_is_up());
        keys
    }

    #[test]
    fn keys_of_every_terminal_are_understood() {
        let expected: [(&[u8], &[Key]); 15] = [
            (b"\x1b[A\x1b[B\x1bOC\x1bOD", &[Key::Up, Key::Down, Key::Right, Key::Left]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x1b[5~\x1b[6~", &[Key::PageUp, Key::PageDown]),
            (b"\x1b[1~\x1b[4~\x1b[H\x1bOF", &[Key::Home, Key::End, Key::Home, Key::End]),
            (b"\x1b[3~\x7f\x08", &[Key::Delete, Key::Backspace, Key::Backspace]),
            (b"\x1b", &[Key::Escape]),
            (b"\x1b\x1b", &[Key::Escape, Key::Escape]),
            (b"\x1b\x1b[A", &[Key::Escape, Key::Up]),
            (b"\x1b[[Aa", &[Key::Char('a')]),
            (b"\x1bxa", &[Key::Char('a')]),
            (b"\r\n\n\r", &[Key::Enter, Key::Enter, Key::Enter]),
            ("ñ€".as_bytes(), &[Key::Char('ñ'), Key::Char('€')]),
            (b"\xc3a\xff\x80b", &[Key::Char('a'), Key::Char('b')]),
            (b"\x03\x0c\t", &[Key::Interrupt, Key::Redraw, Key::Tab]),
            (b"\x1b[12;", &[]),
        ];
        for (bytes, expected) in expected {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn no_input_makes_the_decoder_hold_much() {
        let mut decoder = Decoder::default();
        for byte in [&b"\x1b["[..], &[b'1'; 10_000]].concat() {
            decoder.push(byte);
            assert!(decoder.pending.len() < 32);
        }
    }
}
