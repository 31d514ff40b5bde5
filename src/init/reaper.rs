//! Signals as something to wait for, and the end of processes.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::process::{Pid, WaitOptions, WaitStatus};
use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

/// What a signal asks PID 1 to do. The meaning of each is that of busybox, whose `poweroff` and
/// `reboot` send them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Switch the machine off.
    PowerOff,
    /// Start the machine again: also Ctrl-Alt-Del.
    Reboot,
}

fn wish(signal: Signal) -> Option<Wish> {
    match signal {
        Signal::SIGINT | Signal::SIGTERM => Some(Wish::Reboot),
        Signal::SIGUSR1 | Signal::SIGUSR2 | Signal::SIGPWR => Some(Wish::PowerOff),
        _ => None,
    }
}

const SIGNALS: [Signal; 6] = [
    Signal::SIGCHLD,
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGPWR,
];

/// Receives the signals of this process.
pub(super) struct Reaper {
    signals: SignalFd,
}

impl Reaper {
    /// From now on the signals are received here. Call it before any thread is started. Processes
    /// that are started inherit the block: [`super::run`] takes it away.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(super) fn new() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in SIGNALS {
            set.add(signal);
        }
        set.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self { signals: SignalFd::with_flags(&set, flags)? })
    }

    /// The last wish among the signals that have arrived.
    pub(super) fn wish(&self) -> Option<Wish> {
        let mut last = None;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let signal = i32::try_from(signal.ssi_signo).ok();
            let signal = signal.and_then(|number| Signal::try_from(number).ok());
            last = signal.and_then(wish).or(last);
        }
        last
    }

    /// Waits until a process has ended or `limit` has passed; then waits for the rest of `wanted`
    /// no longer. Answers which ended and how; reaps all others too.
    pub(super) fn wait(
        &self,
        wanted: &[Pid],
        limit: Duration,
        ended: &mut HashMap<Pid, WaitStatus>,
    ) -> io::Result<()> {
        let end = Instant::now() + limit;
        loop {
            ended.extend(reap());
            let remaining = end.saturating_duration_since(Instant::now());
            if remaining.is_zero() || wanted.iter().all(|pid| ended.contains_key(pid)) {
                return Ok(());
            }
            self.wish();
            // A signal can come between reaping and waiting: never wait long.
            wait_for(&mut [PollFd::new(&self.signals, PollFlags::IN)], remaining.min(TICK))?;
        }
    }
}

/// The longest time without a look at what has ended.
const TICK: Duration = Duration::from_millis(100);

impl AsFd for Reaper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

/// Waits for descriptors. A signal is no failure.
///
/// # Errors
/// What the kernel answers.
pub(super) fn wait_for(descriptors: &mut [PollFd<'_>], limit: Duration) -> io::Result<()> {
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    };
    match poll(descriptors, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The processes that have ended since the last call, with how they ended.
pub(super) fn reap() -> Vec<(Pid, WaitStatus)> {
    let mut ended = Vec::new();
    while let Ok(Some(process)) = rustix::process::wait(WaitOptions::NOHANG) {
        ended.push(process);
    }
    ended
}

/// Whether this process has any child left.
pub(super) fn has_children() -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, look).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busyboxs_signals_mean_what_its_commands_say() {
        assert_eq!(wish(Signal::SIGTERM), Some(Wish::Reboot));
        assert_eq!(wish(Signal::SIGINT), Some(Wish::Reboot));
        assert_eq!(wish(Signal::SIGUSR2), Some(Wish::PowerOff));
        assert_eq!(wish(Signal::SIGCHLD), None);
    }
}
