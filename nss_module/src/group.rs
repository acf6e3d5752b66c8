//! The database group: `struct group` by name, by number, one after the other.

use core::ffi::{c_char, c_int};

use libc::{gid_t, group};
use snapshot::{Advance, GroupRef, Step};

use crate::buffer::{Buffer, name};
use crate::outcome::Outcome;
use crate::sources::{GROUPS, INDEX, lookup, restart};

/// How often a list of members is read again because it was changed meanwhile. After that the last
/// reading stands: every member in it was one during the call.
const ATTEMPTS: usize = 16;

/// Where the caller wants the result.
#[derive(Clone, Copy)]
struct Target {
    result: *mut group,
    buffer: *mut c_char,
    length: usize,
}

impl Target {
    /// # Safety
    ///
    /// `result` may be written, and `buffer` for `length` bytes.
    unsafe fn fill(self, found: &GroupRef<'_>) -> Outcome {
        let mut outcome = Outcome::TooSmall;
        for _ in 0..ATTEMPTS {
            let version = found.members_version();
            // SAFETY: the caller's struct and buffer.
            outcome = match unsafe { self.fill_once(found) } {
                Some(()) => Outcome::Success,
                None => Outcome::TooSmall,
            };
            if version & 1 == 0 && found.members_version() == version {
                break;
            }
        }
        outcome
    }

    /// # Safety
    ///
    /// As for `fill`.
    unsafe fn fill_once(self, found: &GroupRef<'_>) -> Option<()> {
        // SAFETY: the caller's buffer.
        let mut buffer = unsafe { Buffer::new(self.buffer, self.length) };
        let filled = group {
            gr_name: buffer.put(found.name())?,
            gr_passwd: buffer.put(b"x")?,
            gr_gid: found.gid(),
            gr_mem: buffer.put_array(found.members())?,
        };
        // SAFETY: the caller's struct.
        unsafe { self.result.write(filled) };
        Some(())
    }
}

/// getgrnam_r(3).
///
/// # Safety
///
/// As glibc calls it: `wanted` is a C string, `result` and `errnop` may be written, and `buffer` for
/// `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getgrnam_r(
    wanted: *const c_char,
    result: *mut group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let outcome = lookup(&INDEX, |index| {
        // SAFETY: the caller's string.
        match unsafe { name(wanted) }.and_then(|name| index.group_by_name(name)) {
            // SAFETY: the caller's struct and buffer.
            Some(found) => unsafe { target.fill(&found) },
            None => Outcome::NotFound,
        }
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// getgrgid_r(3).
///
/// # Safety
///
/// As glibc calls it: `result` and `errnop` may be written, and `buffer` for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getgrgid_r(
    gid: gid_t,
    result: *mut group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let outcome = lookup(&INDEX, |index| match index.group_by_gid(gid) {
        // SAFETY: the caller's struct and buffer.
        Some(found) => unsafe { target.fill(&found) },
        None => Outcome::NotFound,
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// setgrent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_setgrent(_stay_open: c_int) -> c_int {
    // SAFETY: no errno to write.
    unsafe { restart(&GROUPS).report(core::ptr::null_mut()) }
}

/// getgrent_r(3). Groups of /etc/group that have members of ours are left out: the service `files`
/// lists them.
///
/// # Safety
///
/// As glibc calls it: `result` and `errnop` may be written, and `buffer` for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getgrent_r(
    result: *mut group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let advanced = GROUPS.advance(|index, position| {
        let mut position = position;
        // Ends: positions run along a list whose sequence numbers increase.
        while let Some(found) = index.group_after(position) {
            position = found.position();
            if found.is_external() {
                continue;
            }
            // SAFETY: the caller's struct and buffer.
            return match unsafe { target.fill(&found) } {
                Outcome::Success => Step::Taken(position, Outcome::Success),
                short => Step::Stay(short),
            };
        }
        Step::End
    });
    let outcome = match advanced {
        Ok(Advance::Done(outcome)) => outcome,
        Ok(Advance::End) => Outcome::NotFound,
        Err(unavailable) => unavailable.into(),
    };
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// endgrent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_endgrent() -> c_int {
    GROUPS.finish();
    // SAFETY: no errno to write.
    unsafe { Outcome::Success.report(core::ptr::null_mut()) }
}
