//! Which lines a user gets.

use snapshot::FoundUser;

/// The key lines that let `user` in at `now`, in unix seconds. None for a locked, disabled or expired
/// user.
pub fn lines(user: &FoundUser, now: i64) -> Vec<u8> {
    let mut lines = Vec::new();
    if !user.is_active(now) {
        return lines;
    }
    for key in user.keys_at(now) {
        // The store and the writer of the index refuse these too. A line break here would be a key, or
        // a command, that nobody added.
        if key.line.iter().any(u8::is_ascii_control) {
            continue;
        }
        lines.extend_from_slice(&key.line);
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::FoundKey;

    const NOW: i64 = 1_800_000_000;

    fn alice(keys: &[(&str, Option<i64>)]) -> FoundUser {
        FoundUser {
            name: b"alice".to_vec(),
            uid: 3000,
            gid: 3000,
            gecos: Vec::new(),
            home: b"/home/alice".to_vec(),
            shell: b"/bin/bash".to_vec(),
            locked: false,
            expires_at: None,
            keys: keys
                .iter()
                .map(|(line, expires_at)| FoundKey {
                    line: line.as_bytes().to_vec(),
                    expires_at: *expires_at,
                })
                .collect(),
        }
    }

    #[test]
    fn an_active_user_gets_the_keys_that_have_not_expired() {
        let user = alice(&[
            ("ssh-ed25519 AAAA one", None),
            ("ssh-ed25519 BBBB two", Some(NOW)),
            ("ssh-ed25519 CCCC three", Some(NOW + 1)),
        ]);
        assert_eq!(lines(&user, NOW), b"ssh-ed25519 AAAA one\nssh-ed25519 CCCC three\n");
    }

    #[test]
    fn a_locked_or_expired_user_gets_nothing() {
        let active = alice(&[("ssh-ed25519 AAAA one", None)]);
        assert!(!lines(&active, NOW).is_empty());
        assert!(lines(&FoundUser { locked: true, ..active.clone() }, NOW).is_empty());
        assert!(lines(&FoundUser { expires_at: Some(NOW), ..active.clone() }, NOW).is_empty());
        assert!(!lines(&FoundUser { expires_at: Some(NOW + 1), ..active }, NOW).is_empty());
    }

    #[test]
    fn a_line_with_a_control_character_is_left_out() {
        for bad in ["a\nssh-rsa EVIL", "a\rb", "a\0b", "a\x1b[31m", "a\x7f"] {
            let user = alice(&[(bad, None), ("ssh-ed25519 AAAA", None)]);
            assert_eq!(lines(&user, NOW), b"ssh-ed25519 AAAA\n");
        }
    }
}
