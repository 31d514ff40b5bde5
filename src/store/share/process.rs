//! The process that has a share mounted, seen from both sides.

use super::mount::{largest_file, mount, stay_inside, unmount};
use super::protocol::{Answer, Reply, Request, receive, send};
use super::server::serve;
use crate::error::{Context as _, Error, ErrorKind, ErrorRecord, Result};
use crate::image::ImageFiles;
use crate::store::{Claim, LocalStore, Store};
use crate::text::message;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The name under which this program serves a share, for its own other processes.
pub const SHARE_PROCESS: &str = "calco-share";

/// How long the process may take to leave the share in peace and by force, before it is killed.
const LEAVE: Duration = Duration::from_secs(20);
/// How long the end of this program waits for that.
const LEAVE_IN_SIGHT: Duration = Duration::from_secs(4);

/// A process that serves a share; it ends when the line to it does.
pub(super) struct ShareProcess {
    child: Option<Child>,
}

impl ShareProcess {
    /// Starts the process and answers the line to it.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start() -> Result<(UnixStream, Self)> {
        let start = || -> std::io::Result<(UnixStream, Self)> {
            let (own, other) = UnixStream::pair()?;
            let program = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
            let child = Command::new(program)
                .arg0(SHARE_PROCESS)
                .current_dir("/")
                // Secrets come through the line; it needs none of those that are here.
                .env_clear()
                // Control-C is for us: it must be able to finish what was begun.
                .process_group(0)
                .stdin(Stdio::from(OwnedFd::from(other)))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            Ok((own, Self { child: Some(child) }))
        };
        start().context(|| message!("share-no-process"))
    }
}

impl Drop for ShareProcess {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let (tell, told) = crossbeam_channel::bounded(1);
        let wait = move || {
            let until = Instant::now() + LEAVE;
            while matches!(child.try_wait(), Ok(None)) {
                if Instant::now() >= until {
                    // Should even this not end it, nobody waits any longer.
                    let _ = child.kill();
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = tell.send(());
        };
        if std::thread::Builder::new().name("calco-share-end".into()).spawn(wait).is_ok() {
            let _ = told.recv_timeout(LEAVE_IN_SIGHT);
        }
    }
}

/// A folder of a share: a folder like others, of which the system knows less.
struct Mounted {
    store: LocalStore,
    largest_file: OnceLock<Option<u64>>,
    is_read_only: bool,
}

impl Store for Mounted {
    fn location(&self) -> String {
        self.store.location()
    }

    fn directories(&self) -> Result<Vec<String>> {
        self.store.directories()
    }

    // Where a link leads on the server is not known here.
    fn link(&self, name: &str) -> Option<String> {
        self.store.link(name)
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let files = self.store.directory(name)?;
        stay_inside(&self.store.folder().join(name))
            .map_err(|error| error.at_path(files.location()))?;
        Ok(files)
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.store.create_directory(name)
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.store.remove_directory(name)
    }

    fn free_space(&self) -> Option<u64> {
        self.store.free_space()
    }

    fn max_file_size(&self) -> Option<u64> {
        if self.is_read_only {
            return None;
        }
        *self.largest_file.get_or_init(|| largest_file(self.store.folder()))
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.store.claim(name)
    }

    fn lock(&self) -> Result<Claim> {
        self.store.lock()
    }
}

fn begin(request: &Request) -> Result<Arc<dyn Store>> {
    let Request::Mount(request) = request else {
        return Err(Error::new(ErrorKind::Io, message!("share-confused")));
    };
    let folder: PathBuf = mount(request)?;
    Ok(Arc::new(Mounted {
        store: LocalStore::open_as(&folder, &request.shown)?,
        largest_file: OnceLock::new(),
        is_read_only: request.is_read_only,
    }))
}

/// What the process does that was started under the name [`SHARE_PROCESS`]: mounts the share that
/// it is told, and serves it until the line on its standard input ends.
pub fn run_share_process() -> ExitCode {
    let Ok(line) = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else {
        return ExitCode::FAILURE;
    };
    // Whoever starts this by hand has no line to it.
    let Ok((number, request, _)) = receive::<Request>(&line) else { return ExitCode::from(2) };
    let store = begin(&request);
    // The password with it.
    drop(request);
    let reply: Reply = match &store {
        Ok(_) => Ok(Answer::Done),
        Err(error) => Err(ErrorRecord::of(error)),
    };
    let sent = send(&line, number, &reply, &[]);
    let Ok(store) = store else { return ExitCode::FAILURE };
    if sent.is_ok() {
        serve(store, &line);
    }
    unmount();
    ExitCode::SUCCESS
}
