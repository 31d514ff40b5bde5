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

/// The variable that the live system sets for what it runs by itself, as its kernel's command line
/// says: `1`.
pub const UNATTENDED: &str = "CALCO_UNATTENDED";

/// Whether nobody watches: the live system runs this by itself.
pub fn is_unattended() -> bool {
    std::env::var_os(UNATTENDED).is_some_and(|value| value == "1")
}

/// Whether this is the live system.
pub fn is_live() -> bool {
    std::env::var_os("CALCO_LIVE").is_some_and(|value| value == "1")
}
