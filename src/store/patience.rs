//! Waiting for a server that went away: whoever needs it insists, and whoever watches is told.

use crate::error::{Error, ErrorKind, Result};
use crate::report::Report;
use crate::text::{Message, message};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a server is waited for.
#[derive(Debug)]
pub struct Patience {
    server: String,
    limit: Duration,
    /// Whether it answered before: one that never did is more likely to be named wrongly.
    was_there: AtomicBool,
    /// Whether it was waited for in vain: nobody waits as long for it again.
    was_given_up: AtomicBool,
}

/// What is told while a server is away, and whether the person still wants to wait. One for the
/// process, which does one job at a time.
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Servers that are waited for, by name, with the moment they went away.
    away: BTreeMap<String, Instant>,
    news: VecDeque<Message>,
    /// Those who watch; the latest is told.
    watchers: usize,
    is_interrupted: bool,
}

static BOARD: Board = Board {
    state: Mutex::new(State {
        away: BTreeMap::new(),
        news: VecDeque::new(),
        watchers: 0,
        is_interrupted: false,
    }),
    changed: Condvar::new(),
};

impl Board {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().expect("no holder panics"));
        self.changed.notify_all();
        result
    }

    /// Waits for a while; false when the person does not want to any more.
    fn pause(&self, length: Duration) -> bool {
        let until = Instant::now() + length;
        let mut state = self.state.lock().expect("no holder panics");
        loop {
            if state.is_interrupted {
                return false;
            }
            let Some(rest) = until.checked_duration_since(Instant::now()) else { return true };
            state = self.changed.wait_timeout(state, rest).expect("no holder panics").0;
        }
    }
}

/// Does some work, and tells `report` meanwhile when a server is waited for. The wish to stop
/// ends the waiting.
pub fn watch<R>(report: &dyn Report, work: impl FnOnce() -> R) -> R {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            BOARD.with(|_| self.0.store(true, Ordering::SeqCst));
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let own = BOARD.with(|state| {
            state.watchers += 1;
            state.is_interrupted = false;
            state.watchers
        });
        let end = End(&is_over);
        let is_over = &is_over;
        scope.spawn(move || {
            let mut state = BOARD.state.lock().expect("no holder panics");
            loop {
                let is_told = state.watchers == own;
                let news = if is_told { state.news.pop_front() } else { None };
                if let Some(news) = news {
                    drop(state);
                    report.note(&news);
                    state = BOARD.state.lock().expect("no holder panics");
                    continue;
                }
                if is_over.load(Ordering::SeqCst) {
                    state.watchers -= 1;
                    return;
                }
                let timeout = match state.away.is_empty() {
                    true => Duration::from_secs(3600),
                    false => Duration::from_millis(200),
                };
                state = BOARD.changed.wait_timeout(state, timeout).expect("no holder panics").0;
                if !state.away.is_empty() && report.is_interrupted() && !state.is_interrupted {
                    state.is_interrupted = true;
                    BOARD.changed.notify_all();
                }
            }
        });
        let result = work();
        drop(end);
        result
    })
}

fn clock() -> String {
    jiff::Timestamp::now().strftime("%H:%M:%S UTC").to_string()
}

impl Patience {
    /// Patience with a server for `limit`, counted from the moment it went away.
    pub fn new(server: impl Into<String>, limit: Duration) -> Self {
        Self {
            server: server.into(),
            limit,
            was_there: AtomicBool::new(false),
            was_given_up: AtomicBool::new(false),
        }
    }

    /// It answered.
    pub fn heard(&self) {
        self.was_there.store(true, Ordering::Relaxed);
        self.was_given_up.store(false, Ordering::Relaxed);
    }

    /// What people call the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Does something again and again as long as the server does not answer. One that never
    /// answered is not waited for.
    ///
    /// # Errors
    /// What `operation` fails with for any other reason; when the patience is at its end, or the
    /// person's.
    pub fn insist<T>(&self, mut operation: impl FnMut() -> Result<T>) -> Result<T> {
        let mut pause = Duration::from_millis(250);
        let mut waited: Option<Instant> = None;
        loop {
            let error = match operation() {
                Err(error) if error.kind() == ErrorKind::Unreachable => error,
                result => {
                    self.heard();
                    if waited.is_some() {
                        self.came_back();
                    }
                    return result;
                }
            };
            if !self.was_there.load(Ordering::Relaxed) || self.limit.is_zero() {
                return Err(error);
            }
            if self.was_given_up.load(Ordering::Relaxed) {
                return Err(self.gone().caused_by(error));
            }
            let since = match waited {
                Some(since) => since,
                None => *waited.insert(self.went_away(&error)),
            };
            let rest = self.limit.saturating_sub(since.elapsed());
            if rest.is_zero() {
                self.was_given_up.store(true, Ordering::Relaxed);
                BOARD.with(|state| state.away.remove(&self.server));
                return Err(self.gone().caused_by(error));
            }
            if !BOARD.pause(pause.min(rest)) {
                BOARD.with(|state| state.away.remove(&self.server));
                return Err(Error::new(ErrorKind::Interrupted, message!("error-interrupted")));
            }
            pause = (pause * 2).min(Duration::from_secs(3));
        }
    }

    /// Waits for an answer that comes by itself once the server is there again: `poll` waits for it
    /// as long as it is told. When nothing came for `silence`, `why` says so to whoever watches; a
    /// server that never answered is not waited for any longer.
    ///
    /// # Errors
    /// What `why` says, when the patience is at its end; [`Patience::insist`] then does not go on
    /// either. [`ErrorKind::Interrupted`] when the person's is.
    pub fn await_answer<T>(
        &self,
        silence: Duration,
        why: impl Fn() -> Error,
        mut poll: impl FnMut(Duration) -> Option<T>,
    ) -> Result<T> {
        let begun = Instant::now();
        let mut since: Option<Instant> = None;
        loop {
            if let Some(answer) = poll(Duration::from_millis(250)) {
                if since.is_some() {
                    self.came_back();
                }
                return Ok(answer);
            }
            if begun.elapsed() < silence {
                continue;
            }
            let (was_there, was_given_up) = (&self.was_there, &self.was_given_up);
            if !was_there.load(Ordering::Relaxed) || was_given_up.load(Ordering::Relaxed) {
                return Err(why());
            }
            let since = *since.get_or_insert_with(|| self.went_away(&why()));
            if since.elapsed() >= self.limit {
                return Err(why());
            }
            if BOARD.with(|state| state.is_interrupted) {
                BOARD.with(|state| state.away.remove(&self.server));
                return Err(Error::new(ErrorKind::Interrupted, message!("error-interrupted")));
            }
        }
    }

    fn gone(&self) -> Error {
        let minutes = self.limit.as_secs().div_ceil(60);
        let what = message!("store-gone", server = self.server.as_str(), minutes = minutes);
        Error::new(ErrorKind::Unreachable, what).advise(message!("store-gone-advice"))
    }

    fn went_away(&self, error: &Error) -> Instant {
        BOARD.with(|state| {
            if let Some(since) = state.away.get(&self.server) {
                return *since;
            }
            let since = Instant::now();
            state.away.insert(self.server.clone(), since);
            state.news.push_back(message!(
                "store-waiting",
                server = self.server.as_str(),
                since = clock(),
                minutes = self.limit.as_secs().div_ceil(60),
                why = error.message().clone()
            ));
            since
        })
    }

    fn came_back(&self) {
        BOARD.with(|state| {
            if let Some(since) = state.away.remove(&self.server) {
                state.news.push_back(message!(
                    "store-back",
                    server = self.server.as_str(),
                    seconds = since.elapsed().as_secs()
                ));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Silent, Stage};

    fn gone() -> Error {
        Error::new(ErrorKind::Unreachable, message!("store-read-failed"))
    }

    #[derive(Default)]
    struct Notes(Mutex<Vec<Message>>, AtomicBool);

    impl Report for Notes {
        fn begin(&self, _: Stage, _: u64) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn note(&self, message: &Message) {
            self.0.lock().unwrap().push(message.clone());
        }
        fn is_interrupted(&self) -> bool {
            self.1.load(Ordering::SeqCst)
        }
    }

    // One test, since the board is one for the process.
    #[test]
    fn a_server_that_went_away_is_waited_for_and_told_of() {
        let patience = Patience::new("sftp://nas", Duration::from_secs(60));
        let mut tries = 0;
        let failed = patience.insist(|| -> Result<()> {
            tries += 1;
            Err(gone())
        });
        assert_eq!((failed.unwrap_err().kind(), tries), (ErrorKind::Unreachable, 1));
        assert_eq!(patience.insist(|| Ok(7)).unwrap(), 7);

        let notes = Notes::default();
        let mut tries = 0;
        let result = watch(&Silent, || {
            watch(&notes, || {
                patience.insist(|| {
                    tries += 1;
                    if tries < 3 { Err(gone()) } else { Ok(tries) }
                })
            })
        });
        assert_eq!(result.unwrap(), 3);
        let ids: Vec<String> =
            notes.0.lock().unwrap().iter().map(|note| note.id().to_string()).collect();
        assert_eq!(ids, ["store-waiting", "store-back"]);

        // Another error is not waited for, and says that the server is there.
        let other = patience.insist(|| -> Result<()> {
            Err(Error::new(ErrorKind::NotFound, message!("store-no-image")))
        });
        assert_eq!(other.unwrap_err().kind(), ErrorKind::NotFound);

        let short = Patience::new("sftp://nas", Duration::from_millis(300));
        short.insist(|| Ok(())).unwrap();
        let error = watch(&notes, || short.insist(|| -> Result<()> { Err(gone()) })).unwrap_err();
        assert_eq!(error.message().id(), "store-gone");
        // Once is enough; when it is there again, it is waited for again.
        let begun = Instant::now();
        let error = short.insist(|| -> Result<()> { Err(gone()) }).unwrap_err();
        assert_eq!(error.message().id(), "store-gone");
        assert!(begun.elapsed() < Duration::from_millis(200));
        short.insist(|| Ok(())).unwrap();
        let mut tries = 0;
        let result = short.insist(|| {
            tries += 1;
            if tries < 2 { Err(gone()) } else { Ok(()) }
        });
        assert!(result.is_ok());

        notes.1.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        let error = watch(&notes, || patience.insist(|| -> Result<()> { Err(gone()) }));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
