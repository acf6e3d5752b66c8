//! The database shadow: `struct spwd` by name, one after the other, for root.
//!
//! The password field is never one that any password matches: `*`, or `!*` for a locked account.
//! Passwords are checked by the daemon, not by whoever can read a hash.

use core::ffi::{c_char, c_int, c_long, c_ulong};

use libc::spwd;
use snapshot::{Advance, ShadowRef, Step};

use crate::buffer::{Buffer, name};
use crate::outcome::Outcome;
use crate::sources::{SHADOW, SHADOWS, lookup, restart};

/// Where the caller wants the result.
#[derive(Clone, Copy)]
struct Target {
    result: *mut spwd,
    buffer: *mut c_char,
    length: usize,
}

/// Days as C has them; what does not fit (on 32-bit machines) is no limit.
fn days(days: i64) -> c_long {
    c_long::try_from(days).unwrap_or(-1)
}

impl Target {
    /// # Safety
    ///
    /// `result` may be written, and `buffer` for `length` bytes.
    unsafe fn fill(self, found: &ShadowRef<'_>) -> Outcome {
        // SAFETY: the caller's buffer.
        let mut buffer = unsafe { Buffer::new(self.buffer, self.length) };
        let hash: &[u8] = if found.locked() { b"!*" } else { b"*" };
        let Some(sp_namp) = buffer.put(found.name()) else { return Outcome::TooSmall };
        let Some(sp_pwdp) = buffer.put(hash) else { return Outcome::TooSmall };
        let filled = spwd {
            sp_namp,
            sp_pwdp,
            sp_lstchg: days(found.last_change()),
            sp_min: days(found.min()),
            sp_max: days(found.max()),
            sp_warn: days(found.warn()),
            sp_inact: days(found.inactive()),
            sp_expire: days(found.expire()),
            sp_flag: c_ulong::MAX,
        };
        // SAFETY: the caller's struct.
        unsafe { self.result.write(filled) };
        Outcome::Success
    }
}

/// getspnam_r(3).
///
/// # Safety
///
/// As glibc calls it: `wanted` is a C string, `result` and `errnop` may be written, and `buffer` for
/// `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getspnam_r(
    wanted: *const c_char,
    result: *mut spwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let outcome = lookup(&SHADOW, |index| {
        // SAFETY: the caller's string.
        match unsafe { name(wanted) }.and_then(|name| index.shadow_by_name(name)) {
            // SAFETY: the caller's struct and buffer.
            Some(found) => unsafe { target.fill(&found) },
            None => Outcome::NotFound,
        }
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// setspent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_setspent(_stay_open: c_int) -> c_int {
    // SAFETY: no errno to write.
    unsafe { restart(&SHADOWS).report(core::ptr::null_mut()) }
}

/// getspent_r(3).
///
/// # Safety
///
/// As glibc calls it: `result` and `errnop` may be written, and `buffer` for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getspent_r(
    result: *mut spwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let advanced = SHADOWS.advance(|index, position| match index.shadow_after(position) {
        None => Step::End,
        // SAFETY: the caller's struct and buffer.
        Some(found) => match unsafe { target.fill(&found) } {
            Outcome::Success => Step::Taken(found.position(), Outcome::Success),
            short => Step::Stay(short),
        },
    });
    let outcome = match advanced {
        Ok(Advance::Done(outcome)) => outcome,
        Ok(Advance::End) => Outcome::NotFound,
        Err(unavailable) => unavailable.into(),
    };
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// endspent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_endspent() -> c_int {
    SHADOWS.finish();
    // SAFETY: no errno to write.
    unsafe { Outcome::Success.report(core::ptr::null_mut()) }
}
