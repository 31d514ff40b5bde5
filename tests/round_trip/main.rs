//! Disks saved and restored by the program as a person runs it, judged by the tools of their own
//! file systems and tables.

#[path = "../support/mod.rs"]
mod support;

mod again;
mod copies;
mod disks;
mod former_members;
mod hfsplus;
mod json;
mod layouts;
mod mounted;
mod partclone;
mod partitions;
mod safety;
mod several;
mod source;
