//! Mounting a share through the kernel alone: `fsopen`, `fsconfig`, `fsmount`, `move_mount` (Linux 5.2
//! and newer). Options are given one by one, so that a password may hold a comma, and the kernel
//! says in words what it does not like.

use super::{nfs, smb};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::store::address::Scheme;
use crate::text::message;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_change,
    move_mount,
};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a process that serves a share has it mounted, for itself alone.
const FOLDER: &str = "/run/calco/share";

/// An option of a mount: its name, and its value unless it is a flag. One of them is the password.
pub(super) type MountOption = (&'static str, Option<Zeroizing<String>>);

/// Makes an option that has a value.
pub(super) fn option(name: &'static str, value: impl Into<String>) -> MountOption {
    (name, Some(Zeroizing::new(value.into())))
}

/// Who wants to be let in (SMB).
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct MountUser {
    /// The user; none is a guest.
    pub(super) name: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
}

/// A share that is to be mounted.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct MountRequest {
    pub(super) scheme: Scheme,
    /// The server's name, as the person wrote it.
    pub(super) host: String,
    /// Where it is.
    pub(super) ip: IpAddr,
    /// The port, where it is not the usual one.
    pub(super) port: Option<u16>,
    /// The names that lead to the folder, those of the export or share first.
    pub(super) folders: Vec<String>,
    /// The only version of the protocol that will do.
    pub(super) version: Option<String>,
    pub(super) user: MountUser,
    pub(super) is_read_only: bool,
    /// What people call the folder.
    pub(super) shown: String,
}

/// Why the kernel did not mount, with what it said.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    said: String,
}

impl Refusal {
    /// An error with what the kernel said as its cause.
    pub(super) fn cause(&self) -> io::Error {
        match self.said.is_empty() {
            true => self.errno.into(),
            false => io::Error::other(format!("{}: {}", io::Error::from(self.errno), self.said)),
        }
    }
}

/// What the kernel wrote down about a mount that is being made.
fn said(context: impl AsFd) -> String {
    let mut lines = Vec::new();
    let mut line = [0; 1024];
    while let Ok(length) = rustix::io::read(&context, &mut line) {
        let text = String::from_utf8_lossy(&line[..length]);
        // Each begins with its kind: "e ", "w " or "i ".
        lines.push(text.trim_end().chars().skip(2).filter(|c| !c.is_control()).collect::<String>());
        if length == 0 || lines.len() == 16 {
            break;
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("; ")
}

/// Makes one try to mount at `folder`.
///
/// # Errors
/// What the kernel answers.
pub(super) fn attempt(
    driver: &str,
    source: &str,
    options: &[MountOption],
    is_read_only: bool,
    folder: &Path,
) -> std::result::Result<(), Refusal> {
    let context = fsopen(driver, FsOpenFlags::FSOPEN_CLOEXEC)
        .map_err(|errno| Refusal { errno, said: String::new() })?;
    let mount = || -> rustix::io::Result<()> {
        fsconfig_set_string(&context, "source", source)?;
        for (name, value) in options {
            match value {
                Some(value) => fsconfig_set_string(&context, *name, value.as_str())?,
                None => fsconfig_set_flag(&context, *name)?,
            }
        }
        if is_read_only {
            fsconfig_set_flag(&context, "ro")?;
        }
        fsconfig_create(&context)?;
        let mut attributes = MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NOEXEC
            | MountAttrFlags::MOUNT_ATTR_NOATIME;
        attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, is_read_only);
        let mounted = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        move_mount(mounted, "", CWD, folder, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    };
    mount().map_err(|errno| Refusal { errno, said: said(&context) })
}

fn setup_failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Error::new(ErrorKind::Io, message!("destination-needs-root"))
                .advise(message!("destination-needs-root-advice"))
        }
        _ => Error::new(ErrorKind::Io, message!("share-mount-failed")).caused_by(error),
    }
}

/// Mounts a share where only this process sees it, and answers the folder. Called before this
/// process has other threads: they inherit what it sees.
///
/// # Errors
/// Why not, in words for a person.
pub(super) fn mount(request: &MountRequest) -> Result<PathBuf> {
    let apart = || -> io::Result<()> {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
        // What is mounted here is not seen elsewhere.
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private)?;
        DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)
    };
    apart().map_err(setup_failed)?;
    let root = Path::new(FOLDER);
    match request.scheme {
        Scheme::Smb => smb::mount(request, root),
        _ => nfs::mount(request, root),
    }
    .map_err(|error| error.at_path(&request.shown))
}

/// Whether a kernel without this driver is the reason.
pub(super) fn without_driver(request: &MountRequest, refusal: &Refusal) -> Option<Error> {
    let name = request.scheme.name().to_uppercase();
    let error = match refusal.errno {
        Errno::NODEV => message!("share-no-driver", name = name),
        Errno::NOSYS => message!("share-old-kernel"),
        _ => return None,
    };
    Some(
        Error::new(ErrorKind::Unsupported, error)
            .caused_by(refusal.cause())
            .advise(message!("share-no-driver-advice")),
    )
}

/// Takes the mount away: in peace while the server answers, and by force when it does not, so that
/// whoever waits for it waits no longer.
pub(super) fn unmount() {
    const PEACE: Duration = Duration::from_secs(10);
    let (tell, told) = crossbeam_channel::bounded(1);
    std::thread::spawn(move || {
        let end = rustix::mount::unmount(FOLDER, UnmountFlags::NOFOLLOW);
        let _ = tell.send(end.is_ok());
    });
    if told.recv_timeout(PEACE) == Ok(true) {
        return;
    }
    for _ in 0..6 {
        // Each time, what waits for the server now fails; what comes after waits anew.
        let forced = rustix::mount::unmount(FOLDER, UnmountFlags::FORCE | UnmountFlags::NOFOLLOW);
        if forced.is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The largest file that a folder can hold, in bytes, as far as it can be found out: the
/// protocols do not tell that the server's own file system is FAT.
pub(super) fn largest_file(folder: &Path) -> Option<u64> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).ok()?;
    let path = folder.join(format!(".calco-test-{}", hex::encode(random)));
    let file = OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
    let result = file.set_len(1 << 32);
    // Should it stay because nothing may be removed, it is at least empty.
    let _ = file.set_len(0);
    drop(file);
    let _ = std::fs::remove_file(&path);
    let is_too_large = |error: io::Error| error.kind() == io::ErrorKind::FileTooLarge;
    result.err().is_some_and(is_too_large).then_some(u64::from(u32::MAX))
}

/// Makes sure that a folder is there, can be entered, and lies on the share: a link of the server must
/// not lead into this machine.
///
/// # Errors
/// As the system answers; [`ErrorKind::Refused`] when it lies elsewhere.
pub(super) fn enter(folder: &Path) -> Result<()> {
    std::fs::read_dir(folder)
        .map(drop)
        .context(|| message!("share-no-folder"))
        .map_err(|error| error.advise(message!("share-no-folder-advice")))?;
    stay_inside(folder)
}

/// Refuses what a link leads to elsewhere.
///
/// # Errors
/// [`ErrorKind::Refused`], or as the system answers.
pub(super) fn stay_inside(path: &Path) -> Result<()> {
    let real = std::fs::canonicalize(path).context(|| message!("share-no-folder"))?;
    match real.starts_with(FOLDER) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Refused, message!("destination-leads-outside"))),
    }
}
