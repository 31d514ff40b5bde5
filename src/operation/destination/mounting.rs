//! Mounting a volume for as long as somebody needs it.
//!
//! Each volume has a folder below [`BASE`]. Processes share its mount: each of them holds a shared
//! lock on `ID.users`, and who can lock it alone is the last one and unmounts. Whoever mounts or
//! unmounts holds `ID.lock`, in which is noted what has to be put back afterwards. Locks end with
//! their process, so what a killed one left is seen to be nobody's.

use super::DestinationAccess;
use super::drivers::driver;
use super::volumes::VolumeOnDisk;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::hardware::mounts::{Mount, parse_mounts};
use crate::hardware::usage::mounts_of;
use crate::sys::block_device;
use crate::text::message;
use rustix::fs::{AtFlags, CWD, FlockOperation, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where volumes are mounted.
pub(super) const BASE: &str = "/run/calco/mnt";

/// How long somebody else's look at the same volume is waited for.
const OTHERS: Duration = Duration::from_secs(15);
/// How long a mount may take: a journal may have to be replayed from a slow disk.
const MOUNT_LIMIT: Duration = Duration::from_secs(300);
/// How long a volume may take to be given back when nothing has to be written.
pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// How long files that were just closed may keep a volume busy.
const BUSY: Duration = Duration::from_secs(3);

const MOMENT: Duration = Duration::from_millis(50);

/// Does something that may never come back in a thread of its own, and calls `tick` while it
/// goes on; `None` when it took longer than `limit`.
fn bounded<T: Send + 'static>(
    limit: Duration,
    tick: &mut dyn FnMut(),
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = crossbeam_channel::bounded(1);
    std::thread::spawn(move || {
        let _ = tell.send(work());
    });
    let until = Instant::now() + limit;
    loop {
        match told.recv_timeout(Duration::from_millis(250)) {
            Ok(answer) => return Some(answer),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) if Instant::now() < until => tick(),
            Err(_) => return None,
        }
    }
}

/// The kernel's name of a device, which has `!` where that of the node has a slash.
fn kernel_name(device: &Path) -> String {
    device.strip_prefix("/dev").unwrap_or(device).to_string_lossy().replace('/', "!")
}

/// The folder of a volume and the files beside it.
#[derive(Clone)]
struct Area {
    folder: PathBuf,
    lock: PathBuf,
    users: PathBuf,
}

impl Area {
    fn named(id: &str) -> Self {
        let at = |name: String| Path::new(BASE).join(name);
        Self {
            folder: at(id.to_owned()),
            lock: at(format!("{id}.lock")),
            users: at(format!("{id}.users")),
        }
    }

    fn of(volume: &VolumeOnDisk) -> Self {
        Self::at(&volume.path, volume.sequence)
    }

    fn at(device: &Path, sequence: Option<u64>) -> Self {
        // The next stick in the same socket has another number.
        Self::named(&format!("{}-{}", kernel_name(device), sequence.unwrap_or_default()))
    }

    fn make_base() -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(BASE)
    }

    /// Locks one of the files; `None` when somebody else held it all the time.
    fn locked(path: &Path, how: FlockOperation, patience: Duration) -> io::Result<Option<File>> {
        let until = Instant::now() + patience;
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)?;
            match rustix::fs::flock(&file, how) {
                Ok(()) => {
                    // The holder before us may have removed the file: ours is then another one.
                    let here = file.metadata()?.ino();
                    match fs::metadata(path) {
                        Ok(there) if there.ino() == here => return Ok(Some(file)),
                        _ => continue,
                    }
                }
                Err(Errno::WOULDBLOCK) if Instant::now() < until => std::thread::sleep(MOMENT),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn lock(&self, patience: Duration) -> io::Result<Option<File>> {
        Self::locked(&self.lock, FlockOperation::NonBlockingLockExclusive, patience)
    }

    /// Becomes one of the users of the mount.
    fn join(&self) -> io::Result<Option<File>> {
        Self::locked(&self.users, FlockOperation::NonBlockingLockShared, BUSY)
    }

    /// Whether nobody uses the mount. Only sure while [`Area::lock`] is held.
    fn is_unused(&self) -> io::Result<bool> {
        let exclusive = FlockOperation::NonBlockingLockExclusive;
        Ok(Self::locked(&self.users, exclusive, Duration::ZERO)?.is_some())
    }

    fn is_mounted(&self) -> bool {
        all_mounts().iter().any(|mount| mount.mount_point == self.folder)
    }

    /// Notes in the lock file that the device was made read-only by us.
    fn note_protected(lock: &mut File, device: &Path) -> io::Result<()> {
        lock.set_len(0)?;
        lock.rewind()?;
        lock.write_all(device.as_os_str().as_encoded_bytes())
    }

    /// Lets the device be written again if it was us who forbade it.
    fn unprotect(lock: &mut File) {
        let mut device = String::new();
        let noted =
            lock.rewind().and_then(|()| Read::by_ref(lock).take(4096).read_to_string(&mut device));
        if noted.is_ok_and(|length| length > 0)
            && let Ok(device) = File::open(&device)
        {
            // Not there any more, or another one by now: then there is nothing to put back.
            let _ = block_device::set_read_only(&device, false);
        }
        let _ = lock.set_len(0);
    }

    /// Unmounts and removes everything; `lock` is held, and there are no users. The answer is
    /// that of the unmount.
    fn clear(&self, lock: &mut File) -> io::Result<()> {
        let until = Instant::now() + BUSY;
        let mut result = Ok(());
        while self.is_mounted() {
            match rustix::mount::unmount(&self.folder, UnmountFlags::NOFOLLOW) {
                Ok(()) | Err(Errno::INVAL) => {}
                Err(Errno::BUSY) if Instant::now() < until => std::thread::sleep(MOMENT),
                Err(error) => {
                    result = Err(error.into());
                    // Gone from everybody's eyes, and for good once the last file is closed.
                    let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
                    if rustix::mount::unmount(&self.folder, flags).is_err() {
                        return result;
                    }
                }
            }
        }
        Self::unprotect(lock);
        let _ = fs::remove_dir(&self.folder);
        let _ = fs::remove_file(&self.users);
        let _ = fs::remove_file(&self.lock);
        result
    }
}

/// Whether it is us who keep a device from being written.
pub(super) fn is_protected_by_us(device: &Path, sequence: Option<u64>) -> bool {
    let noted = fs::metadata(Area::at(device, sequence).lock);
    noted.is_ok_and(|noted| noted.len() > 0)
}

fn all_mounts() -> Vec<Mount> {
    parse_mounts(&fs::read("/proc/self/mountinfo").unwrap_or_default())
}

/// Unmounts what killed processes left mounted, and removes their folders.
pub(super) fn clean_up() {
    let names = fs::read_dir(BASE).into_iter().flatten().flatten();
    let names: Vec<String> =
        names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    for name in names {
        let id = name.trim_end_matches(".lock").trim_end_matches(".users");
        let area = Area::named(id);
        let Ok(Some(mut lock)) = area.lock(Duration::ZERO) else { continue };
        if area.is_unused().unwrap_or(false) {
            let _ = area.clear(&mut lock);
        }
    }
}

/// A volume that is mounted.
pub(super) struct Mounted {
    /// Where its root is.
    pub(super) folder: PathBuf,
    volume: VolumeOnDisk,
    access: DestinationAccess,
    /// None when somebody else mounted it, who also unmounts it.
    own: Option<(Area, File)>,
    given_back: bool,
}

fn refused(volume: &VolumeOnDisk, message: crate::text::Message) -> Error {
    Error::new(ErrorKind::Refused, message).on_device(volume.description())
}

/// Whether what is seen at a mount point is this mount and none that covers it.
fn is_visible(mount: &Mount) -> bool {
    let status = rustix::fs::statx(CWD, &mount.mount_point, AtFlags::empty(), StatxFlags::MNT_ID);
    status.is_ok_and(|status| {
        let told = status.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        !told || status.stx_mnt_id == mount.id
    })
}

/// Where somebody else has mounted the volume, if that will do.
fn mounted_elsewhere(
    volume: &VolumeOnDisk,
    access: DestinationAccess,
    mounts: &[Mount],
) -> Result<Option<PathBuf>> {
    let others: Vec<&Mount> =
        mounts.iter().filter(|mount| !mount.mount_point.starts_with(BASE)).collect();
    let Some(first) = others.first() else { return Ok(None) };
    let at = first.mount_point.display().to_string();
    let whole = others.iter().filter(|mount| mount.root == Path::new("/") && is_visible(mount));
    let mut whole = whole.peekable();
    if whole.peek().is_none() {
        return Err(refused(volume, message!("destination-mounted-in-part", where = &at))
            .advise(message!("destination-mounted-in-part-advice", where = at)));
    }
    match whole.find(|mount| access == DestinationAccess::Look || !mount.read_only) {
        Some(mount) => Ok(Some(mount.mount_point.clone())),
        None => Err(refused(volume, message!("destination-mounted-read-only", where = at))
            .advise(message!("destination-mounted-read-only-advice"))),
    }
}

/// Mounts a volume, or joins those who have it mounted already.
///
/// # Errors
/// What the kernel answers, or [`ErrorKind::Refused`] when the volume is in use in a way that
/// does not agree with `access`.
pub(super) fn mount(volume: &VolumeOnDisk, access: DestinationAccess) -> Result<Mounted> {
    let until = Instant::now() + OTHERS;
    loop {
        if let Some(mounted) = attempt(volume, access)? {
            return Ok(mounted);
        }
        if Instant::now() >= until {
            return Err(refused(volume, message!("destination-in-use"))
                .advise(message!("destination-in-use-advice")));
        }
        std::thread::sleep(4 * MOMENT);
    }
}

fn setup_failed(volume: &VolumeOnDisk) -> impl Fn(io::Error) -> Error + '_ {
    |error| {
        let failed = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::new(ErrorKind::Io, message!("destination-needs-root"))
                    .advise(message!("destination-needs-root-advice"))
            }
            _ => Error::new(ErrorKind::Io, message!("destination-mount-failed")),
        };
        failed.on_device(volume.description()).at_path(BASE).caused_by(error)
    }
}

/// One try; `None` when others use the volume now and may be done soon.
fn attempt(volume: &VolumeOnDisk, access: DestinationAccess) -> Result<Option<Mounted>> {
    let mounted = |folder: PathBuf, own: Option<(Area, File)>| Mounted {
        folder,
        volume: volume.clone(),
        access,
        own,
        given_back: false,
    };
    if let Some(folder) = mounted_elsewhere(volume, access, &mounts_of(&volume.path)?)? {
        return Ok(Some(mounted(folder, None)));
    }
    let failed = setup_failed(volume);
    Area::make_base().map_err(&failed)?;
    let area = Area::of(volume);
    let Some(mut lock) = area.lock(OTHERS).map_err(&failed)? else { return Ok(None) };
    if !area.is_unused().map_err(&failed)? {
        // What counts is how it is mounted now that nobody can change that.
        let now = all_mounts().into_iter().find(|mount| mount.mount_point == area.folder);
        let agrees = |mount: &Mount| access == DestinationAccess::Look || !mount.read_only;
        return match now.filter(agrees) {
            None => Ok(None),
            Some(_) => {
                let users = area.join().map_err(&failed)?;
                Ok(users.map(|users| mounted(area.folder.clone(), Some((area, users)))))
            }
        };
    }
    // Nobody's: left by a process that was killed.
    if area.is_mounted() {
        area.clear(&mut lock).map_err(&failed)?;
        return Ok(None);
    }
    Area::unprotect(&mut lock);
    let result = mount_here(volume, access, &area, &mut lock);
    let users = match result.and_then(|()| area.join().map_err(&failed)) {
        Ok(Some(users)) => users,
        other => {
            let _ = area.clear(&mut lock);
            return other.map(|_| None);
        }
    };
    Ok(Some(mounted(area.folder.clone(), Some((area, users)))))
}

/// Mounts at the folder of the area, whose lock is held.
fn mount_here(
    volume: &VolumeOnDisk,
    access: DestinationAccess,
    area: &Area,
    lock: &mut File,
) -> Result<()> {
    let failed = setup_failed(volume);
    let device = File::open(&volume.path)
        .context(|| message!("destination-mount-failed"))
        .map_err(|error| error.on_device(volume.description()))?;
    if block_device::disk_sequence(&device).ok() != volume.sequence {
        return Err(removed(volume));
    }
    let is_protected = block_device::is_read_only(&device).unwrap_or(false);
    match access {
        DestinationAccess::Write if is_protected => {
            return Err(refused(volume, message!("destination-read-only"))
                .advise(message!("destination-read-only-advice")));
        }
        DestinationAccess::Look if !is_protected => {
            // Noted first: who is killed in between leaves a note too many, not one too few.
            Area::note_protected(lock, &volume.path).map_err(&failed)?;
            block_device::set_read_only(&device, true).map_err(&failed)?;
        }
        _ => {}
    }
    match DirBuilder::new().mode(0o700).create(&area.folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result.map_err(&failed)?,
    }
    let Some(driver) = driver(volume.kind) else {
        let kind = volume.kind.name();
        return Err(Error::new(ErrorKind::Unsupported, message!("destination-kind", kind = kind))
            .on_device(volume.description()));
    };
    let quiet = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NOATIME;
    let (flags, variants) = match access {
        DestinationAccess::Look => (quiet | MountFlags::RDONLY, vec![driver.look]),
        DestinationAccess::Write => (quiet, vec![driver.write, driver.write_plain]),
    };
    let (source, target, name) = (volume.path.clone(), area.folder.clone(), driver.name);
    let work = move || {
        let mut result = Err(Errno::INVAL);
        for options in variants {
            let data = CString::new(options).expect("options have no zero byte");
            result = rustix::mount::mount(&source, &target, name, flags, data.as_c_str());
            if result != Err(Errno::INVAL) {
                break;
            }
        }
        result
    };
    match bounded(MOUNT_LIMIT, &mut || {}, work) {
        Some(Ok(())) => Ok(()),
        Some(Err(errno)) => Err(mount_error(volume, access, errno)),
        None => Err(Error::new(ErrorKind::Io, message!("destination-mount-timeout"))
            .on_device(volume.description())
            .advise(message!("destination-unreliable-advice"))),
    }
}

fn mount_error(volume: &VolumeOnDisk, access: DestinationAccess, errno: Errno) -> Error {
    if is_removed(volume) {
        return removed(volume).caused_by(io::Error::from(errno));
    }
    let kind = || volume.kind.name();
    let error = match (errno, access) {
        (Errno::BUSY, _) => refused(volume, message!("destination-in-use"))
            .advise(message!("destination-in-use-advice")),
        (Errno::NODEV, _) => {
            Error::new(ErrorKind::Unsupported, message!("destination-no-driver", kind = kind()))
                .advise(message!("destination-choose-another"))
        }
        (Errno::PERM, _) => Error::new(ErrorKind::Io, message!("destination-needs-root"))
            .advise(message!("destination-needs-root-advice")),
        (Errno::ROFS | Errno::ACCESS, DestinationAccess::Write) => {
            refused(volume, message!("destination-read-only"))
                .advise(message!("destination-read-only-advice"))
        }
        (Errno::INVAL, DestinationAccess::Write)
            if volume.kind == crate::filesystem::VolumeKind::Ntfs =>
        {
            refused(volume, message!("destination-ntfs-unclean"))
                .advise(message!("destination-ntfs-unclean-advice"))
        }
        (_, DestinationAccess::Look) => {
            Error::new(ErrorKind::Io, message!("destination-look-failed", kind = kind()))
                .advise(message!("destination-look-failed-advice"))
        }
        _ => Error::new(ErrorKind::Io, message!("destination-mount-failed"))
            .advise(message!("destination-damaged-advice")),
    };
    error.on_device(volume.description()).caused_by(io::Error::from(errno))
}

/// Whether the disk is not there any more.
pub(super) fn is_removed(volume: &VolumeOnDisk) -> bool {
    let known = Path::new("/sys/class/block");
    if known.is_dir() && !known.join(kernel_name(&volume.path)).exists() {
        return true;
    }
    // Another one may have taken over its name.
    let Ok(device) = File::open(&volume.path) else { return true };
    block_device::size(&device).is_ok_and(|size| size == 0)
        || block_device::disk_sequence(&device).ok() != volume.sequence
}

/// Says that the disk was taken away.
pub(super) fn removed(volume: &VolumeOnDisk) -> Error {
    Error::new(ErrorKind::Io, message!("destination-removed"))
        .on_device(volume.description())
        .advise(message!("destination-removed-advice"))
}

fn sync(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// What giving back a volume came to.
enum End {
    Done,
    SyncFailed(io::Error),
    UnmountFailed(io::Error),
}

/// Writes what is left, and unmounts when nobody else needs it.
fn end(folder: &Path, device: &Path, access: DestinationAccess, own: Option<(Area, File)>) -> End {
    let writes = access == DestinationAccess::Write;
    let synced = if writes { sync(folder) } else { Ok(()) };
    let Some((area, users)) = own else {
        return synced.map_or_else(End::SyncFailed, |()| End::Done);
    };
    // Before the lock is taken, so that of two who end at once the second one unmounts.
    drop(users);
    let cleared = match area.lock(OTHERS) {
        Ok(Some(mut lock)) => match area.is_unused() {
            Ok(true) => area.clear(&mut lock),
            other => other.map(drop),
        },
        Ok(None) => Err(io::ErrorKind::TimedOut.into()),
        Err(error) => Err(error),
    };
    match (synced, cleared) {
        (Err(error), _) => End::SyncFailed(error),
        (Ok(()), Err(error)) if writes => End::UnmountFailed(error),
        _ if writes => {
            // Not every file system tells the disk to empty its own cache.
            let flushed = File::open(device).and_then(|device| device.sync_all());
            flushed.map_or_else(End::SyncFailed, |()| End::Done)
        }
        _ => End::Done,
    }
}

impl Mounted {
    /// Writes what is left and unmounts, within `limit`; `tick` is called while that goes on.
    ///
    /// # Errors
    /// When not everything is known to be on the medium.
    pub(super) fn give_back(&mut self, limit: Duration, tick: &mut dyn FnMut()) -> Result<()> {
        if std::mem::replace(&mut self.given_back, true) {
            return Ok(());
        }
        let (folder, device, access) = (self.folder.clone(), self.volume.path.clone(), self.access);
        let (own, area) = (self.own.take(), Area::of(&self.volume));
        let is_own = own.is_some();
        let answer = bounded(limit, tick, move || end(&folder, &device, access, own));
        let error = match answer {
            Some(End::Done) => return Ok(()),
            Some(End::SyncFailed(error)) => {
                Error::new(ErrorKind::Io, message!("destination-sync-failed")).caused_by(error)
            }
            Some(End::UnmountFailed(error)) => {
                Error::new(ErrorKind::Io, message!("destination-unmount-failed")).caused_by(error)
            }
            None => {
                if is_own {
                    let flags = UnmountFlags::FORCE | UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
                    let work = move || {
                        let _ = rustix::mount::unmount(&area.folder, flags);
                    };
                    bounded(Duration::from_secs(5), &mut || {}, work);
                }
                Error::new(ErrorKind::Io, message!("destination-sync-timeout"))
            }
        };
        match is_removed(&self.volume) {
            true => Err(removed(&self.volume).caused_by(error)),
            false => Err(error
                .on_device(self.volume.description())
                .advise(message!("destination-unreliable-advice"))),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.give_back(LOOK_LIMIT, &mut || {});
    }
}
