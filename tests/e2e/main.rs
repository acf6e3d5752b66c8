//! End-to-end suites: a booted Debian with the package installed, driven as people and programs would.
//!
//! Run by `tests/run.sh`; needs root, mmdebstrap, systemd-nspawn and the package in `target/debian`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod administration;
mod adverse;
mod audit;
mod bus;
mod callers;
mod command_line;
mod contents;
mod conversation;
mod deletion;
mod enforcement;
mod examples;
mod import;
mod imported;
mod logins;
mod mail;
mod matrix;
mod model;
mod outages;
mod package;
mod people;
mod plans;
mod rights;
mod samba;
mod second_factor;
mod secrets;
mod seeds;
mod strangers;
mod suites;
mod sync;
mod tokens;
mod wrong_input;
