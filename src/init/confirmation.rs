//! Whether the end of the system is meant, while a job would be cut off by it.

use std::time::{Duration, Instant};

/// Within this time it must be asked for again.
pub(super) const AGAIN: Duration = Duration::from_secs(10);
/// A key that is held down repeats itself more often than this.
const HELD: Duration = Duration::from_secs(1);

/// What a wish to end comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The system ends.
    GoOn,
    /// It must be said what would be cut off.
    Ask,
    /// It is the wish before, from a key that is held down.
    Held,
}

/// What was asked and what came since.
#[derive(Default)]
pub(super) struct Confirmation {
    asked: Option<Instant>,
    /// The last wish.
    last: Option<Instant>,
}

impl Confirmation {
    /// Judges a wish that comes now.
    pub(super) fn judge(&mut self, now: Instant, job_runs: bool) -> Verdict {
        let since = |then: Option<Instant>| then.map(|then| now.saturating_duration_since(then));
        let is_held = since(self.last).is_some_and(|since| since < HELD);
        let is_asked = since(self.asked).is_some_and(|since| since < AGAIN);
        self.last = Some(now);
        match (job_runs, is_asked, is_held) {
            (false, ..) => Verdict::GoOn,
            (true, true, true) => Verdict::Held,
            (true, true, false) => Verdict::GoOn,
            (true, false, _) => {
                self.asked = Some(now);
                Verdict::Ask
            }
        }
    }

    /// Whether an answer is waited for.
    pub(super) fn is_awaited(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether no answer is waited for any more, for the first time.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.asked.take_if(|asked| now.saturating_duration_since(*asked) >= AGAIN).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_cut_off_only_by_a_second_wish_soon_after() {
        let mut confirmation = Confirmation::default();
        let start = Instant::now();
        let mut judge = |milliseconds, job| {
            confirmation.judge(start + Duration::from_millis(milliseconds), job)
        };
        assert_eq!(judge(0, true), Verdict::Ask);
        for held in (1..30).map(|number| 100 * number) {
            assert_eq!(judge(held, true), Verdict::Held, "{held}");
        }
        assert_eq!(judge(4500, true), Verdict::GoOn);
        assert_eq!(judge(20_000, true), Verdict::Ask, "too late");
        assert_eq!(judge(20_100, false), Verdict::GoOn, "the job has ended meanwhile");
    }

    #[test]
    fn what_was_asked_is_over_once() {
        let mut confirmation = Confirmation::default();
        let start = Instant::now();
        assert!(!confirmation.is_over(start));
        confirmation.judge(start, true);
        assert!(confirmation.is_awaited() && !confirmation.is_over(start));
        assert!(confirmation.is_over(start + AGAIN));
        assert!(!confirmation.is_awaited() && !confirmation.is_over(start + AGAIN));
    }
}
