//! Servers of their own for tests, on loopback: guests reach them as 10.0.2.2. Each ends with its test.

pub mod nfs;
pub mod smb;

pub use nfs::Nfs;
pub use smb::Smb;
