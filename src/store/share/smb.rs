//! SMB: what the kernel is told to mount a share, and what its answers mean.

use super::mount::{
    MountOption, MountRequest, MountUser, Refusal, attempt, enter, option, without_driver,
};
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use rustix::io::Errno;
use std::path::{Path, PathBuf};

pub(super) const PORT: u16 = 445;

/// What is said about the user, for each way to try it.
fn logins(user: &MountUser) -> Vec<Vec<MountOption>> {
    let Some(name) = &user.name else {
        // Servers that let guests in take a user without a name, or any that they do not know.
        let nobody = vec![option("sec", "none")];
        let guest = vec![option("username", "guest"), option("password", "")];
        return vec![nobody, guest];
    };
    let mut options = vec![option("username", name)];
    let password = user.password.clone().unwrap_or_default();
    options.push(("password", Some(password)));
    if let Some(domain) = &user.domain {
        options.push(option("domain", domain));
    }
    vec![options]
}

fn options(request: &MountRequest) -> Vec<MountOption> {
    let mut options = vec![
        option("ip", request.ip.to_string()),
        option("iocharset", "utf8"),
        // As with NFS: the kernel waits, and loses nothing.
        ("hard", None),
        option("echo_interval", "10"),
        // Locks of this protocol keep others, and our own second look, from reading.
        ("nobrl", None),
        ("noperm", None),
    ];
    if let Some(port) = request.port {
        options.push(option("port", port.to_string()));
    }
    // Otherwise the best of 2.1 to 3.1.1 that both sides speak.
    if let Some(version) = &request.version {
        options.push(option("vers", version));
    }
    options
}

/// Mounts the share, and answers the folder in it.
///
/// # Errors
/// Why not.
pub(super) fn mount(request: &MountRequest, root: &Path) -> Result<PathBuf> {
    let (share, folders) = request.folders.split_first().expect("addresses of SMB name a share");
    let source = format!("//{}/{share}", request.host);
    let common = options(request);
    let mut last = None;
    for login in logins(&request.user) {
        let options = [common.clone(), login].concat();
        match attempt("cifs", &source, &options, request.is_read_only, root) {
            Ok(()) => {
                let folder = folders.iter().fold(root.to_owned(), |path, name| path.join(name));
                enter(&folder)?;
                return Ok(folder);
            }
            Err(refusal) => {
                let goes_on = matches!(refusal.errno, Errno::ACCESS | Errno::PERM | Errno::INVAL);
                last = Some(refusal);
                if !goes_on {
                    break;
                }
            }
        }
    }
    Err(explain(request, share, &last.expect("there is at least one way in")))
}

fn explain(request: &MountRequest, share: &str, refusal: &Refusal) -> Error {
    if let Some(error) = without_driver(request, refusal) {
        return error;
    }
    let server = request.host.as_str();
    let error = match refusal.errno {
        Errno::NOENT | Errno::NXIO => Error::new(
            ErrorKind::NotFound,
            message!("share-no-share", server = server, share = share),
        )
        .advise(message!("share-no-share-advice")),
        Errno::ACCESS | Errno::PERM | Errno::KEYEXPIRED | Errno::KEYREVOKED => match &request
            .user
            .name
        {
            None => Error::new(
                ErrorKind::Refused,
                message!("share-no-guests", server = server, share = share),
            )
            .advise(message!("share-no-guests-advice", server = server, share = share)),
            Some(user) => Error::new(
                ErrorKind::Refused,
                message!("share-not-let-in", server = server, user = user, share = share),
            )
            .advise(message!("share-not-let-in-advice")),
        },
        Errno::PROTONOSUPPORT | Errno::OPNOTSUPP => Error::new(
            ErrorKind::Unsupported,
            message!("share-no-version", server = server, name = "SMB"),
        )
        .advise(message!("share-no-version-advice", versions = "3.1.1, 3.0.2, 3.0, 2.1")),
        Errno::CONNREFUSED
        | Errno::TIMEDOUT
        | Errno::HOSTUNREACH
        | Errno::NETUNREACH
        | Errno::CONNRESET
        | Errno::CONNABORTED
        | Errno::HOSTDOWN
        | Errno::AGAIN => super::no_connection(request.scheme, server),
        _ => Error::new(ErrorKind::Io, message!("share-mount-failed")),
    };
    error.caused_by(refusal.cause())
}
