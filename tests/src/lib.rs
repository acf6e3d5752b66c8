//! The end-to-end harness: a throwaway Debian, booted under its own systemd, with Roster installed.
//!
//! A [`Machine`] is a `systemd-nspawn` container over an overlay: the Debian root below is built once
//! with mmdebstrap and never written to, what a test changes lies in a directory that is removed
//! with the machine. It has a network of its own with nothing but loopback in it, and nothing of the
//! developer's host but the directory of the built package, read-only.
//!
//! ```no_run
//! let m = roster_tests::Machine::boot("readme")?;
//! m.roster(["user", "create", "alice", "--password-stdin"]).stdin("a long passphrase").ok();
//! assert_eq!(m.sh("id -un 3000").ok().line(), "alice");
//! # Ok::<(), roster_tests::Error>(())
//! ```
//!
//! Settings from the environment: `ROSTER_E2E_SUITE` (Debian's release, default `bookworm`),
//! `ROSTER_E2E_CACHE` (where roots and overlays lie, default `target/e2e`).

mod cgroup;
mod command;
mod error;
mod machine;
mod roots;
pub mod schema;

pub use command::{Outcome, Run};
pub use error::Error;
pub use machine::Machine;
pub use roots::{package, suite};
