//! Holding the next uid for somebody who is about to create a user with it.

use accounts::Timestamp;
use serde_json::json;

use super::administrators::need;
use super::create::next_uid;
use super::{Error, Service};
use crate::authorize::{Action, Grant};

/// How long a uid is held, in seconds.
const HELD: i64 = 60 * 60;
/// Uids held at a time.
const MOST: u64 = 1000;

impl Service {
    /// The next free uid, which nobody is given for an hour who does not ask for it by number.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when a thousand are held already.
    pub fn reserve_uid(&self, grant: &Grant) -> Result<u32, Error> {
        need(grant, Action::UserCreate, None)?;
        let host = self.local_accounts()?;
        self.change(grant.actor(), |change| {
            let (held, first_ends) = change.db.end_reservations(change.now)?;
            if held >= MOST {
                let seconds = first_ends.map_or(HELD, |at| at - change.now);
                return Err(Error::RateLimited { seconds });
            }
            let uid = next_uid(change.db, &host, change.now)?.get();
            let until = change.now + HELD;
            change.db.reserve_uid(uid, until)?;
            change.planned(
                "uid",
                &uid.to_string(),
                "reserved_until",
                &json!(null),
                &json!(Timestamp(until)),
            );
            change.audit("uid-reserve", "", "", &json!({ "uid": uid, "until": until }))?;
            Ok(uid)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn a_reserved_uid_is_held_for_an_hour() {
        let f = Fixture::new();
        let grant = f.root(Action::UserCreate, None);
        assert_eq!(f.service.reserve_uid(&grant).unwrap(), 3000);
        assert_eq!(f.service.reserve_uid(&grant).unwrap(), 3001);
        assert_eq!(f.service.next_uid().unwrap(), 3002);
        assert_eq!(f.create(json!({"name": "alice"})).unwrap().user.uid, 3002);
        let f = f.restarted();
        f.clock.forward(HELD - 1);
        assert_eq!(f.service.next_uid().unwrap(), 3003);
        f.clock.forward(1);
        assert_eq!(f.service.next_uid().unwrap(), 3000);
        assert_eq!(f.create(json!({"name": "bob"})).unwrap().user.uid, 3000);
    }

    #[test]
    fn a_reserved_uid_is_given_to_who_asks_for_it() {
        let f = Fixture::new();
        let uid = f.service.reserve_uid(&f.root(Action::UserCreate, None)).unwrap();
        assert_eq!(f.create(json!({"name": "alice", "uid": uid})).unwrap().user.uid, uid);
        assert_eq!(f.service.next_uid().unwrap(), 3001);
    }

    #[test]
    fn reservations_do_not_pile_up() {
        let f = Fixture::new();
        let grant = f.root(Action::UserCreate, None);
        let fill = |db: crate::store::Db<'_>| {
            for uid in 0..1000 {
                db.reserve_uid(5000 + uid, f.service.now() + 60)?;
            }
            Ok(())
        };
        f.service.note(fill).unwrap();
        assert!(matches!(f.service.reserve_uid(&grant), Err(Error::RateLimited { seconds: 60 })));
        f.clock.forward(60);
        assert_eq!(f.service.reserve_uid(&grant).unwrap(), 3000);
    }
}
