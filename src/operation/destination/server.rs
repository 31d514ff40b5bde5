//! Destinations on servers: who asks, with what, and how long a server is waited for.

use super::{Destination, DestinationAccess, MadeFolders, Reach};
use crate::error::{Error, ErrorKind, Result};
use crate::network::{Interface, State, ipv6_addresses};
use crate::operation::is_unattended;
use crate::store::address::{Address, Scheme};
use crate::store::credentials::{Asker, Credentials, Keyring, Nobody, Sources};
use crate::store::patience::Patience;
use crate::store::{
    BucketStore, HostKeys, PatientStore, Redirects, SftpStore, ShareStore, SiteStore, Store, Trust,
    WebClient,
};
use crate::text::message;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How long the network may take to begin: DHCP, and a switch that looks for loops first.
const NETWORK: Duration = Duration::from_secs(45);

/// The label of a volume that holds credentials, and the file on it.
const KEYS: &str = "CALCO-KEYS";
const KEYS_FILE: &str = "credentials";
/// How long such a volume may take to be found.
const STICK: Duration = Duration::from_secs(10);

/// How servers are reached in this process.
pub struct ServerAccess {
    /// Where credentials come from.
    pub sources: Sources,
    /// Further files of credentials, read when a server is reached: what is wrong with them is no
    /// matter before.
    pub usual_files: Vec<PathBuf>,
    /// Who can be asked.
    pub asker: Arc<dyn Asker>,
    /// How long a server that went away is waited for.
    pub patience: Duration,
    /// The file of known hosts, in OpenSSH's form.
    pub known_hosts: Option<PathBuf>,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl ServerAccess {
    /// How long a server that went away is waited for unless told otherwise: it may start anew
    /// and check its disks.
    pub const PATIENCE: Duration = Duration::from_secs(30 * 60);
}

impl Default for ServerAccess {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            usual_files: Vec::new(),
            asker: Arc::new(Nobody),
            patience: Self::PATIENCE,
            known_hosts: None,
            trust: Trust::default(),
        }
    }
}

static ACCESS: OnceLock<ServerAccess> = OnceLock::new();

/// Says how servers are reached, once, before any is.
pub fn reach_servers_by(access: ServerAccess) {
    let _ = ACCESS.set(access);
}

/// In the live system, waits for the network, which may just be beginning.
fn wait_for_network(server: &str) -> Result<()> {
    match State::wait_until_ready(Path::new(State::FILE), NETWORK) {
        Some(state) if !state.is_ready() && ipv6_addresses().is_empty() => {
            let interfaces = state.interfaces.iter().map(Interface::to_string);
            let list = interfaces.collect::<Vec<_>>().join("; ");
            let what = match list.is_empty() {
                true => message!("network-no-interface"),
                false => message!("network-not-ready", interfaces = list),
            };
            Err(Error::new(ErrorKind::Unreachable, what)
                .on_device(server)
                .advise(message!("network-not-ready-advice")))
        }
        _ => Ok(()),
    }
}

/// In the live system, what stands in the file of credentials of the volume [`KEYS`], if one is
/// plugged in. It is looked at, never written to.
fn credentials_of_stick() -> Result<Keyring> {
    static FOUND: Mutex<Option<Keyring>> = Mutex::new(None);
    let mut found = FOUND.lock().expect("no holder panics");
    if let Some(keyring) = found.as_ref() {
        return Ok(keyring.clone());
    }
    let word = format!("{}{KEYS}", Reach::Any.prefix());
    let stick = match super::open(&word, DestinationAccess::Look) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Keyring::default()),
        stick => stick?,
    };
    let mut keyring = Keyring::default();
    keyring.add_file(&stick.folder().join(KEYS_FILE))?;
    Ok(found.insert(keyring).clone())
}

/// Everything that is known for a place. Where nobody watches, a stick with credentials is waited
/// for a moment when they are missing: it may just be being found.
fn credentials(how: &ServerAccess, address: &Address) -> Result<Credentials> {
    // NFS tells who we are by numbers.
    if address.scheme == Scheme::Nfs {
        return Ok(Credentials::default());
    }
    let mut all = how.sources.clone();
    for file in &how.usual_files {
        all.keyring.add_file(file)?;
    }
    let mut known = all.find(address);
    let is_live = State::read(Path::new(State::FILE)).is_some();
    if !is_live {
        return Ok(known);
    }
    let needs_secret = known.user.is_some() || matches!(address.scheme, Scheme::Sftp | Scheme::S3);
    let until = Instant::now() + STICK;
    while !known.has_secret() {
        match credentials_of_stick() {
            Ok(keyring) => {
                let mut sources = all.clone();
                sources.keyring.append(&keyring);
                known = sources.find(address);
            }
            // Whoever is let in without a secret needs none of it.
            Err(_) if !needs_secret => break,
            Err(error) => return Err(error),
        }
        if !is_unattended() || !needs_secret || Instant::now() >= until {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(known)
}

/// Opens a place on a server.
///
/// # Errors
/// When the server cannot be reached or refuses, or its kind is not supported.
pub(super) fn open(address: Address, access: DestinationAccess) -> Result<Destination> {
    let how = ACCESS.get_or_init(ServerAccess::default);
    let server = address.server();
    wait_for_network(&server)?;
    let patience = Arc::new(Patience::new(server, how.patience));
    let store: Arc<dyn Store> = match address.scheme {
        Scheme::Nfs | Scheme::Smb => {
            let credentials = credentials(how, &address)?;
            let is_read_only = access == DestinationAccess::Look;
            let asker = how.asker.as_ref();
            Arc::new(ShareStore::open(
                &address,
                is_read_only,
                &credentials,
                asker,
                patience.clone(),
            )?)
        }
        Scheme::Sftp => {
            let credentials = credentials(how, &address)?;
            let keys =
                HostKeys { given: credentials.host_keys.clone(), file: how.known_hosts.clone() };
            let store = SftpStore::open(address, credentials, keys, how.asker.clone())?;
            patience.heard();
            Arc::new(store)
        }
        Scheme::S3 => {
            let credentials = credentials(how, &address)?;
            let client = WebClient::new(&how.trust, Redirects::Refused)?;
            let store = BucketStore::open(client, address, &credentials, how.asker.as_ref())?;
            patience.heard();
            Arc::new(store)
        }
        Scheme::Http | Scheme::Https if access == DestinationAccess::Write => {
            return Err(SiteStore::refuse_to_write(&address));
        }
        Scheme::Http | Scheme::Https => {
            let credentials = credentials(how, &address)?;
            let redirects = match address.scheme {
                Scheme::Https => Redirects::Encrypted,
                _ => Redirects::Followed,
            };
            let client = WebClient::new(&how.trust, redirects)?;
            Arc::new(SiteStore::open(client, address, &credentials, how.asker.as_ref())?)
        }
    };
    let store: Arc<dyn Store> = Arc::new(PatientStore::new(store, patience));
    Ok(Destination {
        store,
        folder: PathBuf::new(),
        access,
        volume: None,
        made: MadeFolders::default(),
        mounted: None,
        warnings: Vec::new(),
    })
}
