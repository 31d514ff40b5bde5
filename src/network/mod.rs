//! The network: how interfaces are to be set up.
#![forbid(unsafe_code)]

mod settings;

pub use settings::{Addressing, InterfaceChoice, Settings, StaticAddress};
