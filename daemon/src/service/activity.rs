//! Who has logged in, and how many users there are of each kind.

use std::time::{Duration, Instant};

use accounts::{Subject, Timestamp};
use serde::Serialize;

use super::{Error, Page, Service, caller};
use crate::store::LoginRow;

/// How long a look at all users may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user's last login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastSeen {
    /// The user.
    pub name: String,
    /// When it was last let in, if ever.
    pub last_login: Option<Timestamp>,
    /// The PAM service that asked.
    pub service: Option<String>,
    /// Where it came from; none for a login at the machine itself.
    pub from: Option<String>,
}

impl LastSeen {
    fn new(name: String, row: LoginRow) -> Self {
        let LoginRow { first_at: _, last_at, last_service, last_remote, failures_since: _ } = row;
        let seen = |text: String| Some(text).filter(|text| last_at.is_some() && !text.is_empty());
        Self {
            name,
            last_login: last_at.map(Timestamp),
            service: seen(last_service),
            from: seen(last_remote),
        }
    }
}

/// How many users there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Users of all sources.
    pub total: u64,
    /// Users of Roster.
    pub ours: u64,
    /// Users of /etc/passwd.
    pub files: u64,
    /// Of ours: with a home directory that exists.
    pub homes: u64,
    /// Of ours: who ever logged in.
    pub active: u64,
    /// Of ours: disabled.
    pub disabled: u64,
    /// Of ours: locked.
    pub locked: u64,
    /// Of ours: with a second factor.
    pub two_factor: u64,
}

impl Service {
    /// When a user was last let in.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn last_seen(&self, subject: &Subject) -> Result<LastSeen, Error> {
        self.read(|db| {
            let user = caller::find(db, subject)?;
            Ok(LastSeen::new(user.name.to_string(), db.login(user.id)?))
        })
    }

    /// When users were last let in, by name, from `offset` on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_last_seen(&self, offset: u64, limit: u64) -> Result<Page<LastSeen>, Error> {
        self.read_beside(Instant::now() + PATIENCE, |db| {
            let rows = db.logins(offset, limit)?.into_iter();
            let items = rows.map(|(name, row)| LastSeen::new(name, row)).collect();
            Ok(Page { total: db.count_users()?, items })
        })
    }

    /// How many users there are of each source and kind.
    ///
    /// # Errors
    /// When the store or the host's files cannot be read.
    pub fn report(&self) -> Result<Report, Error> {
        let files = self.local_accounts()?.users.len() as u64;
        let until = Instant::now() + PATIENCE;
        let (counts, homes) = self.read_beside(until, |db| Ok((db.count_kinds()?, db.homes()?)))?;
        let homes = homes.iter().filter(|home| self.host.has_home(home)).count() as u64;
        Ok(Report {
            total: counts.users + files,
            ours: counts.users,
            files,
            homes,
            active: counts.active,
            disabled: counts.disabled,
            locked: counts.locked,
            two_factor: counts.two_factor,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::testing::{Fixture, subject};
    use super::*;
    use crate::store::UserKey;

    fn log_in(f: &Fixture, name: &str, at: i64, remote: &str) {
        let note = |db: crate::store::Db<'_>| {
            let user = db.user(UserKey::Name(name))?.unwrap();
            Ok(db.set_login(
                user.id,
                &LoginRow {
                    first_at: Some(at),
                    last_at: Some(at),
                    last_service: "sshd".to_owned(),
                    last_remote: remote.to_owned(),
                    failures_since: 0,
                },
            )?)
        };
        f.service.note(note).unwrap();
    }

    #[test]
    fn the_last_login_is_told_with_its_service_and_origin() {
        let f = Fixture::new();
        for name in ["carol", "alice", "bob"] {
            f.create(json!({ "name": name })).unwrap();
        }
        log_in(&f, "alice", 1_700_000_000, "192.0.2.7");
        log_in(&f, "carol", 1_700_000_100, "");
        let alice = f.service.last_seen(&subject("alice")).unwrap();
        assert_eq!(
            serde_json::to_value(&alice).unwrap(),
            json!({"name": "alice", "last_login": "2023-11-14T22:13:20Z", "service": "sshd",
                "from": "192.0.2.7"})
        );
        let bob = f.service.last_seen(&subject("bob")).unwrap();
        assert_eq!((bob.last_login, bob.service, bob.from), (None, None, None));
        let page = f.service.list_last_seen(0, 2).unwrap();
        let names: Vec<_> = page.items.iter().map(|seen| seen.name.as_str()).collect();
        assert_eq!((page.total, names), (3, vec!["alice", "bob"]));
        assert_eq!(page.items[0], alice);
        let rest = f.service.list_last_seen(2, 10).unwrap().items;
        assert_eq!((rest.len(), &rest[0].from), (1, &None));
        assert!(matches!(f.service.last_seen(&subject("dave")), Err(Error::NoSuchUser(_))));
    }

    #[test]
    fn a_report_counts_each_kind() {
        let f = Fixture::new();
        let empty = f.service.report().unwrap();
        assert_eq!((empty.total, empty.ours, empty.files, empty.homes), (2, 0, 2, 0));
        f.create(json!({"name": "alice", "home_create": true})).unwrap();
        f.create(json!({"name": "bob", "locked": true})).unwrap();
        f.create(json!({"name": "carol", "home": "/var/empty", "uid": 1_987_654_321})).unwrap();
        let disable = f.root(crate::authorize::Action::UserEnable, Some("carol"));
        f.service.disable_user(&disable, &subject("carol")).unwrap();
        log_in(&f, "alice", 1_700_000_000, "");
        let expected = Report {
            total: 5,
            ours: 3,
            files: 2,
            homes: 1,
            active: 1,
            disabled: 1,
            locked: 1,
            two_factor: 0,
        };
        assert_eq!(f.service.report().unwrap(), expected);
    }
}
