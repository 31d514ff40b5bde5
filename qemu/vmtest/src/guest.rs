//! A machine that is on.

use crate::accelerator::Accelerator;
use crate::disk::Disk;
use crate::key::{Key, codes_of_char};
use crate::machine::Machine;
use crate::place::evidence_folder;
use crate::qmp::{Event, Qmp, QmpError};
use crate::screen::Screen;
use crate::slot::Slot;
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long QEMU may take until it listens.
const QEMU_START: Duration = Duration::from_secs(60);
/// How long the keyboard's controller needs to take in one key.
const BETWEEN_KEYS: Duration = Duration::from_millis(60);

/// A screen that does not change for so long is drawn.
const STILL: Duration = Duration::from_millis(700);
/// Longer than this is not waited for a screen to be drawn: progress never stands still.
const LONGEST_DRAWING: Duration = Duration::from_secs(5);

/// A running machine. It is killed when this is dropped.
pub struct Guest {
    qemu: Child,
    qmp: Qmp,
    terminal: Terminal,
    evidence: PathBuf,
    /// How far [`Guest::wait_for_output`] has read, in bytes.
    read_to: usize,
    started: Instant,
    photographs: usize,
    _folder: TempDir,
    _slot: Slot,
}

impl Guest {
    #[track_caller]
    pub(crate) fn start(machine: &Machine) -> Self {
        match Self::try_start(machine) {
            Ok(guest) => guest,
            Err(error) => panic!("{} does not start: {error}", machine.name()),
        }
    }

    fn try_start(machine: &Machine) -> Result<Self, Box<dyn std::error::Error>> {
        let slot = Slot::wait()?;
        let accelerator = Accelerator::best();
        let folder = tempfile::Builder::new().prefix("calco-vm-").tempdir()?;
        let evidence = evidence_folder(machine.name());
        if evidence.exists() {
            std::fs::remove_dir_all(&evidence)?;
        }
        std::fs::create_dir_all(&evidence)?;
        machine.firmware_kind().prepare(&machine.variables(folder.path()))?;
        let arguments = machine.arguments(accelerator, folder.path());
        std::fs::write(evidence.join("qemu.arguments"), arguments.join("\n"))?;
        let messages = File::create(evidence.join("qemu.log"))?;
        // QEMU must not outlive a test that is killed, which cannot kill it any more.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]).args(&arguments);
        command.stdin(Stdio::null()).stdout(messages.try_clone()?).stderr(messages);
        let mut qemu = Killed(Some(command.spawn()?));
        let line = connect(&folder.path().join("serial"), &mut qemu, &evidence)?;
        let terminal =
            Terminal::listen(line, machine.terminal_kind(), &evidence.join("serial.log"))?;
        let mut qmp = Qmp::connect(&folder.path().join("qmp"))?;
        qmp.execute("cont", Value::Null)?;
        Ok(Self {
            qemu: qemu.0.take().ok_or("QEMU was never started")?,
            qmp,
            terminal,
            evidence,
            read_to: 0,
            started: Instant::now(),
            photographs: 0,
            _folder: folder,
            _slot: slot,
        })
    }

    // --- What is shown --------------------------------------------------------------------------

    /// What the serial terminal shows now.
    pub fn screen(&self) -> Screen {
        self.terminal.screen()
    }

    /// Everything the guest has written to its serial line.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.terminal.bytes()).into_owned()
    }

    /// Waits until the serial terminal shows these words, wherever its lines are broken.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str, within: Duration) -> Screen {
        self.wait_until(&format!("{words:?} on the screen"), within, |screen| screen.says(words))
    }

    /// Waits until the serial terminal is as wanted; `what` names that in words.
    #[track_caller]
    pub fn wait_until(
        &mut self,
        what: &str,
        within: Duration,
        wanted: impl FnMut(&Screen) -> bool,
    ) -> Screen {
        match self.terminal.wait(patient(within), wanted) {
            Ok(screen) => screen,
            Err(screen) => self.give_up(what, within, &screen),
        }
    }

    /// Whether the serial terminal becomes as wanted in this time.
    pub fn sees(&self, within: Duration, wanted: impl FnMut(&Screen) -> bool) -> bool {
        self.terminal.wait(patient(within), wanted).is_ok()
    }

    /// The serial terminal's screen once nothing more is drawn.
    pub fn settled(&self) -> Screen {
        let until = Instant::now() + LONGEST_DRAWING;
        let mut before = self.screen();
        while Instant::now() < until {
            std::thread::sleep(STILL);
            let now = self.screen();
            if now == before {
                break;
            }
            before = now;
        }
        before
    }

    /// Waits until the guest writes this text to its serial line, after what was waited for before
    /// in this way. It may be gone from the screen since.
    #[track_caller]
    pub fn wait_for_output(&mut self, text: &str, within: Duration) {
        match self.terminal.wait_for_bytes(patient(within), text.as_bytes(), self.read_to) {
            Ok(end) => self.read_to = end,
            Err(screen) => self.give_up(&format!("{text:?} in the output"), within, &screen),
        }
    }

    #[track_caller]
    fn give_up(&mut self, what: &str, within: Duration, screen: &Screen) -> ! {
        let state = match self.qemu.try_wait() {
            Ok(Some(status)) => format!("QEMU has ended ({status})"),
            _ => format!("waited {} s", patient(within).as_secs()),
        };
        let picture = match self.photograph("failed") {
            Ok(file) => file.display().to_string(),
            Err(error) => format!("none ({error})"),
        };
        panic!(
            "there is no {what}: {state}, {} s after the start\n{screen}\n\
             serial line: {}\nVGA screen: {picture}\nQEMU: {}",
            self.started.elapsed().as_secs(),
            self.evidence.join("serial.log").display(),
            self.evidence.join("qemu.log").display(),
        )
    }

    /// Takes a picture of the VGA screen, as PNG, into the evidence folder.
    #[track_caller]
    pub fn screenshot(&mut self, name: &str) -> PathBuf {
        match self.photograph(name) {
            Ok(file) => file,
            Err(error) => panic!("no screenshot {name}: {error}"),
        }
    }

    fn photograph(&mut self, name: &str) -> Result<PathBuf, QmpError> {
        self.photographs += 1;
        let file = self.evidence.join(format!("{:02}-{name}.png", self.photographs));
        self.qmp.execute("screendump", json!({ "filename": file, "format": "png" }))?;
        Ok(file)
    }

    /// Keeps the serial terminal's contents in the evidence folder, once nothing more is drawn.
    pub fn keep_screen(&mut self, name: &str) {
        self.settled();
        self.photographs += 1;
        let file = self.evidence.join(format!("{:02}-{name}.txt", self.photographs));
        if let Err(error) = std::fs::write(&file, format!("{}\n", self.screen())) {
            panic!("{}: {error}", file.display());
        }
    }

    // --- Keys -----------------------------------------------------------------------------------

    /// Sets the time between two bytes on the serial line: 1042 µs are 9600 baud.
    pub fn set_pace(&mut self, between_bytes: Duration) {
        self.terminal.set_pace(between_bytes);
    }

    /// Types on the serial terminal.
    #[track_caller]
    pub fn type_text(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Presses a key of the serial terminal.
    #[track_caller]
    pub fn press(&mut self, key: Key) {
        self.send(&key.bytes());
    }

    #[track_caller]
    fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.terminal.send(bytes) {
            panic!("the serial line is closed: {error}");
        }
    }

    /// Presses a key of the keyboard.
    #[track_caller]
    pub fn press_on_keyboard(&mut self, key: Key) {
        self.hold(&key.codes());
    }

    /// Types on the keyboard, as one with the US layout has the characters.
    #[track_caller]
    pub fn type_on_keyboard(&mut self, text: &str) {
        for character in text.chars() {
            match codes_of_char(character) {
                Some(codes) => self.hold(&codes),
                None => panic!("{character:?} is not on a US keyboard"),
            }
        }
    }

    #[track_caller]
    fn hold(&mut self, codes: &[String]) {
        let keys: Vec<Value> =
            codes.iter().map(|code| json!({ "type": "qcode", "data": code })).collect();
        self.command("send-key", json!({ "keys": keys, "hold-time": 20 }));
        std::thread::sleep(BETWEEN_KEYS);
    }

    // --- The machine ----------------------------------------------------------------------------

    /// Runs a command of QEMU's machine protocol.
    #[track_caller]
    pub fn command(&mut self, command: &str, arguments: Value) -> Value {
        match self.qmp.execute(command, arguments) {
            Ok(answer) => answer,
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Plugs in a USB stick, under a name to pull it out by.
    #[track_caller]
    pub fn plug(&mut self, name: &str, disk: &Disk) {
        assert!(
            disk.can_be_plugged(),
            "{} can only be there from the start",
            disk.file().display()
        );
        let mut node = disk.block_node();
        node["node-name"] = name.into();
        self.command("blockdev-add", node);
        for device in disk.devices(name, 0, None) {
            self.command("device_add", device);
        }
    }

    /// Pulls out a stick that was plugged in, or that was there from the start (`live`, `disk0`, …).
    #[track_caller]
    pub fn unplug(&mut self, name: &str) {
        self.command("device_del", json!({ "id": format!("{name}-device") }));
        match self.qmp.event("DEVICE_DELETED", Duration::from_secs(30)) {
            Ok(Some(_)) => {}
            other => panic!("{name} was not pulled out: {other:?}"),
        }
        // A disk of the command line takes its bytes with it, one that was plugged in does not; and
        // QEMU lets go of them a moment later.
        for _ in 0..100 {
            match self.qmp.execute("blockdev-del", json!({ "node-name": name })) {
                Err(error) if error.to_string().contains("in use") => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                _ => break,
            }
        }
    }

    /// Presses the power button.
    #[track_caller]
    pub fn press_power_button(&mut self) {
        self.command("system_powerdown", Value::Null);
    }

    /// Waits until the guest has switched the machine off or restarted it, and gives QEMU's word for
    /// the reason: `guest-shutdown` or `guest-reset`.
    #[track_caller]
    pub fn wait_for_end(&mut self, within: Duration) -> String {
        match self.qmp.event("SHUTDOWN", patient(within)) {
            Ok(Some(Event { data, .. })) => {
                data["reason"].as_str().unwrap_or("without a reason").to_owned()
            }
            Ok(None) | Err(QmpError::Gone(_)) => {
                let screen = self.screen();
                self.give_up("end of the machine", within, &screen)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Time since the machine was switched on.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Where logs and pictures of this machine are.
    pub fn evidence(&self) -> &Path {
        &self.evidence
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Time limits are multiplied by `CALCO_PATIENCE` where a machine is slow or busy.
fn patient(limit: Duration) -> Duration {
    let factor = std::env::var("CALCO_PATIENCE").ok().and_then(|text| text.parse().ok());
    limit * factor.unwrap_or(1).clamp(1, 100)
}

/// A process that is killed unless it is taken out.
struct Killed(Option<Child>);

impl Killed {
    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.as_mut().map_or(Ok(None), Child::try_wait)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Connects as soon as QEMU listens.
fn connect(socket: &Path, qemu: &mut Killed, evidence: &Path) -> io::Result<UnixStream> {
    let until = Instant::now() + QEMU_START;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(_) if Instant::now() < until => {}
            Err(error) => return Err(error),
        }
        if let Some(status) = qemu.ended()? {
            let words = std::fs::read_to_string(evidence.join("qemu.log")).unwrap_or_default();
            return Err(io::Error::other(format!("QEMU ended ({status}): {}", words.trim())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
