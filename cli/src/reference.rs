//! What `--help` and the manual pages say beside the grammar: one table each.

/// What the process's exit status means; see [`crate::error::Error::exit_code`].
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "refused or failed"),
    (2, "usage"),
    (4, "number in use"),
    (6, "no such user or group"),
    (9, "name in use"),
    (10, "not authorised"),
    (11, "daemon unreachable"),
    (12, "home directory"),
];

/// How users and groups are named, and secrets given.
pub const SUBJECTS: &str = "A user is named as alice, uid:3000 or id:UUID; a group as dev, gid:3000 or id:UUID.\n\
     Passwords and codes are never taken from the command line.";

/// The files of Roster.
pub const FILES: &[(&str, &str)] = &[
    ("/etc/roster/roster.toml", "settings of the daemon; all have defaults, see roster.toml(5)"),
    ("/var/lib/roster/store", "the accounts; the daemon alone reads and writes them"),
    ("/var/lib/roster/audit-head", "where the audit log ends, beside the accounts"),
    ("/run/roster/index", "what NSS and sshd read: names, numbers, homes, shells, public keys"),
    ("/etc/sudoers.d/50-roster", "the sudo rights, written by the daemon"),
    ("/usr/share/roster/schema", "JSON Schema of what --json answers"),
];

/// The variables of the environment that the command heeds.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("VISUAL, EDITOR", "the editor of --edit"),
    ("ROSTER_PASSWORD", "the password, with --password-from-env only"),
];

/// What follows the help of the command itself.
#[must_use]
pub fn after_help() -> String {
    let statuses: Vec<_> =
        EXIT_STATUS.iter().map(|(status, meaning)| format!("{status} {meaning}")).collect();
    format!("{SUBJECTS}\n\nExit status: {}.", statuses.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn every_exit_status_of_an_error_is_explained() {
        let codes = bus::ErrorName::ALL.iter().map(|name| name.code());
        let errors = codes.chain(["name_in_use"]).map(|code| Error::refused(code, ""));
        let others = [
            Error::Usage(String::new()),
            Error::Unreachable(String::new()),
            Error::Local(String::new()),
        ];
        let mut used: Vec<u8> = errors.chain(others).map(|error| error.exit_code()).collect();
        used.push(0);
        used.sort_unstable();
        used.dedup();
        let told: Vec<u8> = EXIT_STATUS.iter().map(|(status, _)| *status).collect();
        assert_eq!(used, told);
    }
}
