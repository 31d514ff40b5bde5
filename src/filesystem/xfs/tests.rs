//! Volumes that mkfs.xfs makes and the kernel fills, judged by the tools of xfsprogs.

mod damage;
mod fixture;
mod large;
mod variants;
