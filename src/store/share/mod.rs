//! A folder on a server that the kernel mounts: NFS and SMB.
//!
//! Such a mount waits for its server, for ever if need be, and so does every process that touches it. It
//! is therefore mounted in a process of its own, for that process alone, which does what it is asked
//! through a socket (`protocol`). Whoever asks can stop to wait; the process is then given up, and
//! its mount taken away by force. Without it, the mount is gone too: nothing is left behind.

mod mount;
mod nfs;
mod process;
mod protocol;
mod server;
mod smb;

pub use process::{SHARE_PROCESS, run_share_process};

use super::address::{Address, Scheme};
use super::credentials::{Asker, Credentials};
use super::patience::Patience;
use super::read_ahead::{RangeReader, Ranges, ReadAhead};
use super::{Claim, Store};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, Hold, ImageFiles};
use crate::text::message;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mount::{MountRequest, MountUser};
use process::ShareProcess;
use protocol::{Answer, LONGEST_CONTENT, Reply, Request, receive, send};
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one address of the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may take to let us in.
const MOUNT: Duration = Duration::from_secs(90);
/// How long an answer may take before it is said that the server is waited for.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the process itself may take to read what it is told: it never waits for the server.
const PROCESS: Duration = Duration::from_secs(60);
/// How long the end of a file is waited for.
const CLOSE: Duration = Duration::from_secs(2);
/// How often a person may mistype a password.
const TRIES: u32 = 3;

/// What is fetched at once and in advance.
const READ_AHEAD: ReadAhead = ReadAhead { block: 4 << 20, ahead: 3 };

type Pending = Mutex<Option<HashMap<u64, Sender<(Reply, Vec<u8>)>>>>;

/// The line to a process that has the share mounted.
struct Line {
    socket: UnixStream,
    /// Held while a frame is written.
    out: Mutex<()>,
    next: AtomicU64,
    /// Who waits for which answer; none once the line is broken.
    pending: Arc<Pending>,
    patience: Arc<Patience>,
    /// How long an answer may take before it is said that the server is waited for.
    silence: Duration,
    /// None where the other end is no process.
    _process: Option<ShareProcess>,
}

fn ended() -> Error {
    Error::new(ErrorKind::Unreachable, message!("share-ended"))
}

fn silent() -> Error {
    Error::new(ErrorKind::Unreachable, message!("share-silent"))
}

fn confused() -> Error {
    Error::new(ErrorKind::Io, message!("share-confused"))
}

impl Line {
    fn new(
        socket: UnixStream,
        process: Option<ShareProcess>,
        patience: Arc<Patience>,
        silence: Duration,
    ) -> std::io::Result<Self> {
        socket.set_write_timeout(Some(PROCESS))?;
        let pending: Arc<Pending> = Arc::new(Mutex::new(Some(HashMap::new())));
        let (from, waiting) = (socket.try_clone()?, pending.clone());
        std::thread::Builder::new().name("calco-share-line".into()).spawn(move || {
            while let Ok((number, reply, content)) = receive::<Reply>(&from) {
                let mut waiting = waiting.lock().expect("no holder panics");
                if let Some(asker) = waiting.as_mut().and_then(|all| all.remove(&number)) {
                    // Whoever asked may have given up.
                    let _ = asker.send((reply, content));
                }
            }
            *waiting.lock().expect("no holder panics") = None;
        })?;
        let (out, next) = (Mutex::default(), AtomicU64::new(1));
        Ok(Self { socket, out, next, pending, patience, silence, _process: process })
    }

    fn is_broken(&self) -> bool {
        self.pending.lock().expect("no holder panics").is_none()
    }

    /// Ends the line; the process sees that and takes its mount away.
    fn give_up(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        *self.pending.lock().expect("no holder panics") = None;
    }

    /// Asks; the answer comes through what is returned.
    fn send(&self, request: &Request, content: &[u8]) -> Result<Receiver<(Reply, Vec<u8>)>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = bounded(1);
        match self.pending.lock().expect("no holder panics").as_mut() {
            Some(pending) => pending.insert(number, tell),
            None => return Err(ended()),
        };
        let sent = {
            let _frame = self.out.lock().expect("no holder panics");
            send(&self.socket, number, request, content)
        };
        if sent.is_err() {
            // Half a frame may have been sent.
            self.give_up();
            return Err(ended());
        }
        Ok(told)
    }

    /// Asks, and waits for the answer as long as the patience with the server lasts.
    fn ask(&self, request: &Request, content: &[u8]) -> Result<(Answer, Vec<u8>)> {
        self.ask_within(self.silence, request, content)
    }

    fn ask_within(
        &self,
        silence: Duration,
        request: &Request,
        content: &[u8],
    ) -> Result<(Answer, Vec<u8>)> {
        let told = self.send(request, content)?;
        let answer =
            self.patience.await_answer(silence, silent, |wait| match told.recv_timeout(wait) {
                Ok((reply, content)) => {
                    Some(reply.map(|answer| (answer, content)).map_err(Error::from))
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Err(ended())),
            });
        match answer {
            Ok(result) => result,
            Err(error) => {
                self.give_up();
                Err(error)
            }
        }
    }

    /// Has the process close a file or give up a claim. What is open can neither be removed nor
    /// claimed by others, so this waits until it is done; but not for a server that is away.
    fn close(&self, file: u64) {
        if let Ok(told) = self.send(&Request::Close { file }, &[]) {
            let _ = told.recv_timeout(CLOSE);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// How a process is reached that has the share mounted.
type Reach = dyn Fn() -> Result<Line> + Send + Sync;

struct Share {
    shown: String,
    reach: Box<Reach>,
    line: Mutex<Option<Arc<Line>>>,
}

impl Share {
    /// The line, a new one if it broke.
    fn line(&self) -> Result<Arc<Line>> {
        let mut current = self.line.lock().expect("no holder panics");
        if let Some(line) = current.as_ref().filter(|line| !line.is_broken()) {
            return Ok(line.clone());
        }
        // Its process is gone before there is another one.
        *current = None;
        Ok(current.insert(Arc::new((self.reach)()?)).clone())
    }

    fn ask(&self, request: &Request) -> Result<Answer> {
        self.line()?.ask(request, &[]).map(|(answer, _)| answer)
    }

    fn done(&self, request: &Request) -> Result<()> {
        match self.ask(request)? {
            Answer::Done => Ok(()),
            _ => Err(confused()),
        }
    }

    fn number(&self, request: &Request) -> Option<u64> {
        match self.ask(request) {
            Ok(Answer::Number(number)) => number,
            _ => None,
        }
    }

    /// Opens something, and answers on which line it is open, its number and its length in bytes.
    fn open(&self, request: &Request) -> Result<Opened> {
        let line = self.line()?;
        match line.ask(request, &[])? {
            (Answer::Opened { file, length }, _) => {
                Ok(Opened { line, file, length, is_closed: false })
            }
            _ => Err(confused()),
        }
    }
}

/// Something that is open in the process.
struct Opened {
    line: Arc<Line>,
    file: u64,
    length: u64,
    /// Whether the process has closed it by itself.
    is_closed: bool,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.is_closed {
            self.line.close(self.file);
        }
    }
}

/// The address that answers, of those that the server's name stands for.
///
/// # Errors
/// [`ErrorKind::Unreachable`], with the reason of the first of them.
fn reach_host(scheme: Scheme, host: &str, port: u16) -> Result<IpAddr> {
    let places = (host, port).to_socket_addrs().map_err(|error| {
        Error::new(ErrorKind::Unreachable, message!("ssh-no-such-host", host = host))
            .caused_by(error)
            .advise(message!("ssh-no-such-host-advice"))
    })?;
    let mut why: Option<std::io::Error> = None;
    for place in places {
        match TcpStream::connect_timeout(&place, CONNECT) {
            Ok(_) => return Ok(place.ip()),
            Err(error) => {
                why.get_or_insert(error);
            }
        }
    }
    let why = why.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
    Err(no_connection(scheme, host).caused_by(why))
}

/// Says that there is no way to the server.
fn no_connection(scheme: Scheme, host: &str) -> Error {
    let name = scheme.name().to_uppercase();
    Error::new(ErrorKind::Unreachable, message!("ssh-no-connection", server = host))
        .advise(message!("share-no-connection-advice", name = name))
}

/// Who wants to be let in, after a person was asked for what is missing.
fn who(
    address: &Address,
    credentials: &Credentials,
    asker: &dyn Asker,
) -> Result<(MountUser, bool)> {
    if address.scheme == Scheme::Nfs {
        return Ok((MountUser::default(), false));
    }
    let own = || std::env::var("USER").ok().filter(|user| !user.is_empty());
    let known = credentials.password.as_ref();
    let name = match (&credentials.user, known) {
        (Some(user), _) => Some(user.clone()),
        (None, Some(_)) => own().or(Some("root".to_owned())),
        (None, None) => None,
    };
    let (password, was_asked) = match (&name, known) {
        (None, _) => (None, false),
        (Some(_), Some(password)) => (Some(password.clone()), false),
        (Some(user), None) => {
            let server = address.server();
            let question = message!("store-password-question", user = user, server = server);
            let typed = asker.secret(&question)?;
            (Some(typed.ok_or_else(|| no_password(user, &address.server()))?), true)
        }
    };
    let password = password.map(|password| Zeroizing::new(password.expose().to_owned()));
    Ok((MountUser { name, domain: credentials.domain.clone(), password }, was_asked))
}

fn no_password(user: &str, server: &str) -> Error {
    Error::new(ErrorKind::Refused, message!("share-no-password", user = user, server = server))
        .advise(message!("share-not-let-in-advice"))
}

/// Images in a folder of an NFS export or an SMB share.
pub struct ShareStore {
    share: Arc<Share>,
}

impl ShareStore {
    /// Reaches the folder that an address names, for reading alone or for writing too. A server
    /// that goes away later is waited for with `patience`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when there is no way to the server, [`ErrorKind::NotFound`] when it
    /// has no such export, share or folder, [`ErrorKind::Refused`] when it does not let us in.
    pub fn open(
        address: &Address,
        is_read_only: bool,
        credentials: &Credentials,
        asker: &dyn Asker,
        patience: Arc<Patience>,
    ) -> Result<Self> {
        let mut tries = 0;
        loop {
            let (user, was_asked) = who(address, credentials, asker)?;
            let store = Self::connect(address, is_read_only, user, patience.clone());
            tries += 1;
            match store {
                Err(error) if error.kind() == ErrorKind::Refused && was_asked && tries < TRIES => {}
                result => return result,
            }
        }
    }

    fn connect(
        address: &Address,
        is_read_only: bool,
        user: MountUser,
        patience: Arc<Patience>,
    ) -> Result<Self> {
        let address = address.clone();
        let shown = address.to_string();
        let reach = move || {
            let usual = if address.scheme == Scheme::Smb { smb::PORT } else { nfs::PORT };
            let port = address.port.unwrap_or(usual);
            let ip = reach_host(address.scheme, &address.host, port)?;
            let (socket, process) = ShareProcess::start()?;
            let line =
                Line::new(socket, Some(process), patience.clone(), SILENCE).map_err(|error| {
                    Error::new(ErrorKind::Io, message!("share-no-process")).caused_by(error)
                })?;
            let request = Request::Mount(MountRequest {
                scheme: address.scheme,
                host: address.host.clone(),
                ip,
                port: address.port,
                folders: address.folders.clone(),
                version: address.options.get("version").cloned(),
                user: user.clone(),
                is_read_only,
                shown: address.to_string(),
            });
            line.ask_within(MOUNT, &request, &[])?;
            Ok(line)
        };
        Self::through(shown, Box::new(reach))
    }

    /// The store at the other end of lines that `reach` makes.
    fn through(shown: String, reach: Box<Reach>) -> Result<Self> {
        let share = Arc::new(Share { shown, reach, line: Mutex::new(None) });
        share.line()?;
        Ok(Self { share })
    }

    /// A store behind a line whose other end is a thread of this process: what everything else is
    /// tested with. An answer is waited for in silence as long as `silence`.
    ///
    /// # Errors
    /// When the system has no socket or no thread.
    pub fn of_thread(
        store: Arc<dyn Store>,
        patience: Arc<Patience>,
        silence: Duration,
    ) -> Result<Self> {
        let shown = store.location();
        let reach = move || {
            let start = || -> std::io::Result<Line> {
                let (own, other) = UnixStream::pair()?;
                let store = store.clone();
                std::thread::Builder::new().spawn(move || server::serve(store, &other))?;
                Line::new(own, None, patience.clone(), silence)
            };
            start().context(|| message!("share-no-process"))
        };
        Self::through(shown, Box::new(reach))
    }

    fn files(&self, name: &str) -> Arc<dyn ImageFiles> {
        Arc::new(ShareFiles { share: self.share.clone(), directory: name.to_owned() })
    }
}

impl Store for ShareStore {
    fn location(&self) -> String {
        self.share.shown.clone()
    }

    fn directories(&self) -> Result<Vec<String>> {
        match self.share.ask(&Request::Directories)? {
            Answer::Names(names) => Ok(names),
            _ => Err(confused()),
        }
    }

    fn link(&self, name: &str) -> Option<String> {
        match self.share.ask(&Request::Link { name: name.to_owned() }) {
            Ok(Answer::Link(target)) => target,
            _ => None,
        }
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.share.done(&Request::Directory { name: name.to_owned() })?;
        Ok(self.files(name))
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.share.done(&Request::CreateDirectory { name: name.to_owned() })?;
        Ok(self.files(name))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.share.done(&Request::RemoveDirectory { name: name.to_owned() })
    }

    fn free_space(&self) -> Option<u64> {
        self.share.number(&Request::FreeSpace)
    }

    fn max_file_size(&self) -> Option<u64> {
        self.share.number(&Request::MaxFileSize)
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        let line = self.share.line()?;
        match line.ask(&Request::Claim { name: name.to_owned() }, &[])? {
            (Answer::Opened { file, length }, _) => {
                Ok(Some(Claim::of(Opened { line, file, length, is_closed: false })))
            }
            (Answer::Done, _) => Ok(None),
            _ => Err(confused()),
        }
    }

    fn lock(&self) -> Result<Claim> {
        self.share.open(&Request::Lock).map(Claim::of)
    }
}

/// The files of one image on the share.
struct ShareFiles {
    share: Arc<Share>,
    directory: String,
}

impl ShareFiles {
    fn writer(&self, request: &Request) -> Result<Box<dyn FileWriter>> {
        Ok(Box::new(ShareWriter { file: self.share.open(request)?, durable: 0 }))
    }
}

impl ImageFiles for ShareFiles {
    fn location(&self) -> String {
        format!("{}/{}", self.share.shown, self.directory)
    }

    fn directory(&self) -> String {
        self.directory.clone()
    }

    fn hold(&self) -> Option<Hold> {
        let line = self.share.line().ok()?;
        let directory = self.directory.clone();
        match line.ask(&Request::Hold { directory }, &[]).ok()? {
            (Answer::Opened { file, length }, _) => {
                Some(Box::new(Opened { line, file, length, is_closed: false }))
            }
            _ => None,
        }
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let (directory, name) = (self.directory.clone(), name.to_owned());
        self.writer(&Request::Create { directory, name })
    }

    fn resume(&self, name: &str, length: u64) -> Result<Box<dyn FileWriter>> {
        let (directory, name) = (self.directory.clone(), name.to_owned());
        self.writer(&Request::Resume { directory, name, length })
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        let is_fresh = freshness == Freshness::Medium;
        let (directory, name) = (self.directory.clone(), name.to_owned());
        let location = format!("{}/{name}", self.location());
        let file = self.share.open(&Request::Open { directory, name, is_fresh })?;
        Ok(Box::new(RangeReader::new(ShareFile { file, location }, READ_AHEAD)))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        match self.share.ask(&Request::List { directory: self.directory.clone() })? {
            Answer::Files(files) => Ok(files),
            _ => Err(confused()),
        }
    }

    fn delete(&self, name: &str) -> Result<()> {
        let (directory, name) = (self.directory.clone(), name.to_owned());
        self.share.done(&Request::Delete { directory, name })
    }

    fn max_file_size(&self) -> Option<u64> {
        self.share.number(&Request::MaxFileSize)
    }
}

struct ShareWriter {
    file: Opened,
    durable: u64,
}

impl FileWriter for ShareWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(LONGEST_CONTENT as usize) {
            let request = Request::Write { file: self.file.file };
            match self.file.line.ask(&request, piece)? {
                (Answer::Durable(durable), _) => self.durable = durable,
                _ => return Err(confused()),
            }
        }
        Ok(())
    }

    fn durable(&self) -> u64 {
        self.durable
    }

    fn sync(&mut self) -> Result<()> {
        match self.file.line.ask(&Request::Sync { file: self.file.file }, &[])? {
            (Answer::Durable(durable), _) => self.durable = durable,
            _ => return Err(confused()),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        match self.file.line.ask(&Request::Finish { file: self.file.file }, &[])? {
            (Answer::Done, _) => {
                self.file.is_closed = true;
                Ok(())
            }
            _ => Err(confused()),
        }
    }
}

/// A file on the share that is read.
struct ShareFile {
    file: Opened,
    location: String,
}

impl Ranges for ShareFile {
    fn length(&self) -> u64 {
        self.file.length
    }

    fn fetch(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let length = u32::try_from(length).map_err(|_| confused())?;
        let request = Request::Read { file: self.file.file, offset, length };
        let (_, content) = self.file.line.ask(&request, &[])?;
        match content.len() == length as usize {
            true => Ok(content),
            false => Err(confused()),
        }
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}

#[cfg(test)]
mod tests;
