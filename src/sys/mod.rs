//! System calls that have no safe wrapper elsewhere: the only place with `unsafe`.
//!
//! Errors are the operating system's own; callers add what was attempted, and on which device.
#![allow(unsafe_code)]

pub mod block_device;
pub mod loop_device;
pub mod nvme;
pub mod scsi;
pub mod terminal;
