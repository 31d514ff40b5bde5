//! Destinations on servers: the program as a person runs it, against real servers on loopback.

#[path = "../support/mod.rs"]
mod support;

mod sftp;
mod sshd;
