//! Is the user one of ours? Answered from the account index, without the daemon.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use pam::constants::PamResultCode;

/// The file of local accounts, read directly: asking NSS would load who knows what.
const PASSWD: &str = "/etc/passwd";

/// Longest line of `/etc/passwd` that is looked at.
const LINE_LIMIT: usize = 64 * 1024;

/// Nothing when the user is ours, else what PAM is to be told.
///
/// When the index cannot be read, an account of `/etc/passwd` is still nothing of our business, so
/// that root gets in; for everybody else nothing is known, and that opens no door.
pub(crate) fn check(user: &[u8]) -> Result<(), PamResultCode> {
    match snapshot::find_user(user) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(PamResultCode::PAM_USER_UNKNOWN),
        Err(_) if is_local(Path::new(PASSWD), user) => Err(PamResultCode::PAM_USER_UNKNOWN),
        Err(_) => Err(PamResultCode::PAM_AUTHINFO_UNAVAIL),
    }
}

/// Whether nobody has this name: neither we, nor `/etc/passwd`, nor, by `lookup`, any other source
/// of accounts. Else what PAM is to be told.
pub(crate) fn check_nobody(
    user: &[u8],
    lookup: impl FnOnce(&[u8]) -> bool,
) -> Result<(), PamResultCode> {
    match check(user) {
        Err(PamResultCode::PAM_USER_UNKNOWN) => {}
        // Ours were judged before; here they are not judged again.
        Ok(()) => return Err(PamResultCode::PAM_AUTH_ERR),
        Err(code) => return Err(code),
    }
    if is_local(Path::new(PASSWD), user) || lookup(user) {
        return Err(PamResultCode::PAM_USER_UNKNOWN);
    }
    Ok(())
}

/// Whether `passwd` has a line for `user`. A file that cannot be read has none.
fn is_local(passwd: &Path, user: &[u8]) -> bool {
    let Ok(file) = File::open(passwd) else { return false };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = std::io::Read::take(&mut reader, LINE_LIMIT as u64);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) => {
                let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
                if !user.is_empty() && name == user && line.len() > name.len() {
                    return true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn local_names_are_whole_first_fields() {
        let directory = tempfile::tempdir().unwrap();
        let passwd = directory.path().join("passwd");
        std::fs::write(&passwd, "root:x:0:0:root:/root:/bin/sh\nno-colon\nlast:x:1:1::/:/bin/sh")
            .unwrap();
        for local in ["root", "last"] {
            assert!(is_local(&passwd, local.as_bytes()), "{local}");
        }
        for other in ["", "roo", "roott", "x", "root:x", "no-colon", "ROOT"] {
            assert!(!is_local(&passwd, other.as_bytes()), "{other}");
        }
        assert!(!is_local(&directory.path().join("missing"), b"root"));
    }
}
