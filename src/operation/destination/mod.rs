//! Where images are kept, by the word that a person or a job writes.
//!
//! | Word | Meaning |
//! |---|---|
//! | `/mnt/images`, `images` | a folder |
//! | `usb:NAME`, `usb:NAME/path` | a volume on a disk that can be taken away, or a folder on it |
//! | `disk:NAME`, `disk:NAME/path` | the same on any disk |
//! | `sftp://USER@HOST/path` | a folder on a server; see [`crate::store::address`] |
//!
//! NAME is the label, the UUID or serial number, or a name below `/dev/disk/by-id` of exactly one
//! volume. A volume is mounted for as long as its [`Destination`] lives, unless it is mounted
//! already: then it is used where it is. What is only looked at is never written to, not even to
//! replay a journal.

mod drivers;
mod mounting;
mod proof;
mod server;
mod volumes;
mod word;

pub use server::{ServerAccess, reach_servers_by};
pub use volumes::{Candidate, VolumeOnDisk, candidates};
pub use word::{Reach, VolumeWord};

use crate::block::device::{Access, Device};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::filesystem::{self, Budget, VolumeKind};
use crate::hardware::Inventory;
use crate::hardware::usage::{mounts_of, whole_disk};
use crate::image::{State, state_of};
use crate::report::Report;
use crate::store::address::Address;
use crate::store::{LocalStore, Store};
use crate::text::{Message, message};
use mounting::Mounted;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a destination is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DestinationAccess {
    /// To be read: nothing on the medium changes.
    Look,
    /// To be written.
    Write,
}

/// How long what is left may take to be written at the end.
const WRITE_LIMIT: Duration = Duration::from_secs(600);

/// A place that holds images, ready to be used.
///
/// Dropping it gives a volume back with as much care as the time allows; only
/// [`Destination::close`] tells whether everything is on the medium.
pub struct Destination {
    store: Arc<dyn Store>,
    folder: PathBuf,
    access: DestinationAccess,
    volume: Option<VolumeOnDisk>,
    // Goes before what it lies in is unmounted.
    made: MadeFolders,
    mounted: Option<Mounted>,
    warnings: Vec<Message>,
}

/// Folders that were made for an image: gone with this, as long as nothing is in them.
#[derive(Default)]
struct MadeFolders(Vec<PathBuf>);

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Refused where something is in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Whether a word names a volume and not a folder.
pub fn names_volume(word: &str) -> bool {
    [Reach::External, Reach::Any].iter().any(|reach| word.starts_with(reach.prefix()))
}

/// Opens the destination that a word means. For [`DestinationAccess::Write`] its folder must
/// exist; see [`open_to_save`].
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Refused`] when the word means several
/// or it must not be used this way, [`ErrorKind::Unsupported`] when it cannot.
pub fn open(word: &str, access: DestinationAccess) -> Result<Destination> {
    match VolumeWord::parse(word)? {
        Some(volume) => open_volume(&volume, access, &[], Missing::Refuse),
        None => open_folder(word, access),
    }
}

/// The destination of an IMAGE word and the name of the image: what follows the last slash.
///
/// # Errors
/// As [`open`]; [`ErrorKind::Usage`] when the word ends before a name.
pub fn open_image(word: &str, access: DestinationAccess) -> Result<(Destination, String)> {
    let nameless = || {
        Error::new(ErrorKind::Usage, message!("cli-not-an-image", word = word))
            .advise(message!("image-foreign-advice"))
    };
    if let Some(mut volume) = VolumeWord::parse(word)? {
        let name = volume.folders.pop().ok_or_else(nameless)?;
        return Ok((open_volume(&volume, access, &[], Missing::Refuse)?, name));
    }
    if let Some((address, name)) = Address::parse_image(word)? {
        return Ok((server::open(address, access)?, name));
    }
    // `.` and `..` have a name of their own only from outside.
    let named = match Path::new(word).file_name() {
        Some(_) => None,
        None => std::fs::canonicalize(word).ok(),
    };
    let path = named.as_deref().unwrap_or(Path::new(word));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(nameless)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok((open_folder(&parent.display().to_string(), access)?, name.to_owned()))
}

/// Opens a destination for a new image of the disks, partitions or files `sources`: refuses one
/// that lies on them before anything is mounted, makes the folder on a volume where it is
/// missing, and proves that the volume stores what it is given.
///
/// # Errors
/// As [`open`], and when the proof fails.
pub fn open_to_save(word: &str, sources: &[PathBuf]) -> Result<Destination> {
    match VolumeWord::parse(word)? {
        Some(volume) => {
            let destination =
                open_volume(&volume, DestinationAccess::Write, sources, Missing::Make)?;
            proof::prove(&destination.folder, &destination.location())
                .map_err(|error| destination.explain(error))?;
            Ok(destination)
        }
        None => {
            let destination = open_folder(word, DestinationAccess::Write)?;
            match destination.is_on_server() {
                true => proof::prove_store(destination.store.as_ref())?,
                false => refuse_inside_image(&destination.folder)?,
            }
            Ok(destination)
        }
    }
}

/// Whether an image is in this folder.
pub(super) fn is_image(folder: &Path) -> bool {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().and_then(|name| name.to_str());
    let (Some(parent), Some(name)) = (folder.parent(), name) else { return false };
    let state =
        LocalStore::open(parent).and_then(|store| state_of(store.directory(name)?.as_ref()));
    matches!(state, Ok(State::Finished | State::Unfinished))
}

/// An image in the folder of an image would be listed nowhere.
fn refuse_inside_image(folder: &Path) -> Result<()> {
    match is_image(folder) {
        true => Err(Error::new(ErrorKind::Refused, message!("destination-is-image"))
            .at_path(folder)
            .advise(message!("destination-is-image-advice"))),
        false => Ok(()),
    }
}

/// As [`open_to_save`], but only to compute what a save would do: writes nothing, so the folder must
/// exist.
///
/// # Errors
/// As [`open`].
pub fn open_to_plan(word: &str, sources: &[PathBuf]) -> Result<Destination> {
    let access = DestinationAccess::Look;
    match VolumeWord::parse(word)? {
        Some(volume) => open_volume(&volume, access, sources, Missing::Refuse),
        None => open_folder(word, access),
    }
}

/// Waits until the volume that a word names is there, at most `limit`, or until `stop` says so:
/// for runs that nobody watches, while USB disks are still being found. A word for a folder is
/// not waited for.
///
/// # Errors
/// As [`open`].
pub fn wait_for(word: &str, limit: Duration, stop: &dyn Fn() -> bool) -> Result<()> {
    let Some(volume) = VolumeWord::parse(word)? else { return Ok(()) };
    let until = Instant::now() + limit;
    loop {
        match volumes::resolve(&volume, &Inventory::read(Path::new("/"))) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(error) if Instant::now() >= until || stop() => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}

/// Unmounts what killed processes left mounted.
pub fn clean_up() {
    mounting::clean_up();
}

fn open_folder(word: &str, access: DestinationAccess) -> Result<Destination> {
    if let Some(address) = Address::parse(word)? {
        return server::open(address, access);
    }
    if means_a_server(word) && !Path::new(word).exists() {
        return Err(Error::new(ErrorKind::Usage, message!("address-no-scheme"))
            .at_path(word)
            .advise(message!("address-advice")));
    }
    let store = LocalStore::open(Path::new(word))?;
    Ok(Destination {
        folder: store.folder().to_owned(),
        store: Arc::new(store),
        access,
        volume: None,
        made: MadeFolders::default(),
        mounted: None,
        warnings: Vec::new(),
    })
}

/// Whether a word that is no address was meant as one: another kind of it, or as Windows and scp
/// write them.
fn means_a_server(word: &str) -> bool {
    let is_name = |text: &str| !text.is_empty() && !text.contains(['/', '\\', ':']);
    let scheme = |(name, _): (&str, &str)| name.chars().all(|c| c.is_ascii_alphanumeric());
    let scp = |(user, rest): (&str, &str)| {
        is_name(user) && rest.split_once(':').is_some_and(|(host, _)| is_name(host))
    };
    word.starts_with("\\\\")
        || word.starts_with("//")
        || word.split_once("://").is_some_and(scheme)
        || word.split_once('@').is_some_and(scp)
}

/// What is done about a folder that does not exist.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Refuse,
    Make,
}

/// Opens a volume that lies on none of the `sources`.
fn open_volume(
    word: &VolumeWord,
    access: DestinationAccess,
    sources: &[PathBuf],
    missing: Missing,
) -> Result<Destination> {
    mounting::clean_up();
    let volume = volumes::resolve(word, &Inventory::read(Path::new("/")))?;
    volumes::check(&volume, access)?;
    for source in sources {
        check_apart(&volume, source)?;
    }
    let mut warnings = Vec::new();
    if mounts_of(&volume.path)?.is_empty() {
        match access {
            DestinationAccess::Write => warnings.extend(doubt(&volume)?),
            DestinationAccess::Look => {
                let device = Device::open(&volume.path, Access::Look)?;
                if filesystem::has_changes_to_replay(&device, volume.kind) {
                    let name = volume.description();
                    warnings.push(message!("destination-journal", volume = name));
                }
            }
        }
    }
    let mounted = mounting::mount(&volume, access)?;
    let mut made = MadeFolders::default();
    let mut folder = mounted.folder.clone();
    for name in &word.folders {
        folder.push(name);
        if missing == Missing::Make && !folder.exists() {
            std::fs::create_dir(&folder)
                .context(|| message!("store-create-failed"))
                .map_err(|error| error.at_path(word.to_string()))?;
            made.0.push(folder.clone());
        }
        stay_inside(&mounted.folder, &folder, word)?;
    }
    let store = LocalStore::open_as(&folder, &word.to_string())
        .map_err(|error| error.on_device(volume.description()))?;
    Ok(Destination {
        store: Arc::new(store),
        folder,
        access,
        volume: Some(volume),
        made,
        mounted: Some(mounted),
        warnings,
    })
}

/// Refuses a link that leads from the volume to somewhere else.
fn stay_inside(root: &Path, folder: &Path, word: &VolumeWord) -> Result<()> {
    let canonical = |path: &Path| {
        std::fs::canonicalize(path)
            .context(|| message!("store-open-failed"))
            .map_err(|error| error.at_path(word.to_string()).advise(message!("store-open-advice")))
    };
    if canonical(folder)?.starts_with(canonical(root)?) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, message!("destination-leads-outside"))
        .at_path(word.to_string()))
}

/// Refuses a volume that is a source, or a part of one.
fn check_apart(volume: &VolumeOnDisk, source: &Path) -> Result<()> {
    let Ok(metadata) = std::fs::metadata(source) else { return Ok(()) };
    if !metadata.file_type().is_block_device() {
        return Ok(());
    }
    let own = std::fs::metadata(&volume.path).map(|volume| volume.rdev()).ok();
    if own == Some(metadata.rdev()) || whole_disk(&volume.path)? == metadata.rdev() {
        return Err(Error::new(
            ErrorKind::Refused,
            message!("destination-is-source", source = source.display().to_string()),
        )
        .on_device(volume.description())
        .advise(message!("destination-choose-another")));
    }
    Ok(())
}

/// What speaks against writing to a volume that has no journal to heal it, or one that belongs to
/// a system that sleeps: a warning, or a refusal.
fn doubt(volume: &VolumeOnDisk) -> Result<Option<Message>> {
    let is_fat = matches!(volume.kind, VolumeKind::Fat12 | VolumeKind::Fat16 | VolumeKind::Fat32);
    if !is_fat && !matches!(volume.kind, VolumeKind::Exfat | VolumeKind::Ntfs) {
        return Ok(None);
    }
    let device = Device::open(&volume.path, Access::Look)?;
    let reading = filesystem::read(&[&device], Budget::default()).pop();
    let Some(doubt) = reading.and_then(|reading| reading.used.err()) else { return Ok(None) };
    // What is said of all kinds alike is about reading them, and not about their state.
    if doubt.id().starts_with("filesystem-") {
        return Ok(None);
    }
    if volume.kind == VolumeKind::Ntfs {
        return Err(Error::new(ErrorKind::Refused, message!("destination-ntfs-unclean"))
            .on_device(volume.description())
            .caused_by(doubt.to_string())
            .advise(message!("destination-ntfs-unclean-advice")));
    }
    Ok(Some(message!("destination-doubtful", why = doubt)))
}

/// The files of a volume, for as long as this lives.
pub(in crate::operation) struct Looked(Mounted);

impl Looked {
    /// Where its root is.
    pub(in crate::operation) fn folder(&self) -> &Path {
        &self.0.folder
    }
}

/// Mounts the volume of a device node for a look: nothing is written to it.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there are no files in it, and what the kernel answers.
pub(in crate::operation) fn look_into(path: &Path) -> Result<Looked> {
    let volume = volumes::at(path, &Inventory::read(Path::new("/"))).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, message!("destination-no-files"))
            .on_device(path.display().to_string())
    })?;
    mounting::mount(&volume, DestinationAccess::Look).map(Looked)
}

impl Destination {
    /// The images in it.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Where it is in the file system, as long as it is open: what must not be overwritten. Empty
    /// when it is on a server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a person calls it: the word, or the folder.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Whether it is on a server.
    pub fn is_on_server(&self) -> bool {
        self.volume.is_none() && self.folder.as_os_str().is_empty()
    }

    /// The volume, when it was named by a word for one.
    pub fn volume(&self) -> Option<&VolumeOnDisk> {
        self.volume.as_ref()
    }

    /// What the person should know about it.
    pub fn warnings(&self) -> &[Message] {
        &self.warnings
    }

    /// An error of a job that used this destination: where the disk was pulled out, that is what
    /// is said, and not only what failed because of it.
    pub fn explain(&self, error: Error) -> Error {
        match &self.volume {
            Some(volume)
                if error.kind() != ErrorKind::Interrupted && mounting::is_removed(volume) =>
            {
                mounting::removed(volume).caused_by(error)
            }
            _ => error,
        }
    }

    /// Ends the use: what was written is on the medium and the volume unmounted, unless somebody
    /// else had mounted it. Waits at most ten minutes, and tells what it waits for.
    ///
    /// # Errors
    /// When that failed: then nothing written can be trusted before it was verified.
    pub fn close(mut self, report: &dyn Report) -> Result<()> {
        drop(std::mem::take(&mut self.made));
        let Some(mut mounted) = self.mounted.take() else { return Ok(()) };
        if self.access == DestinationAccess::Look {
            // Nothing depends on it, and what could not be unmounted is left for the next one.
            let _ = mounted.give_back(mounting::LOOK_LIMIT, &mut || {});
            return Ok(());
        }
        let begun = Instant::now();
        let mut told = false;
        let location = self.location();
        mounted.give_back(WRITE_LIMIT, &mut || {
            if !told && begun.elapsed() > Duration::from_secs(3) {
                told = true;
                report.note(&message!("destination-finishing", location = location.as_str()));
            }
        })
    }
}

#[cfg(test)]
mod tests;
