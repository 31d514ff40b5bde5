//! A question whose answer must be typed.

use crate::error::{Error, ErrorKind, Result};
use crate::store::credentials::{Asker, Secret};
use crate::text::{Message, message};
use console::Term;
use dialoguer::Input;

/// Asks the person to type `word`; anything else is a no.
///
/// # Errors
/// [`ErrorKind::Refused`] when there is no terminal to ask on, [`ErrorKind::Interrupted`] for a no.
pub fn confirm(question: &Message, word: &str) -> Result<()> {
    let terminal = Term::stderr();
    if !is_asked_on(&terminal) {
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

fn is_asked_on(terminal: &Term) -> bool {
    terminal.is_term() && std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// The person at the terminal, where there is one.
pub struct PersonAtTerminal;

impl Asker for PersonAtTerminal {
    fn secret(&self, question: &Message) -> Result<Option<Secret>> {
        let terminal = Term::stderr();
        if !is_asked_on(&terminal) {
            return Ok(None);
        }
        let interrupted = |_| Error::new(ErrorKind::Interrupted, message!("error-interrupted"));
        terminal.write_str(&format!("{question} ")).map_err(interrupted)?;
        // What is typed is not shown.
        terminal.read_secure_line().map(|text| Some(Secret::new(text))).map_err(interrupted)
    }

    fn accept(&self, question: &Message) -> Result<Option<bool>> {
        if !is_asked_on(&Term::stderr()) {
            return Ok(None);
        }
        let word = message!("ui-yes").to_string();
        match confirm(question, &word) {
            Ok(()) => Ok(Some(true)),
            Err(_) => Ok(Some(false)),
        }
    }
}
