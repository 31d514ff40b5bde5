//! Images in object storage, through the interface that Amazon's S3 began with.
//!
//! A directory is the part of a key between the prefix and the next slash. So that two savers
//! never share one, making a directory means creating an object in it which must not exist
//! (`If-None-Match: *`), [`MARKER`]; as its content tells whose it is, servers that do not know
//! the condition are found out. Files of up to one part are created under the same condition;
//! longer ones are uploaded in parts and appear when they are complete.

use super::client::{
    AHEAD, Answer, Client, LONGEST_ANSWER, RemoteFile, explain, explain_status, length_of,
};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, ImageFiles};
use crate::store::address::Address;
use crate::store::credentials::{Asker, Credentials, Secret};
use crate::store::read_ahead::RangeReader;
use crate::store::{Claim, Store};
use crate::text::{Message, message};
use rusty_s3::actions::{
    CompleteMultipartUpload, CreateMultipartUpload, ListObjectsV2, UploadPart,
};
use rusty_s3::{Bucket, S3Action, UrlStyle};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use ureq::AsSendBody;
use ureq::http::header::ETAG;
use ureq::http::{Method, Request, StatusCode};
use url::Url;
use uuid::Uuid;

/// The file that makes a directory exist. Nobody but this store sees it.
const MARKER: &str = ".calco";
/// How long a signed request is valid.
const VALID: Duration = Duration::from_secs(3600);
/// Bytes of a part. S3 wants at least 5 MiB, and some servers all parts of one length.
const PART: usize = 8 << 20;
/// The most parts of an object.
const MOST_PARTS: u64 = 10_000;
/// Parts that are under way at once.
const UNDER_WAY: usize = 4;
/// The most names of a directory that are listed: a server that goes on for ever is not believed.
const MOST_NAMES: usize = 1 << 18;

/// Images in a bucket, below a prefix.
pub struct BucketStore {
    server: Arc<Server>,
}

struct Server {
    client: Client,
    address: Address,
    bucket: Bucket,
    credentials: Option<rusty_s3::Credentials>,
    /// What the keys begin with: nothing, or it ends with a slash.
    prefix: String,
}

/// What the server says in its XML.
fn said(body: &[u8], tag: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inner, _) = rest.split_once('<')?;
    Some(inner.chars().take(300).collect())
}

impl Server {
    fn key(&self, names: &[&str]) -> String {
        format!("{}{}", self.prefix, names.join("/"))
    }

    fn shown(&self, names: &[&str]) -> String {
        let mut address = self.address.clone();
        address.folders.extend(names.iter().map(|&name| name.to_owned()));
        address.to_string()
    }

    fn credentials(&self) -> Option<&rusty_s3::Credentials> {
        self.credentials.as_ref()
    }

    /// Makes a signed request; any answer will do.
    fn ask(
        &self,
        method: Method,
        url: &Url,
        condition: bool,
        body: impl AsSendBody,
        what: Message,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(url.as_str());
        if condition {
            request = request.header("If-None-Match", "*");
        }
        let request =
            request.body(body).map_err(|error| explain(&ureq::Error::Http(error), what.clone()))?;
        self.client.send(request, LONGEST_ANSWER).map_err(|error| explain(&error, what))
    }

    /// What an answer means that is not the one that was hoped for.
    fn refuse(&self, answer: &Answer, what: Message) -> Error {
        let code = said(&answer.body, "Code").unwrap_or_default();
        let more = said(&answer.body, "Message").map(|text| format!("{code}: {text}"));
        let error = explain_status(answer.status, more.as_deref().or(Some(&code)), what);
        // What the code says is closer than what the number of the answer does.
        match code.as_str() {
            "NoSuchBucket" => error.advise_instead(message!("store-bucket-missing-advice")),
            "RequestTimeTooSkewed" | "RequestExpired" => {
                error.advise_instead(message!("store-bucket-clock-advice"))
            }
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => {
                error.advise_instead(message!("store-bucket-region-advice"))
            }
            _ if answer.status.is_redirection() => {
                error.advise_instead(message!("store-bucket-region-advice"))
            }
            _ => error,
        }
    }

    /// Length of a file in bytes; none when it is not there.
    fn length(&self, names: &[&str]) -> Result<Option<u64>> {
        let what = || message!("store-read-failed");
        let key = self.key(names);
        let url = self.bucket.head_object(self.credentials(), &key).sign(VALID);
        let located = |error: Error| error.at_path(self.shown(names));
        let answer = self.ask(Method::HEAD, &url, false, (), what()).map_err(located)?;
        match answer.status {
            StatusCode::OK => length_of(&answer.headers).map(Some).ok_or_else(|| {
                located(Error::new(ErrorKind::Unsupported, message!("store-web-no-length")))
            }),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(located(self.refuse(&answer, what()))),
        }
    }

    /// A small file.
    fn content(&self, names: &[&str]) -> Result<Vec<u8>> {
        let what = || message!("store-read-failed");
        let key = self.key(names);
        let url = self.bucket.get_object(self.credentials(), &key).sign(VALID);
        let located = |error: Error| error.at_path(self.shown(names));
        let answer = self.ask(Method::GET, &url, false, (), what()).map_err(located)?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            _ => Err(located(self.refuse(&answer, what()))),
        }
    }

    /// Creates a file of at most one part; fails when there is one of other content.
    fn create(&self, names: &[&str], bytes: &[u8]) -> Result<()> {
        let what = || message!("store-create-failed");
        let located = |error: Error| error.at_path(self.shown(names));
        let key = self.key(names);
        let put = |condition: bool| {
            let mut action = self.bucket.put_object(self.credentials(), &key);
            if condition {
                action.headers_mut().insert("if-none-match", "*");
            }
            self.ask(Method::PUT, &action.sign(VALID), condition, bytes, what())
        };
        let mut answer = put(true).map_err(located)?;
        if answer.status == StatusCode::NOT_IMPLEMENTED {
            // A server that refuses the condition: looking first is all that can be done.
            if self.length(names)?.is_some() {
                return Err(located(exists()));
            }
            answer = put(false).map_err(located)?;
        }
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => {
                // Created by a try whose answer got lost?
                let is_ours = self.length(names)? == Some(bytes.len() as u64)
                    && self.content(names)? == bytes;
                if is_ours { Ok(()) } else { Err(located(exists())) }
            }
            _ => Err(located(self.refuse(&answer, what()))),
        }
    }

    fn delete(&self, names: &[&str]) -> Result<()> {
        let what = || message!("store-delete-failed");
        let located = |error: Error| error.at_path(self.shown(names));
        let key = self.key(names);
        let url = self.bucket.delete_object(self.credentials(), &key).sign(VALID);
        let answer = self.ask(Method::DELETE, &url, false, (), what()).map_err(located)?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(located(self.refuse(&answer, what()))),
        }
    }

    /// The names below a prefix: of directories, or of files with their lengths in bytes.
    fn list(&self, names: &[&str], most: usize) -> Result<(Vec<String>, Vec<FileEntry>)> {
        let what = || message!("store-list-failed");
        let located = |error: Error| error.at_path(self.shown(names));
        let prefix = match names {
            [] => self.prefix.clone(),
            names => format!("{}/", self.key(names)),
        };
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        let mut token: Option<String> = None;
        loop {
            let mut action = ListObjectsV2::new(&self.bucket, self.credentials());
            action.with_prefix(prefix.as_str());
            action.with_delimiter("/");
            if most < 1000 {
                action.with_max_keys(most);
            }
            if let Some(token) = &token {
                action.with_continuation_token(token.as_str());
            }
            let answer = self.ask(Method::GET, &action.sign(VALID), false, (), what());
            let answer = answer.map_err(located)?;
            if answer.status != StatusCode::OK {
                return Err(located(self.refuse(&answer, what())));
            }
            let nonsense = || {
                located(
                    Error::new(ErrorKind::Io, what())
                        .caused_by(message!("store-web-nonsense").to_string()),
                )
            };
            let text = std::str::from_utf8(&answer.body).map_err(|_| nonsense())?;
            let page = ListObjectsV2::parse_response(text).map_err(|_| nonsense())?;
            for common in page.common_prefixes {
                let name =
                    common.prefix.strip_prefix(&prefix).map(|name| name.trim_end_matches('/'));
                directories.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
            }
            for object in page.contents {
                let name = object.key.strip_prefix(&prefix).filter(|name| !name.is_empty());
                let length = object.size.unwrap_or(0);
                files.extend(name.map(|name| FileEntry { name: name.to_owned(), length }));
            }
            let found = directories.len() + files.len();
            token = page.next_continuation_token;
            if token.is_none() || found >= most {
                return Ok((directories, files));
            }
            if found > MOST_NAMES {
                return Err(nonsense());
            }
        }
    }
}

fn exists() -> Error {
    Error::new(ErrorKind::Io, message!("store-create-failed"))
        .advise(message!("store-create-advice"))
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, message!("store-no-image"))
        .advise(message!("image-foreign-advice"))
}

/// The bucket that an address means.
fn bucket_of(address: &Address) -> Result<Bucket> {
    let given = |option: &str| address.options.get(option).cloned();
    let wrong =
        || Error::new(ErrorKind::Usage, message!("store-web-address")).at_path(address.to_string());
    let region = given("region")
        .or_else(|| std::env::var("AWS_REGION").ok().filter(|region| !region.is_empty()))
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = given("endpoint");
    let style = match given("style").as_deref() {
        Some("path") => UrlStyle::Path,
        Some(_) => UrlStyle::VirtualHost,
        // Certificates cover one label before the name of the endpoint.
        None if endpoint.is_some() || address.host.contains('.') => UrlStyle::Path,
        None => UrlStyle::VirtualHost,
    };
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let mut endpoint = Url::parse(&endpoint).map_err(|_| wrong())?;
    if !endpoint.path().ends_with('/') {
        let path = format!("{}/", endpoint.path());
        endpoint.set_path(&path);
    }
    Bucket::new(endpoint, style, address.host.clone(), region).map_err(|_| wrong())
}

impl BucketStore {
    /// Images in a bucket. Asks for the secret key when there is none, and lists once, so that
    /// what is wrong shows early.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub fn open(
        client: Client,
        address: Address,
        credentials: &Credentials,
        asker: &dyn Asker,
    ) -> Result<Self> {
        let bucket = bucket_of(&address)?;
        let prefix = match address.folders.is_empty() {
            true => String::new(),
            false => format!("{}/", address.folders.join("/")),
        };
        let credentials = match &credentials.access_key {
            // What is open to everybody needs no signature.
            None => None,
            Some(key) => {
                let question = message!("store-bucket-question", key = key.as_str());
                let secret = match &credentials.secret_key {
                    Some(secret) => Some(secret.clone()),
                    None => asker.secret(&question)?,
                };
                let secret = secret.ok_or_else(|| {
                    Error::new(ErrorKind::Usage, message!("store-bucket-no-secret"))
                        .on_device(address.server())
                        .advise(message!("store-web-login-advice"))
                })?;
                let token = credentials.session_token.as_ref().map(Secret::expose);
                Some(match token {
                    None => rusty_s3::Credentials::new(key, secret.expose()),
                    Some(token) => {
                        rusty_s3::Credentials::new_with_token(key, secret.expose(), token)
                    }
                })
            }
        };
        let server = Arc::new(Server { client, address, bucket, credentials, prefix });
        server.list(&[], 1)?;
        Ok(Self { server })
    }

    fn files(&self, name: &str) -> Arc<dyn ImageFiles> {
        Arc::new(BucketFiles {
            server: self.server.clone(),
            directory: name.to_owned(),
            begun: Begun::default(),
        })
    }
}

impl Store for BucketStore {
    fn location(&self) -> String {
        self.server.shown(&[])
    }

    fn directories(&self) -> Result<Vec<String>> {
        Ok(self.server.list(&[], usize::MAX)?.0)
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let (directories, files) = self.server.list(&[name], 1)?;
        match directories.is_empty() && files.is_empty() {
            true => Err(missing().at_path(self.server.shown(&[name]))),
            false => Ok(self.files(name)),
        }
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let located = |error: Error| error.at_path(self.server.shown(&[name]));
        let (directories, files) = self.server.list(&[name], 1)?;
        if !directories.is_empty() || !files.is_empty() {
            return Err(located(exists()));
        }
        let own = Uuid::new_v4().to_string();
        self.server.create(&[name, MARKER], own.as_bytes())?;
        // A server that does not know the condition let the last one win.
        if self.server.content(&[name, MARKER])? != own.as_bytes() {
            return Err(located(exists()));
        }
        Ok(self.files(name))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        let (directories, files) = self.server.list(&[name], 2)?;
        match files.as_slice() {
            [marker] if marker.name == MARKER && directories.is_empty() => {
                self.server.delete(&[name, MARKER])
            }
            [] if directories.is_empty() => Err(missing().at_path(self.server.shown(&[name]))),
            _ => Err(Error::new(ErrorKind::Io, message!("store-delete-failed"))
                .at_path(self.server.shown(&[name]))),
        }
    }

    fn free_space(&self) -> Option<u64> {
        None
    }

    fn max_file_size(&self) -> Option<u64> {
        Some(PART as u64 * MOST_PARTS)
    }

    fn claim(&self, _: &str) -> Result<Option<Claim>> {
        // The interface has no locks; the person who prunes is asked anyway.
        Ok(Some(Claim(None)))
    }
}

/// How far a file has come that is being written.
#[derive(Default)]
struct Upload {
    /// The server's name for an upload in parts.
    id: Option<String>,
    /// What the server said to each part, from the first one on.
    tags: Vec<String>,
}

/// Files that were begun here and are not complete, by name.
type Begun = Arc<Mutex<BTreeMap<String, Arc<Mutex<Upload>>>>>;

/// The files of one image.
struct BucketFiles {
    server: Arc<Server>,
    directory: String,
    begun: Begun,
}

impl BucketFiles {
    fn names<'a>(&'a self, name: &'a str) -> [&'a str; 2] {
        [&self.directory, name]
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Mutex<Upload>>>> {
        self.begun.lock().expect("no holder panics")
    }

    fn give_up(&self, name: &str, upload: &Mutex<Upload>) -> Result<()> {
        let upload = upload.lock().expect("no holder panics");
        let Some(id) = &upload.id else { return Ok(()) };
        let key = self.server.key(&self.names(name));
        let url = self
            .server
            .bucket
            .abort_multipart_upload(self.server.credentials(), &key, id)
            .sign(VALID);
        let what = message!("store-delete-failed");
        self.server.ask(Method::DELETE, &url, false, (), what).map(drop)
    }
}

impl Drop for BucketFiles {
    fn drop(&mut self) {
        // Parts that nobody completes are paid for.
        for (name, upload) in std::mem::take(&mut *self.begun()) {
            let _ = self.give_up(&name, &upload);
        }
    }
}

impl ImageFiles for BucketFiles {
    fn location(&self) -> String {
        self.server.shown(&[&self.directory])
    }

    fn directory(&self) -> String {
        self.directory.clone()
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let located = |error: Error| error.at_path(self.server.shown(&self.names(name)));
        let upload = Arc::new(Mutex::new(Upload::default()));
        match self.begun().entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(_) => return Err(located(exists())),
            std::collections::btree_map::Entry::Vacant(free) => free.insert(upload.clone()),
        };
        match self.server.length(&self.names(name)) {
            Ok(None) => {}
            found => {
                self.begun().remove(name);
                found?;
                return Err(located(exists()));
            }
        }
        Ok(Box::new(BucketWriter::new(self, name, upload, 0)))
    }

    fn resume(&self, name: &str, length: u64) -> Result<Box<dyn FileWriter>> {
        let upload = self.begun().get(name).cloned();
        let changed = || {
            Error::new(ErrorKind::Io, message!("store-changed"))
                .at_path(self.server.shown(&self.names(name)))
        };
        let upload = upload.ok_or_else(changed)?;
        let stored = (upload.lock().expect("no holder panics").tags.len() * PART) as u64;
        // What is sent again is what was sent before: parts that are there are not sent twice.
        match stored.checked_sub(length) {
            Some(skipped) => Ok(Box::new(BucketWriter::new(self, name, upload, skipped))),
            None => Err(changed()),
        }
    }

    fn open(&self, name: &str, _: Freshness) -> Result<Box<dyn FileReader>> {
        let names = self.names(name);
        let Some(length) = self.server.length(&names)? else {
            return Err(Error::new(ErrorKind::NotFound, message!("store-read-failed"))
                .at_path(self.server.shown(&names)));
        };
        let (server, key) = (self.server.clone(), self.server.key(&names));
        let request = move |method: Method| {
            let url = server.bucket.get_object(server.credentials(), &key).sign(VALID);
            Ok(Request::builder().method(method).uri(url.as_str()))
        };
        let shown = self.server.shown(&names);
        let client = self.server.client.clone();
        Ok(Box::new(RangeReader::new(RemoteFile { client, length, shown, request }, AHEAD)))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        let (_, mut files) = self.server.list(&[&self.directory], usize::MAX)?;
        files.retain(|file| file.name != MARKER);
        for (name, upload) in &*self.begun() {
            if !files.iter().any(|file| file.name == *name) {
                let parts = upload.lock().expect("no holder panics").tags.len();
                files.push(FileEntry { name: name.clone(), length: (parts * PART) as u64 });
            }
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn delete(&self, name: &str) -> Result<()> {
        let begun = self.begun().remove(name);
        if let Some(upload) = begun {
            return self.give_up(name, &upload);
        }
        // The server takes it for done when there is nothing.
        match self.server.length(&self.names(name))? {
            Some(_) => self.server.delete(&self.names(name)),
            None => Err(Error::new(ErrorKind::NotFound, message!("store-delete-failed"))
                .at_path(self.server.shown(&self.names(name)))),
        }
    }

    fn max_file_size(&self) -> Option<u64> {
        Some(PART as u64 * MOST_PARTS)
    }
}

struct BucketWriter {
    server: Arc<Server>,
    names: (String, String),
    begun: Begun,
    upload: Arc<Mutex<Upload>>,
    /// Bytes that are stored already and are given to this writer again.
    skipped: u64,
    /// The part that is being filled.
    waiting: Vec<u8>,
    /// Parts whose answer is not there yet.
    under_way: VecDeque<JoinHandle<Result<String>>>,
    /// Whether something failed: parts would be missing or in the wrong place if it went on.
    is_broken: bool,
}

/// Uploads a part; gives what the server calls it.
fn send_part(server: &Server, key: &str, id: &str, number: u16, bytes: &[u8]) -> Result<String> {
    let what = || message!("store-write-failed");
    let url = UploadPart::new(&server.bucket, server.credentials(), key, number, id).sign(VALID);
    let answer = server.ask(Method::PUT, &url, false, bytes, what())?;
    if !answer.status.is_success() {
        return Err(server.refuse(&answer, what()));
    }
    let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    tag.ok_or_else(|| {
        Error::new(ErrorKind::Io, what()).caused_by(message!("store-web-nonsense").to_string())
    })
}

impl BucketWriter {
    fn new(files: &BucketFiles, name: &str, upload: Arc<Mutex<Upload>>, skipped: u64) -> Self {
        Self {
            server: files.server.clone(),
            names: (files.directory.clone(), name.to_owned()),
            begun: files.begun.clone(),
            upload,
            skipped,
            waiting: Vec::new(),
            under_way: VecDeque::new(),
            is_broken: false,
        }
    }

    fn upload(&self) -> std::sync::MutexGuard<'_, Upload> {
        self.upload.lock().expect("no holder panics")
    }

    fn names(&self) -> [&str; 2] {
        [&self.names.0, &self.names.1]
    }

    fn located(&self, error: Error) -> Error {
        error.at_path(self.server.shown(&self.names()))
    }

    /// The server's name for the upload, which begins with the first part.
    fn id(&self) -> Result<String> {
        if let Some(id) = &self.upload().id {
            return Ok(id.clone());
        }
        let what = || message!("store-create-failed");
        let server = &self.server;
        let key = server.key(&self.names());
        let url =
            CreateMultipartUpload::new(&server.bucket, server.credentials(), &key).sign(VALID);
        let answer = server.ask(Method::POST, &url, false, &[][..], what());
        let answer = answer.map_err(|error| self.located(error))?;
        if !answer.status.is_success() {
            return Err(self.located(server.refuse(&answer, what())));
        }
        let nonsense = || {
            self.located(
                Error::new(ErrorKind::Io, what())
                    .caused_by(message!("store-web-nonsense").to_string()),
            )
        };
        let text = String::from_utf8(answer.body).map_err(|_| nonsense())?;
        let begun = CreateMultipartUpload::parse_response(&text).map_err(|_| nonsense())?;
        let id = begun.upload_id().to_owned();
        self.upload().id = Some(id.clone());
        Ok(id)
    }

    /// Does something with the file, unless something failed before; then only
    /// [`ImageFiles::resume`] goes on with it.
    fn unless_broken(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.is_broken {
            return Err(self.located(Error::new(ErrorKind::Io, message!("store-write-failed"))));
        }
        let result = work(self);
        self.is_broken = result.is_err();
        result
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        let id = self.id()?;
        let number = self.upload().tags.len() + self.under_way.len() + 1;
        if number as u64 > MOST_PARTS {
            return Err(self.located(
                Error::new(ErrorKind::NoSpace, message!("store-write-failed"))
                    .advise(message!("store-full-advice")),
            ));
        }
        let (server, key) = (self.server.clone(), self.server.key(&self.names()));
        let sent = std::thread::Builder::new()
            .name("calco-part".into())
            .spawn(move || send_part(&server, &key, &id, number as u16, &bytes))
            .map_err(|error| {
                Error::new(ErrorKind::Io, message!("store-no-thread")).caused_by(error)
            })?;
        self.under_way.push_back(sent);
        self.settle(UNDER_WAY - 1)
    }

    /// Waits until no more than `left` parts are under way.
    fn settle(&mut self, left: usize) -> Result<()> {
        while self.under_way.len() > left {
            let Some(first) = self.under_way.pop_front() else { return Ok(()) };
            let lost = || Err(Error::new(ErrorKind::Io, message!("store-write-failed")));
            let tag = first.join().unwrap_or_else(|_| lost());
            let tag = tag.map_err(|error| self.located(error))?;
            self.upload().tags.push(tag);
        }
        Ok(())
    }

    /// The last part, and the end of an upload in parts.
    fn complete(&mut self, id: &str) -> Result<()> {
        let what = || message!("store-write-failed");
        let key = self.server.key(&self.names());
        let mut tags = self.upload().tags.clone();
        if !self.waiting.is_empty() {
            let number = tags.len() as u16 + 1;
            tags.push(send_part(&self.server, &key, id, number, &self.waiting)?);
        }
        let server = &self.server;
        let action = CompleteMultipartUpload::new(
            &server.bucket,
            server.credentials(),
            &key,
            id,
            tags.iter().map(String::as_str),
        );
        let url = action.sign(VALID);
        let body = action.body();
        let answer = server.ask(Method::POST, &url, false, body.as_bytes(), what())?;
        // The status is sent before the server knows whether it can be done.
        let is_done = said(&answer.body, "Error").is_none() && said(&answer.body, "ETag").is_some();
        match (answer.status.is_success(), is_done) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::new(ErrorKind::Unreachable, what())
                .caused_by(said(&answer.body, "Message").unwrap_or_default())),
            _ => Err(server.refuse(&answer, what())),
        }
    }
}

impl BucketWriter {
    fn fill(&mut self, mut bytes: &[u8]) -> Result<()> {
        let skip = self.skipped.min(bytes.len() as u64);
        self.skipped -= skip;
        bytes = &bytes[skip as usize..];
        while !bytes.is_empty() {
            // What fits into one part may be a whole file: it is sent when more comes.
            if self.waiting.len() == PART {
                let part = std::mem::replace(&mut self.waiting, Vec::with_capacity(PART));
                self.send(part)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.settle(0)?;
        if self.skipped > 0 {
            return Err(self.located(Error::new(ErrorKind::Io, message!("store-changed"))));
        }
        let id = self.upload().id.clone();
        match id {
            None => self.server.create(&self.names(), &self.waiting)?,
            Some(id) => {
                let length = self.durable() + self.waiting.len() as u64;
                let result = self.complete(&id);
                if let Err(error) = result {
                    // The upload is gone when an earlier try completed it and its answer got lost.
                    let is_there = error.kind() == ErrorKind::NotFound
                        && self.server.length(&self.names())? == Some(length);
                    if !is_there {
                        return Err(self.located(error));
                    }
                }
            }
        }
        self.begun.lock().expect("no holder panics").remove(&self.names.1);
        Ok(())
    }
}

impl FileWriter for BucketWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.unless_broken(|writer| writer.fill(bytes))
    }

    fn durable(&self) -> u64 {
        (self.upload().tags.len() * PART) as u64
    }

    fn sync(&mut self) -> Result<()> {
        self.unless_broken(|writer| writer.settle(0))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.unless_broken(Self::end)
    }
}

impl Drop for BucketWriter {
    fn drop(&mut self) {
        // A part that arrives late would take the place of the same part sent again.
        for sent in self.under_way.drain(..) {
            let _ = sent.join();
        }
    }
}
