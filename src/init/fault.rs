//! When PID 1 itself fails: it must not end, because then the kernel stops everything at once,
//! with a job running perhaps. It says what happened on every console, and waits.

use super::{console, log, reaper};
use crate::text::message;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// From now on a panic of this process ends in [`wait_for_ever`]. The hook runs before the
/// process would be ended by it.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|panic| wait_for_ever(&panic.to_string())));
}

/// Shows what happened, and from then on only reaps processes.
pub(super) fn wait_for_ever(what: &str) -> ! {
    let text = message!("init-fault", what = what).to_string();
    log::error(&text);
    for name in console::discover(Path::new("/"), None) {
        // A terminal that takes nothing must not stop the others from being written to.
        let terminal = OpenOptions::new()
            .write(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(format!("/dev/{name}"));
        if let Ok(mut terminal) = terminal {
            let _ = write!(terminal, "\r\n\r\n{}\r\n", text.replace('\n', "\r\n"));
        }
    }
    loop {
        reaper::reap();
        std::thread::sleep(Duration::from_secs(1));
    }
}
