//! PID 1: starts the processes of the live system, starts them again when they end, and answers.

use super::cmdline::Options;
use super::confirmation::{AGAIN, Confirmation, Verdict};
use super::control::{Answer, Control, Request, SOCKET, Status};
use super::power_button::PowerButtons;
use super::reaper::{Reaper, Wish, wait_for};
use super::{Face, console, devices, fault, log, mounts, network, shutdown};
use crate::network::Settings;
use crate::text::{Language, Message, message, set_language};
use crate::ui::running;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, WaitStatus, kill_process};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// A process that lived this long was no failed attempt to start it.
const LONG: Duration = Duration::from_secs(60);
/// The longest pause before a process is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest time without a look at everything.
const TICK: Duration = Duration::from_secs(5);

/// Runs PID 1.
pub(super) fn run() -> ExitCode {
    fault::install();
    let mut failures = Vec::new();
    for entry in mounts::TABLE {
        if let Err(error) = entry.make() {
            failures.push(format!("{entry}: {error}"));
        }
    }
    for failure in failures {
        log::warn(&message!("init-table-failed", line = failure).to_string());
    }
    let error = match Supervisor::new() {
        Ok(mut supervisor) => supervisor.serve(),
        Err(error) => error,
    };
    fault::wait_for_ever(&error.to_string())
}

/// A process that is to run always.
struct Service {
    face: Face,
    /// The name of its terminal, if it has one.
    terminal: Option<String>,
    process: Option<Pid>,
    started: Instant,
    /// How often in a row it ended soon after its start.
    failures: u32,
    /// When to start it again.
    due: Instant,
    /// How it ended, when not well.
    ended: Option<String>,
    /// Whether it was told to end, to start again with something new.
    renewed: bool,
}

impl Service {
    fn new(face: Face, terminal: Option<&str>) -> Self {
        Self {
            face,
            terminal: terminal.map(str::to_owned),
            process: None,
            started: Instant::now(),
            failures: 0,
            due: Instant::now(),
            ended: None,
            renewed: false,
        }
    }

    fn name(&self) -> String {
        match &self.terminal {
            Some(terminal) => format!("{} {terminal}", self.face.name()),
            None => self.face.name().to_owned(),
        }
    }

    /// Takes note of its end.
    fn note_end(&mut self, status: WaitStatus) {
        self.process = None;
        if std::mem::take(&mut self.renewed) {
            (self.failures, self.due) = (0, Instant::now());
            return;
        }
        let well = status.exit_status() == Some(0);
        let lived = self.started.elapsed();
        self.failures = match lived >= LONG || (well && lived >= Duration::from_secs(1)) {
            true => 0,
            false => self.failures.saturating_add(1),
        };
        let pause = pause(self.failures);
        self.ended = None;
        if !well {
            let how = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => message!("init-ended-code", code = code.to_string()),
                (_, Some(signal)) => message!("init-ended-signal", signal = signal.to_string()),
                _ => message!("init-ended-unknown"),
            };
            let how = how.to_string();
            log::error(&message!("init-ended", name = self.name(), how = how.as_str()).to_string());
            self.ended = Some(how);
        }
        // A job is never run a second time by itself.
        if self.face == Face::Unattended {
            self.face = Face::Console;
        }
        // A console shows why it pauses; the process that takes the terminal does so.
        self.due = match self.ended.is_some() && self.face == Face::Console {
            true => Instant::now(),
            false => Instant::now() + pause,
        };
    }
}

/// The pause before a process is started that failed this often in a row.
fn pause(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        _ => Duration::from_secs(1 << (failures - 1).min(6)).min(LONGEST_PAUSE),
    }
}

struct Supervisor {
    reaper: Reaper,
    control: Option<Control>,
    services: Vec<Service>,
    consoles: Vec<String>,
    language: Option<Language>,
    keymap: Option<String>,
    /// How the network was chosen to be set up since the start, in the words of `calco.ip=`.
    network: Option<String>,
    serial_terminal: Option<String>,
    unattended: Option<String>,
    buttons: PowerButtons,
    confirmation: Confirmation,
}

impl Supervisor {
    fn new() -> std::io::Result<Self> {
        let reaper = Reaper::new()?;
        shutdown::catch_ctrl_alt_del();
        let line = std::fs::read("/proc/cmdline").unwrap_or_default();
        let options = Options::parse(&String::from_utf8_lossy(&line));
        if let Some(language) = options.language {
            set_language(language);
        }
        let version = env!("CARGO_PKG_VERSION");
        log::info(&message!("init-started", version = version).to_string());
        for problem in &options.problems {
            log::warn(&problem.to_string());
        }
        let control = match Control::open(Path::new(SOCKET)) {
            Ok(control) => Some(control),
            Err(error) => {
                log::error(&message!("init-no-control", why = error.to_string()).to_string());
                None
            }
        };
        let consoles = console::discover(Path::new("/"), options.consoles.as_deref());
        let mut services =
            vec![Service::new(Face::Devices, None), Service::new(Face::Network, None)];
        services.extend(consoles.iter().enumerate().map(|(number, name)| {
            let face = match &options.run {
                Some(_) if number == 0 => Face::Unattended,
                _ => Face::Console,
            };
            Service::new(face, Some(name))
        }));
        if consoles.iter().any(|name| console::is_virtual(name) && name != console::RESCUE) {
            services.push(Service::new(Face::Rescue, Some(console::RESCUE)));
        }
        let mut supervisor = Self {
            reaper,
            control,
            services,
            consoles,
            language: options.language,
            keymap: None,
            network: None,
            serial_terminal: options.serial_terminal,
            unattended: options.run,
            buttons: PowerButtons::default(),
            confirmation: Confirmation::default(),
        };
        if let Some(keymap) = options.keymap
            && let Answer::Refused { why } = supervisor.use_keymap(keymap)
        {
            log::warn(&why.to_string());
        }
        Ok(supervisor)
    }

    /// Goes on until it cannot: answers why.
    fn serve(&mut self) -> std::io::Error {
        loop {
            let pressed = self.buttons.is_pressed().then_some(Wish::PowerOff);
            if let Some(wish) = self.reaper.wish().or(pressed) {
                self.consider(wish);
            }
            self.end_notice();
            self.buttons.look(Path::new("/"));
            for (process, status) in super::reaper::reap() {
                let ended =
                    self.services.iter_mut().find(|service| service.process == Some(process));
                if let Some(service) = ended {
                    service.note_end(status);
                }
            }
            let now = Instant::now();
            for number in 0..self.services.len() {
                let service = &self.services[number];
                if service.process.is_none() && service.due <= now {
                    self.start(number);
                }
            }
            let due = self.services.iter().filter(|service| service.process.is_none());
            let due = due.map(|service| service.due.saturating_duration_since(now)).min();
            let mut limit = due.unwrap_or(TICK).min(TICK);
            if self.confirmation.is_awaited() {
                limit = limit.min(Duration::from_secs(1));
            }
            let mut descriptors = vec![PollFd::new(&self.reaper, PollFlags::IN)];
            descriptors.extend(self.buttons.descriptors());
            if let Some(control) = &self.control {
                descriptors.extend(control.descriptors());
                if control.is_busy() {
                    limit = limit.min(Duration::from_secs(1));
                }
            }
            if let Err(error) = wait_for(&mut descriptors, limit) {
                return error;
            }
            if let Some(mut control) = self.control.take() {
                let mut last = None;
                control.serve(|request| self.answer(request, &mut last));
                self.control = Some(control);
                if let Some(wish) = last {
                    shutdown::run(wish, &self.reaper, &self.consoles);
                }
            }
        }
    }

    /// Ends the system for a key, a button or a signal; where a job runs, not without being asked
    /// twice.
    fn consider(&mut self, wish: Wish) {
        let job = running::elsewhere();
        match (self.confirmation.judge(Instant::now(), job.is_some()), job) {
            (Verdict::Held, _) => {}
            (Verdict::Ask, Some(job)) => self.tell(&message!(
                "init-job-runs",
                job = job.title,
                console = job.console,
                seconds = AGAIN.as_secs()
            )),
            _ => shutdown::run(wish, &self.reaper, &self.consoles),
        }
    }

    /// Tells something on every console, and has the menus show it.
    fn tell(&self, notice: &Message) {
        let text = notice.to_string();
        log::warn(&text);
        if let Err(error) = running::set_notice(Some(notice)) {
            log::warn(&error.to_string());
        }
        let consoles = self.consoles.iter().map(String::as_str).chain([console::RESCUE]);
        for name in consoles {
            // They are reaped like any other process.
            if let Err(error) = Face::Say.command().args([name, &text]).spawn() {
                log::warn(&error.to_string());
            }
        }
    }

    /// Takes back what was told once it does not hold any more.
    fn end_notice(&mut self) {
        if self.confirmation.is_over(Instant::now())
            && let Err(error) = running::set_notice(None)
        {
            log::warn(&error.to_string());
        }
    }

    fn start(&mut self, number: usize) {
        let service = &self.services[number];
        let mut command = service.face.command();
        self.set_environment(&mut command);
        command.args(&service.terminal);
        if let (Face::Console, Some(how)) = (service.face, &service.ended) {
            // Long enough to be read.
            let seconds = pause(service.failures).as_secs().max(3);
            let notice =
                message!("init-menu-ended", how = how.as_str(), seconds = seconds).to_string();
            command.args([notice, seconds.to_string()]);
        }
        let started = command.spawn();
        let service = &mut self.services[number];
        service.started = Instant::now();
        match started {
            Ok(process) => service.process = Some(Pid::from_child(&process)),
            Err(error) => {
                service.failures = service.failures.saturating_add(1);
                service.due = Instant::now() + pause(service.failures);
                let how = error.to_string();
                log::error(&message!("init-ended", name = service.name(), how = how).to_string());
            }
        }
    }

    /// What every process is told.
    fn set_environment(&self, command: &mut Command) {
        command.env_clear();
        command.envs([
            ("PATH", "/bin:/sbin"),
            ("HOME", "/root"),
            ("TERM", "linux"),
            ("CALCO_LIVE", "1"),
        ]);
        if let Some(language) = self.language {
            command.env("CALCO_LANG", language.code());
            command.env("LANG", format!("{}.UTF-8", language.code()));
        }
        if let Some(keymap) = &self.keymap {
            command.env("CALCO_KEYMAP", keymap);
        }
        if let Some(settings) = &self.network {
            command.env(network::CHOSEN, settings);
        }
        if let Some(kind) = &self.serial_terminal {
            command.env(console::SERIAL_TERM, kind);
        }
    }

    fn answer(&mut self, request: Request, last: &mut Option<Wish>) -> Answer {
        match request {
            Request::PowerOff => *last = Some(Wish::PowerOff),
            Request::Reboot => *last = Some(Wish::Reboot),
            Request::Keymap { name } => return self.use_keymap(name),
            Request::Language { code } => match Language::from_tag(&code) {
                Some(language) => {
                    self.language = Some(language);
                    set_language(language);
                }
                None => {
                    let why = message!("init-no-language", code = code).to_stored();
                    return Answer::Refused { why };
                }
            },
            Request::Network { settings } => match Settings::parse_all(&settings) {
                Ok(_) => {
                    self.network = Some(settings);
                    self.renew(Face::Network);
                }
                Err(error) => return Answer::Refused { why: error.message().to_stored() },
            },
            Request::Status => return Answer::Status(self.status()),
        }
        Answer::Done
    }

    /// Ends a service, which is started again with what it is told now.
    fn renew(&mut self, face: Face) {
        for service in self.services.iter_mut().filter(|service| service.face == face) {
            service.due = Instant::now();
            if let Some(process) = service.process {
                service.renewed = kill_process(process, Signal::TERM).is_ok();
            }
        }
    }

    fn status(&self) -> Status {
        let devices = devices::State::read();
        Status {
            consoles: self.consoles.clone(),
            language: self.language.map(|language| language.code().to_owned()),
            keymap: self.keymap.clone(),
            settled: devices.settled,
            unknown: devices.unknown,
            failed: devices.failed,
            unattended: self.unattended.clone(),
        }
    }

    fn use_keymap(&mut self, name: String) -> Answer {
        let refused = || Answer::Refused {
            why: message!("init-no-keymap", name = name.as_str()).to_stored(),
        };
        match console::keymap_command(&name).map(|mut command| command.spawn()) {
            // It is reaped like any other process.
            Some(Ok(_)) => {
                self.keymap = Some(name);
                Answer::Done
            }
            Some(Err(error)) => {
                log::warn(&error.to_string());
                refused()
            }
            None => refused(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_a_limit() {
        let seconds: Vec<u64> = (0..9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
