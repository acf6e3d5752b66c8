//! What the tests of the NSS module share. The tests call the C entry points of the object that
//! ships, as glibc does: out of a shared object, with raw buffers.
//!
//! - [`object`]: building the objects, or taking them from `ROSTER_NSS_SO` and
//!   `ROSTER_NSS_REFERENCE_SO`;
//! - [`isolated`]: running a test in a process of its own, whose `/run/roster` and `/var/lib/roster`
//!   are private and empty;
//! - [`module`]: a loaded module and its entry points, with guards around every buffer;
//! - [`accounts`]: contents to publish;
//! - [`files`]: glibc's own service with the same accounts;
//! - [`installed`]: the module where glibc finds it;
//! - [`process`]: measuring and forking the process of a test;
//! - [`program`]: programs in C that meet it there.

// Calling C is what this crate is for; the project's rule about unsafe code is for what ships.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

pub mod accounts;
pub mod files;
pub mod installed;
pub mod isolated;
pub mod module;
pub mod object;
pub mod process;
pub mod program;
