//! Finding devices and loading their drivers, in a process of its own: a driver can take long to
//! start, or hang.

use super::log;
use crate::hardware::modules::{self, Modules, Outcome};
use crate::hardware::uevents::{Action, Received, Uevents};
use crate::text::message;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::event::{PollFd, PollFlags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Where the [`State`] is written.
const FILE: &str = "/run/calco/devices.json";

/// Drivers that start at the same time. Some wait for seconds (RAID controllers, tape robots),
/// and the keyboard shall not wait behind them.
const WORKERS: usize = 4;

/// Time without a new device after which all are thought to be there. A USB disk is looked at one
/// second after it was found (`delay_use` of usb-storage).
const QUIET: Duration = Duration::from_secs(2);

/// More aliases are not remembered: a machine has a few hundred.
const REMEMBERED: usize = 4096;

/// What has been found, for others to read.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Whether nothing new has come for a while since the start.
    pub(super) settled: bool,
    /// How many modules were loaded.
    pub(super) loaded: usize,
    /// What devices asked for and no module here knows.
    pub(super) unknown: Vec<String>,
    /// Modules that could not be loaded, with the reason.
    pub(super) failed: Vec<String>,
}

impl State {
    /// The state as it was written last; that of the beginning when there is none.
    pub(super) fn read() -> Self {
        fs::read(FILE).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn write(&self) -> io::Result<()> {
        let new = format!("{FILE}.new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(new, FILE)
    }

    /// Takes note of what became of an alias.
    fn note(&mut self, alias: String, outcome: Outcome) {
        match outcome {
            Outcome::Present { loaded } => {
                self.loaded += loaded.len();
                log_loaded(&loaded, &alias);
            }
            Outcome::Unknown if self.unknown.len() < REMEMBERED => self.unknown.push(alias),
            Outcome::Unknown => {}
            Outcome::Failed(file, error) => {
                let file = file.display().to_string();
                let text = message!("init-load-failed", file = file, why = error.to_string());
                log::warn(&text.to_string());
                if self.failed.len() < REMEMBERED {
                    self.failed.push(text.to_string());
                }
            }
        }
    }
}

fn log_loaded(modules: &[String], alias: &str) {
    // That of a processor or a keyboard lists all it can do.
    const LONG: usize = 60;
    if !modules.is_empty() {
        let shown: String = match alias.chars().count() {
            0..=LONG => alias.to_owned(),
            _ => alias.chars().take(LONG).chain(['…']).collect(),
        };
        let modules = modules.join(" ");
        log::info(&message!("init-loaded", modules = modules, alias = shown).to_string());
    }
}

/// The kernel's module helper: loads what the words ask for.
pub(super) fn modprobe(words: &[String]) -> ExitCode {
    let modules = Modules::of_running_kernel(Path::new("/"));
    let mut all = true;
    for alias in words.iter().filter(|word| !word.starts_with('-')) {
        match modules.load(alias) {
            Outcome::Present { loaded } => log_loaded(&loaded, alias),
            Outcome::Unknown => all = false,
            Outcome::Failed(file, error) => {
                let file = file.display().to_string();
                log::warn(
                    &message!("init-load-failed", file = file, why = error.to_string()).to_string(),
                );
                all = false;
            }
        }
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loads drivers for what is there and for all that comes. Ends only when it cannot go on.
pub(super) fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&message!("init-devices-failed", why = error.to_string()).to_string());
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    // Opened before the first look: what comes between is found by one of the two.
    let uevents = Uevents::open()?;
    let modules = Modules::of_running_kernel(Path::new("/"));
    if modules.is_empty() {
        log::warn(&message!("init-no-modules").to_string());
    }
    let (jobs, queue) = unbounded();
    let (results, finished) = unbounded();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (queue, results, modules) = (queue.clone(), results.clone(), &modules);
            scope.spawn(move || work(modules, &queue, &results));
        }
        watch(&uevents, jobs, &finished)
    })
}

fn work(modules: &Modules, queue: &Receiver<String>, results: &Sender<(String, Outcome)>) {
    for alias in queue {
        let outcome = modules.load(&alias);
        if results.send((alias, outcome)).is_err() {
            return;
        }
    }
}

fn watch(
    uevents: &Uevents,
    jobs: Sender<String>,
    finished: &Receiver<(String, Outcome)>,
) -> io::Result<()> {
    let mut state = State::default();
    let mut seen = BTreeSet::new();
    let mut waiting = 0usize;
    let mut ask = |alias: String, waiting: &mut usize| {
        if seen.len() < 4 * REMEMBERED && seen.insert(alias.clone()) && jobs.send(alias).is_ok() {
            *waiting += 1;
        }
    };
    let mut look_again = true;
    let mut last_change = Instant::now();
    state.write()?;
    mount_firmware_variables();
    loop {
        if std::mem::take(&mut look_again) {
            for alias in modules::device_aliases(Path::new("/sys")) {
                ask(alias, &mut waiting);
            }
        }
        let pause = if waiting > 0 {
            Duration::from_millis(50)
        } else if state.settled {
            Duration::from_secs(3600)
        } else {
            QUIET.saturating_sub(last_change.elapsed())
        };
        super::reaper::wait_for(&mut [PollFd::new(uevents, PollFlags::IN)], pause)?;
        loop {
            match uevents.next()? {
                Received::Nothing => break,
                Received::Lost => look_again = true,
                Received::Uevent(uevent) => {
                    // Loading a module makes messages about the module itself.
                    if uevent.subsystem != "module" && uevent.subsystem != "drivers" {
                        last_change = Instant::now();
                    }
                    if uevent.subsystem == "block" && state.settled {
                        log_block_device(&uevent.action, &uevent.path);
                    }
                    if let (Action::Add | Action::Change, Some(alias)) =
                        (uevent.action, uevent.alias)
                    {
                        ask(alias, &mut waiting);
                    }
                }
            }
        }
        let mut changed = false;
        while let Ok((alias, outcome)) = finished.try_recv() {
            waiting -= 1;
            state.note(alias, outcome);
            last_change = Instant::now();
            changed = true;
        }
        if !state.settled && waiting == 0 && !look_again && last_change.elapsed() >= QUIET {
            state.settled = true;
            changed = true;
            log::info(&message!("init-settled", count = state.loaded).to_string());
        }
        if changed && waiting == 0 {
            state.write()?;
        }
    }
}

fn log_block_device(action: &Action, path: &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    match action {
        Action::Add => log::info(&message!("init-disk-came", name = name).to_string()),
        Action::Remove => log::info(&message!("init-disk-went", name = name).to_string()),
        _ => {}
    }
}

/// Makes the variables of UEFI readable, where the firmware has them: whether Secure Boot is on,
/// and what to start next.
fn mount_firmware_variables() {
    const PLACE: &str = "/sys/firmware/efi/efivars";
    if !Path::new(PLACE).is_dir() {
        return;
    }
    let flags = rustix::mount::MountFlags::NOSUID
        | rustix::mount::MountFlags::NOEXEC
        | rustix::mount::MountFlags::NODEV;
    match rustix::mount::mount("efivarfs", PLACE, "efivarfs", flags, c"") {
        Ok(()) | Err(rustix::io::Errno::BUSY) => {}
        Err(error) => {
            log::warn(&message!("init-no-efivars", why = error.to_string()).to_string());
        }
    }
}
