//! A job from the kernel's command line, carried out while nobody may be there.
//!
//! It runs once, in a process of its own. What it says goes to the first console and to the log.
//! A run that failed stays on the screen, unless `calco.on-error=` says otherwise.

use super::cmdline::{Options, Then};
use super::control::{self, Request};
use super::{console, devices, log};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::hardware::{Inventory, selector};
use crate::job::Job;
use crate::operation::destination::{self, DestinationAccess};
use crate::operation::log::now;
use crate::report::Silent;
use crate::text::{Message, message, set_language};
use clap::FromArgMatches as _;
use rustix::event::{PollFd, PollFlags};
use std::io::{self, BufRead as _, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long devices may take to appear: a disk array can take most of a minute to spin up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the result can be read, and the end be stopped, before the machine switches off.
const READING: Duration = Duration::from_secs(15);

/// Exit code of a run that did what it could while data could not be read.
const DATA_LOST: i32 = 4;

/// The longest piece of a line that is logged as one, in bytes.
const LINE: usize = 4096;

/// Runs the job of the kernel's command line on a terminal. Ends when the menu shall come.
pub(super) fn run(name: &str) -> ExitCode {
    if let Err(error) = console::take(name) {
        return console::not_taken(name, &error);
    }
    // Ctrl-C is for the command alone, which stops cleanly: a handler is not inherited. This process
    // says what came of it.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGQUIT] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::default()) {
            log::warn(&error.to_string());
        }
    }
    let line = std::fs::read("/proc/cmdline").unwrap_or_default();
    let options = Options::parse(&String::from_utf8_lossy(&line));
    if let Some(language) = options.language {
        set_language(language);
    }
    let Some(command) = &options.run else {
        return ExitCode::SUCCESS;
    };
    print("\x1b[0m\x1b[2J\x1b[H");
    say(&message!("init-run", command = command.as_str()));
    let (job, result) = match prepare(command) {
        Ok((job, words)) => {
            wait_for_devices(&job);
            let result = check_names(&job).and_then(|()| carry_out(&words));
            (Some(job), result)
        }
        Err(error) => (None, Err(error)),
    };
    let failed = match result {
        Ok(0) => false,
        Ok(code) => {
            let why = meaning(code);
            say(&match code {
                DATA_LOST => message!("init-run-incomplete", why = why),
                _ => message!("init-run-failed", why = why),
            });
            true
        }
        Err(error) => {
            let report = error.report();
            log::error(&report);
            print(&format!("\r\n{}\r\n", console::lines(&report, io::stdout())));
            say(&message!("init-run-failed", why = error.message().clone()));
            true
        }
    };
    match (failed, &job) {
        (false, _) => say(&message!("init-run-succeeded")),
        (true, Some(Job::Save(job))) if destination::names_volume(&job.to) => {
            match keep_log(&job.to) {
                Ok(path) => say(&message!("init-run-log-kept", path = path)),
                Err(error) => log::warn(&error.report()),
            }
        }
        (true, _) => {}
    }
    end(after(&options, job.as_ref(), failed))
}

/// Writes the log to the destination of a save that failed: it would be gone with the power.
fn keep_log(place: &str) -> Result<String> {
    let destination = destination::open(place, DestinationAccess::Write)?;
    let name = format!("calco-failed-{}.txt", now().replace([':', 'Z'], "").replace('T', "-"));
    let path = destination.folder().join(&name);
    let mut text = std::fs::read(log::OLDER).unwrap_or_default();
    text.extend(std::fs::read(log::FILE).unwrap_or_default());
    std::fs::File::create_new(&path)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .context(|| message!("init-run-log-not-kept"))
        .map_err(|error| destination.explain(error.at_path(&path)))?;
    destination.close(&Silent)?;
    Ok(format!("{place}/{name}"))
}

/// What comes after a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// The result stays until somebody asks for the menu.
    Stay,
    /// The menu comes by itself.
    Menu,
    /// The machine switches itself off.
    PowerOff,
    /// The machine starts again.
    Reboot,
}

fn after(options: &Options, job: Option<&Job>, failed: bool) -> After {
    let restored = matches!(job, Some(Job::Restore(_)));
    match (failed, if failed { options.on_error } else { options.then }) {
        (_, Some(Then::PowerOff)) => After::PowerOff,
        (_, Some(Then::Reboot)) => After::Reboot,
        (_, Some(Then::Menu)) => After::Menu,
        // A machine that starts from the network would come back here, and restore again.
        (false, None) if restored => After::PowerOff,
        (_, None) => After::Stay,
    }
}

fn end(after: After) -> ExitCode {
    let (notice, request) = match after {
        After::Menu => return ExitCode::SUCCESS,
        After::Stay => {
            say(&message!("init-run-stays"));
            wait_for_enter(None);
            return ExitCode::SUCCESS;
        }
        After::PowerOff => {
            (message!("init-run-power-off", seconds = READING.as_secs()), Request::PowerOff)
        }
        After::Reboot => {
            (message!("init-run-reboot", seconds = READING.as_secs()), Request::Reboot)
        }
    };
    say(&notice);
    if wait_for_enter(Some(READING)) {
        return ExitCode::SUCCESS;
    }
    match control::request(&request) {
        // PID 1 ends this process.
        Ok(_) => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        Err(error) => {
            log::error(&error.report());
            say(&message!("init-run-stays"));
            wait_for_enter(None);
            ExitCode::FAILURE
        }
    }
}

/// Whether somebody pressed Enter within the time.
fn wait_for_enter(limit: Option<Duration>) -> bool {
    let input = io::stdin();
    // What was typed before was not meant for this.
    let _ = rustix::termios::tcflush(&input, rustix::termios::QueueSelector::IFlush);
    if let Some(limit) = limit {
        let end = Instant::now() + limit;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            let mut descriptors = [PollFd::new(&input, PollFlags::IN)];
            if super::reaper::wait_for(&mut descriptors, rest).is_err() {
                return false;
            }
            if !descriptors[0].revents().is_empty() {
                break;
            }
        }
    }
    let mut line = String::new();
    match input.lock().read_line(&mut line) {
        Ok(length) => length > 0,
        Err(_) => false,
    }
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Says something on the terminal and in the log.
fn say(text: &Message) {
    let text = text.to_string();
    log::info(&text);
    print(&format!("\r\n{}\r\n", console::lines(&text, io::stdout())));
}

/// What an exit code says.
fn meaning(code: i32) -> Message {
    match code {
        2 => message!("init-code-usage"),
        3 => message!("init-code-damaged"),
        DATA_LOST => message!("init-code-data-lost"),
        5 => message!("init-code-refused"),
        130 => message!("init-code-interrupted"),
        1 => message!("init-code-failed"),
        _ => message!("init-ended-code", code = code.to_string()),
    }
}

/// The job that a command means, and its words as they are carried out.
fn prepare(command: &str) -> Result<(Job, Vec<String>)> {
    let not_understood = || {
        Error::new(ErrorKind::Usage, message!("init-run-not-understood", command = command))
            .advise(message!("init-run-not-understood-advice"))
    };
    let mut words =
        shell_words::split(command).map_err(|error| not_understood().caused_by(error))?;
    // The command as the menu prints it begins with the name of the program.
    if words.first().is_some_and(|word| word == "calco") {
        words.remove(0);
    }
    let line = std::iter::once("calco").chain(words.iter().map(String::as_str));
    let job = crate::cli::command()
        .try_get_matches_from(line)
        .and_then(|matches| Job::from_arg_matches(&matches))
        .map_err(|error| {
            let cause = crate::cli::usage_error(&error, &[]);
            match words.as_slice() {
                // The kernel took what followed for words of its own.
                [_] => Error::new(
                    ErrorKind::Usage,
                    message!("init-run-not-understood", command = command),
                )
                .advise(message!("init-run-quotes-advice", command = command))
                .caused_by(cause),
                _ => not_understood().caused_by(cause),
            }
        })?;
    let confirms = match &job {
        Job::Restore(job) => !job.yes,
        Job::Delete(job) => !job.yes,
        Job::Prune(job) => !job.yes,
        _ => false,
    };
    if confirms {
        words.push("--yes".to_owned());
    }
    Ok((job, words))
}

/// The disks that a job names.
fn disks(job: &Job) -> Vec<&str> {
    match job {
        Job::Save(job) => job.sources.iter().map(String::as_str).collect(),
        Job::Restore(job) => job.to.iter().map(String::as_str).collect(),
        Job::Map(job) => vec![job.source.as_str()],
        _ => Vec::new(),
    }
}

/// Refuses names that mean another disk after the next start.
fn check_names(job: &Job) -> Result<()> {
    let Job::Save(job) = job else {
        // The command itself refuses those of targets.
        return Ok(());
    };
    match job.sources.iter().find(|source| !selector::is_stable_name(source)) {
        None => Ok(()),
        Some(word) => {
            Err(Error::new(ErrorKind::Refused, message!("cli-unstable-name", word = word.as_str()))
                .advise(message!("cli-unstable-name-advice")))
        }
    }
}

/// Whether a disk is there, or waiting for it would not help.
fn is_there(word: &str, inventory: &Inventory) -> bool {
    let found = |word: &str| match selector::resolve(word, inventory) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    // `NAME=TARGET`, of an image with several disks.
    found(word) || word.split_once('=').is_some_and(|(_, target)| found(target))
}

/// Waits until no new devices come and those that the job names are there, or patience ends.
fn wait_for_devices(job: &Job) {
    let start = Instant::now();
    let mut said = false;
    let mut wait = |is_done: &dyn Fn() -> bool| {
        while !is_done() {
            if start.elapsed() >= PATIENCE {
                return false;
            }
            if !said {
                said = true;
                say(&message!("init-run-waits", seconds = PATIENCE.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        true
    };
    // A selector must not choose among the disks while some are still missing.
    wait(&|| devices::State::read().settled);
    for disk in disks(job) {
        let found = wait(&|| is_there(disk, &Inventory::read(Path::new("/"))));
        if !found {
            say(&message!("init-run-missing", name = disk, seconds = PATIENCE.as_secs()));
        }
    }
    for place in places(job) {
        let rest = PATIENCE.saturating_sub(start.elapsed());
        // What else is wrong with it, the job itself says.
        let found = destination::wait_for(place, rest, &|| false);
        if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            say(&message!("init-run-missing", name = place, seconds = PATIENCE.as_secs()));
        }
    }
}

/// The places of images that a job names.
fn places(job: &Job) -> Vec<&str> {
    match job {
        Job::Save(job) => vec![job.to.as_str()],
        Job::Restore(job) => vec![job.image.as_str()],
        Job::Copy(job) => vec![job.image.as_str(), job.to.as_str()],
        Job::Verify(job) => job.images.iter().map(String::as_str).collect(),
        Job::Images(job) => job.destinations.iter().map(String::as_str).collect(),
        Job::Show(job) => vec![job.image.as_str()],
        Job::Delete(job) => vec![job.image.as_str()],
        Job::Prune(job) => vec![job.destination.as_str()],
        Job::Disks(_) | Job::Map(_) | Job::Generate(_) => Vec::new(),
    }
}

/// Runs the words as a command of this program; answers its exit code.
fn carry_out(words: &[String]) -> Result<i32> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Io, message!("init-run-not-started")).caused_by(error)
    };
    let (output, input) = io::pipe().map_err(failed)?;
    let mut process = {
        let mut command = super::this_program();
        command.arg0("calco").args(words);
        if !words.iter().any(|word| word == "--progress" || word.starts_with("--progress=")) {
            command.args(["--progress", "lines"]);
        }
        command.env(crate::operation::UNATTENDED, "1");
        command.env("COLUMNS", console::columns(io::stdout()).to_string());
        command.stdin(std::process::Stdio::null());
        command.stdout(input.try_clone().map_err(failed)?).stderr(input);
        // The command holds the other end of the pipe until it is dropped.
        command.spawn().map_err(failed)?
    };
    let mut pending = Vec::new();
    let mut show = |line: &str| print(&format!("{}\r\n", console::lines(line, io::stdout())));
    copy_and_log(output, &mut |piece| whole_lines(&mut pending, piece, &mut show), &mut log::info);
    if !pending.is_empty() {
        whole_lines(&mut pending, b"\n", &mut show);
    }
    let status = process.wait().map_err(failed)?;
    match status.code() {
        Some(code) => Ok(code),
        None => {
            Err(Error::new(ErrorKind::Io, message!("init-run-killed", how = status.to_string())))
        }
    }
}

/// Shows the lines that end in `piece`, which began in `pending`: a terminal breaks them anywhere.
fn whole_lines(pending: &mut Vec<u8>, piece: &[u8], show: &mut dyn FnMut(&str)) {
    for byte in piece {
        if *byte != b'\n' {
            pending.push(*byte);
        }
        if *byte == b'\n' || pending.len() >= LINE {
            show(String::from_utf8_lossy(pending).trim_end_matches('\r'));
            pending.clear();
        }
    }
}

/// Passes on what is read, and the lines of it as they end.
fn copy_and_log(mut from: impl Read, pass_on: &mut dyn FnMut(&[u8]), log: &mut dyn FnMut(&str)) {
    let mut buffer = [0; LINE];
    let mut line: Vec<u8> = Vec::new();
    let mut end_line = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if !text.is_empty() {
            log(text);
        }
        line.clear();
    };
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                pass_on(&buffer[..length]);
                for byte in &buffer[..length] {
                    if *byte == b'\n' || line.len() >= LINE {
                        end_line(&mut line);
                    }
                    if *byte != b'\n' {
                        line.push(*byte);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    end_line(&mut line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(then: Option<Then>, on_error: Option<Then>) -> Options {
        Options { then, on_error, ..Options::default() }
    }

    #[test]
    fn after_a_restore_the_machine_switches_itself_off_unless_told_otherwise() {
        let restore = prepare("restore usb:B/x --to id:y").unwrap().0;
        let save = prepare("save id:y --to usb:B").unwrap().0;
        let none = options(None, None);
        assert_eq!(after(&none, Some(&restore), false), After::PowerOff);
        assert_eq!(after(&none, Some(&restore), true), After::Stay);
        assert_eq!(after(&none, Some(&save), false), After::Stay);
        assert_eq!(after(&none, None, true), After::Stay);
        let told = options(Some(Then::Reboot), Some(Then::PowerOff));
        assert_eq!(after(&told, Some(&restore), false), After::Reboot);
        assert_eq!(after(&told, Some(&save), true), After::PowerOff);
        let menu = options(Some(Then::Menu), None);
        assert_eq!(after(&menu, Some(&restore), false), After::Menu);
        assert_eq!(after(&menu, Some(&restore), true), After::Stay);
    }

    #[test]
    fn words_are_those_of_the_command_line_and_nothing_is_asked() {
        let (job, words) = prepare("calco restore 'usb:MY STICK/a b' --to id:x").unwrap();
        let Job::Restore(job) = job else { panic!() };
        assert_eq!(job.image, "usb:MY STICK/a b");
        assert_eq!(words, ["restore", "usb:MY STICK/a b", "--to", "id:x", "--yes"]);
        let (_, words) = prepare("restore a/b --to id:x --yes").unwrap();
        assert_eq!(words.iter().filter(|word| *word == "--yes").count(), 1);
        let (_, words) = prepare("save id:x --to /mnt").unwrap();
        assert!(!words.contains(&"--yes".to_owned()));
    }

    #[test]
    fn what_is_no_command_is_said() {
        for wrong in ["", "explode", "save", "save 'a --to b", "restore"] {
            let error = prepare(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
            assert!(error.advice().is_some(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let report = |command: &str| {
            crate::text::with_language(crate::text::Language::English, || {
                prepare(command).unwrap_err().report()
            })
        };
        let missing = report("save id:x --name a");
        assert!(missing.contains("--to"), "{missing}");
        assert!(!missing.contains("quotes"), "{missing}");
        let cut = report("save");
        assert!(cut.contains("quotes") && cut.contains("calco.run=\"save "), "{cut}");
    }

    #[test]
    fn names_of_the_kernel_are_refused() {
        let job = |words: &str| prepare(words).unwrap().0;
        let error = check_names(&job("save sda --to usb:B")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(check_names(&job("save id:x --to usb:B")).is_ok());
    }

    #[test]
    fn lines_are_shown_whole() {
        let (mut pending, mut shown) = (Vec::new(), Vec::new());
        for piece in ["on", "e\r\ntw\u{f3}", "\n\nthree"] {
            whole_lines(&mut pending, piece.as_bytes(), &mut |line| shown.push(line.to_owned()));
        }
        assert_eq!(shown, ["one", "tw\u{f3}", ""]);
        assert_eq!(pending, b"three");
    }

    #[test]
    fn output_is_passed_on_as_it_is_and_logged_by_lines() {
        let text = format!("one\r\n\n{}\ntwo", "x".repeat(LINE + 10));
        let (mut passed, mut lines) = (Vec::new(), Vec::new());
        copy_and_log(text.as_bytes(), &mut |piece| passed.extend_from_slice(piece), &mut |line| {
            lines.push(line.len())
        });
        assert_eq!(passed, text.as_bytes());
        assert_eq!(lines, [3, LINE, 10, 3]);
    }
}
