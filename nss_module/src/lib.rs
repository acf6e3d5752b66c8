//! `libnss_roster.so.2`: the C entry points of the name service switch over the account index.
//!
//! glibc loads this object into every process that asks who somebody is, setuid programs included, so
//! the rules are strict: it never panics, allocates nothing in lookups, takes no lock, keeps no
//! descriptor, reads no environment, and has no thread-local storage. All of the reading is done by
//! the crate `snapshot`; here is the translation to C, and nothing else:
//!
//! - `passwd`, `group`, `shadow`, `initgroups`: the entry points of each database;
//! - `buffer`: laying strings and pointers out in the caller's buffer;
//! - `outcome`: results as `enum nss_status` and errno;
//! - `sources`: the two files, and where a process is in its enumerations.
//!
//! The shipped object is built with `cargo build -p nss_roster --profile nss`; the build script then
//! sets the cfg `shipped`, and this crate does without the standard library. The panic handler calls a
//! function that does not exist: if the optimiser cannot prove that no panic is reachable, the link
//! fails. In every other profile the same code is built with the standard library, so that the
//! workspace's ordinary builds and lints cover it.

#![cfg_attr(shipped, no_std)]
#![allow(unsafe_code)]

mod buffer;
mod group;
mod initgroups;
mod outcome;
mod passwd;
mod shadow;
mod sources;

#[cfg(all(shipped, not(panic = "abort")))]
compile_error!("the profile nss must have panic = \"abort\"");

#[cfg(shipped)]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_path_survived_in_libnss_roster() -> !;
    }
    // SAFETY: never called: the function does not exist, so an object that could call it does not
    // link.
    unsafe { a_panic_path_survived_in_libnss_roster() }
}
