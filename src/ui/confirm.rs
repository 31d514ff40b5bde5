//! A question whose answer must be typed.

use crate::error::{Error, ErrorKind, Result};
use crate::text::{Message, message};
use console::Term;
use dialoguer::Input;

/// Asks the person to type `word`; anything else is a no.
///
/// # Errors
/// [`ErrorKind::Refused`] when there is no terminal to ask on, [`ErrorKind::Interrupted`] for a no.
pub fn confirm(question: &Message, word: &str) -> Result<()> {
    let terminal = Term::stderr();
    let on_terminal = terminal.is_term() && std::io::IsTerminal::is_terminal(&std::io::stdin());
    if !on_terminal {
        return Err(Error::new(ErrorKind::Refused, message!("ui-nobody-to-ask"))
            .advise(message!("ui-nobody-to-ask-advice")));
    }
    let answer: std::result::Result<String, _> = Input::new()
        .with_prompt(question.to_string())
        .allow_empty(true)
        .interact_text_on(&terminal);
    match answer {
        Ok(answer) if answer.trim() == word => Ok(()),
        _ => Err(Error::new(ErrorKind::Interrupted, message!("ui-not-confirmed"))),
    }
}
