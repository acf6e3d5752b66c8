//! What a call came to, and how C is told.

use core::ffi::c_int;

use snapshot::Unavailable;

/// The result of an entry point.
#[derive(Clone, Copy)]
pub enum Outcome {
    /// The result has been filled in.
    Success,
    /// There is no such entry, or no further one.
    NotFound,
    /// The index cannot be read, for this errno.
    Unavailable(c_int),
    /// The caller's buffer is too small: the caller comes back with a larger one.
    TooSmall,
    /// The caller's array could not be enlarged.
    NoMemory,
}

impl From<Unavailable> for Outcome {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable.errno)
    }
}

impl Outcome {
    /// The `enum nss_status`, with errno set on everything but success.
    ///
    /// # Safety
    ///
    /// `errnop` is null or may be written.
    pub unsafe fn report(self, errnop: *mut c_int) -> c_int {
        let (status, errno) = match self {
            Self::Success => return 1,
            Self::NotFound => (0, libc::ENOENT),
            Self::Unavailable(errno) => (-1, errno),
            Self::TooSmall => (-2, libc::ERANGE),
            Self::NoMemory => (-2, libc::ENOMEM),
        };
        if !errnop.is_null() {
            // SAFETY: not null, so the caller vouches for it.
            unsafe { *errnop = errno };
        }
        status
    }
}
