//! Images on a web server, for reading. Nothing but plain requests for files and ranges of them is
//! asked of it, so that any server, and any cache before it, will do. It lists nothing: an image
//! is reached by its name, and its files are those that its own list of hashes names.

use super::client::{
    AHEAD, Client, LONGEST_ANSWER, RemoteFile, explain, explain_status, length_of,
};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    FileEntry, FileReader, FileWriter, Freshness, HEADER, ImageFiles, MANIFEST, SHA256SUMS,
};
use crate::store::address::{Address, Scheme};
use crate::store::credentials::{Asker, Credentials, Secret};
use crate::store::read_ahead::RangeReader;
use crate::store::{Claim, Store};
use crate::text::{Message, message};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use std::collections::BTreeSet;
use std::sync::Arc;
use ureq::http::header::AUTHORIZATION;
use ureq::http::request::Builder;
use ureq::http::{Method, Request, StatusCode};
use url::Url;
use zeroize::Zeroizing;

/// The most files of an image: each is asked for, and a server is not believed without limit.
const MOST_FILES: usize = 1 << 16;

/// Images in a folder of a web server.
pub struct SiteStore {
    site: Arc<Site>,
}

struct Site {
    client: Client,
    address: Address,
    /// The folder; ends with a slash.
    folder: Url,
    /// What stands in `Authorization`.
    login: Option<Zeroizing<String>>,
}

fn wrong_address(address: &Address) -> Error {
    Error::new(ErrorKind::Usage, message!("store-web-address")).at_path(address.to_string())
}

impl Site {
    fn url(&self, names: &[&str]) -> Result<Url> {
        let mut url = self.folder.clone();
        url.path_segments_mut()
            .map_err(|()| wrong_address(&self.address))?
            .pop_if_empty()
            .extend(names);
        Ok(url)
    }

    fn shown(&self, names: &[&str]) -> String {
        let mut address = self.address.clone();
        address.folders.extend(names.iter().map(|&name| name.to_owned()));
        address.to_string()
    }

    fn request(&self, method: Method, names: &[&str], freshness: Freshness) -> Result<Builder> {
        let mut request = Request::builder().method(method).uri(self.url(names)?.as_str());
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login.as_str());
        }
        if freshness == Freshness::Medium {
            // A cache may answer only after it asked whether the file is still the same.
            request = request.header("Cache-Control", "no-cache");
        }
        Ok(request)
    }

    /// The length of a file in bytes; none when it is not there.
    fn length(&self, names: &[&str], freshness: Freshness) -> Result<Option<u64>> {
        let what = || message!("store-read-failed");
        let located = |error: Error| error.at_path(self.shown(names));
        let request = self
            .request(Method::HEAD, names, freshness)?
            .body(())
            .map_err(|error| located(explain(&ureq::Error::Http(error), what())))?;
        let answer =
            self.client.send(request, LONGEST_ANSWER).map_err(|e| located(explain(&e, what())))?;
        match answer.status {
            StatusCode::OK => length_of(&answer.headers).map(Some).ok_or_else(|| {
                located(
                    Error::new(ErrorKind::Unsupported, message!("store-web-no-length"))
                        .advise(message!("store-web-no-ranges-advice")),
                )
            }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => Err(located(explain_status(status, None, what()))),
        }
    }

    /// A small file.
    fn content(&self, names: &[&str]) -> Result<String> {
        let what = || message!("store-read-failed");
        let located = |error: Error| error.at_path(self.shown(names));
        let request = self
            .request(Method::GET, names, Freshness::Any)?
            .body(())
            .map_err(|error| located(explain(&ureq::Error::Http(error), what())))?;
        let answer =
            self.client.send(request, LONGEST_ANSWER).map_err(|e| located(explain(&e, what())))?;
        match answer.status {
            StatusCode::OK => String::from_utf8(answer.body).map_err(|_| {
                located(Error::new(ErrorKind::Damaged, message!("store-web-nonsense")))
            }),
            status => Err(located(explain_status(status, None, what()))),
        }
    }
}

/// The error of everything that would change something there.
fn read_only() -> Error {
    Error::new(ErrorKind::Unsupported, message!("store-web-read-only"))
        .advise(message!("store-web-read-only-advice"))
}

impl SiteStore {
    /// The error for whoever wants to write there.
    pub fn refuse_to_write(address: &Address) -> Error {
        read_only().on_device(address.to_string())
    }

    /// A folder of a web server. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn open(
        client: Client,
        address: Address,
        credentials: &Credentials,
        asker: &dyn Asker,
    ) -> Result<Self> {
        let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = match address.scheme {
            Scheme::Https => "https",
            _ => "http",
        };
        let base = format!("{scheme}://{}{port}/", address.bracketed_host());
        let mut folder = Url::parse(&base).map_err(|_| wrong_address(&address))?;
        folder
            .path_segments_mut()
            .map_err(|()| wrong_address(&address))?
            .pop_if_empty()
            .extend(&address.folders)
            .push("");
        let login = match &credentials.user {
            None => None,
            Some(user) => {
                let question = message!(
                    "store-password-question",
                    user = user.as_str(),
                    server = address.server()
                );
                let password = match &credentials.password {
                    Some(password) => Some(password.clone()),
                    None => asker.secret(&question)?,
                };
                let password = password.as_ref().map_or("", Secret::expose);
                let plain = Zeroizing::new(format!("{user}:{password}"));
                let encoded = Zeroizing::new(BASE64.encode(plain.as_bytes()));
                Some(Zeroizing::new(format!("Basic {}", encoded.as_str())))
            }
        };
        Ok(Self { site: Arc::new(Site { client, address, folder, login }) })
    }
}

impl Store for SiteStore {
    fn location(&self) -> String {
        self.site.shown(&[])
    }

    fn directories(&self) -> Result<Vec<String>> {
        Err(Error::new(ErrorKind::Unsupported, message!("store-web-no-list"))
            .on_device(self.location())
            .advise(message!("store-web-no-list-advice")))
    }

    fn candidates(&self, name: &str) -> Result<Vec<String>> {
        let is_there = self.site.length(&[name, HEADER], Freshness::Any)?.is_some()
            || self.site.length(&[name, MANIFEST], Freshness::Any)?.is_some();
        Ok(is_there.then(|| name.to_owned()).into_iter().collect())
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        Ok(Arc::new(SiteFiles { site: self.site.clone(), directory: name.to_owned() }))
    }

    fn create_directory(&self, _: &str) -> Result<Arc<dyn ImageFiles>> {
        Err(read_only().on_device(self.location()))
    }

    fn remove_directory(&self, _: &str) -> Result<()> {
        Err(read_only().on_device(self.location()))
    }

    fn free_space(&self) -> Option<u64> {
        None
    }

    fn max_file_size(&self) -> Option<u64> {
        None
    }

    fn claim(&self, _: &str) -> Result<Option<Claim>> {
        Ok(Some(Claim(None)))
    }
}

/// The files of one image.
struct SiteFiles {
    site: Arc<Site>,
    directory: String,
}

impl SiteFiles {
    fn error(&self, what: Message) -> Error {
        Error::new(ErrorKind::NotFound, what).at_path(self.location())
    }
}

impl ImageFiles for SiteFiles {
    fn location(&self) -> String {
        self.site.shown(&[&self.directory])
    }

    fn directory(&self) -> String {
        self.directory.clone()
    }

    fn create(&self, _: &str) -> Result<Box<dyn FileWriter>> {
        Err(read_only().at_path(self.location()))
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        let names = [self.directory.as_str(), name];
        let Some(length) = self.site.length(&names, freshness)? else {
            return Err(self.error(message!("store-read-failed")).at_path(self.site.shown(&names)));
        };
        let (site, own) = (self.site.clone(), names.map(str::to_owned));
        Ok(Box::new(RangeReader::new(
            RemoteFile {
                client: self.site.client.clone(),
                length,
                shown: self.site.shown(&names),
                request: move |method| site.request(method, &[&own[0], &own[1]], freshness),
            },
            AHEAD,
        )))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        let mut names: BTreeSet<String> = [HEADER, MANIFEST].map(str::to_owned).into();
        match self.site.content(&[&self.directory, SHA256SUMS]) {
            Ok(sums) => {
                names.insert(SHA256SUMS.to_owned());
                let listed = sums.lines().filter_map(|line| line.split_once("  "));
                let plain = listed.map(|(_, name)| name).filter(|name| !name.contains('/'));
                names.extend(plain.take(MOST_FILES).map(str::to_owned));
            }
            // An image without it is damaged or unfinished, and is found to be so.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut files = Vec::new();
        for name in names {
            if let Some(length) = self.site.length(&[&self.directory, &name], Freshness::Any)? {
                files.push(FileEntry { name, length });
            }
        }
        Ok(files)
    }

    fn delete(&self, _: &str) -> Result<()> {
        Err(read_only().at_path(self.location()))
    }
}
