//! The power button: the kernel tells of it as of a key, by `/dev/input/event*`.

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often new devices are looked for: drivers are loaded, and keyboards plugged in, at any time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// `KEY_POWER`.
const POWER: u16 = 116;
/// `EV_KEY`.
const KEY: u16 = 1;
/// Length of `struct input_event` of a 64-bit kernel: time (16 bytes), type, code, value.
const EVENT: usize = 24;

/// The devices with a power button.
#[derive(Default)]
pub(super) struct PowerButtons {
    /// Name and open device.
    open: Vec<(String, File)>,
    looked: Option<Instant>,
}

/// Whether a device has the button, by the text of its `capabilities/key`: a number of many bits in
/// words of 64, the highest first.
fn has_button(capabilities: &str) -> bool {
    let word = capabilities.split_ascii_whitespace().rev().nth(usize::from(POWER / 64));
    let word = word.and_then(|word| u64::from_str_radix(word, 16).ok());
    word.is_some_and(|word| word >> (POWER % 64) & 1 == 1)
}

/// Whether the button goes down in what was read from a device.
fn is_press(events: &[u8]) -> bool {
    let (events, _) = events.as_chunks::<EVENT>();
    events.iter().any(|event| {
        let half = |at: usize| u16::from_ne_bytes([event[at], event[at + 1]]);
        let value = i32::from_ne_bytes([event[20], event[21], event[22], event[23]]);
        (half(16), half(18), value) == (KEY, POWER, 1)
    })
}

impl PowerButtons {
    /// Opens the devices that came since the last look, in the tree at `root`.
    pub(super) fn look(&mut self, root: &Path) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let Ok(entries) = fs::read_dir(root.join("sys/class/input")) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_new = self.open.iter().all(|(known, _)| *known != name);
            let capabilities = entry.path().join("device/capabilities/key");
            if !name.starts_with("event")
                || !is_new
                || !fs::read_to_string(capabilities).is_ok_and(|text| has_button(&text))
            {
                continue;
            }
            let path = root.join("dev/input").join(&name);
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            // Its node may come a moment later: then the next look finds it.
            if let Ok(device) = rustix::fs::open(path, flags, Mode::empty()) {
                self.open.push((name, device.into()));
            }
        }
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.open.iter().map(|(_, device)| PollFd::new(device, PollFlags::IN))
    }

    /// Whether a button was pressed since the last call. Never blocks; a device that went away is
    /// given up.
    pub(super) fn is_pressed(&mut self) -> bool {
        let mut pressed = false;
        self.open.retain_mut(|(_, device)| {
            let mut events = [0; EVENT * 64];
            loop {
                match device.read(&mut events) {
                    Ok(0) => return false,
                    Ok(length) => pressed |= is_press(&events[..length]),
                    Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
                }
            }
        });
        pressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_with_the_button_are_known_by_their_keys() {
        // The button of ACPI, a keyboard, the button for sleep, a mouse.
        assert!(has_button("10000000000000 0\n"));
        assert!(has_button("402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n"));
        assert!(!has_button("4000 0 0\n"));
        assert!(!has_button("70000 0 0 0 0\n"));
        assert!(!has_button("") && !has_button("x 0"));
    }

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut event = vec![7; 16];
        event.extend(kind.to_ne_bytes());
        event.extend(code.to_ne_bytes());
        event.extend(value.to_ne_bytes());
        event
    }

    #[test]
    fn only_the_way_down_of_the_button_counts() {
        assert!(is_press(&[event(0, 0, 0), event(1, 116, 1)].concat()));
        for (kind, code, value) in [(1, 116, 0), (1, 116, 2), (1, 30, 1), (4, 116, 1)] {
            assert!(!is_press(&event(kind, code, value)), "{kind} {code} {value}");
        }
        assert!(!is_press(&event(1, 116, 1)[..23]), "half an event");
    }

    #[test]
    fn a_button_is_opened_read_and_given_up() {
        let root = tempfile::tempdir().unwrap();
        let class = root.path().join("sys/class/input/event3/device/capabilities");
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join("key"), "10000000000000 0\n").unwrap();
        fs::create_dir_all(root.path().join("dev/input")).unwrap();
        fs::write(root.path().join("dev/input/event3"), event(1, 116, 1)).unwrap();
        let mut buttons = PowerButtons::default();
        buttons.look(root.path());
        assert_eq!(buttons.descriptors().count(), 1);
        assert!(buttons.is_pressed());
        assert_eq!(buttons.descriptors().count(), 0, "a file has an end, as a device that went");
        assert!(!buttons.is_pressed());
    }
}
