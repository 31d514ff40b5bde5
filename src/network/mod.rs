//! The network: how interfaces are to be set up, their addresses, and what people see of them.
#![forbid(unsafe_code)]

mod clock;
mod dhcp;
mod links;
mod service;
mod settings;

pub use service::{Condition, Interface, State, ipv6_addresses, run};
pub use settings::{Addressing, InterfaceChoice, Settings, StaticAddress};
