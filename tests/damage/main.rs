//! What goes wrong: damaged images, killed runs, power cuts, stores that fail, hostile input, and
//! how much memory it all takes.

mod bad_input;
mod copying;
mod flips;
mod hostile;
mod killed;
mod memory;
mod power;
mod properties;
mod replacing;
mod store_faults;
mod support;
