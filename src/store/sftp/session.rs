//! A connection to an SSH server: its host key, the login, and the SFTP subsystem.

use super::known_hosts::{Known, PORT};
use crate::error::{Error, ErrorKind, Result};
use crate::store::address::Address;
use crate::store::credentials::{Asker, Credentials, Secret};
use crate::store::runtime;
use crate::text::{Message, message};
use russh::Preferred;
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::ssh_key::PublicKey;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{
    Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate,
    decode_secret_key,
};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::rawsession::Limits;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a server may take to answer a connection, a login, or a request.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How long a login may take, with a person who looks for the password.
const LOGIN: Duration = Duration::from_secs(600);
/// The longest piece of a file in one request, in bytes, where the server does not tell.
const PIECE: u64 = 32 << 10;
/// The longest piece that is sent even where the server takes longer ones, in bytes.
const LONGEST_PIECE: u64 = 255 << 10;
/// How often a person may mistype a password.
const TRIES: u32 = 3;

/// What a server must be to be believed.
#[derive(Clone, Default, Debug)]
pub struct HostKeys {
    /// Fingerprints given for this run: `SHA256:…`. When there are any, no other key is right.
    pub given: Vec<String>,
    /// The file of known hosts, in OpenSSH's form.
    pub file: Option<PathBuf>,
}

/// What is to be done about the key of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Verdict {
    Right,
    /// Never seen.
    Unknown(String),
    /// Another one than is known.
    Changed(String),
    /// One that the server may not show any more.
    Revoked(String),
}

impl HostKeys {
    fn judge(&self, address: &Address, key: &PublicKey, accepted: Option<&str>) -> Verdict {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if !self.given.is_empty() {
            let is_given =
                self.given.iter().any(|given| given.trim_end_matches('=') == fingerprint);
            return if is_given { Verdict::Right } else { Verdict::Changed(fingerprint) };
        }
        let known = self.known(address);
        if known.revoked.contains(key.key_data()) {
            return Verdict::Revoked(fingerprint);
        }
        if known.keys.contains(key.key_data()) || accepted == Some(fingerprint.as_str()) {
            return Verdict::Right;
        }
        // A server with a known key of another kind has not shown that it holds it.
        match known.keys.is_empty() {
            true => Verdict::Unknown(fingerprint),
            false => Verdict::Changed(fingerprint),
        }
    }

    fn known(&self, address: &Address) -> Known {
        let port = address.port.unwrap_or(PORT);
        let read = |file: &PathBuf| Known::read(file, &address.host, port);
        self.file.as_ref().map(read).unwrap_or_default()
    }

    /// The kinds of keys that are known of a server before all others: it has several, and shows
    /// the one that it is asked for.
    fn preferred(&self, address: &Address) -> Preferred {
        let mut preferred = Preferred::default();
        let known: Vec<Algorithm> = match self.given.is_empty() {
            true => self.known(address).keys.iter().map(KeyData::algorithm).collect(),
            false => Vec::new(),
        };
        let is_known = |algorithm: &Algorithm| {
            known.iter().any(|known| known == algorithm || (is_rsa(known) && is_rsa(algorithm)))
        };
        let (first, last): (Vec<_>, Vec<_>) =
            preferred.key.iter().cloned().partition(|algorithm| is_known(algorithm));
        preferred.key = [first, last].concat().into();
        preferred
    }
}

fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

/// Looks at the key of a server while a connection is made.
struct Witness {
    address: Address,
    keys: HostKeys,
    accepted: Option<String>,
    seen: Arc<Mutex<Option<(Verdict, PublicKey)>>>,
}

impl client::Handler for Witness {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let verdict = self.keys.judge(&self.address, key, self.accepted.as_deref());
        let is_right = verdict == Verdict::Right;
        *self.seen.lock().expect("no holder panics") = Some((verdict, key.clone()));
        Ok(is_right)
    }
}

/// How to get in.
pub(super) struct Login {
    /// Where.
    pub(super) address: Address,
    /// As whom.
    pub(super) credentials: Credentials,
    /// Who must be there.
    pub(super) keys: HostKeys,
    /// Somebody who can be asked, the first time.
    pub(super) asker: Arc<dyn Asker>,
    /// The fingerprint that a person accepted, and the password that was typed.
    pub(super) learned: Mutex<Learned>,
}

/// What a person said.
#[derive(Default)]
pub(super) struct Learned {
    fingerprint: Option<String>,
    password: Option<Secret>,
}

/// A connection that was let in.
pub(super) struct Session {
    /// Files on the server.
    pub(super) sftp: RawSftpSession,
    /// Whether the server can be asked to make a file durable.
    pub(super) can_sync: bool,
    /// Whether it tells how much room there is.
    pub(super) can_count: bool,
    /// The longest piece of a file in one request, in bytes.
    pub(super) piece: u64,
    /// Keeps the connection.
    ssh: Handle<Witness>,
    is_broken: AtomicBool,
}

impl Session {
    /// Whether nothing comes through any more.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed) || self.ssh.is_closed()
    }

    /// Ends when the connection does.
    pub(super) async fn closed(&self) {
        while !self.is_broken() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Notes that the server did not answer.
    pub(super) fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }
}

/// Why a connection could not be made.
fn failure(address: &Address, error: &russh::Error) -> Error {
    Error::new(ErrorKind::Unreachable, message!("ssh-no-connection", server = address.server()))
        .caused_by(error.to_string())
        .advise(message!("ssh-no-connection-advice"))
}

fn silent(address: &Address) -> Error {
    let seconds = ANSWER.as_secs();
    Error::new(
        ErrorKind::Unreachable,
        message!("ssh-no-answer", server = address.server(), seconds = seconds),
    )
    .advise(message!("ssh-no-connection-advice"))
}

impl Login {
    /// Connects, and logs in.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when there is no way to the server, [`ErrorKind::Refused`] when it
    /// is not the one it should be or lets nobody in.
    pub(super) fn connect(&self) -> Result<Session> {
        let mut ssh = self.meet()?;
        let answer = runtime::wait(LOGIN, self.authenticate(&mut ssh))?;
        answer.ok_or_else(|| silent(&self.address))??;
        let opened = runtime::wait(ANSWER, open(ssh))?.ok_or_else(|| silent(&self.address))?;
        opened.map_err(|why| {
            Error::new(ErrorKind::Refused, message!("ssh-no-sftp", server = self.address.server()))
                .caused_by(why)
                .advise(message!("ssh-no-sftp-advice"))
        })
    }

    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let place = (self.address.host.as_str(), self.address.port.unwrap_or(PORT));
        place.to_socket_addrs().map(Iterator::collect).map_err(|error| {
            Error::new(
                ErrorKind::Unreachable,
                message!("ssh-no-such-host", host = self.address.host.as_str()),
            )
            .caused_by(error)
            .advise(message!("ssh-no-such-host-advice"))
        })
    }

    /// Makes the connection, and makes sure who answers.
    fn meet(&self) -> Result<Handle<Witness>> {
        let config = Arc::new(client::Config {
            keepalive_interval: Some(Duration::from_secs(10)),
            keepalive_max: 3,
            window_size: 16 << 20,
            maximum_packet_size: 64 << 10,
            nodelay: true,
            preferred: self.keys.preferred(&self.address),
            ..client::Config::default()
        });
        let mut has_asked = false;
        loop {
            let seen = Arc::new(Mutex::new(None));
            let witness = Witness {
                address: self.address.clone(),
                keys: self.keys.clone(),
                accepted: self.learned.lock().expect("no holder panics").fingerprint.clone(),
                seen: seen.clone(),
            };
            let places = self.resolve()?;
            let connecting = client::connect(config.clone(), places.as_slice(), witness);
            let made = runtime::wait(ANSWER, connecting)?;
            let error = match made.ok_or_else(|| silent(&self.address))? {
                Ok(ssh) => return Ok(ssh),
                Err(error) => error,
            };
            match seen.lock().expect("no holder panics").take() {
                Some((Verdict::Unknown(fingerprint), key)) if !has_asked => {
                    has_asked = true;
                    self.ask_about(&fingerprint, &key)?;
                }
                Some((Verdict::Changed(fingerprint), _)) => {
                    let server = self.address.server();
                    let what =
                        message!("ssh-key-changed", server = server, fingerprint = fingerprint);
                    return Err(Error::new(ErrorKind::Refused, what)
                        .advise(message!("ssh-key-changed-advice")));
                }
                Some((Verdict::Revoked(fingerprint), _)) => {
                    let server = self.address.server();
                    let what =
                        message!("ssh-key-revoked", server = server, fingerprint = fingerprint);
                    return Err(Error::new(ErrorKind::Refused, what)
                        .advise(message!("ssh-key-revoked-advice")));
                }
                _ => return Err(failure(&self.address, &error)),
            }
        }
    }

    /// Has a person say whether the key of a server that was never seen is right.
    fn ask_about(&self, fingerprint: &str, key: &PublicKey) -> Result<()> {
        let server = self.address.server();
        let question =
            message!("ssh-key-question", server = server.as_str(), fingerprint = fingerprint);
        match self.asker.accept(&question)? {
            Some(true) => {}
            Some(false) => {
                return Err(Error::new(
                    ErrorKind::Interrupted,
                    message!("ssh-key-not-accepted", server = server),
                ));
            }
            None => {
                return Err(Error::new(
                    ErrorKind::Refused,
                    message!("ssh-key-unknown", server = server, fingerprint = fingerprint),
                )
                .advise(message!("ssh-key-unknown-advice", fingerprint = fingerprint)));
            }
        }
        self.learned.lock().expect("no holder panics").fingerprint = Some(fingerprint.to_owned());
        if let Some(file) = &self.keys.file {
            let port = self.address.port.unwrap_or(PORT);
            // Where it cannot be kept, the person is asked again the next time.
            let _ = russh::keys::known_hosts::learn_known_hosts_path(
                &self.address.host,
                port,
                key,
                file,
            );
        }
        Ok(())
    }

    fn user(&self) -> String {
        let own = || std::env::var("USER").ok().filter(|user| !user.is_empty());
        self.credentials.user.clone().or_else(own).unwrap_or_else(|| "root".to_owned())
    }

    /// The private keys that may open the door: that which was given, or those of the user.
    fn private_keys(&self) -> Result<Vec<PrivateKey>> {
        let passphrase = self.credentials.passphrase.as_ref().map(Secret::expose);
        if let Some(key) = &self.credentials.key {
            let wrong = |error: russh::keys::Error| {
                let what = match error {
                    russh::keys::Error::KeyIsEncrypted => message!("ssh-key-locked"),
                    _ => message!("ssh-key-unusable"),
                };
                Error::new(ErrorKind::Usage, what)
                    .caused_by(error.to_string())
                    .advise(message!("ssh-key-unusable-advice"))
            };
            let is_locked = matches!(
                decode_secret_key(key.expose(), None),
                Err(russh::keys::Error::KeyIsEncrypted)
            );
            let asked = match passphrase {
                None if is_locked => self.asker.secret(&message!("ssh-passphrase-question"))?,
                _ => None,
            };
            let passphrase = asked.as_ref().map(Secret::expose).or(passphrase);
            return Ok(vec![decode_secret_key(key.expose(), passphrase).map_err(wrong)?]);
        }
        let Some(folder) = self.keys.file.as_ref().and_then(|file| file.parent()) else {
            return Ok(Vec::new());
        };
        let names = ["id_ed25519", "id_ecdsa", "id_rsa"];
        let read = |name: &str| {
            let text = crate::store::credentials::read_file(&folder.join(name)).ok()?;
            decode_secret_key(&text, passphrase).ok()
        };
        Ok(names.into_iter().filter_map(read).collect())
    }

    async fn authenticate(&self, ssh: &mut Handle<Witness>) -> Result<()> {
        let user = self.user();
        let broken = |error: russh::Error| failure(&self.address, &error);
        for key in self.private_keys()? {
            let hash = match key.algorithm().is_rsa() {
                true => ssh.best_supported_rsa_hash().await.map_err(broken)?.flatten(),
                false => None,
            };
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            if let AuthResult::Success =
                ssh.authenticate_publickey(user.as_str(), key).await.map_err(broken)?
            {
                return Ok(());
            }
        }
        let given = self.credentials.password.clone();
        let learned = self.learned.lock().expect("no holder panics").password.clone();
        if let Some(password) = given.or(learned) {
            return match self.try_password(ssh, &user, &password).await? {
                true => Ok(()),
                false => Err(self.not_let_in(&user)),
            };
        }
        for _ in 0..TRIES {
            let question = message!(
                "store-password-question",
                user = user.as_str(),
                server = self.address.server()
            );
            let Some(password) = self.asker.secret(&question)? else { break };
            if self.try_password(ssh, &user, &password).await? {
                self.learned.lock().expect("no holder panics").password = Some(password);
                return Ok(());
            }
        }
        Err(self.not_let_in(&user))
    }

    /// Tries a password, also with servers that ask for it in a dialogue.
    async fn try_password(
        &self,
        ssh: &mut Handle<Witness>,
        user: &str,
        password: &Secret,
    ) -> Result<bool> {
        let broken = |error: russh::Error| failure(&self.address, &error);
        let answer = ssh.authenticate_password(user, password.expose()).await.map_err(broken)?;
        if let AuthResult::Success = answer {
            return Ok(true);
        }
        let mut answer =
            ssh.authenticate_keyboard_interactive_start(user, None).await.map_err(broken)?;
        // A server may ask more than once, but not for ever.
        for _ in 0..8 {
            let prompts = match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let mut answers = Vec::new();
            for prompt in prompts {
                // The first thing that is not shown is the password; a code of a second device,
                // for one, only the person knows.
                let is_password = !prompt.echo && answers.is_empty();
                let asked = match is_password {
                    true => Some(password.clone()),
                    false => {
                        let text = prompt.prompt.replace(char::is_control, " ");
                        self.asker.secret(&message!("ssh-question", question = text))?
                    }
                };
                let Some(asked) = asked else { return Ok(false) };
                answers.push(asked.expose().to_owned());
            }
            answer =
                ssh.authenticate_keyboard_interactive_respond(answers).await.map_err(broken)?;
        }
        Ok(false)
    }

    fn not_let_in(&self, user: &str) -> Error {
        let what: Message = message!("ssh-not-let-in", server = self.address.server(), user = user);
        Error::new(ErrorKind::Refused, what).advise(message!("ssh-not-let-in-advice"))
    }
}

/// Opens the SFTP subsystem.
async fn open(ssh: Handle<Witness>) -> Result<Session, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let channel = ssh.channel_open_session().await.map_err(|error| said(&error))?;
    channel.request_subsystem(true, "sftp").await.map_err(|error| said(&error))?;
    let mut sftp = RawSftpSession::new(channel.into_stream());
    sftp.set_timeout(ANSWER.as_secs());
    let version = sftp.init().await.map_err(|error| said(&error))?;
    let has = |name: &str| version.extensions.contains_key(name);
    let mut piece = PIECE;
    if has("limits@openssh.com") {
        let limits = sftp.limits().await.map_err(|error| said(&error))?;
        let least = limits.max_read_len.min(limits.max_write_len);
        piece = if least == 0 { PIECE } else { least.min(LONGEST_PIECE) };
        sftp.set_limits(Limits::from(limits));
    }
    Ok(Session {
        can_sync: has("fsync@openssh.com"),
        can_count: has("statvfs@openssh.com"),
        piece,
        sftp,
        ssh,
        is_broken: AtomicBool::new(false),
    })
}
