//! What a server wants to see before it lets somebody in, and where that comes from.
//!
//! Secrets come from a file, a file descriptor, the environment or a person who is asked; never
//! from an argument or an address. A credentials file holds lines `key = value`; a line
//! `[ADDRESS]` begins a part for the places whose address begins so:
//!
//! ```text
//! # for every server
//! user = ana
//! password = "correct horse"
//!
//! [sftp://nas.local]
//! key = keys/id_ed25519
//! passphrase = battery staple
//! host-key = SHA256:uNiVztksCsDhcc0u9e8BrIXLVVuRzaR…
//!
//! [s3://backups]
//! access-key = AKIA…
//! secret-key = …
//! ```

use super::address::{Address, Scheme};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::text::{Message, message};
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize as _, Zeroizing};

/// A text that nobody may see: it has no form for people, and its memory is cleared.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret from here on.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the server that it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is known for one server.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// The user.
    pub user: Option<String>,
    /// The domain of the user (SMB).
    pub domain: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// A private key, as its file holds it (SSH).
    pub key: Option<Secret>,
    /// What opens the private key.
    pub passphrase: Option<Secret>,
    /// Fingerprints of host keys that are known to be right: `SHA256:…` (SSH).
    pub host_keys: Vec<String>,
    /// The id of the access key (object storage).
    pub access_key: Option<String>,
    /// The secret that belongs to it.
    pub secret_key: Option<Secret>,
    /// A token for access that ends by itself (object storage).
    pub session_token: Option<Secret>,
}

impl Credentials {
    /// Whether there is anything that only its owner knows.
    pub fn has_secret(&self) -> bool {
        self.password.is_some() || self.key.is_some() || self.secret_key.is_some()
    }

    /// Takes over what is missing here.
    fn fill_from(&mut self, other: &Self) {
        fn fill<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        fill(&mut self.user, &other.user);
        fill(&mut self.domain, &other.domain);
        fill(&mut self.password, &other.password);
        fill(&mut self.key, &other.key);
        fill(&mut self.passphrase, &other.passphrase);
        fill(&mut self.access_key, &other.access_key);
        // These belong together: the secret of one key opens nothing with another.
        let is_same_key = other.access_key.is_none() || self.access_key == other.access_key;
        if self.secret_key.is_none() && is_same_key {
            fill(&mut self.secret_key, &other.secret_key);
            fill(&mut self.session_token, &other.session_token);
        }
        self.host_keys.extend(other.host_keys.iter().cloned());
    }
}

/// The option of an address that says whose bucket is meant.
const ENDPOINT: &str = "endpoint";

/// A part of a credentials file: for places whose address begins like this one.
#[derive(Clone, Debug)]
struct Part {
    place: Option<Address>,
    credentials: Credentials,
}

impl Part {
    fn is_for(&self, address: &Address) -> bool {
        let Some(place) = &self.place else { return true };
        let same_scheme = place.scheme == address.scheme
            || (is_web(place.scheme) && is_web(address.scheme) && place.scheme == Scheme::Http);
        same_scheme
            && place.host.eq_ignore_ascii_case(&address.host)
            && (place.port.is_none() || place.port == address.port)
            && (place.user.is_none() || address.user.is_none() || place.user == address.user)
            // The same bucket at another endpoint is another bucket.
            && place.options.get(ENDPOINT).is_none_or(|wanted| {
                address.options.get(ENDPOINT) == Some(wanted)
            })
            && address.folders.starts_with(&place.folders)
    }

    /// How closely it fits: the closest part wins.
    fn rank(&self) -> usize {
        self.place.as_ref().map_or(0, |place| {
            1 + usize::from(place.port.is_some())
                + usize::from(place.user.is_some())
                + usize::from(place.options.contains_key(ENDPOINT))
                + place.folders.len()
        })
    }
}

const fn is_web(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::Http | Scheme::Https)
}

/// Credentials files that were read.
#[derive(Clone, Default, Debug)]
pub struct Keyring {
    parts: Vec<Part>,
}

/// The longest credentials or key file, in bytes.
const LIMIT: u64 = 1 << 20;

/// Reads a small file of secrets to its end.
///
/// # Errors
/// When it cannot be read, is too long or no text.
fn read_text(mut file: impl std::io::Read, limit: u64) -> std::io::Result<Zeroizing<String>> {
    // One allocation that never moves, so that no copy stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit as usize + 1));
    file.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
    let invalid = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    if bytes.len() as u64 > limit {
        return Err(invalid("too long"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads a file of secrets.
///
/// # Errors
/// When it cannot be read, is too long or no text.
pub fn read_file(path: &Path) -> Result<Zeroizing<String>> {
    std::fs::File::open(path)
        .and_then(|file| read_text(file, LIMIT))
        .context(|| message!("credentials-unreadable"))
        .map_err(|error| error.at_path(path).advise(message!("credentials-unreadable-advice")))
}

/// The first line of a file, as a secret: what password files hold.
///
/// # Errors
/// As [`read_file`].
pub fn read_password_file(path: &Path) -> Result<Secret> {
    read_file(path).map(|text| first_line(&text))
}

/// The first line of what a file descriptor of this process gives.
///
/// # Errors
/// When it cannot be read.
pub fn read_password_descriptor(descriptor: u32) -> Result<Secret> {
    // Opened anew: the descriptor itself is not ours to close.
    read_password_file(&PathBuf::from(format!("/proc/self/fd/{descriptor}")))
}

fn first_line(text: &str) -> Secret {
    let text = text.trim_start_matches('\u{feff}');
    Secret::new(text.lines().next().unwrap_or_default().to_owned())
}

/// The value without the quotation marks that keep its spaces.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inner.filter(|_| value.len() > 1).unwrap_or(value)
}

impl Keyring {
    /// Adds the parts of a credentials file. Names of key files in it begin at its own folder.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a line that means nothing, with its number and not its content;
    /// when a key file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = read_file(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.add(&text, folder).map_err(|error| error.at_path(path))
    }

    /// Adds what others say; what is here already counts before it.
    pub fn append(&mut self, others: &Self) {
        self.parts.extend(others.parts.iter().cloned());
    }

    fn add(&mut self, text: &str, folder: &Path) -> Result<()> {
        let mut part = Part { place: None, credentials: Credentials::default() };
        for (number, line) in text.lines().enumerate() {
            let wrong = || {
                Error::new(ErrorKind::Usage, message!("credentials-line", number = number + 1))
                    .advise(message!("credentials-line-advice"))
            };
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(place) = line.strip_prefix('[') {
                let place = place.strip_suffix(']').ok_or_else(wrong)?;
                let place = parse_place(place).ok_or_else(wrong)?;
                let next = Part { place: Some(place), credentials: Credentials::default() };
                self.parts.push(std::mem::replace(&mut part, next));
                continue;
            }
            let (key, value) = line.split_once('=').ok_or_else(wrong)?;
            let value = unquoted(value);
            let text = || Some(value.to_owned());
            let secret = || Some(Secret::new(value.to_owned()));
            let own = &mut part.credentials;
            match key.trim() {
                "user" | "username" => own.user = text(),
                "domain" => own.domain = text(),
                "password" => own.password = secret(),
                "key" => {
                    own.key = Some(Secret(read_file(&folder.join(value))?));
                }
                "passphrase" => own.passphrase = secret(),
                "host-key" => own.host_keys.push(value.to_owned()),
                "access-key" | "aws_access_key_id" => own.access_key = text(),
                "secret-key" | "aws_secret_access_key" => own.secret_key = secret(),
                "session-token" | "aws_session_token" => own.session_token = secret(),
                _ => return Err(wrong()),
            }
        }
        self.parts.push(part);
        Ok(())
    }

    /// What the files say for a place: of several parts that fit, what the closest says counts. A user
    /// in the address of a part is the one that it is for. Web servers are told a user only when their
    /// address or a part of their own names one: most have none, and would see a password for another.
    pub fn find(&self, address: &Address) -> Credentials {
        let only_own = address.user.is_none() && is_web(address.scheme);
        let mut parts: Vec<&Part> = self
            .parts
            .iter()
            .filter(|part| part.is_for(address) && (part.place.is_some() || !only_own))
            .collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.rank()));
        let mut found = Credentials {
            user: address.user.clone(),
            access_key: address.user.clone().filter(|_| address.scheme == Scheme::S3),
            ..Credentials::default()
        };
        for part in parts {
            let user = part.place.as_ref().and_then(|place| place.user.as_ref());
            let is_for_another =
                user.is_some() && found.user.is_some() && found.user.as_ref() != user;
            if is_for_another {
                continue;
            }
            if found.user.is_none() {
                found.user = user.cloned();
            }
            found.fill_from(&part.credentials);
        }
        found
    }
}

/// The address of a part; a share or a folder may be missing.
fn parse_place(text: &str) -> Option<Address> {
    if let Ok(Some(address)) = Address::parse(text) {
        return Some(address);
    }
    // `smb://server` alone is no place for images, but one for a password.
    let mut address = Address::parse(&format!("{}/x", text.trim_end_matches('/'))).ok()??;
    address.folders.pop();
    Some(address)
}

/// Somebody who can be asked.
pub trait Asker: Send + Sync {
    /// Asks for a secret, which is not shown while it is typed; none when nobody is there.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] when the person does not want to go on.
    fn secret(&self, question: &Message) -> Result<Option<Secret>>;

    /// Asks whether something is right; none when nobody is there.
    ///
    /// # Errors
    /// As [`Asker::secret`].
    fn accept(&self, question: &Message) -> Result<Option<bool>>;
}

/// Nobody.
pub struct Nobody;

impl Asker for Nobody {
    fn secret(&self, _: &Message) -> Result<Option<Secret>> {
        Ok(None)
    }

    fn accept(&self, _: &Message) -> Result<Option<bool>> {
        Ok(None)
    }
}

/// Where credentials come from.
#[derive(Clone, Default, Debug)]
pub struct Sources {
    /// What was said for this run alone: it counts before everything else.
    pub given: Credentials,
    /// Credentials files.
    pub keyring: Keyring,
}

impl Sources {
    /// What is known for a place: from its address, what was given for this run, the environment
    /// (`CALCO_USER`, `CALCO_DOMAIN`, `CALCO_PASSWORD`, `CALCO_PASSPHRASE`, but not for a web server
    /// whose address names no user; for object storage also `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and files.
    pub fn find(&self, address: &Address) -> Credentials {
        self.find_with(address, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn find_with(
        &self,
        address: &Address,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Credentials {
        let mut found = Credentials {
            user: address.user.clone(),
            domain: address.domain.clone(),
            access_key: address.user.clone().filter(|_| address.scheme == Scheme::S3),
            ..Credentials::default()
        };
        found.fill_from(&self.given);
        let secret = |name: &str| variable(name).map(Secret::new);
        let mut environment = Credentials {
            user: variable("CALCO_USER"),
            domain: variable("CALCO_DOMAIN"),
            password: secret("CALCO_PASSWORD"),
            passphrase: secret("CALCO_PASSPHRASE"),
            ..Credentials::default()
        };
        if address.scheme == Scheme::S3 {
            environment.access_key = variable("AWS_ACCESS_KEY_ID");
            environment.secret_key = secret("AWS_SECRET_ACCESS_KEY");
            environment.session_token = secret("AWS_SESSION_TOKEN");
        }
        // See [`Keyring::find`].
        if address.user.is_some() || !is_web(address.scheme) {
            found.fill_from(&environment);
        }
        let named = Address { user: found.user.clone(), ..address.clone() };
        found.fill_from(&self.keyring.find(&named));
        found
    }
}

/// Clears a text that held a secret.
pub fn clear(text: &mut String) {
    text.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(word: &str) -> Address {
        Address::parse(word).unwrap().unwrap()
    }

    fn password(credentials: &Credentials) -> Option<&str> {
        credentials.password.as_ref().map(Secret::expose)
    }

    const FILE: &str = "\u{feff}# all\nuser = ana\npassword = p=a ss#\u{e9}\n\n\
        [sftp://nas:2222]\r\npassword=\" spaces \"\r\nhost-key = SHA256:abc\n\
        [smb://office]\nuser = eva\ndomain = LAB\npassword = \"\n\
        [s3://bucket/lab]\naws_access_key_id = AK\naws_secret_access_key = sk\n";

    #[test]
    fn the_closest_part_of_a_file_counts() {
        let mut keyring = Keyring::default();
        keyring.add(FILE, Path::new("")).unwrap();
        let find = |word: &str| keyring.find(&address(word));
        let other = find("sftp://other/x");
        assert_eq!((other.user.as_deref(), password(&other)), (Some("ana"), Some("p=a ss#é")));
        let nas = find("sftp://NAS:2222/x");
        assert_eq!((nas.user.as_deref(), password(&nas)), (Some("ana"), Some(" spaces ")));
        assert_eq!(nas.host_keys, ["SHA256:abc"]);
        assert_eq!(password(&find("sftp://nas/x")), Some("p=a ss#é"));
        let smb = find("smb://office/share");
        assert_eq!((smb.domain.as_deref(), password(&smb)), (Some("LAB"), Some("\"")));
        assert_eq!(find("s3://bucket/lab/x").access_key.as_deref(), Some("AK"));
        assert_eq!(find("s3://bucket/la").access_key, None);
        for wrong in ["nonsense", "pasword = secret-word", "[nowhere]\n", "[sftp://x\nuser=a"] {
            let error = Keyring::default().add(wrong, Path::new("")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
            assert!(!format!("{error:?}").contains("secret-word"), "{error:?}");
        }
    }

    #[test]
    fn what_is_given_counts_before_the_environment_and_files() {
        let mut sources = Sources::default();
        sources.keyring.add(FILE, Path::new("")).unwrap();
        let environment = |name: &str| match name {
            "CALCO_PASSWORD" => Some("from the environment".to_owned()),
            "AWS_ACCESS_KEY_ID" => Some("AKENV".to_owned()),
            _ => None,
        };
        let find = |sources: &Sources, word: &str| sources.find_with(&address(word), &environment);
        let found = find(&sources, "sftp://eva@other/x");
        assert_eq!(
            (found.user.as_deref(), password(&found)),
            (Some("eva"), Some("from the environment"))
        );
        assert_eq!(found.access_key, None);
        assert_eq!(find(&sources, "s3://other").access_key.as_deref(), Some("AKENV"));
        // A web server that asked for nobody hears of nobody.
        let web = find(&sources, "http://other/x");
        assert_eq!((web.user, web.password), (None, None));
        assert_eq!(password(&find(&sources, "https://eva@other/x")), Some("from the environment"));
        sources.given.password = Some(Secret::new("given".into()));
        assert_eq!(password(&find(&sources, "sftp://other/x")), Some("given"));
        assert!(!format!("{sources:?}").contains("spaces"));
    }

    #[test]
    fn a_user_in_the_address_of_a_part_is_whom_it_is_for() {
        let mut keyring = Keyring::default();
        let text = "[sftp://ana@nas]\npassword = a\n[sftp://eva@nas:2222]\npassphrase = e\n\
            [http://intra]\nuser = ina\npassword = i\n\
            [s3://b?endpoint=https://one]\naccess-key = K1\n[s3://b?endpoint=https://two]\naccess-key = K2\n";
        keyring.add(text, Path::new("")).unwrap();
        let find = |word: &str| keyring.find(&address(word));
        let found = find("sftp://nas/x");
        assert_eq!((found.user.as_deref(), password(&found)), (Some("ana"), Some("a")));
        assert_eq!(password(&find("sftp://eva@nas/x")), None);
        // The closest says whose it is, and what is for others does not count.
        let found = find("sftp://nas:2222/x");
        assert_eq!((found.user.as_deref(), password(&found)), (Some("eva"), None));
        assert!(found.passphrase.is_some());
        assert_eq!(find("https://intra/x").user.as_deref(), Some("ina"));
        let key = |word: &str| find(word).access_key;
        assert_eq!(key("s3://b?endpoint=https://two").as_deref(), Some("K2"));
        assert_eq!(key("s3://b?endpoint=https://three"), None);
        assert_eq!(key("s3://b"), None);
        let mut sources = Sources::default();
        let text = "[s3://b]\naccess-key = K1\nsecret-key = s1\n";
        sources.keyring.add(text, Path::new("")).unwrap();
        let secret = |word: &str| {
            let found = sources.find_with(&address(word), &|_| None);
            (found.access_key.unwrap(), found.secret_key.map(|key| key.expose().to_owned()))
        };
        assert_eq!(secret("s3://b"), ("K1".into(), Some("s1".into())));
        assert_eq!(secret("s3://K1@b"), ("K1".into(), Some("s1".into())));
        assert_eq!(secret("s3://K2@b"), ("K2".into(), None));
    }

    #[test]
    fn files_are_read_with_the_keys_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        std::fs::write(folder.path().join("id"), "-----BEGIN").unwrap();
        std::fs::write(&path, "key = id\n").unwrap();
        let mut keyring = Keyring::default();
        keyring.add_file(&path).unwrap();
        let found = keyring.find(&address("sftp://x/y"));
        assert_eq!(found.key.as_ref().map(Secret::expose), Some("-----BEGIN"));
        std::fs::write(&path, "key = missing\n").unwrap();
        let error = Keyring::default().add_file(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        std::fs::write(&path, vec![b'#'; LIMIT as usize + 1]).unwrap();
        assert!(Keyring::default().add_file(&path).is_err());
        std::fs::write(&path, "\u{feff}geheim\nmore\n").unwrap();
        assert_eq!(read_password_file(&path).unwrap().expose(), "geheim");
    }
}
