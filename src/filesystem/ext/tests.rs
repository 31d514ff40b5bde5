//! Real file systems from `mke2fs`, judged by `e2fsck`, `dumpe2fs`, `debugfs` and `partclone`.

mod damage;
mod fixture;
mod journal;
mod large;
mod variants;
