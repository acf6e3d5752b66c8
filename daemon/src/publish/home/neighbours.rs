//! What may lie inside a home that is about to go: mounts, and homes of other accounts.

use std::os::fd::OwnedFd;

use super::base::{Place, is_mount_root};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// Refuses a home that is a mount, has a mount below it, or holds another account's home.
///
/// Mounts seen by other mount namespaces only are not found here; walks never cross one.
pub(super) fn none_inside(
    host: &Host,
    place: &Place,
    home: &OwnedFd,
    uid: u32,
) -> Result<(), EffectError> {
    let path = &place.path;
    if is_mount_root(home).during(|| format!("stat {path}"))? {
        return Err(EffectError::Mounted { path: path.clone(), mount: path.clone() });
    }
    let full = host.root.join(path.trim_start_matches('/'));
    let full = full.to_string_lossy();
    let mounts = std::fs::read(host.proc.join("self/mountinfo")).during(|| "read mountinfo")?;
    if let Some(mount) = mount_points(&mounts).find(|mount| is_within(mount, &full)) {
        return Err(EffectError::Mounted { path: path.clone(), mount });
    }
    let passwd = match std::fs::read(&host.passwd) {
        Ok(passwd) => passwd,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).during(|| "read passwd"),
    };
    match homes(&passwd).find(|(of, other)| *of != Some(uid) && is_within(other, path)) {
        Some((_, other)) => Err(EffectError::HoldsOtherHome { path: path.clone(), other }),
        None => Ok(()),
    }
}

/// Whether `path` is `dir` or below it. Both are normalised, but for `/` at the end.
fn is_within(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The fifth field of each line of proc_pid_mountinfo(5), its octal escapes undone.
fn mount_points(mountinfo: &[u8]) -> impl Iterator<Item = String> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        let mut path = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((byte, after)) = rest.split_first() {
            let escaped = (*byte == b'\\').then(|| after.get(..3)).flatten();
            let code = escaped.and_then(|code| std::str::from_utf8(code).ok());
            match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
                Some(code) => (path.push(code), rest = &after[3..]).1,
                None => (path.push(*byte), rest = after).1,
            }
        }
        Some(String::from_utf8_lossy(&path).into_owned())
    })
}

/// The uid and home of each line of passwd(5).
fn homes(passwd: &[u8]) -> impl Iterator<Item = (Option<u32>, String)> {
    passwd.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = String::from_utf8_lossy(line);
        let mut fields = line.split(':');
        let uid = fields.nth(2)?.parse().ok();
        Some((uid, fields.nth(2)?.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_escapes() {
        let info = b"36 35 98:0 /mnt1 /home/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n\
                     37 35 98:0 / /x\\134y rw - ext3 /dev/root rw\nbroken\n";
        assert_eq!(mount_points(info).collect::<Vec<_>>(), ["/home/a b", "/x\\y"]);
    }

    #[test]
    fn homes_are_read_from_passwd() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\n\nbroken:x\nbob:x:1001:1001:,,:/home/a/b:\n";
        let expected = [(Some(0), "/root".to_owned()), (Some(1001), "/home/a/b".to_owned())];
        assert_eq!(homes(passwd).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn within_is_by_component() {
        assert!(is_within("/home/a", "/home/a") && is_within("/home/a/b", "/home/a"));
        assert!(!is_within("/home/ab", "/home/a") && !is_within("/home", "/home/a"));
    }
}
