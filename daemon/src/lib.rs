//! rosterd, the daemon that owns the account store.
//!
//! A change travels one way: front door (`bus`, `socket`) → `authorize` → `service` → `store` →
//! `publish`. Nothing flows back up.

pub mod authenticate;
pub mod authorize;
pub mod bus;
pub mod clock;
pub mod config;
pub mod publish;
pub mod query;
pub mod run;
pub mod secret;
pub mod service;
pub mod socket;
pub mod store;
