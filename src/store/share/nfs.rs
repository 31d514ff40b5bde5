//! NFS: what the kernel is told to mount an export, and what its answers mean.

use super::mount::{MountOption, MountRequest, Refusal, attempt, enter, option, without_driver};
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use rustix::io::Errno;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const PORT: u16 = 2049;
/// Where NFS 3 asks for the port of the mount protocol.
const RPCBIND: u16 = 111;

/// Versions, the best first. 4.2 adds nothing for files without holes, and Linux 6.12 was given wrong
/// bytes through it by a server (NFS-Ganesha 4.3; READ_PLUS, it seems).
const VERSIONS: [&str; 4] = ["4.1", "4.2", "4.0", "3"];

/// Our own address on the way to the server; NFS 4.0 tells it the server.
fn own_address(server: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match server {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0; 16], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    // Nothing is sent.
    socket.connect((server, PORT)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn options(request: &MountRequest, version: &str) -> Vec<MountOption> {
    let transport = if request.ip.is_ipv6() { "tcp6" } else { "tcp" };
    let mut options = vec![
        option("vers", version),
        option("addr", request.ip.to_string()),
        option("proto", transport),
        // A server that goes away is waited for by the kernel, and nothing of what it has not
        // confirmed is lost; who gives it up ends this process.
        ("hard", None),
        option("timeo", "150"),
        option("retrans", "2"),
        option("sec", "sys"),
    ];
    if let Some(port) = request.port {
        options.push(option("port", port.to_string()));
    }
    if version == "3" {
        // Locks of version 3 need helper programs.
        options.extend([("nolock", None), option("mountproto", transport)]);
        // A server with a port of its own and nobody to ask for others answers all calls there.
        if let Some(port) = request.port
            && !has_rpcbind(request.ip)
        {
            options.push(option("mountport", port.to_string()));
        }
    } else if let Some(own) = own_address(request.ip) {
        options.push(option("clientaddr", own.to_string()));
    }
    options
}

/// Whether a server that answers so may know an older version.
fn may_be_older(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::PROTONOSUPPORT | Errno::INVAL | Errno::NOENT | Errno::PERM | Errno::OPNOTSUPP
    )
}

fn has_rpcbind(ip: IpAddr) -> bool {
    TcpStream::connect_timeout(&(ip, RPCBIND).into(), Duration::from_secs(5)).is_ok()
}

/// Mounts the export in the newest version that the server speaks.
///
/// # Errors
/// Why not.
pub(super) fn mount(request: &MountRequest, root: &Path) -> Result<PathBuf> {
    let host =
        if request.ip.is_ipv6() { format!("[{}]", request.host) } else { request.host.clone() };
    let source = format!("{host}:/{}", request.folders.join("/"));
    let versions = match &request.version {
        Some(version) => vec![version.as_str()],
        None => VERSIONS.to_vec(),
    };
    let mut first: Option<Refusal> = None;
    for version in versions {
        let may_be_found = || request.port.is_some() || has_rpcbind(request.ip);
        if version == "3" && first.is_some() && !may_be_found() {
            break;
        }
        let options = options(request, version);
        match attempt("nfs", &source, &options, request.is_read_only, root) {
            Ok(()) => {
                enter(root)?;
                return Ok(root.to_owned());
            }
            Err(refusal) => {
                let goes_on = may_be_older(refusal.errno);
                // "No such version" says less than any other answer.
                let says_more = first.as_ref().is_none_or(|first| {
                    matches!(first.errno, Errno::PROTONOSUPPORT | Errno::INVAL | Errno::OPNOTSUPP)
                });
                if says_more {
                    first = Some(refusal);
                }
                if !goes_on {
                    break;
                }
            }
        }
    }
    Err(explain(request, &first.expect("there is at least one version")))
}

fn explain(request: &MountRequest, refusal: &Refusal) -> Error {
    if let Some(error) = without_driver(request, refusal) {
        return error;
    }
    let server = request.host.as_str();
    let path = format!("/{}", request.folders.join("/"));
    let error = match refusal.errno {
        Errno::NOENT | Errno::NOTDIR => Error::new(
            ErrorKind::NotFound,
            message!("share-no-export", server = server, path = path),
        )
        .advise(message!("share-no-export-advice")),
        Errno::ACCESS | Errno::PERM => {
            let own = own_address(request.ip).map_or_else(String::new, |own| own.to_string());
            Error::new(
                ErrorKind::Refused,
                message!("share-not-exported", server = server, path = path),
            )
            .advise(message!("share-not-exported-advice", own = own))
        }
        Errno::PROTONOSUPPORT | Errno::INVAL | Errno::OPNOTSUPP => Error::new(
            ErrorKind::Unsupported,
            message!("share-no-version", server = server, name = "NFS"),
        )
        .advise(message!("share-no-version-advice", versions = VERSIONS.join(", "))),
        Errno::CONNREFUSED
        | Errno::TIMEDOUT
        | Errno::HOSTUNREACH
        | Errno::NETUNREACH
        | Errno::CONNRESET
        | Errno::HOSTDOWN => super::no_connection(request.scheme, server),
        _ => Error::new(ErrorKind::Io, message!("share-mount-failed")),
    };
    error.caused_by(refusal.cause())
}
