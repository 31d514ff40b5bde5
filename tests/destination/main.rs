//! Destinations on volumes of disks: on loop devices, so for root only.

#[path = "../support/mod.rs"]
mod support;

mod command;
mod look;
mod shared;
mod volume;
