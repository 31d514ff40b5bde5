//! Tests run at once; virtual machines wait for each other, so that each has the processors that
//! its time limits count on.

use crate::Accelerator;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Longer than all other tests in virtual machines together.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);

/// The right to run a virtual machine, until it is dropped.
pub(crate) struct Slot {
    _lock: OwnedFd,
}

impl Slot {
    /// Waits for a place: there are as many as guests that have their processors for themselves.
    pub(crate) fn wait() -> io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let places = (processors / Accelerator::best().processors()).max(1);
        let until = Instant::now() + LONGEST_WAIT;
        loop {
            for place in 0..places {
                let file = std::env::temp_dir().join(format!("calco-vmtest-{place}.lock"));
                let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
                let lock = open(&file, flags, Mode::from_raw_mode(0o666))?;
                if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    return Ok(Self { _lock: lock });
                }
            }
            if Instant::now() > until {
                return Err(io::Error::other("other virtual machines run for hours"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
