//! Samba's own password store, kept by Samba's own program: smbpasswd(8).

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::EffectError;
use super::host::Host;
use super::tool;

const DEADLINE: Duration = Duration::from_secs(20);
const LONGEST_ANSWER: usize = 64 << 10;
/// What smbpasswd says of a name that it does not know.
const UNKNOWN: &str = "Failed to find entry for user";

/// How an entry shall be. Being there with a password is none of these: a password is never owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SambaEntry {
    /// Not there.
    Removed,
    /// There, and refusing logins.
    Disabled,
    /// There, and accepting logins.
    Enabled,
}

/// Whether Samba's program is installed.
#[must_use]
pub fn is_there(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(program)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Gives the user this password in Samba's store, with a new entry if there is none. The system
/// has to know the user by that name already.
///
/// # Errors
/// [`EffectError::Tool`] with what smbpasswd said.
pub fn set_password(host: &Host, name: &str, password: &[u8]) -> Result<(), EffectError> {
    let mut twice = zeroize::Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
    for _ in 0..2 {
        twice.extend_from_slice(password);
        twice.push(b'\n');
    }
    smbpasswd(host, &["-L", "-s", "-a", name], &twice)
}

/// Brings the entry into that state. An entry that is not there is left so.
///
/// # Errors
/// [`EffectError::Tool`] with what smbpasswd said, or that there is no Samba.
pub fn keep(host: &Host, name: &str, entry: SambaEntry) -> Result<(), EffectError> {
    let flag = match entry {
        SambaEntry::Removed => "-x",
        SambaEntry::Disabled => "-d",
        SambaEntry::Enabled => "-e",
    };
    match smbpasswd(host, &["-L", flag, name], b"") {
        Err(EffectError::Tool { why, .. }) if why.contains(UNKNOWN) => Ok(()),
        // With Samba gone nobody logs in through it.
        Err(_) if !is_there(&host.smbpasswd) => Ok(()),
        done => done,
    }
}

/// The name is one of ours: it begins with a letter or `_`, never as a flag does.
fn smbpasswd(host: &Host, args: &[&str], input: &[u8]) -> Result<(), EffectError> {
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    let answer = tool::run(&host.smbpasswd, &args, input, DEADLINE, LONGEST_ANSWER)?;
    if answer.status.success() {
        return Ok(());
    }
    let tool = host.smbpasswd.to_string_lossy().into_owned();
    Err(EffectError::Tool { tool, why: answer.complaint() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A host with a program that writes down how it is called.
    fn host(dir: &Path, script: &str) -> Host {
        let program = dir.join("smbpasswd");
        let log = dir.join("log").display().to_string();
        let script = format!("#!/bin/sh\necho \"$@\" >>{log}\ncat >>{log}\n{script}\n");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        Host { smbpasswd: program, ..Host::system() }
    }

    #[test]
    fn the_password_goes_in_by_standard_input_alone() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path(), "");
        set_password(&host, "alice", b"nine amber otters").unwrap();
        keep(&host, "alice", SambaEntry::Disabled).unwrap();
        keep(&host, "alice", SambaEntry::Enabled).unwrap();
        keep(&host, "alice", SambaEntry::Removed).unwrap();
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        let expected = "-L -s -a alice\nnine amber otters\nnine amber otters\n\
                        -L -d alice\n-L -e alice\n-L -x alice\n";
        assert_eq!(log, expected);
    }

    #[test]
    fn a_refusal_is_told_and_an_unknown_entry_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let refusing = host(dir.path(), "echo 'Failed to add entry for user alice.' >&2; exit 1");
        let error = set_password(&refusing, "alice", b"x").unwrap_err().to_string();
        assert!(error.contains("Failed to add entry for user alice."), "{error}");
        assert!(keep(&refusing, "alice", SambaEntry::Removed).is_err());
        let unknown = host(dir.path(), "echo 'Failed to find entry for user alice.' >&2; exit 1");
        keep(&unknown, "alice", SambaEntry::Removed).unwrap();
    }

    #[test]
    fn without_samba_nothing_can_be_set_and_nothing_is_left_to_remove() {
        let nowhere = Host { smbpasswd: "/nonexistent/smbpasswd".into(), ..Host::system() };
        assert!(!is_there(&nowhere.smbpasswd));
        assert!(set_password(&nowhere, "alice", b"x").is_err());
        keep(&nowhere, "alice", SambaEntry::Removed).unwrap();
    }
}
