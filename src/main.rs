//! The command: save, verify and put back disks.
fn main() {}
