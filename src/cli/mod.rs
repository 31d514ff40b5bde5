//! The command line: words in, a [`Job`], exit code out.

mod help;
mod menu;
mod run;
mod servers;

use crate::error::{Error, ErrorKind};
use crate::job::Job;
use crate::store::credentials::Asker;
use crate::store::patience;
use crate::text::{Language, message, set_language};
use crate::ui::PersonAtTerminal;
use crate::ui::menu::Machine;
use crate::ui::menu::PersonAtMenu;
use crate::ui::{self, Console, ProgressStyle};
use clap::error::ErrorKind as ClapKind;
use clap::{FromArgMatches as _, Parser};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use help::command;

/// The whole command line. Help texts are looked up by the names of commands and options.
#[derive(Parser)]
#[command(name = "calco", version, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Subcommand,
    #[command(flatten)]
    options: Options,
}

/// A job, or the menu that leads to one.
#[derive(clap::Subcommand)]
enum Subcommand {
    #[command(flatten)]
    Job(Job),
    /// The menu.
    Menu(menu::Words),
}

/// Options of every command.
#[derive(Clone, clap::Args)]
struct Options {
    /// One JSON document on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// How progress is shown.
    #[arg(long, global = true, value_name = "STYLE", default_value = "auto", value_parser = ["auto", "bar", "lines", "json", "none"])]
    progress: String,
    /// The language.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = ["en", "es"])]
    lang: Option<String>,
    #[command(flatten)]
    servers: servers::ServerOptions,
}

/// The language that the words ask for, before they are parsed: help and errors need it.
fn language_of(words: &[std::ffi::OsString]) -> Language {
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let tag = match word.strip_prefix("--lang") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(language) = tag.and_then(Language::from_tag) {
            return language;
        }
    }
    Language::from_environment()
}

/// Runs the program: parses the words, does the job, answers the exit code.
pub fn main() -> ExitCode {
    main_with(None)
}

/// As [`main`], in the live system: the menu can ask PID 1.
pub fn main_with(machine: Option<&dyn Machine>) -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    set_language(language_of(&words));
    let parsed = command()
        .try_get_matches_from(&words)
        .and_then(|matches| CommandLine::from_arg_matches(&matches));
    let line = match parsed {
        Ok(line) => line,
        Err(error) => return usage(&error, &words),
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        // The second one ends the process at once: nothing durable needs it to live.
        let twice =
            signal_hook::flag::register_conditional_shutdown(signal, 130, interrupted.clone());
        let once = signal_hook::flag::register(signal, interrupted.clone());
        if twice.is_err() || once.is_err() {
            ui::tell(&format!("{}\n", message!("cli-no-signals")));
        }
    }
    let style = ProgressStyle::named(&line.options.progress);
    let asker: Arc<dyn Asker> = match line.command {
        Subcommand::Menu(_) => Arc::new(PersonAtMenu),
        Subcommand::Job(_) => Arc::new(PersonAtTerminal),
    };
    let outcome = line.options.servers.set_up(asker).and_then(|()| match line.command {
        Subcommand::Menu(words) => menu::run(&words, machine, interrupted).map(|()| 0),
        Subcommand::Job(job) => {
            let console = Console::new(style, interrupted);
            patience::watch(&console, || run::run(&job, line.options.json, &console))
        }
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error, line.options.json),
    }
}

/// Says what went wrong, to people and to programs.
fn fail(error: &Error, json: bool) -> ExitCode {
    if json {
        let document = serde_json::json!({ "error": {
            "kind": format!("{:?}", error.kind()).to_lowercase(),
            "message": error.to_string(),
            "report": error.report(),
            "exit_code": error.kind().exit_code(),
        }});
        let _ = ui::print(&format!("{document:#}\n"));
    }
    ui::tell(&format!("{}\n", error.report()));
    ExitCode::from(error.kind().exit_code())
}

/// Shows help, or what is wrong with the words.
fn usage(error: &clap::Error, words: &[std::ffi::OsString]) -> ExitCode {
    if matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion) {
        return match error.print() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    if error.kind() == ClapKind::DisplayHelpOnMissingArgumentOrSubcommand {
        ui::tell(&error.render().to_string());
        return ExitCode::from(ErrorKind::Usage.exit_code());
    }
    // Words that are not understood may still ask for this.
    let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    fail(&usage_error(error, words), json)
}

/// What is wrong with the words.
pub(crate) fn usage_error(error: &clap::Error, words: &[std::ffi::OsString]) -> Error {
    use clap::error::{ContextKind, ContextValue};
    let context = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(list)) => list.join(" "),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    let what = match error.kind() {
        ClapKind::UnknownArgument if !argument.starts_with('-') => {
            message!("cli-unexpected-word", word = argument)
        }
        ClapKind::UnknownArgument => message!("cli-unknown-argument", argument = argument),
        ClapKind::InvalidSubcommand => {
            message!("cli-unknown-command", command = context(ContextKind::InvalidSubcommand))
        }
        ClapKind::MissingRequiredArgument => message!("cli-missing-argument", argument = argument),
        ClapKind::MissingSubcommand => message!("cli-missing-command"),
        ClapKind::InvalidValue if value.is_empty() => {
            message!("cli-missing-value", argument = argument)
        }
        ClapKind::InvalidValue | ClapKind::ValueValidation => {
            message!("cli-invalid-value", argument = argument, value = value)
        }
        ClapKind::ArgumentConflict => message!("cli-repeated-argument", argument = argument),
        _ => message!("cli-invalid-command"),
    };
    let not_text = words.iter().find(|word| word.to_str().is_none());
    let mut shown = match (error.kind(), not_text) {
        (ClapKind::InvalidUtf8, Some(word)) => {
            let word = ui::harmless(&word.to_string_lossy());
            Error::new(ErrorKind::Usage, message!("cli-not-utf8", word = word))
                .advise(message!("cli-not-utf8-advice"))
        }
        _ => Error::new(ErrorKind::Usage, what).advise(message!("cli-usage-advice")),
    };
    if let Some(source) = std::error::Error::source(error) {
        shown = match source.is::<std::num::ParseIntError>() {
            true => shown.caused_by(message!("cli-not-a-number").to_string()),
            false => shown.caused_by(source.to_string()),
        };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::lookup;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_and_option_explains_itself_in_every_language() {
        fn walk(command: &clap::Command, path: &str, ids: &mut Vec<String>) {
            for argument in command.get_arguments() {
                ids.push(help::argument_id(path, argument));
            }
            for child in command.get_subcommands() {
                let path = help::child_path(path, child);
                ids.push(path.clone());
                walk(child, &path, ids);
            }
        }
        let mut ids = Vec::new();
        walk(&CommandLine::command(), help::ROOT, &mut ids);
        assert!(ids.len() > 30);
        for id in ids {
            assert!(lookup(&id).is_some(), "{id}: no help text");
        }
    }
}
