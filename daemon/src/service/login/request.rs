//! Who logs in, as far as the process at the other end may be believed.

use auth_protocol::{Phase, Start};

use super::Attempt;

/// Longest text about a login that is kept, in characters.
const TEXT_LIMIT: usize = 128;

/// Where a login comes from when it comes from nowhere else.
const LOCAL: &str = "local";

/// The peer may not ask that about that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPermitted;

/// A login, with what was not to be believed taken out.
pub(super) struct Request {
    pub phase: Phase,
    pub user: String,
    pub service: String,
    /// The remote host, or `local`. Without characters that could forge a line of a log.
    pub remote: String,
    /// Who runs the program that uses PAM.
    pub caller_uid: u32,
    /// root asks, and no program of the user's own.
    pub by_root: bool,
    /// sshd has accepted a key.
    pub public_key: bool,
    pub only_expired: bool,
    pub silent: bool,
}

impl Request {
    /// root may speak for everybody. Others may check and change their own password, as screen
    /// lockers do; what they tell beyond that counts for nothing.
    pub fn believed(
        peer_uid: u32,
        start: Start,
        user_uid: Option<u32>,
    ) -> Result<Self, NotPermitted> {
        let Start {
            phase,
            user,
            service,
            tty: _,
            remote_host,
            remote_user: _,
            caller_uid,
            public_key,
            only_expired,
            silent,
        } = start;
        let root = peer_uid == 0;
        if !root && (user_uid != Some(peer_uid) || phase == Phase::OpenSession) {
            return Err(NotPermitted);
        }
        let remote = remote_host.filter(|host| root && !host.is_empty());
        let service = clean(&service);
        Ok(Self {
            phase,
            user: clean(&user),
            public_key: root && public_key && service == "sshd",
            service,
            remote: remote.map_or_else(|| LOCAL.to_owned(), |host| clean(&host)),
            caller_uid: if root { caller_uid } else { peer_uid },
            by_root: root,
            only_expired,
            silent,
        })
    }

    /// A try of this user from where the login comes from.
    pub fn attempt(&self, user: accounts::UserId) -> Attempt<'_> {
        Attempt { user, remote: &self.remote }
    }
}

fn clean(text: &str) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(TEXT_LIMIT).map(printable).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn start(phase: Phase) -> Start {
        Start {
            phase,
            user: "alice".into(),
            service: "sshd".into(),
            tty: None,
            remote_host: Some("192.0.2.1".into()),
            remote_user: None,
            caller_uid: 0,
            public_key: true,
            only_expired: false,
            silent: false,
        }
    }

    const ALL: [Phase; 5] = [
        Phase::Authenticate,
        Phase::Account,
        Phase::CheckPasswordChange,
        Phase::ChangePassword,
        Phase::OpenSession,
    ];

    #[test]
    fn root_may_speak_for_everybody() {
        for phase in ALL {
            let request = Request::believed(0, start(phase), Some(3000)).unwrap();
            assert!(request.public_key);
            assert_eq!((request.remote.as_str(), request.caller_uid), ("192.0.2.1", 0));
        }
    }

    #[test]
    fn others_may_only_check_themselves_and_are_believed_nothing() {
        for phase in ALL {
            for user in [None, Some(0), Some(3001)] {
                assert!(Request::believed(3000, start(phase), user).is_err(), "{phase:?}");
            }
            let request = Request::believed(3000, start(phase), Some(3000));
            if phase == Phase::OpenSession {
                assert!(request.is_err());
                continue;
            }
            let request = request.unwrap();
            assert!(!request.public_key);
            assert_eq!((request.remote.as_str(), request.caller_uid), ("local", 3000));
        }
    }

    #[test]
    fn a_key_counts_with_sshd_only() {
        let mut start = start(Phase::Authenticate);
        start.service = "sudo".into();
        assert!(!Request::believed(0, start, Some(3000)).unwrap().public_key);
    }

    #[test]
    fn texts_cannot_forge_lines_and_do_not_grow() {
        let mut start = start(Phase::Authenticate);
        start.remote_host = Some(format!("x\nroot logged in\u{9b}{}", "y".repeat(10_000)));
        let request = Request::believed(0, start, Some(3000)).unwrap();
        assert!(request.remote.starts_with("x?root logged in?y"));
        assert_eq!(request.remote.chars().count(), TEXT_LIMIT);
    }
}
