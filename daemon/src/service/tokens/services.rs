//! Which PAM services an app password is for.

/// Services that take an app password only if its scope names them: where a person, not a program,
/// types the password, and what is behind it is a shell, another user, or a credential. An app password
/// without a scope is for all the others.
const NAMED_ONLY: [&str; 30] = [
    "chfn",
    "chpasswd",
    "chsh",
    "cockpit",
    "doas",
    "gdm",
    "gdm-password",
    "groupmems",
    "kde",
    "kscreenlocker_greet",
    "lightdm",
    "login",
    "lxdm",
    "newusers",
    "other",
    "passwd",
    "polkit-1",
    "remote",
    "rlogin",
    "rsh",
    "runuser",
    "runuser-l",
    "sddm",
    "sshd",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "systemd-user",
    "xdm",
];

/// Of those, the ones that give more than the session has that they are asked from: a program that
/// runs as the user could make itself root with an app password for them.
const GIVE_POWER: [&str; 4] = ["doas", "polkit-1", "sudo", "sudo-i"];

/// Whether an app password of that scope is for the service.
pub(in crate::service) fn takes(service: &str, scope: &[String]) -> bool {
    // As pam_start(3) does, whatever the caller writes.
    let service = service.to_ascii_lowercase();
    if scope.is_empty() {
        !NAMED_ONLY.contains(&service.as_str())
    } else {
        scope.contains(&service)
    }
}

/// Whether an app password for the service needs the right to manage sudo.
#[must_use]
pub fn gives_power(service: &str) -> bool {
    GIVE_POWER.contains(&service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_what_it_is_for_and_nothing_else() {
        let scope = ["dovecot".to_owned(), "sshd".to_owned()];
        for (service, taken) in
            [("dovecot", true), ("Dovecot", true), ("sshd", true), ("sudo", false), ("smtp", false)]
        {
            assert_eq!(takes(service, &scope), taken, "{service}");
        }
    }

    #[test]
    fn without_a_scope_it_is_for_no_shell_and_no_other_user() {
        for service in ["sudo", "SUDO", "sudo-i", "su", "su-l", "login", "sshd", "passwd", "other"]
        {
            assert!(!takes(service, &[]), "{service}");
        }
        for service in ["dovecot", "smtp", "samba", "vsftpd", "apache2"] {
            assert!(takes(service, &[]), "{service}");
        }
        assert!(GIVE_POWER.iter().all(|service| NAMED_ONLY.contains(service)));
    }
}
