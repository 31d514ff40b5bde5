//! Requests by HTTP, what their failures mean, and files of which ranges are fetched.

use crate::error::{Error, ErrorKind, Result};
use crate::store::credentials::read_file;
use crate::store::read_ahead::{Ranges, ReadAhead};
use crate::text::{Message, message};
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use ureq::http::{Method, Request, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody};

/// How long a name or a connection may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest answer that is no part of a file, in bytes.
pub(super) const LONGEST_ANSWER: u64 = 8 << 20;
/// How files are read: enough under way for a line of 1 Gbit/s with 100 ms there and back.
pub(super) const AHEAD: ReadAhead = ReadAhead { block: 4 << 20, ahead: 4 };

/// Whose certificates are believed.
#[derive(Clone, Default, Debug)]
pub struct Trust {
    /// A file of certificates (PEM) that are believed besides those of the system.
    pub authorities: Option<PathBuf>,
}

impl Trust {
    /// Those of the system and those that were given; where there are none, Mozilla's.
    fn roots(&self) -> Result<RootCerts> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots: Vec<Certificate<'static>> =
            found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        if let Some(file) = &self.authorities {
            let wrong = || {
                Error::new(ErrorKind::Usage, message!("store-web-authorities"))
                    .at_path(file)
                    .advise(message!("store-web-authorities-advice"))
            };
            let text = read_file(file)?;
            let before = roots.len();
            for item in ureq::tls::parse_pem(text.as_bytes()) {
                if let PemItem::Certificate(certificate) = item.map_err(|_| wrong())? {
                    roots.push(certificate);
                }
            }
            if roots.len() == before {
                return Err(wrong());
            }
        }
        Ok(match roots.is_empty() {
            true => RootCerts::WebPki,
            false => RootCerts::new_with_certs(&roots),
        })
    }
}

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What is done when a server sends a client elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redirects {
    /// It goes there.
    Followed,
    /// It goes there as long as the connection stays encrypted.
    Encrypted,
    /// That is an answer like others: a signature is for one server.
    Refused,
}

/// Somebody who makes requests, over several connections that are kept.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client that believes in `trust`.
    ///
    /// # Errors
    /// When the file of certificates cannot be read.
    pub fn new(trust: &Trust, redirects: Redirects) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("calco/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(trust.roots()?).build())
            .max_idle_connections(16)
            .max_idle_connections_per_host(16)
            .https_only(redirects == Redirects::Encrypted)
            .max_redirects(if redirects == Redirects::Refused { 0 } else { 10 })
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .build();
        Ok(Self { agent: Agent::new_with_config(config) })
    }

    /// Makes a request. An answer of more than `limit` bytes is a failure.
    pub(super) fn send(
        &self,
        request: Request<impl AsSendBody>,
        limit: u64,
    ) -> Result<Answer, ureq::Error> {
        let response = self.agent.run(request)?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(limit).read_to_vec()?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// What it means when no answer comes. An address is never part of it: that of a request to
/// object storage holds its signature.
pub(super) fn explain(failure: &ureq::Error, what: Message) -> Error {
    let unreachable =
        |why: Message| Error::new(ErrorKind::Unreachable, what.clone()).caused_by(why.to_string());
    let certificate = |why: String| {
        Error::new(ErrorKind::Refused, message!("store-web-certificate")).caused_by(why).advise(
            message!(
                "store-web-certificate-advice",
                now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
            ),
        )
    };
    match failure {
        // Certificates are judged within the connection, where broken records are found too.
        ureq::Error::Io(error)
            if error.kind() == std::io::ErrorKind::InvalidData
                && error.to_string().contains("certificate") =>
        {
            certificate(error.to_string())
        }
        ureq::Error::Rustls(error) => certificate(error.to_string()),
        // The standard library has no kind for it.
        ureq::Error::Io(error) if error.to_string().starts_with("failed to lookup address") => {
            unreachable(message!("store-web-no-host")).advise(message!("store-web-no-host-advice"))
        }
        ureq::Error::HostNotFound => {
            unreachable(message!("store-web-no-host")).advise(message!("store-web-no-host-advice"))
        }
        ureq::Error::RequireHttpsOnly(_) => {
            Error::new(ErrorKind::Refused, message!("store-web-downgrade"))
        }
        ureq::Error::Timeout(_) => unreachable(message!("store-web-silent")),
        ureq::Error::Io(error) => Error::new(ErrorKind::Unreachable, what)
            .caused_by(error.to_string())
            .advise(message!("store-web-reach-advice")),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Error::new(ErrorKind::Usage, message!("store-web-address"))
        }
        ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => {
            unreachable(message!("store-web-nonsense"))
        }
        // Waiting changes nothing: redirects, answers without end.
        _ => Error::new(ErrorKind::Io, what).caused_by(message!("store-web-nonsense").to_string()),
    }
}

/// What the status of an answer means that is not the one that was hoped for. `more` is what the
/// server says about it.
pub(super) fn explain_status(status: StatusCode, more: Option<&str>, what: Message) -> Error {
    let kind = match status.as_u16() {
        404 | 410 => ErrorKind::NotFound,
        408 | 425 | 429 | 500 | 502 | 503 | 504 => ErrorKind::Unreachable,
        405 | 501 => ErrorKind::Unsupported,
        416 => ErrorKind::Damaged,
        507 => ErrorKind::NoSpace,
        _ => ErrorKind::Io,
    };
    let reason = status.canonical_reason().unwrap_or_default();
    let number = status.as_u16();
    let text = match more.map(|more| more.replace(char::is_control, " ")) {
        Some(more) if !more.trim().is_empty() => format!("{number} {reason}: {}", more.trim()),
        _ => format!("{number} {reason}"),
    };
    let error = Error::new(kind, what).caused_by(text);
    match number {
        401 | 403 => error.advise(message!("store-web-login-advice")),
        _ => error,
    }
}

/// A file of which ranges can be fetched.
pub(super) struct RemoteFile<R> {
    pub(super) client: Client,
    pub(super) length: u64,
    /// What people call the file.
    pub(super) shown: String,
    /// Makes the request for a range; it is signed anew each time.
    pub(super) request: R,
}

impl<R> Ranges for RemoteFile<R>
where
    R: Fn(Method) -> Result<ureq::http::request::Builder> + Send + Sync + 'static,
{
    fn length(&self) -> u64 {
        self.length
    }

    fn fetch(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let what = || message!("store-read-failed");
        let last = offset + length as u64 - 1;
        let located = |error: Error| error.at_path(&self.shown).at_offset(offset);
        let request = (self.request)(Method::GET)?
            .header("Range", format!("bytes={offset}-{last}"))
            .body(())
            .map_err(|error| located(explain(&ureq::Error::Http(error), what())))?;
        // A server that knows no ranges would send the whole file.
        let response =
            self.client.agent.run(request).map_err(|error| located(explain(&error, what())))?;
        let status = response.status();
        let whole = status == StatusCode::OK && offset == 0 && length as u64 == self.length;
        if status == StatusCode::OK && !whole {
            return Err(located(
                Error::new(ErrorKind::Unsupported, message!("store-web-no-ranges"))
                    .advise(message!("store-web-no-ranges-advice")),
            ));
        }
        if status != StatusCode::PARTIAL_CONTENT && !whole {
            return Err(located(explain_status(status, None, what())));
        }
        // A server may begin elsewhere than it was asked to.
        let expected = format!("bytes {offset}-{last}/");
        let is_right = |headers: &HeaderMap| {
            headers
                .get(CONTENT_RANGE)
                .and_then(|range| range.to_str().ok())
                .is_some_and(|range| range.starts_with(&expected))
        };
        let cut_short = || located(Error::new(ErrorKind::Damaged, message!("store-cut-short")));
        if !whole && !is_right(response.headers()) {
            return Err(cut_short());
        }
        let (_, body) = response.into_parts();
        let bytes = body
            .into_with_config()
            .limit(length as u64 + 1)
            .read_to_vec()
            .map_err(|error| located(explain(&error, what())))?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(cut_short()),
        }
    }

    fn location(&self) -> String {
        self.shown.clone()
    }
}

/// The length of a file, in bytes, from the answer to a request for its head.
pub(super) fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
