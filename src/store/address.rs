//! Addresses of places for images on servers.
//!
//! | Address | Place |
//! |---|---|
//! | `nfs://HOST[:PORT]/EXPORT[/PATH]` | an export of an NFS server |
//! | `smb://[DOMAIN;][USER@]HOST[:PORT]/SHARE[/PATH]` | a share of Windows or Samba |
//! | `sftp://[USER@]HOST[:PORT]/PATH` | a folder reached through SSH; `/~/PATH` begins at home |
//! | `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&style=path]` | object storage |
//! | `http://[USER@]HOST[:PORT]/PATH`, `https://…` | a web server: for reading only |
//!
//! `%` and two hexadecimal digits stand for a byte, IPv6 addresses stand in brackets. The name of
//! an image follows after one more slash, be it in front of the `?` or at the very end. There is
//! no place for a password: command lines and addresses are seen by others.

use crate::error::{Error, ErrorKind, Result};
use crate::text::{Message, message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::Ipv6Addr;

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Scheme {
    /// NFS.
    Nfs,
    /// SMB, also called CIFS.
    Smb,
    /// Files through SSH.
    Sftp,
    /// The interface of Amazon's object storage, spoken by many others.
    S3,
    /// The web, in the clear.
    Http,
    /// The web, encrypted.
    Https,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 6] =
        [Self::Nfs, Self::Smb, Self::Sftp, Self::S3, Self::Http, Self::Https];

    /// What stands before `://`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nfs => "nfs",
            Self::Smb => "smb",
            Self::Sftp => "sftp",
            Self::S3 => "s3",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The names of what can follow the `?`.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["endpoint", "region", "style"],
            Self::Nfs | Self::Smb => &["version"],
            Self::Sftp | Self::Http | Self::Https => &[],
        }
    }
}

/// A place for images on a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// How the server is spoken to.
    pub scheme: Scheme,
    /// The domain of the user (SMB).
    pub domain: Option<String>,
    /// The user; for [`Scheme::S3`] the id of the access key.
    pub user: Option<String>,
    /// The name or address of the server, an IPv6 address without its brackets; for
    /// [`Scheme::S3`] the bucket.
    pub host: String,
    /// The port, where it is not the usual one.
    pub port: Option<u16>,
    /// The names of the folders that lead to the place: export, share and prefix included.
    pub folders: Vec<String>,
    /// What follows the `?`.
    pub options: BTreeMap<String, String>,
}

fn wrong(what: Message) -> Error {
    Error::new(ErrorKind::Usage, what).advise(message!("address-advice"))
}

/// Undoes percent-encoding. A `%` that no two digits follow stands for itself.
fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| wrong(message!("address-no-text")))
}

/// Encodes what would end a part of an address, or a word on a command line.
fn encode(text: &str, reserved: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || "%\"'\\".contains(c) || reserved.contains(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                write!(f, "%{byte:02X}")?;
            }
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

fn folders(path: &str) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match decode(part)?.as_str() {
            "." => {}
            ".." => return Err(wrong(message!("address-leads-outside"))),
            part if part.contains('/') => return Err(wrong(message!("address-leads-outside"))),
            part => folders.push(part.to_owned()),
        }
    }
    Ok(folders)
}

/// Host and port.
fn host_and_port(text: &str) -> Result<(String, Option<u16>)> {
    let port = |text: &str| -> Result<Option<u16>> {
        match text {
            "" => Ok(None),
            _ => text
                .parse()
                .ok()
                .filter(|port| *port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .map(Some)
                .ok_or_else(|| wrong(message!("address-port", port = text))),
        }
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| wrong(message!("address-host")))?;
        let host = decode(host)?;
        let (address, zone) =
            host.split_once('%').map_or((host.as_str(), None), |(a, z)| (a, Some(z)));
        let is_sound = address.parse::<Ipv6Addr>().is_ok() && zone != Some("");
        let rest = match rest.strip_prefix(':') {
            Some(rest) => rest,
            None if rest.is_empty() => "",
            None => return Err(wrong(message!("address-host"))),
        };
        return match is_sound {
            true => Ok((host, port(rest)?)),
            false => Err(wrong(message!("address-host"))),
        };
    }
    let (host, rest) = text.split_once(':').unwrap_or((text, ""));
    let host = decode(host)?;
    let is_sound = host.chars().all(|c| c.is_alphanumeric() || "-._~".contains(c));
    match is_sound && !host.is_empty() {
        true => Ok((host, port(rest)?)),
        // What is shown must not be a password that slipped in here.
        false => Err(wrong(message!("address-host"))),
    }
}

impl Address {
    /// Reads an address; `None` when the word is none but something else, such as a folder.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it begins like one and can mean nothing.
    pub fn parse(word: &str) -> Result<Option<Self>> {
        let Some((name, rest)) = word.split_once("://") else { return Ok(None) };
        let lower = name.to_ascii_lowercase();
        let Some(scheme) = Scheme::ALL.into_iter().find(|scheme| scheme.name() == lower) else {
            return Ok(None);
        };
        let (place, query) = rest.split_once('?').map_or((rest, None), |(a, b)| (a, Some(b)));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (login, server) = match authority.rsplit_once('@') {
            Some((login, server)) => (Some(login), server),
            None => (None, authority),
        };
        if login.is_some_and(|login| login.contains(':')) {
            // Whoever lists the processes has seen it by now; it is not repeated here.
            return Err(Error::new(ErrorKind::Usage, message!("address-password"))
                .advise(message!("address-password-advice")));
        }
        let could_be_password = |rest: &str| !rest.is_empty() && rest.parse::<u16>().is_err();
        if login.is_none()
            && !server.starts_with('[')
            && path.contains('@')
            && server.split_once(':').is_some_and(|(_, rest)| could_be_password(rest))
        {
            // One with a slash in it.
            return Err(Error::new(ErrorKind::Usage, message!("address-password"))
                .advise(message!("address-password-advice")));
        }
        let (domain, user) = match login.map(|login| login.split_once(';').ok_or(login)) {
            None => (None, None),
            Some(Ok((domain, user))) => (Some(decode(domain)?), Some(decode(user)?)),
            Some(Err(user)) => (None, Some(decode(user)?)),
        };
        let is_given = |text: &Option<String>| text.as_deref() != Some("");
        if !is_given(&domain) || !is_given(&user) || (domain.is_some() && scheme != Scheme::Smb) {
            return Err(wrong(message!("address-user")));
        }
        let (host, port) = host_and_port(server)?;
        let mut folders = folders(path)?;
        let (options, more) = Self::read_options(scheme, query)?;
        folders.extend(more);
        let address = Self { scheme, domain, user, host, port, folders, options };
        address.check()?;
        Ok(Some(address))
    }

    /// Reads what follows the `?`, and the path that follows its last value: addresses of images
    /// are made by writing a slash and the name behind that of their place.
    fn read_options(
        scheme: Scheme,
        query: Option<&str>,
    ) -> Result<(BTreeMap<String, String>, Vec<String>)> {
        let mut options = BTreeMap::new();
        let Some(query) = query else { return Ok((options, Vec::new())) };
        let (pairs, last) = query.rsplit_once('&').map_or(("", query), |(a, b)| (a, b));
        let start = last.find("://").map_or(0, |at| at + 3);
        let slash = last[start..].find('/').map(|at| start + at);
        let (last, path) = slash.map_or((last, ""), |at| last.split_at(at));
        for pair in pairs.split('&').chain([last]).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !scheme.options().contains(&key) {
                // A token for a web server stands there too, and is nobody's to see.
                return Err(wrong(message!("address-option", scheme = scheme.name())));
            }
            let value = decode(value)?;
            if value.is_empty() || options.insert(key.to_owned(), value).is_some() {
                return Err(wrong(message!("address-option-value", option = key)));
            }
        }
        Ok((options, folders(path)?))
    }

    fn check(&self) -> Result<()> {
        let given = |option: &str| self.options.get(option).map(String::as_str);
        let wrong_value =
            |option: &str| Err(wrong(message!("address-option-value", option = option)));
        if self.scheme == Scheme::S3 && self.port.is_some() {
            return Err(wrong(message!("address-bucket")));
        }
        if self.scheme == Scheme::Smb && self.folders.is_empty() {
            return Err(wrong(message!("address-share")));
        }
        if !matches!(given("style"), None | Some("path" | "virtual")) {
            return wrong_value("style");
        }
        if let Some(endpoint) = given("endpoint") {
            let rest =
                endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            match rest {
                Some(rest) if !rest.contains(['@', '?', '#']) => {
                    host_and_port(rest.trim_end_matches('/').split('/').next().unwrap_or(""))?;
                }
                _ => return wrong_value("endpoint"),
            }
        }
        Ok(())
    }

    /// Reads the address of an image: that of its place, and its name.
    ///
    /// # Errors
    /// As [`Address::parse`], and when the name is missing.
    pub fn parse_image(word: &str) -> Result<Option<(Self, String)>> {
        let Some(mut address) = Self::parse(word)? else { return Ok(None) };
        let least = usize::from(address.scheme == Scheme::Smb);
        match address.folders.pop() {
            Some(name) if address.folders.len() >= least => Ok(Some((address, name))),
            _ => Err(Error::new(ErrorKind::Usage, message!("cli-not-an-image", word = word))
                .advise(message!("image-foreign-advice"))),
        }
    }

    /// The server alone, as people know it: `sftp://ana@nas:2222`. For object storage, the
    /// endpoint and the bucket.
    pub fn server(&self) -> String {
        let server = Self { folders: Vec::new(), options: BTreeMap::new(), ..self.clone() };
        match self.options.get("endpoint") {
            Some(endpoint) => format!("{server} ({endpoint})"),
            None => server.to_string(),
        }
    }

    /// The host as it stands in an address: IPv6 in brackets.
    pub fn bracketed_host(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        if let Some(domain) = &self.domain {
            encode(domain, ":;@/?#", f)?;
            f.write_char(';')?;
        }
        if let Some(user) = &self.user {
            encode(user, ":;@/?#", f)?;
            f.write_char('@')?;
        }
        match self.host.contains(':') {
            true => {
                f.write_char('[')?;
                encode(&self.host, "", f)?;
                f.write_char(']')?;
            }
            false => encode(&self.host, ":@/?#", f)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        for folder in &self.folders {
            f.write_char('/')?;
            encode(folder, "/?#", f)?;
        }
        for (position, (key, value)) in self.options.iter().enumerate() {
            f.write_char(if position == 0 { '?' } else { '&' })?;
            write!(f, "{key}=")?;
            // A slash in the last value would begin a path, except in `http://`.
            let value = value.trim_end_matches('/');
            match value.split_once("://") {
                Some((scheme, rest)) => {
                    encode(scheme, "&#/", f)?;
                    f.write_str("://")?;
                    encode(rest, "&#/", f)?;
                }
                None => encode(value, "&#/", f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(word: &str) -> Address {
        Address::parse(word).unwrap().unwrap_or_else(|| panic!("{word} is no address"))
    }

    #[test]
    fn addresses_are_read() {
        let sftp = parse("sftp://ana@nas.local:2222/srv/im%C3%A1genes/50%");
        assert_eq!(
            (sftp.user.as_deref(), sftp.host.as_str(), sftp.port),
            (Some("ana"), "nas.local", Some(2222))
        );
        assert_eq!(sftp.folders, ["srv", "imágenes", "50%"]);
        let smb = parse("smb://OFFICE;j%40ne@[fe80::1%25eth0]/Copias de seguridad/x");
        assert_eq!((smb.domain.as_deref(), smb.user.as_deref()), (Some("OFFICE"), Some("j@ne")));
        assert_eq!((smb.host.as_str(), smb.port), ("fe80::1%eth0", None));
        assert_eq!(smb.folders, ["Copias de seguridad", "x"]);
        let s3 = parse("s3://backups/lab?endpoint=http://127.0.0.1:9000&region=eu-1&style=path");
        assert_eq!(
            (s3.host.as_str(), s3.options["endpoint"].as_str()),
            ("backups", "http://127.0.0.1:9000")
        );
        assert_eq!(parse("NFS://h/").folders, Vec::<String>::new());
        assert_eq!(parse("https://[::1]:8443/x//y/./z").folders, ["x", "y", "z"]);
        for other in ["/mnt/sftp://x", "usb:x", "ftp://host/x", "sftp", "", "sftp:/x"] {
            assert_eq!(Address::parse(other).unwrap(), None, "{other}");
        }
        for wrong in [
            "sftp://",
            "sftp:///path",
            "sftp://host:0/x",
            "sftp://host:65536/x",
            "sftp://host:+1/",
            "sftp://@host/x",
            "sftp://d;u@host/x",
            "smb://host",
            "smb://;u@host/s",
            "sftp://h/../x",
            "sftp://h/%2E%2E",
            "sftp://h/a%2Fb",
            "sftp://h/%FF",
            "sftp://h/a%00",
            "nfs://[::1/x",
            "nfs://[nonsense]/x",
            "nfs://[::1]x/",
            "s3://b:1/x",
            "s3://b/x?style=other",
            "s3://b/x?endpoint=ftp://h",
            "s3://b/x?endpoint=http://u@h",
            "s3://b/?region=",
            "s3://b/?unknown=1",
            "http://h/x?token=1",
            "s3://b?region=a&region=b",
            "sftp://a b/x",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
        }
    }

    #[test]
    fn the_name_of_an_image_may_stand_on_either_side_of_the_options() {
        let expected = parse("s3://b/lab?endpoint=http://h:9000&style=path");
        for word in [
            "s3://b/lab/one?endpoint=http://h:9000&style=path",
            "s3://b/lab?endpoint=http://h:9000&style=path/one",
            "s3://b/lab?style=path&endpoint=http://h:9000/one",
            "s3://b/lab?style=path&endpoint=http://h:9000//one",
            "s3://b/lab?style=path&endpoint=http%3A%2F%2Fh%3A9000/one/",
        ] {
            let (place, name) = Address::parse_image(word).unwrap().unwrap();
            assert_eq!((&place, name.as_str()), (&expected, "one"), "{word}");
        }
        let (place, name) = Address::parse_image("sftp://h/one%20two").unwrap().unwrap();
        assert_eq!((place.folders.len(), name.as_str()), (0, "one two"));
        for wrong in ["sftp://h", "sftp://h/", "smb://h/share", "s3://b?style=path"] {
            assert_eq!(
                Address::parse_image(wrong).unwrap_err().kind(),
                ErrorKind::Usage,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for word in [
            "sftp://ana:hunter2@nas/x",
            "smb://D;a:hunter2@h/s",
            "http://:hunter2@h/",
            "sftp://ana:hunter2/x@nas/y",
        ] {
            let error = Address::parse(word).unwrap_err();
            assert_eq!(error.message().id(), "address-password", "{word}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            user in proptest::option::of("[^\0]{0,8}[a-z%]"),
            host in prop_oneof!["[a-z][a-z0-9.-]{0,10}", "fe80::[1-9]{1,3}"],
            port in proptest::option::of(1u16..),
            folders in proptest::collection::vec("[^\0/]{0,6}[a-zñ%]", 1..4),
        ) {
            let address = Address {
                scheme: Scheme::Smb, domain: user.clone(), user, host, port, folders,
                options: BTreeMap::from([("version".to_owned(), "3".to_owned())]),
            };
            let text = address.to_string();
            prop_assert!(!text.contains([' ', '"', '\'', '\n']), "{}", text);
            prop_assert_eq!(Address::parse(&text).unwrap(), Some(address));
        }

        #[test]
        fn nothing_makes_it_panic(word in "(sftp|smb|s3|http)://[\u{1}-~é\\[\\]?&=:/@;%]{0,30}") {
            if let Ok(Some(address)) = Address::parse(&word) {
                prop_assert_eq!(Address::parse(&address.to_string()).unwrap(), Some(address));
            }
        }
    }
}
