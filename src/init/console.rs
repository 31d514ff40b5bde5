//! The consoles: which there are, and the processes that take one each.

use super::log;
use crate::sys;
use crate::text::message;
use crate::ui::menu::wrap;
use rustix::fs::{Mode, OFlags};
use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes};
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The virtual terminal for the rescue shell.
pub(super) const RESCUE: &str = "tty2";

/// Tells the processes of consoles what kind of terminals are on serial lines.
pub(super) const SERIAL_TERM: &str = "CALCO_SERIAL_TERM";

const BUSYBOX: &str = "/bin/busybox";
const FONTS: &str = "/usr/share/calco/fonts";

/// Width in pixels from which on a letter 8 pixels wide is too small to be read.
const WIDE: u32 = 1920;

/// Whether a terminal is a virtual one, on a screen and a keyboard of this machine.
pub(super) fn is_virtual(name: &str) -> bool {
    name.strip_prefix("tty").is_some_and(|number| number.parse::<u8>().is_ok())
}

/// The consoles of the machine whose sysfs is in the tree at `root`, the kernel's preferred one
/// first; `wanted` names the only ones to use. Never empty.
pub(super) fn discover(root: &Path, wanted: Option<&[String]>) -> Vec<String> {
    let class = root.join("sys/class/tty");
    let known = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in names {
            // tty0 is whichever virtual terminal is seen at the moment.
            let name = if name == "tty0" { "tty1" } else { name };
            // A serial port that is not there has the type 0 (`PORT_UNKNOWN`).
            let kind = fs::read_to_string(class.join(name).join("type")).unwrap_or_default();
            let is_there = class.join(name).is_dir() && kind.trim() != "0";
            if is_there && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
        found
    };
    let mut found = known(&mut wanted.unwrap_or_default().iter().map(String::as_str));
    if found.is_empty() {
        let active = fs::read_to_string(class.join("console/active")).unwrap_or_default();
        // The kernel lists its preferred console last.
        found = known(&mut active.split_ascii_whitespace().rev());
    }
    if found.is_empty() {
        let fallback = if class.join("tty1").is_dir() { "tty1" } else { "console" };
        found.push(fallback.to_owned());
    }
    found
}

/// Makes a terminal that of this process: its session's, and its three descriptors.
pub(super) fn take(name: &str) -> io::Result<()> {
    // A process that leads a group already cannot; the one that starts this one sees to it.
    let _ = rustix::process::setsid();
    let terminal = rustix::fs::open(
        format!("/dev/{name}"),
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    rustix::stdio::dup2_stdin(&terminal)?;
    rustix::stdio::dup2_stdout(&terminal)?;
    rustix::stdio::dup2_stderr(&terminal)?;
    make_sane(&terminal);
    if is_virtual(name) {
        prepare_virtual(&terminal);
    }
    Ok(())
}

/// Lines and keys as usual, whatever the process before left behind. The speed stays as the
/// kernel set it.
fn make_sane(terminal: impl rustix::fd::AsFd) {
    let Ok(mut settings) = rustix::termios::tcgetattr(&terminal) else {
        return;
    };
    settings.make_raw();
    settings.input_modes |= InputModes::ICRNL | InputModes::IUTF8;
    settings.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    settings.local_modes |= LocalModes::ISIG
        | LocalModes::ICANON
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::IEXTEN;
    settings.control_modes |=
        rustix::termios::ControlModes::CLOCAL | rustix::termios::ControlModes::CREAD;
    settings.control_modes -= rustix::termios::ControlModes::HUPCL;
    // Nothing can be done about a terminal that refuses.
    let _ = rustix::termios::tcsetattr(&terminal, OptionalActions::Now, &settings);
}

/// UTF-8, no blanking of the screen, a font that can be read.
fn prepare_virtual(terminal: impl rustix::fd::AsFd) {
    let _ = sys::terminal::keys_as_utf8(&terminal);
    // UTF-8; blanking after 0 minutes, that is never; powering down likewise.
    let _ = io::stdout().write_all(b"\x1b%G\x1b[9;0]\x1b[14;0]");
    let _ = io::stdout().flush();
    let font = match screen_width(Path::new("/")) {
        Some(width) if width > WIDE => "large",
        _ => "normal",
    };
    let file = format!("{FONTS}/{font}.psf");
    let Ok(font) = fs::File::open(&file) else {
        return;
    };
    // It works on the terminal of its session, which is this one.
    let set = Command::new(BUSYBOX).arg("loadfont").stdin(font).status();
    if !set.as_ref().is_ok_and(|status| status.success()) {
        let why = set.map_or_else(|error| error.to_string(), |status| status.to_string());
        log::warn(&message!("init-no-font", file = file, why = why).to_string());
    }
}

/// Width of the screen in pixels, when it has pixels.
fn screen_width(root: &Path) -> Option<u32> {
    let size = fs::read_to_string(root.join("sys/class/graphics/fb0/virtual_size")).ok()?;
    size.split(',').next()?.trim().parse().ok()
}

/// The command that loads a keyboard layout for all virtual terminals; `None` when there is none
/// of this name.
pub(super) fn keymap_command(name: &str) -> Option<Command> {
    let name = super::cmdline::plain_name(name)?;
    let file = fs::File::open(format!("/usr/share/calco/keymaps/{name}.bmap")).ok()?;
    let mut command = Command::new(BUSYBOX);
    command.arg("loadkmap").stdin(file);
    Some(command)
}

/// What kind of terminal it is, in the words of terminfo. Of a serial line only a person knows.
fn terminal_kind(name: &str) -> String {
    match std::env::var(SERIAL_TERM) {
        _ if is_virtual(name) => "linux".to_owned(),
        Ok(kind) => kind,
        Err(_) => "vt102".to_owned(),
    }
}

/// Becomes the menu on a terminal. A second word is a sentence to show before, a third the
/// seconds to show it.
pub(super) fn run(name: &str) -> ExitCode {
    if let Err(error) = take(name) {
        return not_taken(name, &error);
    }
    let words: Vec<String> = std::env::args().skip(2).collect();
    if let [notice, seconds, ..] = words.as_slice() {
        let seconds = seconds.parse().unwrap_or(1);
        let mut out = io::stdout();
        let notice = lines(notice, &out);
        let _ = write!(out, "\x1b[0m\x1b[?25h\r\n\r\n{notice}\r\n");
        let _ = out.flush();
        std::thread::sleep(Duration::from_secs(seconds));
    }
    let mut command = super::this_program();
    command.arg0("calco").args(["menu", "--console", name]).env("TERM", terminal_kind(name));
    not_taken(name, &command.exec())
}

/// Logs why a terminal could not be had.
pub(super) fn not_taken(name: &str, error: &io::Error) -> ExitCode {
    log::error(&message!("init-no-console", name = name, why = error.to_string()).to_string());
    ExitCode::FAILURE
}

fn shell() -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg0("-sh").current_dir("/root").env("PS1", "calco:\\w# ");
    command
}

/// Waits on a terminal until somebody presses Enter, and becomes a shell.
pub(super) fn rescue(name: &str) -> ExitCode {
    if let Err(error) = take(name) {
        return not_taken(name, &error);
    }
    let mut out = io::stdout();
    let _ = write!(out, "\x1b[0m\x1b[2J\x1b[H{}\r\n", message!("init-rescue-enter"));
    let _ = out.flush();
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(length) if length > 0 => {}
        _ => return ExitCode::SUCCESS,
    }
    let _ = write!(out, "{}\r\n", message!("init-rescue-started"));
    let _ = out.flush();
    let mut command = shell();
    command.env("TERM", terminal_kind(name));
    not_taken(name, &command.exec())
}

/// Columns of a terminal. A serial line does not tell: then those of a VT100.
pub(super) fn columns(terminal: impl rustix::fd::AsFd) -> u16 {
    let size = rustix::termios::tcgetwinsize(terminal);
    size.ok().map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(80)
}

/// Text as lines of a terminal, broken between words.
pub(super) fn lines(text: &str, terminal: impl rustix::fd::AsFd) -> String {
    wrap(text, usize::from(columns(terminal)).saturating_sub(1)).join("\r\n")
}

/// Writes a line on a terminal, below what is there.
pub(super) fn say(name: &str, text: &str) -> ExitCode {
    let terminal = fs::OpenOptions::new().write(true).open(format!("/dev/{name}"));
    let written = terminal.and_then(|mut terminal| {
        let text = lines(text, &terminal);
        write!(terminal, "\x1b[0m\x1b[?25h\r\n{text}\r\n")
    });
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sysfs with these terminals (name, type of a serial port) and this list of the kernel's.
    fn sysfs(terminals: &[(&str, Option<&str>)], active: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let class = root.path().join("sys/class/tty");
        for (name, kind) in terminals {
            fs::create_dir_all(class.join(name)).unwrap();
            if let Some(kind) = kind {
                fs::write(class.join(name).join("type"), kind).unwrap();
            }
        }
        fs::create_dir_all(class.join("console")).unwrap();
        fs::write(class.join("console/active"), active).unwrap();
        root
    }

    #[test]
    fn the_kernels_consoles_are_used_its_preferred_one_first() {
        let terminals =
            [("tty1", None), ("ttyS0", Some("4\n")), ("ttyS1", Some("0\n")), ("hvc0", None)];
        let root = sysfs(&terminals, "tty0 ttyS1 hvc0 ttyS0\n");
        assert_eq!(discover(root.path(), None), ["ttyS0", "hvc0", "tty1"]);
        let wanted = ["hvc0".to_owned(), "tty0".to_owned(), "ttyS9".to_owned()];
        assert_eq!(discover(root.path(), Some(&wanted)), ["hvc0", "tty1"]);
        assert_eq!(discover(root.path(), Some(&["nothing".to_owned()])).len(), 3);
    }

    #[test]
    fn there_is_always_a_console() {
        assert_eq!(discover(sysfs(&[("tty1", None)], "").path(), None), ["tty1"]);
        assert_eq!(discover(sysfs(&[], "").path(), None), ["console"]);
        assert_eq!(discover(Path::new("/nowhere"), None), ["console"]);
    }

    #[test]
    fn virtual_terminals_are_told_from_serial_lines() {
        for (name, expected) in
            [("tty1", true), ("tty12", true), ("ttyS0", false), ("hvc0", false), ("tty", false)]
        {
            assert_eq!(is_virtual(name), expected, "{name}");
        }
    }

    #[test]
    fn the_width_of_the_screen_is_read() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(screen_width(root.path()), None);
        let folder = root.path().join("sys/class/graphics/fb0");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("virtual_size"), "3840,2160\n").unwrap();
        assert_eq!(screen_width(root.path()), Some(3840));
    }

    #[test]
    fn a_keymap_is_a_name_and_no_path() {
        assert!(keymap_command("../../etc/passwd").is_none());
        assert!(keymap_command("").is_none());
    }
}
