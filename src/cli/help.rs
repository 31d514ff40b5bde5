//! Help in the person's language, and what is made from the same definitions: manual pages and
//! shell completions.

use super::CommandLine;
use crate::error::{Context as _, Result};
use crate::text::{Language, language, lookup, message, set_language};
use clap::{Arg, ArgAction, Command, CommandFactory as _};
use clap_complete::Shell;
use std::path::Path;

/// The id of the program's own description.
pub(super) const ROOT: &str = "help-calco";

/// The id of the description of a command below another.
pub(super) fn child_path(path: &str, child: &Command) -> String {
    format!("{path}-{}", child.get_name())
}

/// The id of the text of an argument; options of every command have one text.
pub(super) fn argument_id(path: &str, argument: &Arg) -> String {
    let name = argument.get_id().as_str().replace('_', "-");
    if argument.is_global_set() || ["yes", "dry-run", "help", "version"].contains(&name.as_str()) {
        return format!("help-option-{name}");
    }
    format!("{path}-argument-{name}")
}

/// The definitions of the command line with texts in the current language.
pub fn command() -> Command {
    // Our own help and version flags, so that their texts can be translated too.
    localized(CommandLine::command(), ROOT)
}

fn localized(command: Command, path: &str) -> Command {
    let text = |id: &str| lookup(id).unwrap_or_default();
    let template = format!(
        "{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}{{after-help}}",
        message!("cli-heading-usage")
    );
    let names: Vec<String> =
        command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
    let mut command = command
        .about(text(path))
        .after_help(lookup(&format!("{path}-after")).unwrap_or_default())
        .help_template(template)
        .subcommand_help_heading(message!("cli-heading-commands").to_string())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_args(|argument| {
            let heading = match argument.is_positional() {
                true => message!("cli-heading-arguments"),
                false => message!("cli-heading-options"),
            };
            let help = text(&argument_id(path, &argument));
            let takes_values = argument.get_action().takes_values();
            // The texts name values and defaults themselves: clap would do it in English.
            argument
                .help(help)
                .help_heading(heading.to_string())
                .hide_default_value(takes_values)
                .hide_possible_values(takes_values)
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help(text("help-option-help"))
                .help_heading(message!("cli-heading-options").to_string()),
        );
    if path == ROOT {
        command = command.arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help(text("help-option-version"))
                .help_heading(message!("cli-heading-options").to_string()),
        );
    }
    for name in names {
        command = command.mut_subcommand(&name, |child| {
            let path = child_path(path, &child);
            localized(child, &path)
        });
    }
    command
}

/// Writes `man` and `completions` below `folder`: manual pages in every language.
pub(super) fn generate(folder: &Path) -> Result<()> {
    let before = language();
    let result = Language::ALL.into_iter().try_for_each(|language| {
        set_language(language);
        let pages = match language {
            Language::English => folder.join("man").join("man1"),
            other => folder.join("man").join(other.code()).join("man1"),
        };
        write_pages(&command(), &pages)
    });
    set_language(before);
    result?;
    let completions = folder.join("completions");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&completions)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command(), "calco", &completions)?;
        }
        Ok(())
    };
    write().context(|| message!("cli-generate-failed")).map_err(|error| error.at_path(&completions))
}

fn write_pages(command: &Command, folder: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(command.clone(), folder)
    };
    write().context(|| message!("cli-generate-failed")).map_err(|error| error.at_path(folder))
}
