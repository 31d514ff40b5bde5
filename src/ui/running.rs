//! One job at a time on this machine, and what the others show of it meanwhile.
//!
//! Whoever runs a job holds a lock on `job.lock` in [`folder`] and writes its progress to
//! `job.json` beside it. The lock ends with its process, whatever happens to that.

use crate::error::{Context as _, Error, ErrorKind, Result};
pub use crate::operation::is_live;
use crate::report::{Report, Stage};
use crate::text::{Message, message};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often progress is written, at most.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Where the processes of this program meet: `/run/calco` in the live system and for root, else
/// a folder of the user's.
pub fn folder() -> PathBuf {
    if is_live() {
        return PathBuf::from("/run/calco");
    }
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        return Path::new(&folder).join("calco");
    }
    let user = rustix::process::geteuid();
    match user.is_root() {
        true => PathBuf::from("/run/calco"),
        false => std::env::temp_dir().join(format!("calco-{}", user.as_raw())),
    }
}

/// What is known of a running job.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobState {
    /// What it does.
    pub title: Message,
    /// The console it was started on.
    pub console: String,
    /// The stage, by [`Stage::id`].
    #[serde(default)]
    pub stage: String,
    /// Bytes of the stage that are done.
    #[serde(default)]
    pub done: u64,
    /// Bytes of the stage; 0 when that is not known.
    #[serde(default)]
    pub total: u64,
}

/// The right to run a job, until it is dropped.
pub struct Running {
    _lock: File,
    file: PathBuf,
    state: Mutex<(JobState, Option<Instant>)>,
}

fn open_lock(folder: &Path) -> Result<File> {
    let path = folder.join("job.lock");
    let open = || -> std::io::Result<File> {
        fs::create_dir_all(folder)?;
        File::options().create(true).append(true).open(&path)
    };
    open().context(|| message!("ui-job-no-lock")).map_err(|error| error.at_path(&path))
}

impl Running {
    /// Takes the right to run a job.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when another job runs.
    pub fn begin(title: &Message, console: &str) -> Result<Self> {
        Self::begin_in(&folder(), title, console)
    }

    fn begin_in(folder: &Path, title: &Message, console: &str) -> Result<Self> {
        let lock = open_lock(folder)?;
        // Others look for a moment whether the lock is free.
        let free = (0..20).any(|_| {
            flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        });
        if !free {
            return Err(Error::new(ErrorKind::Refused, message!("ui-job-elsewhere"))
                .advise(message!("ui-job-elsewhere-advice")));
        }
        let state = JobState {
            title: title.to_stored(),
            console: console.to_owned(),
            stage: String::new(),
            done: 0,
            total: 0,
        };
        let file = folder.join("job.json");
        let running = Self { _lock: lock, file, state: Mutex::new((state, None)) };
        running.write(&running.state.lock().expect("no holder panics").0);
        Ok(running)
    }

    /// Tells the others how far the job is.
    pub fn tell(&self, stage: Stage, done: u64, total: u64) {
        let mut guard = self.state.lock().expect("no holder panics");
        let (state, told) = &mut *guard;
        if told.is_some_and(|told| told.elapsed() < TELL_EVERY) && state.stage == stage.id() {
            return;
        }
        (state.done, state.total) = (done, total);
        stage.id().clone_into(&mut state.stage);
        *told = Some(Instant::now());
        self.write(state);
    }

    fn write(&self, state: &JobState) {
        // Only others are interested: no reason to end the job.
        let Ok(text) = serde_json::to_vec(state) else { return };
        let beside = self.file.with_extension("new");
        let _ = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.file));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// The job that runs in another process, if one does.
pub fn elsewhere() -> Option<JobState> {
    elsewhere_in(&folder())
}

fn elsewhere_in(folder: &Path) -> Option<JobState> {
    let text = fs::read(folder.join("job.json")).ok()?;
    let lock = File::options().append(true).open(folder.join("job.lock")).ok()?;
    // What a process that was killed had written stays; its lock does not.
    if flock(&lock, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    serde_json::from_slice(&text).ok()
}

/// What everybody at a screen should read now, such as that a key is about to end a job.
pub fn notice() -> Option<Message> {
    serde_json::from_slice(&fs::read(folder().join("notice.json")).ok()?).ok()
}

/// Has every menu show a sentence above its row of keys, or no longer.
///
/// # Errors
/// What the system answers.
pub fn set_notice(notice: Option<&Message>) -> std::io::Result<()> {
    let file = folder().join("notice.json");
    match notice {
        Some(notice) => {
            let beside = file.with_extension("new");
            fs::write(&beside, serde_json::to_vec(notice)?)?;
            fs::rename(&beside, &file)
        }
        None => match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// Passes progress on and tells the others.
pub struct Published<'a> {
    inner: &'a dyn Report,
    running: &'a Running,
    stage: Mutex<Option<(Stage, u64, u64)>>,
}

impl<'a> Published<'a> {
    /// Progress of a job that has the right to run.
    pub fn new(inner: &'a dyn Report, running: &'a Running) -> Self {
        Self { inner, running, stage: Mutex::new(None) }
    }
}

impl Report for Published<'_> {
    fn begin(&self, stage: Stage, total: u64) {
        *self.stage.lock().expect("no holder panics") = Some((stage, 0, total));
        self.running.tell(stage, 0, total);
        self.inner.begin(stage, total);
    }

    fn advance(&self, bytes: u64) {
        if let Some((stage, done, total)) = &mut *self.stage.lock().expect("no holder panics") {
            *done = done.saturating_add(bytes);
            self.running.tell(*stage, *done, *total);
        }
        self.inner.advance(bytes);
    }

    fn end(&self) {
        self.inner.end();
    }

    fn note(&self, message: &Message) {
        self.inner.note(message);
    }

    fn is_interrupted(&self) -> bool {
        self.inner.is_interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_job_and_the_others_see_it() {
        let folder = tempfile::tempdir().unwrap();
        let title = message!("ui-stage-save");
        assert_eq!(elsewhere_in(folder.path()), None);
        let running = Running::begin_in(folder.path(), &title, "tty1").unwrap();
        running.tell(Stage::Save, 3, 10);
        let error = Running::begin_in(folder.path(), &title, "ttyS0").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let seen = elsewhere_in(folder.path()).unwrap();
        assert_eq!((seen.stage.as_str(), seen.done, seen.total), ("save", 3, 10));
        assert_eq!(seen.console, "tty1");
        drop(running);
        assert_eq!(elsewhere_in(folder.path()), None);
        drop(Running::begin_in(folder.path(), &title, "ttyS0").unwrap());
    }

    #[test]
    fn what_a_killed_process_left_is_no_job() {
        let folder = tempfile::tempdir().unwrap();
        let title = message!("ui-stage-save");
        let running = Running::begin_in(folder.path(), &title, "tty1").unwrap();
        let left = fs::read(folder.path().join("job.json")).unwrap();
        drop(running);
        fs::write(folder.path().join("job.json"), left).unwrap();
        assert_eq!(elsewhere_in(folder.path()), None);
    }
}
