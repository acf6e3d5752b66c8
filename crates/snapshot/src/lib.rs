//! The account index: the file through which every process on the system reads our accounts.
//!
//! The daemon writes two files of one format: `index`, which anybody may read and which holds no
//! secret, and `shadow`, which only root may read and which holds no usable hash either. Readers
//! map them and look records up without locks, system calls or allocation, and without trusting a
//! single byte: a damaged file gives misses, never a crash and never a loop.
//!
//! Where to look:
//!
//! - [`layout`] is the format, word by word, with the rules by which it may change under readers.
//! - [`Index`] reads one image of it; [`UserRef`], [`GroupRef`] and [`ShadowRef`] are its records.
//! - [`Reader`] maps one file after checking who owns it and who may write it.
//! - [`Shared`] keeps the current mapping of a process and follows the file as it is replaced;
//!   [`Enumeration`] is the state behind `getpwent` and its relatives.
//! - `writer` (feature `std`) builds and publishes the files; `find_user` (feature `std`) is the
//!   one-shot lookup of programs that are not NSS modules.
//!
//! Without the feature `std` this crate is `no_std`, allocates nothing and has no panicking path:
//! the NSS module is linked so that one would fail the link.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

#[cfg(not(loom))]
mod enumeration;
#[cfg(all(feature = "std", not(loom)))]
mod find;
mod hash;
mod index;
pub mod layout;
#[cfg(not(loom))]
mod mapping;
mod records;
#[cfg(not(loom))]
mod shared;
mod sync;
mod words;
#[cfg(feature = "std")]
pub mod writer;

use core::ffi::CStr;

#[cfg(not(loom))]
pub use enumeration::{Advance, Enumeration, Step};
#[cfg(all(feature = "std", not(loom)))]
pub use find::{FoundKey, FoundUser, find_user, find_user_in};
pub use index::{Groups, GroupsOf, Index, Shadows, Users};
pub use layout::Kind;
#[cfg(not(loom))]
pub use mapping::{Reader, Unavailable};
pub use records::{GroupRef, KeyRef, Keys, Members, ShadowRef, UserRef};
#[cfg(not(loom))]
pub use shared::{Pinned, Shared};
pub use words::Words;

/// The index that the running daemon publishes.
pub const LIVE_INDEX: &CStr = c"/run/roster/index";
/// The last index on disk: what readers use before the daemon has started in this boot.
pub const CHECKPOINT_INDEX: &CStr = c"/var/lib/roster/index/index";
/// The root-only shadow file that the running daemon publishes.
pub const LIVE_SHADOW: &CStr = c"/run/roster/shadow";
/// The last root-only shadow file on disk.
pub const CHECKPOINT_SHADOW: &CStr = c"/var/lib/roster/index/shadow";
