//! What the integration tests share: running the program and the tools it is held against,
//! making disks, filling volumes, comparing trees.
//!
//! Each test binary takes it in by `#[path = "../support/mod.rs"] mod support;` and uses its part.
#![allow(dead_code)]

pub(crate) mod command;
pub(crate) mod disk;
pub(crate) mod hfsplus;
pub(crate) mod loops;
pub(crate) mod tree;
pub(crate) mod volume;

/// Bytes of a mebibyte.
pub(crate) const MIB: u64 = 1 << 20;
