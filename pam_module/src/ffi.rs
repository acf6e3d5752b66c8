//! The only unsafe code of the module: the C entry points, and what pam-bindings lacks.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

use auth_protocol::Secret;
use pam::items::{AuthTok, Item, OldAuthTok};
use pam::module::PamHandle;

use crate::hooks::Roster;

/// `PAM_PRELIM_CHECK` of `security/pam_modules.h`: first pass of `pam_chauthtok`.
pub(crate) const PAM_PRELIM_CHECK: c_uint = 0x4000;
/// `PAM_UPDATE_AUTHTOK` of `security/pam_modules.h`: second pass of `pam_chauthtok`.
pub(crate) const PAM_UPDATE_AUTHTOK: c_uint = 0x2000;

// The six pam_sm_* functions. The macro checks the handle and the arguments for null and stops
// panics at the boundary (they become PAM_ABORT, which opens nothing).
pam::pam_hooks!(Roster);

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_getenv(handle: *const PamHandle, name: *const c_char) -> *const c_char;
    fn pam_fail_delay(handle: *mut PamHandle, microseconds: c_uint) -> c_int;
    fn pam_modutil_getpwnam(handle: *mut PamHandle, user: *const c_char) -> *const c_void;
}

/// `SSH_AUTH_INFO_0` of the PAM environment: how sshd has authenticated the user so far, one
/// method a line. This is the handle's own list; the process environment is never read.
pub(crate) fn ssh_auth_info(handle: &PamHandle) -> Option<Vec<u8>> {
    // SAFETY: the handle is a valid one, since it is a reference that libpam gave us; the name is
    // a NUL-terminated string.
    let value = unsafe { pam_getenv(handle, c"SSH_AUTH_INFO_0".as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: libpam returns a pointer to a NUL-terminated string inside its environment list; it
    // stays until the list is changed, and nobody can change it during this call.
    Some(unsafe { CStr::from_ptr(value) }.to_bytes().to_vec())
}

/// Asks libpam to let this much time pass before it reports a failure to the application.
pub(crate) fn fail_delay(handle: &mut PamHandle, microseconds: u32) {
    // SAFETY: the handle is valid and exclusively borrowed; the function keeps nothing.
    // It can only fail by not delaying.
    let _ = unsafe { pam_fail_delay(handle, microseconds) };
}

/// Whether any source of accounts in the name service switch knows the user. Names that cannot be
/// names are known to nobody.
pub(crate) fn is_known(handle: &mut PamHandle, user: &[u8]) -> bool {
    let Ok(user) = CString::new(user) else { return false };
    // SAFETY: the handle is valid and exclusively borrowed; the name is a NUL-terminated string.
    // What is returned lives as long as the handle and is compared with null only.
    !unsafe { pam_modutil_getpwnam(handle, user.as_ptr()) }.is_null()
}

/// Leaves the password for the modules behind us (`PAM_AUTHTOK`), such as keyrings.
pub(crate) fn set_authtok(handle: &mut PamHandle, password: &Secret) {
    if let Some(copy) = Wiped::new(password) {
        // SAFETY: the pointer is to a NUL-terminated string that outlives the item made from it.
        let item = unsafe { AuthTok::from_raw(copy.as_ptr()) };
        // libpam copies the string. Without it the modules behind ask for themselves.
        let _ = handle.set_item_str(item);
    }
}

/// Leaves the replaced password for the modules behind us (`PAM_OLDAUTHTOK`).
pub(crate) fn set_old_authtok(handle: &mut PamHandle, password: &Secret) {
    if let Some(copy) = Wiped::new(password) {
        // SAFETY: as in `set_authtok`.
        let item = unsafe { OldAuthTok::from_raw(copy.as_ptr()) };
        let _ = handle.set_item_str(item);
    }
}

/// A password as a C string that is wiped afterwards.
struct Wiped(Option<CString>);

impl Wiped {
    /// Nothing when the password has a NUL byte; it cannot have come through PAM then.
    fn new(password: &Secret) -> Option<Self> {
        let bytes = password.as_bytes();
        if bytes.contains(&0) {
            return None;
        }
        // Room for the NUL byte from the start, so that nothing is moved and left behind.
        let mut copy = Vec::with_capacity(bytes.len() + 1);
        copy.extend_from_slice(bytes);
        CString::new(copy).ok().map(|string| Self(Some(string)))
    }

    fn as_ptr(&self) -> *const c_char {
        self.0.as_ref().map_or(c"".as_ptr(), |string| string.as_ptr())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        if let Some(string) = self.0.take() {
            zeroize::Zeroize::zeroize(&mut string.into_bytes_with_nul());
        }
    }
}
