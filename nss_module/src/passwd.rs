//! The database passwd: `struct passwd` by name, by number, one after the other.

use core::ffi::{c_char, c_int};

use libc::{passwd, uid_t};
use snapshot::{Advance, Step, UserRef};

use crate::buffer::{Buffer, name};
use crate::outcome::Outcome;
use crate::sources::{INDEX, USERS, lookup, restart};

/// Where the caller wants the result.
#[derive(Clone, Copy)]
struct Target {
    result: *mut passwd,
    buffer: *mut c_char,
    length: usize,
}

impl Target {
    /// # Safety
    ///
    /// `result` may be written, and `buffer` for `length` bytes.
    unsafe fn fill(self, user: &UserRef<'_>) -> Outcome {
        // SAFETY: the caller's buffer.
        let mut buffer = unsafe { Buffer::new(self.buffer, self.length) };
        // Name, gecos, home and shell stand one behind the other in the index, with their NULs.
        let Some(pw_name) = buffer.put_terminated(user.strings()) else { return Outcome::TooSmall };
        let Some(pw_passwd) = buffer.put(b"x") else { return Outcome::TooSmall };
        let pw_gecos = pw_name.wrapping_add(user.name().len() + 1);
        let pw_dir = pw_gecos.wrapping_add(user.gecos().len() + 1);
        let pw_shell = pw_dir.wrapping_add(user.home().len() + 1);
        let filled = passwd {
            pw_name,
            pw_passwd,
            pw_uid: user.uid(),
            pw_gid: user.gid(),
            pw_gecos,
            pw_dir,
            pw_shell,
        };
        // SAFETY: the caller's struct.
        unsafe { self.result.write(filled) };
        Outcome::Success
    }
}

/// getpwnam_r(3).
///
/// # Safety
///
/// As glibc calls it: `wanted` is a C string, `result` and `errnop` may be written, and `buffer` for
/// `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getpwnam_r(
    wanted: *const c_char,
    result: *mut passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let outcome = lookup(&INDEX, |index| {
        // SAFETY: the caller's string.
        match unsafe { name(wanted) }.and_then(|name| index.user_by_name(name)) {
            // SAFETY: the caller's struct and buffer.
            Some(user) => unsafe { target.fill(&user) },
            None => Outcome::NotFound,
        }
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// getpwuid_r(3).
///
/// # Safety
///
/// As glibc calls it: `result` and `errnop` may be written, and `buffer` for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getpwuid_r(
    uid: uid_t,
    result: *mut passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let outcome = lookup(&INDEX, |index| match index.user_by_uid(uid) {
        // SAFETY: the caller's struct and buffer.
        Some(user) => unsafe { target.fill(&user) },
        None => Outcome::NotFound,
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}

/// setpwent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_setpwent(_stay_open: c_int) -> c_int {
    // SAFETY: no errno to write.
    unsafe { restart(&USERS).report(core::ptr::null_mut()) }
}

/// getpwent_r(3).
///
/// # Safety
///
/// As glibc calls it: `result` and `errnop` may be written, and `buffer` for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_getpwent_r(
    result: *mut passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    let target = Target { result, buffer, length };
    let advanced = USERS.advance(|index, position| match index.user_after(position) {
        None => Step::End,
        // SAFETY: the caller's struct and buffer.
        Some(user) => match unsafe { target.fill(&user) } {
            Outcome::Success => Step::Taken(user.position(), Outcome::Success),
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

/// endpwent(3).
#[unsafe(no_mangle)]
pub extern "C" fn _nss_roster_endpwent() -> c_int {
    USERS.finish();
    // SAFETY: no errno to write.
    unsafe { Outcome::Success.report(core::ptr::null_mut()) }
}
