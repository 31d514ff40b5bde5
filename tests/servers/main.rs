//! Destinations on servers: the program as a person runs it, against real servers on loopback.

#[path = "../support/mod.rs"]
mod support;

mod bucket;
mod line;
mod moto;
mod nginx;
mod sftp;
mod site;
mod sshd;
