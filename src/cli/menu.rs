//! The menu: it makes jobs up, and they are carried out as typed ones are.

use super::run;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{RestoreJob, SaveJob};
use crate::operation::restore::RestorePlan;
use crate::operation::save::SavePlan;
use crate::report::Report;
use crate::text::message;
use crate::ui::menu::{self, Host, Options, Power};
use crate::ui::running;
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
    fn plan_save(&self, job: &SaveJob, report: &dyn Report) -> Result<SavePlan> {
        run::save::plan(job, report)
    }

    fn plan_restore(&self, job: &RestoreJob) -> Result<RestorePlan> {
        run::restore::plan(job)
    }

    fn power(&self, _: Power) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, message!("menu-not-live")))
    }

    fn keymap(&self, _: &str) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, message!("menu-not-live")))
    }
}

/// The name of the terminal on standard input.
fn terminal_name() -> String {
    let path = std::fs::read_link("/proc/self/fd/0").ok();
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    path.trim_start_matches("/dev/").to_owned()
}

pub(super) fn run(words: &Words, ended: Arc<AtomicBool>) -> Result<()> {
    let console = words.console.clone().unwrap_or_else(terminal_name);
    let chosen = std::env::var_os("CALCO_LANG").is_some_and(|language| !language.is_empty());
    let ask_language = running::is_live() && !chosen;
    menu::run(&Commands, Options { console, ask_language, ended })
}
