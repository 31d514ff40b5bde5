//! The menu as a person uses it: keys in, a screen of 80 columns and 24 rows out.

#[path = "../support/mod.rs"]
mod support;

mod journeys;
mod terminal;
