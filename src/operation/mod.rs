//! What can be done: each operation computes a plan without touching anything, and then carries it
//! out. No prompts and no printing here.
#![forbid(unsafe_code)]

mod chunks;
pub mod copy;
pub mod destination;
pub mod devices;
pub mod estimate;
pub mod library;
pub mod log;
pub mod names;
pub mod restore;
pub mod save;
pub mod survey;
pub mod system;
