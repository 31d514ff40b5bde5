//! Whole disks.
