//! What a committed change makes visible outside the store.
//!
//! Host effects are values ([`effect::Effect`]), written to the outbox in the transaction of the
//! change that owes them and carried out after its commit by [`host::Host`]. Nothing under
//! `home`, `sudoers` and `sessions` knows the store, so that it can move into a process of its own.
//! A mail is no effect: it may hold a secret, and the outbox must not.

pub mod effect;
pub mod error;
pub mod home;
pub mod host;
pub mod index;
pub mod journal;
pub mod leftovers;
pub mod mail;
pub mod samba;
pub mod sessions;
pub mod sudoers;
pub mod tool;
