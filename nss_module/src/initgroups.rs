//! The supplementary groups of a user, all in one call: what initgroups(3) and getgrouplist(3) ask.

use core::ffi::{c_char, c_int, c_long, c_void};

use libc::gid_t;
use snapshot::Index;

use crate::buffer::name;
use crate::outcome::Outcome;
use crate::sources::{INDEX, lookup};

/// How often the list is read again because it was changed meanwhile.
const ATTEMPTS: usize = 16;
/// The least number of places by which the array grows.
const GROWTH: usize = 16;

/// The caller's array: allocated with malloc, partly filled by the services before us.
struct Groups {
    array: *mut gid_t,
    filled: usize,
    size: usize,
    limit: Option<usize>,
}

/// Why no further group was taken.
enum Full {
    /// The caller's limit is reached: that is fine.
    Limit,
    /// The array could not be enlarged.
    NoMemory,
}

impl Groups {
    fn filled(&self) -> &[gid_t] {
        if self.filled == 0 {
            return &[];
        }
        // SAFETY: the first `filled` of `size` places, written by the services before us and by
        // `push`.
        unsafe { core::slice::from_raw_parts(self.array, self.filled) }
    }

    fn push(&mut self, gid: gid_t) -> Result<(), Full> {
        if self.limit.is_some_and(|limit| self.filled >= limit) {
            return Err(Full::Limit);
        }
        if self.filled == self.size {
            self.grow()?;
        }
        // SAFETY: `filled` is below `size`, the number of places of the array.
        unsafe { self.array.wrapping_add(self.filled).write(gid) };
        self.filled += 1;
        Ok(())
    }

    /// At least doubles the array, up to the limit. Not called when that is reached.
    fn grow(&mut self) -> Result<(), Full> {
        let wanted = self.size.saturating_mul(2).max(self.size.saturating_add(GROWTH));
        let size = self.limit.map_or(wanted, |limit| wanted.min(limit));
        let bytes = size.checked_mul(size_of::<gid_t>()).ok_or(Full::NoMemory)?;
        // SAFETY: the caller allocated the array with malloc, which is the contract of this call.
        let array = unsafe { libc::realloc(self.array.cast::<c_void>(), bytes) };
        if array.is_null() {
            return Err(Full::NoMemory);
        }
        self.array = array.cast();
        self.size = size;
        Ok(())
    }

    fn add(&mut self, index: &Index<'_>, user: &[u8], skip: gid_t) -> Outcome {
        let before = self.filled;
        for _ in 0..ATTEMPTS {
            self.filled = before;
            let Some(groups) = index.groups_of(user) else { return Outcome::NotFound };
            let version = groups.version();
            let again = groups.clone();
            for gid in groups {
                if gid == skip || self.filled().contains(&gid) {
                    continue;
                }
                match self.push(gid) {
                    Ok(()) => {}
                    Err(Full::Limit) => break,
                    Err(Full::NoMemory) => return Outcome::NoMemory,
                }
            }
            if version & 1 == 0 && again.version() == version {
                break;
            }
        }
        Outcome::Success
    }
}

/// Adds the groups of `user`, who may be a user of /etc/passwd, to the array `*groupsp` of `*size`
/// places, of which `*start` are filled. `skip` (the primary group) and what is there already are
/// left out. `limit` ≤ 0 means none.
///
/// # Safety
///
/// As glibc calls it: `user` is a C string, `*groupsp` comes from malloc and has `*size` places, and
/// all pointers may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_roster_initgroups_dyn(
    user: *const c_char,
    skip: gid_t,
    start: *mut c_long,
    size: *mut c_long,
    groupsp: *mut *mut gid_t,
    limit: c_long,
    errnop: *mut c_int,
) -> c_int {
    let outcome = lookup(&INDEX, |index| {
        // SAFETY: the caller's variables.
        let (filled, places, array) = unsafe { (*start, *size, *groupsp) };
        let (Ok(filled), Ok(places)) = (usize::try_from(filled), usize::try_from(places)) else {
            return Outcome::Unavailable(libc::EINVAL);
        };
        if filled > places || (array.is_null() && places != 0) {
            return Outcome::Unavailable(libc::EINVAL);
        }
        // SAFETY: the caller's string.
        let Some(user) = (unsafe { name(user) }) else { return Outcome::NotFound };
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let mut groups = Groups { array, filled, size: places, limit };
        let outcome = groups.add(&index, user, skip);
        // SAFETY: the caller's variables. No array has more than c_long::MAX places.
        unsafe {
            *start = groups.filled as c_long;
            *size = groups.size as c_long;
            *groupsp = groups.array;
        }
        outcome
    });
    // SAFETY: the caller's errno.
    unsafe { outcome.report(errnop) }
}
