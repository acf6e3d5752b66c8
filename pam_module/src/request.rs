//! What PAM knows about this login.

use std::ffi::CStr;

use auth_protocol::{Phase, Start};
use pam::constants::{PAM_CHANGE_EXPIRED_AUTHTOK, PAM_SILENT, PamFlag, PamResultCode};
use pam::items::{RHost, RUser, Service, Tty, User};
use pam::module::{PamHandle, PamResult};

use crate::ffi;

/// Longest PAM item that is passed on, in bytes: they are for logs and for throttling.
const ITEM_LIMIT: usize = 256;

/// The user's name; the application asks for it if it has not yet.
pub(crate) fn user(handle: &mut PamHandle) -> PamResult<Vec<u8>> {
    // pam-bindings refuses a name that is not UTF-8 with an error of its own; to us such a name is
    // just not one of ours, so the item is read again as bytes.
    let asked = handle.get_user(None);
    match handle.get_item::<User>() {
        Ok(Some(user)) => Ok(user.to_bytes().to_vec()),
        Ok(None) => Err(asked.err().unwrap_or(PamResultCode::PAM_USER_UNKNOWN)),
        Err(code) => Err(code),
    }
}

/// The opening of the conversation for `user`.
pub(crate) fn start(handle: &PamHandle, phase: Phase, user: &[u8], flags: PamFlag) -> Start {
    let service = handle.get_item::<Service>().ok().flatten().map(|item| text(item.0));
    let service = service.unwrap_or_default();
    let public_key = service == "sshd"
        && ffi::ssh_auth_info(handle).is_some_and(|methods| {
            methods.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"publickey "))
        });
    Start {
        phase,
        user: String::from_utf8_lossy(user).into_owned(),
        service,
        tty: handle.get_item::<Tty>().ok().flatten().map(|item| text(item.0)),
        remote_host: handle.get_item::<RHost>().ok().flatten().map(|item| text(item.0)),
        remote_user: handle.get_item::<RUser>().ok().flatten().map(|item| text(item.0)),
        caller_uid: rustix::process::getuid().as_raw(),
        public_key,
        only_expired: flags & PAM_CHANGE_EXPIRED_AUTHTOK != 0,
        silent: flags & PAM_SILENT != 0,
    }
}

fn text(item: &CStr) -> String {
    let bytes = item.to_bytes();
    String::from_utf8_lossy(bytes.get(..ITEM_LIMIT).unwrap_or(bytes)).into_owned()
}
