//! Places that speak HTTP: object storage, and web servers that are read.

mod bucket;
mod client;
mod site;

pub use bucket::BucketStore;
pub use client::{Client, Redirects, Trust};
pub use site::SiteStore;
