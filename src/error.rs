//! The one error type: a small kind to decide by, a message for a person, the context, the cause.
//!
//! What a person sees is made of four answers: what failed, where, why, and what to do now.
//! [`Error::report`] writes them; `Display` is the first line only and never repeats the cause.

use crate::text::{Message, message};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can decide by. Each kind has one exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The system refused an operation, or a device or store failed.
    Io,
    /// A server does not answer, or the way to it is cut: it may be there again later.
    Unreachable,
    /// Something named does not exist.
    NotFound,
    /// The destination has no room, or cannot hold a file of this size.
    NoSpace,
    /// It is understood and cannot be done by this version.
    Unsupported,
    /// The command itself is wrong.
    Usage,
    /// An image is damaged or unfinished.
    Damaged,
    /// It could be done, and is not, because something would be lost.
    Refused,
    /// The person or the system asked to stop.
    Interrupted,
}

impl ErrorKind {
    /// The exit code of the process, the same for every command.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Io | Self::Unreachable | Self::NotFound | Self::NoSpace | Self::Unsupported => 1,
            Self::Usage => 2,
            Self::Damaged => 3,
            Self::Refused => 5,
            Self::Interrupted => 130,
        }
    }
}

/// An error with everything a person needs to act on it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Message,
    device: Option<String>,
    path: Option<PathBuf>,
    offset: Option<u64>,
    advice: Option<Message>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` says what failed.
    pub fn new(kind: ErrorKind, message: Message) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            device: None,
            path: None,
            offset: None,
            advice: None,
            source: None,
        }))
    }

    /// Names the device it happened on, as a person knows it.
    pub fn on_device(mut self, device: impl Into<String>) -> Self {
        self.0.device.get_or_insert(device.into());
        self
    }

    /// Names the file it happened in.
    pub fn at_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.path.get_or_insert(path.into());
        self
    }

    /// Tells the byte offset in the device or file.
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Says what to do now.
    pub fn advise(mut self, advice: Message) -> Self {
        self.0.advice.get_or_insert(advice);
        self
    }

    /// Says what to do now, whatever was said before.
    pub fn advise_instead(mut self, advice: Message) -> Self {
        self.0.advice = Some(advice);
        self
    }

    /// Says what to do now, besides what was said already.
    pub fn advise_also(mut self, advice: Message) -> Self {
        self.0.advice = Some(match self.0.advice.take() {
            None => advice,
            Some(first) => message!("error-two-advices", first = first, second = advice),
        });
        self
    }

    /// Keeps what caused it.
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What to decide by.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What failed.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// Whether the system refused it because of who asked.
    pub fn is_permission_denied(&self) -> bool {
        let cause = self.0.source.as_ref().and_then(|source| source.downcast_ref());
        cause.is_some_and(|error: &std::io::Error| {
            error.kind() == std::io::ErrorKind::PermissionDenied
        })
    }

    /// What to do now, if something helps.
    pub fn advice(&self) -> Option<&Message> {
        self.0.advice.as_ref()
    }

    /// Everything a person needs, one answer a line.
    pub fn report(&self) -> String {
        use crate::text::message;
        let inner = &self.0;
        let mut lines = vec![message!("error-what", what = inner.message.clone()).to_string()];
        if let Some(device) = &inner.device {
            lines.push(message!("error-device", device = device.as_str()).to_string());
        }
        if let Some(path) = &inner.path {
            lines.push(message!("error-path", path = path.display().to_string()).to_string());
        }
        if let Some(offset) = inner.offset {
            lines.push(message!("error-offset", offset = offset.to_string()).to_string());
        }
        let mut cause: Option<&dyn std::error::Error> =
            inner.source.as_ref().map(|source| source.as_ref() as &dyn std::error::Error);
        while let Some(error) = cause {
            lines.push(message!("error-why", why = in_words(error)).to_string());
            cause = error.source();
        }
        if let Some(advice) = &inner.advice {
            lines.push(message!("error-advice", advice = advice.clone()).to_string());
        }
        let lines = lines.iter().flat_map(|text| text.lines()).map(shortened);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A line of which no more is shown than a person can read.
fn shortened(line: &str) -> String {
    /// Characters that stay of the start and of the end of a longer one.
    const KEPT: usize = 400;
    let count = line.chars().count();
    if count <= 2 * KEPT {
        return line.to_owned();
    }
    let start: String = line.chars().take(KEPT).collect();
    let end: String = line.chars().skip(count - KEPT).collect();
    format!("{start} … {end}")
}

/// What caused an error, the operating system's part of it in the language of the person.
fn in_words(cause: &dyn std::error::Error) -> String {
    use crate::text::message;
    let text = cause.to_string();
    let number = || text.rsplit_once("(os error ")?.1.strip_suffix(')')?.parse::<u16>().ok();
    let Some(number) = number() else { return text };
    let said = std::io::Error::from_raw_os_error(number.into()).to_string();
    match text.strip_suffix(&said) {
        Some(before) => {
            format!(
                "{before}{}",
                message!("error-os", number = u32::from(number), text = said.as_str())
            )
        }
        None => text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.message.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.report())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// An error as data, to be told to another process.
#[derive(Serialize, Deserialize)]
pub struct ErrorRecord {
    kind: ErrorKind,
    message: Message,
    device: Option<String>,
    path: Option<PathBuf>,
    offset: Option<u64>,
    advice: Option<Message>,
    cause: Option<Cause>,
}

/// What caused an error, in words.
#[derive(Debug, Serialize, Deserialize)]
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    fn of(error: &dyn std::error::Error) -> Self {
        let source = error.source().map(|source| Box::new(Self::of(source)));
        Self { text: error.to_string(), source }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl ErrorRecord {
    /// What there is to tell of an error.
    pub fn of(error: &Error) -> Self {
        let inner = &error.0;
        Self {
            kind: inner.kind,
            message: inner.message.clone(),
            device: inner.device.clone(),
            path: inner.path.clone(),
            offset: inner.offset,
            advice: inner.advice.clone(),
            cause: inner.source.as_ref().map(|source| Cause::of(source.as_ref())),
        }
    }
}

impl From<ErrorRecord> for Error {
    fn from(record: ErrorRecord) -> Self {
        Self(Box::new(Inner {
            kind: record.kind,
            message: record.message,
            device: record.device,
            path: record.path,
            offset: record.offset,
            advice: record.advice,
            source: record.cause.map(Into::into),
        }))
    }
}

/// Adds context to what a system call or another crate answered.
pub trait Context<T> {
    /// Turns a failure into an [`Error`] that says what failed. The kind is [`ErrorKind::Io`],
    /// or what the operating system's answer means: not found, no space, no way to a server.
    fn context(self, message: impl FnOnce() -> Message) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, message: impl FnOnce() -> Message) -> Result<T> {
        self.map_err(|error| {
            let error: std::io::Error = error.into();
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge => ErrorKind::NoSpace,
                std::io::ErrorKind::Interrupted => ErrorKind::Interrupted,
                std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::ConnectionAborted
                | std::io::ErrorKind::NotConnected
                | std::io::ErrorKind::HostUnreachable
                | std::io::ErrorKind::NetworkUnreachable
                | std::io::ErrorKind::NetworkDown
                | std::io::ErrorKind::StaleNetworkFileHandle
                | std::io::ErrorKind::TimedOut => ErrorKind::Unreachable,
                _ if error.raw_os_error() == Some(rustix::io::Errno::HOSTDOWN.raw_os_error()) => {
                    ErrorKind::Unreachable
                }
                _ => ErrorKind::Io,
            };
            Error::new(kind, message()).caused_by(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, with_language};

    #[test]
    fn what_the_system_says_is_in_the_language_of_the_person() {
        let refused = || std::io::Error::from_raw_os_error(111);
        let said = |language| with_language(language, || in_words(&refused()));
        assert_eq!(said(Language::English), refused().to_string());
        assert_eq!(said(Language::Spanish), "El otro extremo rechazó la conexión (error 111)");
        // What a crate puts before it stays, and so does what nobody translated.
        let spanish = |text: String| {
            with_language(Language::Spanish, || in_words(&std::io::Error::other(text)))
        };
        let missing = std::io::Error::from_raw_os_error(2);
        let expected = "key.pem: No existe ese archivo o carpeta (error 2)";
        assert_eq!(spanish(format!("key.pem: {missing}")), expected);
        for text in ["no certificate", "(os error 2)", "x (os error 99999)", "x (os error -1)"] {
            assert_eq!(spanish(text.to_owned()), text);
        }
        let unknown = std::io::Error::from_raw_os_error(530).to_string();
        assert_eq!(spanish(unknown.clone()), unknown);
    }
}
