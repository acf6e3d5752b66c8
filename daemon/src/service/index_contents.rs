//! What the account index shows: made from the store alone, in one consistent read.

use std::collections::HashMap;

use accounts::{GroupId, Timestamp, UserId};
use snapshot::writer::{Contents, GroupEntry, KeyEntry, ShadowEntry, UserEntry};

use super::administrators::OWN_GROUPS;
use super::{Error, Service, lookups};
use crate::store::{Db, Store, UserRow};

impl Service {
    /// Publishes what the store holds now.
    ///
    /// # Errors
    /// When the store cannot be read or the index cannot be written.
    pub fn publish(&self) -> Result<(), Error> {
        match &mut *self.lock_store() {
            Ok(store) => self.publish_from(store),
            Err(reason) => Err(Error::Unavailable(reason.clone())),
        }
    }

    /// Publishes while the store is held, so that indexes follow each other as commits do.
    pub(super) fn publish_from(&self, store: &mut Store) -> Result<(), Error> {
        self.undone.index(true);
        let contents = store.read(|db| self.contents(db))?;
        let mut publisher =
            self.publisher.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        publisher.publish(&contents).map_err(|error| {
            tracing::error!(%error, "the account index could not be written");
            Error::Unavailable(format!("stored, but not yet visible to lookups: {error}"))
        })?;
        self.undone.index(false);
        Ok(())
    }

    fn contents(&self, db: Db<'_>) -> Result<Contents, Error> {
        let mut keys: HashMap<UserId, Vec<KeyEntry>> = HashMap::new();
        for key in db.all_keys()? {
            let entry = KeyEntry { line: key.line, expires_at: key.expires_at };
            keys.entry(key.user_id).or_default().push(entry);
        }
        let passwords: HashMap<UserId, (i64, bool)> =
            db.password_dates()?.into_iter().map(|(id, at, must)| (id, (at, must))).collect();
        let rows = db.all_users()?;
        let with_code = self.asked_for_more(db, &rows)?;
        let mut members: HashMap<GroupId, Vec<String>> = HashMap::new();
        for (group, member) in db.all_members()? {
            members.entry(group).or_default().push(member);
        }
        let mut groups: Vec<GroupEntry> = Vec::new();
        for group in db.groups("", 0, i64::MAX as u64)? {
            groups.push(GroupEntry {
                name: group.name.to_string(),
                gid: group.gid,
                members: members.remove(&group.id).unwrap_or_default(),
                external: false,
            });
        }
        for group in db.host_groups()? {
            let (name, gid, members) = (group.name, group.gid, group.members);
            groups.push(GroupEntry { name, gid, members, external: true });
        }
        let host = self.local_accounts()?;
        let all = || rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
        let coded = |also: fn(&UserRow) -> bool| {
            let rows = rows.iter().filter(|row| with_code.contains(&row.id) && also(row));
            rows.map(|row| row.name.to_string()).collect::<Vec<_>>()
        };
        let own = [all(), coded(|_| true), coded(|row| row.ssh_password_enabled)];
        for (name, members) in OWN_GROUPS.into_iter().zip(own) {
            if let Some(group) = host.group_by_name(name) {
                let (name, gid) = (group.name.clone(), group.gid);
                groups.push(GroupEntry { name, gid, members, external: true });
            }
        }
        let users = rows.iter().map(|row| {
            let password = passwords.get(&row.id).copied();
            user_entry(row, keys.remove(&row.id).unwrap_or_default(), password)
        });
        Ok(Contents { users: users.collect(), groups, generation: db.generation()? })
    }
}

fn user_entry(row: &UserRow, keys: Vec<KeyEntry>, password: Option<(i64, bool)>) -> UserEntry {
    let entry = lookups::passwd(row);
    let locked = row.locked || !row.enabled;
    let days = |days: Option<u32>| days.map(i64::from);
    UserEntry {
        name: entry.pw_name,
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        gecos: entry.pw_gecos,
        home: entry.pw_dir,
        shell: entry.pw_shell,
        locked,
        expires_at: row.expires_at,
        keys,
        shadow: ShadowEntry {
            locked,
            // 0 is shadow(5)'s way to say "change at the next login".
            last_change: password.map(|(at, must)| if must { 0 } else { Timestamp(at).days() }),
            min: days(row.password_min_age),
            max: days(row.password_max_age),
            warn: days(row.password_warn),
            inactive: days(row.password_inactive),
            expire: row.expires_at.map(|at| Timestamp(at).days()),
        },
    }
}
