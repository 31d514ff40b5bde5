//! The side of the process that has the share mounted: it does what it is asked, many things at
//! once, until nobody is there to ask.

use super::protocol::{Answer, LONGEST_CONTENT, Reply, Request, freshness, receive, send};
use crate::error::{Error, ErrorKind, ErrorRecord, Result};
use crate::image::{FileReader, FileWriter};
use crate::store::Store;
use crate::text::message;
use std::any::Any;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

/// What somebody has open.
#[derive(Clone)]
enum Handle {
    /// None once it was finished.
    Writer(Arc<Mutex<Option<Box<dyn FileWriter>>>>),
    Reader(Arc<dyn FileReader>),
    Kept(#[allow(dead_code, reason = "kept for its lock")] Arc<dyn Any + Send + Sync>),
}

#[derive(Default)]
struct Handles {
    next: u64,
    open: HashMap<u64, Handle>,
}

struct Server {
    store: Arc<dyn Store>,
    handles: Mutex<Handles>,
}

/// A request that makes no sense: only a mistake of ours can send one.
fn nonsense() -> Error {
    Error::new(ErrorKind::Io, message!("share-confused"))
}

/// Does what `line` asks of `store`, until the line ends.
pub(super) fn serve(store: Arc<dyn Store>, line: &UnixStream) {
    let server = Arc::new(Server { store, handles: Mutex::default() });
    let Ok(out) = line.try_clone() else { return };
    let out = Arc::new(Mutex::new(out));
    while let Ok((number, request, content)) = receive::<Request>(line) {
        let (server, out) = (server.clone(), out.clone());
        let work = move || {
            let mut read = Vec::new();
            let reply: Reply = server
                .answer(request, &content, &mut read)
                .map_err(|error| ErrorRecord::of(&error));
            let out = out.lock().expect("no holder panics");
            // Nobody is there any more: then the loop ends too.
            let _ = send(&*out, number, &reply, &read);
        };
        // One that waits for the server must not keep the others waiting.
        if std::thread::Builder::new().name("calco-share".into()).spawn(work).is_err() {
            return;
        }
    }
}

impl Server {
    fn keep(&self, handle: Handle) -> u64 {
        let mut handles = self.handles.lock().expect("no holder panics");
        handles.next += 1;
        let number = handles.next;
        handles.open.insert(number, handle);
        number
    }

    fn handle(&self, file: u64) -> Result<Handle> {
        let handles = self.handles.lock().expect("no holder panics");
        handles.open.get(&file).cloned().ok_or_else(nonsense)
    }

    fn close(&self, file: u64) {
        let handle = self.handles.lock().expect("no holder panics").open.remove(&file);
        // Out of the lock: closing a file can wait for the server.
        drop(handle);
    }

    fn with_writer<T>(
        &self,
        file: u64,
        work: impl FnOnce(&mut Option<Box<dyn FileWriter>>) -> Result<T>,
    ) -> Result<T> {
        let Handle::Writer(writer) = self.handle(file)? else { return Err(nonsense()) };
        let mut writer = writer.lock().expect("no holder panics");
        work(&mut writer)
    }

    fn opened(&self, handle: Handle, length: u64) -> Answer {
        Answer::Opened { file: self.keep(handle), length }
    }

    fn writer(&self, writer: Box<dyn FileWriter>) -> Answer {
        self.opened(Handle::Writer(Arc::new(Mutex::new(Some(writer)))), 0)
    }

    /// Does what is asked; what was read is put into `read`.
    fn answer(&self, request: Request, content: &[u8], read: &mut Vec<u8>) -> Result<Answer> {
        let store = &self.store;
        Ok(match request {
            Request::Mount(_) => return Err(nonsense()),
            Request::Directories => Answer::Names(store.directories()?),
            Request::Link { name } => Answer::Link(store.link(&name)),
            Request::Directory { name } => {
                store.directory(&name)?;
                Answer::Done
            }
            Request::CreateDirectory { name } => {
                store.create_directory(&name)?;
                Answer::Done
            }
            Request::RemoveDirectory { name } => {
                store.remove_directory(&name)?;
                Answer::Done
            }
            Request::FreeSpace => Answer::Number(store.free_space()),
            Request::MaxFileSize => Answer::Number(store.max_file_size()),
            Request::Claim { name } => match store.claim(&name)? {
                Some(claim) => self.opened(Handle::Kept(Arc::new(claim)), 0),
                None => Answer::Done,
            },
            Request::Lock => self.opened(Handle::Kept(Arc::new(store.lock()?)), 0),
            Request::Hold { directory } => match store.directory(&directory)?.hold() {
                Some(hold) => self.opened(Handle::Kept(hold.into()), 0),
                None => Answer::Done,
            },
            Request::List { directory } => Answer::Files(store.directory(&directory)?.list()?),
            Request::Delete { directory, name } => {
                store.directory(&directory)?.delete(&name)?;
                Answer::Done
            }
            Request::Create { directory, name } => {
                self.writer(store.directory(&directory)?.create(&name)?)
            }
            Request::Resume { directory, name, length } => {
                self.writer(store.directory(&directory)?.resume(&name, length)?)
            }
            Request::Open { directory, name, is_fresh } => {
                let file = store.directory(&directory)?.open(&name, freshness(is_fresh))?;
                let length = file.length();
                self.opened(Handle::Reader(file.into()), length)
            }
            Request::Write { file } => {
                let durable = self.with_writer(file, |writer| {
                    let writer = writer.as_mut().ok_or_else(nonsense)?;
                    writer.write(content)?;
                    Ok(writer.durable())
                })?;
                Answer::Durable(durable)
            }
            Request::Sync { file } => {
                let durable = self.with_writer(file, |writer| {
                    let writer = writer.as_mut().ok_or_else(nonsense)?;
                    writer.sync()?;
                    Ok(writer.durable())
                })?;
                Answer::Durable(durable)
            }
            Request::Finish { file } => {
                self.with_writer(file, |writer| writer.take().ok_or_else(nonsense)?.finish())?;
                self.close(file);
                Answer::Done
            }
            Request::Read { file, offset, length } => {
                let Handle::Reader(reader) = self.handle(file)? else { return Err(nonsense()) };
                read.resize(length.min(LONGEST_CONTENT) as usize, 0);
                if let Err(error) = reader.read_at(offset, read) {
                    read.clear();
                    return Err(error);
                }
                Answer::Done
            }
            Request::Close { file } => {
                self.close(file);
                Answer::Done
            }
        })
    }
}
