//! PID 1 as the menu sees it.

use super::control::{Answer, Request, request};
use crate::error::{Error, ErrorKind, Result};
use crate::network::Settings;
use crate::text::Language;
use crate::ui::menu::{Machine, Power};

/// The machine of the live system: whatever is asked of it, PID 1 does.
pub struct LiveMachine;

impl LiveMachine {
    /// The machine, when this process was started by PID 1 of the live system.
    pub fn of_this_process() -> Option<Self> {
        std::env::var_os("CALCO_LIVE").map(|_| Self)
    }
}

fn ask(wanted: &Request) -> Result<()> {
    match request(wanted)? {
        Answer::Done | Answer::Status(_) => Ok(()),
        Answer::Refused { why } => Err(Error::new(ErrorKind::Refused, why)),
    }
}

impl Machine for LiveMachine {
    fn power(&self, power: Power) -> Result<()> {
        ask(match power {
            Power::Off => &Request::PowerOff,
            Power::Reboot => &Request::Reboot,
        })
    }

    fn keymap(&self, name: &str) -> Result<()> {
        ask(&Request::Keymap { name: name.to_owned() })
    }

    fn network(&self, settings: &[Settings]) -> Result<()> {
        ask(&Request::Network { settings: Settings::words(settings) })
    }

    fn language(&self, language: Language) -> Result<()> {
        ask(&Request::Language { code: language.code().to_owned() })
    }
}
