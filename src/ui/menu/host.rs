//! What the menu has others do for it.

use crate::error::Result;
use crate::job::{RestoreJob, SaveJob};
use crate::network::Settings;
use crate::operation::destination::Destination;
use crate::operation::restore::RestorePlan;
use crate::operation::save::SavePlan;
use crate::report::Report;
use crate::text::Language;

/// What can be asked of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// Switch it off.
    Off,
    /// Start it anew.
    Reboot,
}

/// A plan, and the destination that it works with: open for as long as this lives.
pub struct Planned<P> {
    /// What will be done.
    pub plan: P,
    /// Where the image is or will be.
    pub destination: Destination,
}

impl<P> Planned<P> {
    /// Carries the plan out; what was written is on the medium afterwards.
    ///
    /// # Errors
    /// Those of the plan and of the destination.
    pub fn carry_out<R>(
        self,
        report: &dyn Report,
        execute: impl FnOnce(P) -> Result<R>,
    ) -> Result<R> {
        let Self { plan, destination } = self;
        let outcome = execute(plan).map_err(|error| destination.explain(error))?;
        destination.close(report)?;
        Ok(outcome)
    }
}

/// Who carries out what the menu made up: the command line, which does the same for typed
/// commands.
pub trait Host: Sync {
    /// Computes what a save will do.
    ///
    /// # Errors
    /// As [`crate::operation::save::plan`], and when a disk or the destination cannot be opened.
    fn plan_save(&self, job: &SaveJob, report: &dyn Report) -> Result<Planned<SavePlan>>;

    /// Computes what a restore will do.
    ///
    /// # Errors
    /// As [`crate::operation::restore::plan`], and when the image or a target cannot be opened.
    fn plan_restore(&self, job: &RestoreJob) -> Result<Planned<RestorePlan>>;
}

/// PID 1 of the live system, as far as the menu needs it.
pub trait Machine: Sync {
    /// Switches the machine off or starts it anew.
    ///
    /// # Errors
    /// When PID 1 does not answer, or refuses.
    fn power(&self, power: Power) -> Result<()>;

    /// Uses a keyboard layout on all screens.
    ///
    /// # Errors
    /// When there is no such layout.
    fn keymap(&self, name: &str) -> Result<()>;

    /// Sets up the network in another way.
    ///
    /// # Errors
    /// When PID 1 does not answer, or refuses.
    fn network(&self, settings: &[Settings]) -> Result<()>;

    /// Tells which language was chosen, so that a menu that is started again speaks it.
    ///
    /// # Errors
    /// When PID 1 does not answer.
    fn language(&self, language: Language) -> Result<()>;
}
