//! Questions of destinations that are being opened by a thread: the menu asks them on its screen.

use super::ask::{Answer, Person};
use super::screen::Input;
use crate::error::{Error, ErrorKind, Result};
use crate::store::credentials::{Asker, Secret};
use crate::text::{Message, message};
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a question waits for a menu that asks it: a thread that was left behind has none.
const UNHEARD: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Accept,
}

enum State {
    Asked {
        question: String,
        kind: Kind,
    },
    /// On the screen.
    Heard,
    /// None: the person stepped back.
    Answered(Option<Secret>),
}

struct Board {
    state: Option<State>,
    /// What was answered before: a destination is opened for each step of a job.
    known: Option<HashMap<String, Secret>>,
}

/// One menu is on a console at a time, and asks one question at a time.
static BOARD: Mutex<Board> = Mutex::new(Board { state: None, known: None });
static CHANGED: Condvar = Condvar::new();

fn board() -> MutexGuard<'static, Board> {
    BOARD.lock().expect("no holder panics")
}

/// Waits until the board is as wanted, at most `limit`.
fn wait(limit: Duration, is_wanted: impl Fn(&Option<State>) -> bool) -> MutexGuard<'static, Board> {
    let until = Instant::now() + limit;
    let mut board = board();
    while !is_wanted(&board.state) {
        let Some(rest) = until.checked_duration_since(Instant::now()) else { break };
        board = CHANGED.wait_timeout(board, rest).expect("no holder panics").0;
    }
    board
}

/// Asks; none when there is no menu that would.
fn ask(question: &Message, kind: Kind) -> Result<Option<Secret>> {
    let mut board = wait(ANSWER, Option::is_none);
    board.state = Some(State::Asked { question: question.to_string(), kind });
    CHANGED.notify_all();
    drop(board);
    let mut board = wait(UNHEARD, |state| !matches!(state, Some(State::Asked { .. })));
    if matches!(board.state, Some(State::Asked { .. })) {
        board.state = None;
        CHANGED.notify_all();
        return Ok(None);
    }
    drop(board);
    let mut board = wait(ANSWER, |state| matches!(state, Some(State::Answered(_))));
    let state = board.state.take();
    CHANGED.notify_all();
    match state {
        Some(State::Answered(Some(answer))) => Ok(Some(answer)),
        _ => Err(Error::new(ErrorKind::Interrupted, message!("error-interrupted"))),
    }
}

/// Forgets what was answered: something of it was wrong.
pub(super) fn forget() {
    board().known = None;
}

/// The person at the menu.
pub struct PersonAtMenu;

impl Asker for PersonAtMenu {
    fn secret(&self, question: &Message) -> Result<Option<Secret>> {
        let key = question.to_string();
        if let Some(known) = board().known.as_ref().and_then(|known| known.get(&key)) {
            return Ok(Some(known.clone()));
        }
        let answer = ask(question, Kind::Secret)?;
        if let Some(answer) = &answer {
            board().known.get_or_insert_default().insert(key, answer.clone());
        }
        Ok(answer)
    }

    fn accept(&self, question: &Message) -> Result<Option<bool>> {
        let answer = ask(question, Kind::Accept)?;
        let word = message!("ui-yes").to_string();
        Ok(answer.map(|answer| answer.expose().trim() == word))
    }
}

impl Person {
    /// Asks what a thread wants to know, if it does. Whether there was something.
    pub(super) fn answer_questions(&mut self, title: &Message) -> Answer<()> {
        let (question, kind) = {
            let mut board = board();
            match board.state.take() {
                Some(State::Asked { question, kind }) => {
                    board.state = Some(State::Heard);
                    CHANGED.notify_all();
                    (question, kind)
                }
                other => {
                    board.state = other;
                    return Ok(None);
                }
            }
        };
        let (text, prompt) = question.rsplit_once('\n').unwrap_or(("", &question));
        let mut input = Input::new(title, prompt, "");
        for line in text.lines().filter(|line| !line.is_empty()) {
            input = input.text(line);
        }
        input.hidden = kind == Kind::Secret;
        let typed = self.line(input, |_| None);
        // The thread must not wait for a menu that has gone.
        let answer = typed.as_ref().ok().cloned().flatten().map(Secret::new);
        board().state = Some(State::Answered(answer));
        CHANGED.notify_all();
        typed.map(|_| Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a menu does, without a screen.
    fn answer_next(text: Option<&str>) -> String {
        let mut board = wait(ANSWER, |state| matches!(state, Some(State::Asked { .. })));
        let Some(State::Asked { question, .. }) = board.state.take() else { panic!("none") };
        board.state = Some(State::Answered(text.map(|text| Secret::new(text.to_owned()))));
        CHANGED.notify_all();
        question
    }

    #[test]
    fn questions_are_asked_once_and_answers_reach_who_asked() {
        let question = message!("ssh-passphrase-question");
        let asking = || {
            let question = question.clone();
            std::thread::spawn(move || PersonAtMenu.secret(&question))
        };
        let first = asking();
        assert_eq!(answer_next(Some("geheim")), question.to_string());
        assert_eq!(first.join().unwrap().unwrap().unwrap().expose(), "geheim");
        assert_eq!(PersonAtMenu.secret(&question).unwrap().unwrap().expose(), "geheim");
        forget();
        let again = asking();
        answer_next(None);
        assert_eq!(again.join().unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
        for (typed, wanted) in [("yes", true), ("no", false), ("", false)] {
            let question = question.clone();
            let asking = std::thread::spawn(move || PersonAtMenu.accept(&question));
            answer_next(Some(typed));
            assert_eq!(asking.join().unwrap().unwrap(), Some(wanted), "{typed}");
        }
        // Nobody is there.
        assert!(PersonAtMenu.accept(&question).unwrap().is_none());
    }
}
