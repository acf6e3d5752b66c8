//! Who the caller is, as the system sees it.

use nix::unistd::{User, geteuid};

/// Whether a subject means the caller; no subject means so for everybody but root.
pub fn is_own(subject: Option<&str>) -> bool {
    let uid = geteuid();
    if uid.is_root() {
        return false;
    }
    match subject {
        None => true,
        Some(subject) => {
            subject.strip_prefix("uid:") == Some(uid.to_string().as_str())
                || name().is_some_and(|own| own == subject)
        }
    }
}

/// The caller's login name, if the system knows one.
pub fn name() -> Option<String> {
    User::from_uid(geteuid()).ok().flatten().map(|user| user.name)
}
