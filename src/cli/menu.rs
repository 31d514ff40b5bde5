//! The menu: it makes jobs up, and they are carried out as typed ones are.

use super::run;
use crate::error::Result;
use crate::job::{RestoreJob, SaveJob};
use crate::operation::restore::RestorePlan;
use crate::operation::save::SavePlan;
use crate::report::Report;
use crate::ui::menu::{self, Host, Machine, Options, Planned};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The words of the menu's command.
#[derive(clap::Args)]
pub(super) struct Words {
    /// What this console is called.
    #[arg(long, value_name = "NAME")]
    console: Option<String>,
}

/// What the menu has others do: here, the command line.
struct Commands;

impl Host for Commands {
    fn plan_save(&self, job: &SaveJob, report: &dyn Report) -> Result<Planned<SavePlan>> {
        run::save::plan(job, report)
    }

    fn plan_restore(&self, job: &RestoreJob) -> Result<Planned<RestorePlan>> {
        run::restore::plan(job)
    }
}

/// The name of the terminal on standard input, or of what is there instead.
pub(super) fn terminal_name() -> String {
    let path = std::fs::read_link("/proc/self/fd/0").ok();
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    match path.trim_start_matches("/dev/") {
        "" | "null" => "calco".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether the environment tells something.
fn is_given(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

pub(super) fn run(
    words: &Words,
    machine: Option<&dyn Machine>,
    ended: Arc<AtomicBool>,
) -> Result<()> {
    let options = Options {
        console: words.console.clone().unwrap_or_else(terminal_name),
        ask_language: machine.is_some() && !is_given("CALCO_LANG"),
        ask_keyboard: machine.is_some() && !is_given("CALCO_KEYMAP"),
        ended,
    };
    menu::run(&Commands, machine, options)
}
