//! A folder on a server, reached through SSH: the SSH File Transfer Protocol, version 3
//! (draft-ietf-secsh-filexfer-02), with OpenSSH's extensions where the server has them.
//!
//! Many requests are under way at any time, so that nothing waits for one round trip per piece.

mod known_hosts;
mod session;

pub use session::HostKeys;

use super::address::Address;
use super::credentials::{Asker, Credentials};
use super::{Claim, Store, runtime};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, ImageFiles};
use crate::text::{Message, message};
use futures_util::future::{self, Either, try_join_all};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use session::{Learned, Login, Session};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How much may be on its way to or from the server, in bytes.
const UNDER_WAY: u64 = 8 << 20;
/// How long the server may take to make a file durable: it may have gigabytes in its memory.
const SYNC: Duration = Duration::from_secs(600);
/// How long any other answer may take; the requests themselves end sooner.
const ANSWER: Duration = Duration::from_secs(60);

/// The most entries of a folder that are listed: a server that goes on for ever is not believed.
const MOST_ENTRIES: usize = 1 << 18;

/// Images in a folder on a server.
pub struct SftpStore {
    server: Arc<Server>,
}

/// The server: a connection that is made anew when it broke.
struct Server {
    login: Login,
    /// The folder's path, as the server takes it.
    folder: String,
    session: Mutex<Option<Arc<Session>>>,
}

/// The path of a folder: `/~` begins at home.
fn path_of(address: &Address) -> String {
    match address.folders.split_first() {
        Some((first, rest)) if first == "~" => match rest {
            [] => ".".to_owned(),
            rest => rest.join("/"),
        },
        _ => format!("/{}", address.folders.join("/")),
    }
}

impl Server {
    fn session(&self) -> Result<Arc<Session>> {
        let mut current = self.session.lock().expect("no holder panics");
        if let Some(session) = current.as_ref().filter(|session| !session.is_broken()) {
            return Ok(session.clone());
        }
        *current = None;
        let session = Arc::new(self.login.connect()?);
        *current = Some(session.clone());
        Ok(session)
    }

    fn path(&self, names: &[&str]) -> String {
        let mut path = self.folder.clone();
        for name in names {
            if !path.ends_with('/') {
                path.push('/');
            }
            path.push_str(name);
        }
        path
    }

    /// What a person calls a file or directory.
    fn shown(&self, names: &[&str]) -> String {
        let mut shown = self.login.address.to_string();
        for name in names {
            shown.push('/');
            shown.push_str(name);
        }
        shown
    }

    /// Waits for the answer to requests of a session.
    fn ask<T>(
        &self,
        session: &Session,
        limit: Duration,
        what: impl Fn() -> Message,
        names: &[&str],
        request: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T> {
        let guarded = async {
            match future::select(pin!(request), pin!(session.closed())).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => Err(SftpError::IO("the connection is closed".to_owned())),
            }
        };
        let answer = runtime::wait(limit, guarded)?.unwrap_or(Err(SftpError::Timeout));
        answer.map_err(|error| self.explain(session, &error, what(), names))
    }

    /// What the failure of a request means.
    fn explain(
        &self,
        session: &Session,
        error: &SftpError,
        what: Message,
        names: &[&str],
    ) -> Error {
        let kind = match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => ErrorKind::NotFound,
                StatusCode::NoConnection | StatusCode::ConnectionLost => ErrorKind::Unreachable,
                StatusCode::OpUnsupported => ErrorKind::Unsupported,
                StatusCode::Eof => ErrorKind::Damaged,
                _ => ErrorKind::Io,
            },
            SftpError::Limited(_) => ErrorKind::Io,
            // The connection is gone, or the server speaks nonsense.
            _ => ErrorKind::Unreachable,
        };
        if kind == ErrorKind::Unreachable {
            session.give_up();
        }
        let why = match error {
            SftpError::Status(status) if status.error_message.is_empty() => {
                status.status_code.to_string()
            }
            SftpError::Status(status) => status.error_message.replace(char::is_control, " "),
            other => other.to_string(),
        };
        Error::new(kind, what).at_path(self.shown(names)).caused_by(why)
    }

    /// Bytes that can still be written, where the server tells.
    fn free_space(&self) -> Option<u64> {
        let session = self.session().ok().filter(|session| session.can_count)?;
        let request = session.sftp.statvfs(self.folder.as_str());
        let found = runtime::wait(ANSWER, request).ok()??.ok()?;
        found.blocks_avail.checked_mul(found.fragment_size)
    }

    /// The entries of a directory, without itself and what is above it.
    fn entries(&self, names: &[&str]) -> Result<Vec<(String, FileAttributes)>> {
        let session = self.session()?;
        let path = self.path(names);
        let what = || message!("store-list-failed");
        self.ask(&session, ANSWER * 10, what, names, async {
            let sftp = &session.sftp;
            let handle = sftp.opendir(path.as_str()).await?.handle;
            let mut entries = Vec::new();
            loop {
                if entries.len() > MOST_ENTRIES {
                    return Err(SftpError::Limited("the folder has too many entries".to_owned()));
                }
                match sftp.readdir(handle.as_str()).await {
                    Ok(name) => entries.extend(
                        name.files
                            .into_iter()
                            .filter(|file| !matches!(file.filename.as_str(), "." | ".."))
                            .map(|file| (file.filename, file.attrs)),
                    ),
                    Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => {
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            sftp.close(handle.as_str()).await?;
            Ok(entries)
        })
    }
}

impl SftpStore {
    /// The store in a folder of a server. `asker` is whoever can say whether a server's key is right,
    /// and type a password.
    ///
    /// # Errors
    /// When the server cannot be reached, is not the one it should be, or lets nobody in; when there
    /// is no such folder.
    pub fn open(
        address: Address,
        credentials: Credentials,
        keys: HostKeys,
        asker: Arc<dyn Asker>,
    ) -> Result<Self> {
        let folder = path_of(&address);
        let learned = Mutex::new(Learned::default());
        let login = Login { address, credentials, keys, asker, learned };
        let server = Arc::new(Server { login, folder, session: Mutex::new(None) });
        let session = server.session()?;
        let what = || message!("store-open-failed");
        let found =
            server.ask(&session, ANSWER, what, &[], session.sftp.stat(server.folder.as_str()));
        let found = found.map_err(|error| error.advise(message!("store-open-advice")))?;
        if !found.attrs.is_dir() {
            return Err(Error::new(ErrorKind::Usage, message!("store-no-folder"))
                .at_path(server.shown(&[]))
                .advise(message!("store-open-advice")));
        }
        Ok(Self { server })
    }

    fn files(&self, name: &str) -> Arc<dyn ImageFiles> {
        Arc::new(SftpFiles { server: self.server.clone(), directory: name.to_owned() })
    }
}

impl Store for SftpStore {
    fn location(&self) -> String {
        self.server.shown(&[])
    }

    fn directories(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self
            .server
            .entries(&[])?
            .into_iter()
            .filter(|(_, attributes)| attributes.is_dir())
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let session = self.server.session()?;
        let request = session.sftp.stat(self.server.path(&[name]));
        let what = || message!("store-no-image");
        let found = self
            .server
            .ask(&session, ANSWER, what, &[name], request)
            .map_err(|error| error.advise(message!("image-foreign-advice")))?;
        if !found.attrs.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, message!("store-no-image"))
                .at_path(self.server.shown(&[name]))
                .advise(message!("image-foreign-advice")));
        }
        Ok(self.files(name))
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let session = self.server.session()?;
        let path = self.server.path(&[name]);
        let request = session.sftp.mkdir(path, FileAttributes::empty());
        let what = || message!("store-create-failed");
        self.server
            .ask(&session, ANSWER, what, &[name], request)
            .map_err(|error| error.advise(message!("store-create-advice")))?;
        Ok(self.files(name))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        let session = self.server.session()?;
        let request = session.sftp.rmdir(self.server.path(&[name]));
        let what = || message!("store-delete-failed");
        self.server.ask(&session, ANSWER, what, &[name], request).map(drop)
    }

    fn free_space(&self) -> Option<u64> {
        self.server.free_space()
    }

    fn max_file_size(&self) -> Option<u64> {
        None
    }

    fn claim(&self, _name: &str) -> Result<Option<Claim>> {
        // The protocol has no locks; the person who prunes is asked anyway.
        Ok(Some(Claim(None)))
    }
}

/// The files of one image on a server.
struct SftpFiles {
    server: Arc<Server>,
    directory: String,
}

impl SftpFiles {
    fn names<'a>(&'a self, name: &'a str) -> [&'a str; 2] {
        [&self.directory, name]
    }

    fn writer(
        &self,
        name: &str,
        session: Arc<Session>,
        handle: String,
        written: u64,
    ) -> Box<dyn FileWriter> {
        Box::new(SftpWriter {
            server: self.server.clone(),
            session,
            handle,
            names: (self.directory.clone(), name.to_owned()),
            written,
            durable: written,
            sent: VecDeque::new(),
            under_way: 0,
            waiting: Vec::new(),
        })
    }
}

impl ImageFiles for SftpFiles {
    fn location(&self) -> String {
        self.server.shown(&[&self.directory])
    }

    fn directory(&self) -> String {
        self.directory.clone()
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let session = self.server.session()?;
        let names = self.names(name);
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE;
        let request = session.sftp.open(self.server.path(&names), flags, FileAttributes::empty());
        let what = || message!("store-create-failed");
        let handle = self
            .server
            .ask(&session, ANSWER, what, &names, request)
            .map_err(|error| error.advise(message!("store-create-advice")))?
            .handle;
        Ok(self.writer(name, session, handle, 0))
    }

    fn resume(&self, name: &str, length: u64) -> Result<Box<dyn FileWriter>> {
        let session = self.server.session()?;
        let names = self.names(name);
        let path = self.server.path(&names);
        let what = || message!("store-write-failed");
        let (handle, found) = self.server.ask(&session, ANSWER, what, &names, async {
            let sftp = &session.sftp;
            let handle = sftp.open(path, OpenFlags::WRITE, FileAttributes::empty()).await?.handle;
            let found = sftp.fstat(handle.as_str()).await?.attrs.size.unwrap_or(0);
            if found > length {
                let mut cut = FileAttributes::empty();
                cut.size = Some(length);
                sftp.fsetstat(handle.as_str(), cut).await?;
            }
            Ok((handle, found))
        })?;
        if found < length {
            // What the server had promised to keep is gone.
            return Err(Error::new(ErrorKind::Io, message!("store-write-failed"))
                .at_path(self.server.shown(&names)));
        }
        Ok(self.writer(name, session, handle, length))
    }

    fn open(&self, name: &str, _: Freshness) -> Result<Box<dyn FileReader>> {
        let session = self.server.session()?;
        let names = self.names(name);
        let path = self.server.path(&names);
        let what = || message!("store-read-failed");
        let (handle, attributes) = self.server.ask(&session, ANSWER, what, &names, async {
            let sftp = &session.sftp;
            let handle = sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await?.handle;
            let attributes = sftp.fstat(handle.as_str()).await?.attrs;
            Ok((handle, attributes))
        })?;
        let reader = SftpReader {
            server: self.server.clone(),
            length: attributes.size.unwrap_or(0),
            ahead: Mutex::new(Ahead::default()),
            handle: Arc::new(OpenHandle { session, handle }),
            names: (self.directory.clone(), name.to_owned()),
        };
        if attributes.is_dir() {
            return Err(Error::new(ErrorKind::Damaged, message!("store-no-plain-file"))
                .at_path(self.server.shown(&names)));
        }
        Ok(Box::new(reader))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        let mut files: Vec<FileEntry> = self
            .server
            .entries(&[&self.directory])?
            .into_iter()
            .map(|(name, attributes)| FileEntry { name, length: attributes.size.unwrap_or(0) })
            .collect();
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn delete(&self, name: &str) -> Result<()> {
        let session = self.server.session()?;
        let names = self.names(name);
        let request = session.sftp.remove(self.server.path(&names));
        let what = || message!("store-delete-failed");
        self.server.ask(&session, ANSWER, what, &names, request).map(drop)
    }
}

type Sent = JoinHandle<Result<u64, SftpError>>;

struct SftpWriter {
    server: Arc<Server>,
    session: Arc<Session>,
    handle: String,
    names: (String, String),
    /// Bytes given to this writer, those of an earlier one of the same file included.
    written: u64,
    durable: u64,
    /// Pieces that the server has not confirmed.
    sent: VecDeque<Sent>,
    /// Their bytes.
    under_way: u64,
    /// The last piece, not long enough yet to be sent.
    waiting: Vec<u8>,
}

impl SftpWriter {
    fn ask<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T> {
        let what = || message!("store-write-failed");
        let names = [self.names.0.as_str(), self.names.1.as_str()];
        self.server.ask(&self.session, limit, what, &names, request).map_err(|error| {
            let error = error.at_offset(self.written);
            // Servers have no word for it: a full disk is only a failure to them.
            let is_full = error.kind() == ErrorKind::Io
                && self.server.free_space().is_some_and(|free| free < UNDER_WAY);
            match is_full {
                true => Error::new(ErrorKind::NoSpace, message!("store-write-failed"))
                    .at_path(self.server.shown(&names))
                    .caused_by(error)
                    .advise(message!("store-full-advice")),
                false => error,
            }
        })
    }

    fn send(&mut self, piece: Vec<u8>) -> Result<()> {
        let session = self.session.clone();
        let handle = self.handle.clone();
        let length = piece.len() as u64;
        let offset = self.written - self.waiting.len() as u64 - length;
        self.under_way += length;
        self.sent.push_back(
            runtime::handle()?.spawn(async move {
                session.sftp.write(handle, offset, piece).await.map(|_| length)
            }),
        );
        self.settle(UNDER_WAY)
    }

    /// Waits until no more than `left` bytes are unconfirmed.
    fn settle(&mut self, left: u64) -> Result<()> {
        while self.under_way > left {
            let Some(first) = self.sent.pop_front() else { return Ok(()) };
            let lost = SftpError::UnexpectedBehavior("the request was lost".to_owned());
            self.under_way -= self.ask(ANSWER, async { first.await.unwrap_or(Err(lost)) })?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            let piece = std::mem::take(&mut self.waiting);
            self.send(piece)?;
        }
        self.settle(0)
    }
}

impl FileWriter for SftpWriter {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let longest = self.session.piece as usize;
        while !bytes.is_empty() {
            let room = longest - self.waiting.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.waiting.extend_from_slice(now);
            self.written += now.len() as u64;
            bytes = later;
            if self.waiting.len() == longest {
                let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(longest));
                self.send(piece)?;
            }
        }
        Ok(())
    }

    fn durable(&self) -> u64 {
        self.durable
    }

    fn sync(&mut self) -> Result<()> {
        self.flush()?;
        if self.session.can_sync {
            // The request of the crate ends after its own time limit, which is for short answers.
            self.session.sftp.set_timeout(SYNC.as_secs());
            let synced = self.ask(SYNC, self.session.sftp.fsync(self.handle.as_str()));
            self.session.sftp.set_timeout(session::ANSWER.as_secs());
            synced?;
        }
        self.durable = self.written;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.sync()?;
        let handle = std::mem::take(&mut self.handle);
        self.ask(ANSWER, self.session.sftp.close(handle)).map(drop)
    }
}

impl Drop for SftpWriter {
    fn drop(&mut self) {
        for sent in &self.sent {
            sent.abort();
        }
        close(&self.session, &self.handle);
    }
}

/// Closes a file, and waits for nothing.
fn close(session: &Arc<Session>, handle: &str) {
    if handle.is_empty() || session.is_broken() {
        return;
    }
    let (session, handle) = (session.clone(), handle.to_owned());
    if let Ok(runtime) = runtime::handle() {
        runtime.spawn(async move { session.sftp.close(handle).await });
    }
}

/// An open file, closed when nobody reads it any more.
struct OpenHandle {
    session: Arc<Session>,
    handle: String,
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        close(&self.session, &self.handle);
    }
}

impl OpenHandle {
    /// Reads a range, all pieces of it at once.
    async fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, SftpError> {
        let piece = self.session.piece;
        let starts = (offset..offset + length).step_by(piece as usize);
        let reads = starts.map(|start| self.read_piece(start, piece.min(offset + length - start)));
        Ok(try_join_all(reads).await?.concat())
    }

    /// Reads a piece; a server may answer with less than was asked for.
    async fn read_piece(&self, offset: u64, length: u64) -> Result<Vec<u8>, SftpError> {
        let mut bytes = Vec::with_capacity(length as usize);
        while (bytes.len() as u64) < length {
            let done = bytes.len() as u64;
            let asked = (length - done) as u32;
            let answer = self.session.sftp.read(self.handle.as_str(), offset + done, asked).await?;
            if answer.data.is_empty() || answer.data.len() > asked as usize {
                return Err(SftpError::UnexpectedPacket);
            }
            bytes.extend_from_slice(&answer.data);
        }
        Ok(bytes)
    }
}

struct SftpReader {
    server: Arc<Server>,
    handle: Arc<OpenHandle>,
    names: (String, String),
    length: u64,
    ahead: Mutex<Ahead>,
}

type Window = JoinHandle<Result<Vec<u8>, SftpError>>;

/// What is read before it is asked for, as long as a file is read from front to back.
#[derive(Default)]
struct Ahead {
    /// Windows that follow each other: where each begins, its length, and its bytes when they come.
    windows: VecDeque<(u64, u64, Window)>,
    /// The bytes of the window that is being read, and where it begins.
    current: (u64, Vec<u8>),
    /// Where the last read ended.
    expected: u64,
}

/// The length of a window, in bytes.
const WINDOW: u64 = 1 << 20;

impl Drop for Ahead {
    fn drop(&mut self) {
        for (.., window) in &self.windows {
            window.abort();
        }
    }
}

impl SftpReader {
    fn ask<T>(
        &self,
        offset: u64,
        request: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T> {
        let what = || message!("store-read-failed");
        let names = [self.names.0.as_str(), self.names.1.as_str()];
        self.server
            .ask(&self.handle.session, ANSWER, what, &names, request)
            .map_err(|error| match error.kind() {
                // The file ends before its own length: it was cut while we looked.
                ErrorKind::Damaged => Error::new(ErrorKind::Damaged, message!("store-cut-short"))
                    .at_path(self.server.shown(&names)),
                _ => error,
            })
            .map_err(|error| error.at_offset(offset))
    }

    /// Reads on where the last read ended.
    fn read_on(&self, ahead: &mut Ahead, mut offset: u64, mut buffer: &mut [u8]) -> Result<()> {
        while !buffer.is_empty() {
            let (start, bytes) = &ahead.current;
            let inside = offset.checked_sub(*start).filter(|at| *at < bytes.len() as u64);
            let Some(inside) = inside else {
                self.look_ahead(ahead, offset)?;
                let Some((start, _, window)) = ahead.windows.pop_front() else {
                    return self.read_at(offset, buffer);
                };
                let lost = SftpError::UnexpectedBehavior("the request was lost".to_owned());
                let bytes = self.ask(start, async { window.await.unwrap_or(Err(lost)) })?;
                ahead.current = (start, bytes);
                continue;
            };
            let rest = &bytes[inside as usize..];
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            buffer = &mut buffer[length..];
            offset += length as u64;
        }
        Ok(())
    }

    /// Asks for what comes from `offset` on.
    fn look_ahead(&self, ahead: &mut Ahead, offset: u64) -> Result<()> {
        if ahead.windows.front().is_some_and(|(start, ..)| *start != offset) {
            for (.., window) in ahead.windows.drain(..) {
                window.abort();
            }
        }
        let mut next = ahead.windows.back().map_or(offset, |(start, length, _)| start + length);
        while next < self.length && (ahead.windows.len() as u64) < UNDER_WAY / WINDOW {
            let length = WINDOW.min(self.length - next);
            let handle = self.handle.clone();
            let window = runtime::handle()?.spawn(async move { handle.read(next, length).await });
            ahead.windows.push_back((next, length, window));
            next += length;
        }
        Ok(())
    }
}

impl FileReader for SftpReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length);
        let Some(end) = end else {
            let names = [self.names.0.as_str(), self.names.1.as_str()];
            return Err(Error::new(ErrorKind::Damaged, message!("store-cut-short"))
                .at_path(self.server.shown(&names))
                .at_offset(offset));
        };
        if let Ok(mut ahead) = self.ahead.try_lock() {
            let is_next = ahead.expected == offset && offset > 0;
            ahead.expected = end;
            if is_next {
                let read = self.read_on(&mut ahead, offset, buffer);
                if read.is_err() {
                    *ahead = Ahead::default();
                }
                return read;
            }
        }
        let bytes = self.ask(offset, self.handle.read(offset, buffer.len() as u64))?;
        if bytes.len() != buffer.len() {
            return Err(
                Error::new(ErrorKind::Damaged, message!("store-cut-short")).at_offset(offset)
            );
        }
        buffer.copy_from_slice(&bytes);
        Ok(())
    }
}
