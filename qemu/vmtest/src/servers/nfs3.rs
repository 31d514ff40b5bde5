//! A server of NFS 3 alone, on loopback: folders in memory. It knows nothing of newer versions, and answers
//! the mount protocol on its own port, without rpcbind. It ends with the test.

use nfs3_server::memfs::{MemFs, MemFsConfig};
use nfs3_server::tcp::{NFSTcp as _, NFSTcpListener};
use tokio::runtime::{Builder, Runtime};

/// The server.
pub struct Nfs3 {
    /// The port on 127.0.0.1, which is 10.0.2.2 for guests.
    pub port: u16,
    /// Ends what runs in it when it is dropped.
    _runtime: Runtime,
}

impl Nfs3 {
    /// Starts a server that exports `/images`.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut folders = MemFsConfig::default();
        folders.add_dir("/images");
        let folders = MemFs::new(folders).unwrap();
        let listener = runtime.block_on(NFSTcpListener::bind("127.0.0.1:0", folders)).unwrap();
        let port = listener.get_listen_port();
        runtime.spawn(async move { listener.handle_forever().await });
        Self { port, _runtime: runtime }
    }
}
