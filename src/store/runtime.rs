//! Where the protocols of servers run: one thread for all connections of the process. Callers
//! block until their answer is there.

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

/// The thread's runtime.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn handle() -> Result<&'static Handle> {
    static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("servers".to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .ok()?;
        Some(handle)
    };
    HANDLE
        .get_or_init(start)
        .as_ref()
        .ok_or_else(|| Error::new(ErrorKind::Io, message!("store-no-thread")))
}

/// Waits for something that a server answers, at most `limit`; none when it did not.
///
/// # Errors
/// As [`handle`].
pub(super) fn wait<T>(limit: Duration, future: impl Future<Output = T>) -> Result<Option<T>> {
    let limited = async { tokio::time::timeout(limit, future).await.ok() };
    Ok(handle()?.block_on(limited))
}
