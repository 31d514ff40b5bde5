//! Volumes that mkfs.btrfs makes and the kernel fills, judged by the tools of btrfs-progs.

mod damage;
mod devices;
mod fixture;
mod unclean;
mod variants;
