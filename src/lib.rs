//! Calco: exact images of disks, saved, verified and put back.
//!
//! Dependencies point one way: `text, error, units ← sys ← block ← {partition, filesystem,
//! codec} ← image ← store`, `sys ← {hardware, network}`, and all of these `← operation ← {ui, cli} ← init`.
#![deny(unsafe_code)]

pub mod block;
pub mod cli;
pub mod codec;
pub mod error;
pub mod filesystem;
pub mod hardware;
pub mod image;
pub mod init;
pub mod job;
pub mod network;
pub mod operation;
pub mod partition;
pub mod pipeline;
pub mod report;
pub mod store;
pub mod sys;
pub mod text;
pub mod ui;
pub mod units;
