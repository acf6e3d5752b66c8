//! Reconciling our records with what the host's own files say by now: /etc/passwd, /etc/group,
//! /etc/shells, and the directories that homes are.
//!
//! What has one answer is changed: memberships of groups that are gone, numbers of groups that were
//! renumbered. What needs somebody's decision is told.

use std::collections::{HashMap, HashSet};

use accounts::Subject;
use serde::Serialize;
use serde_json::json;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::local_accounts::{LocalAccounts, LocalUser};
use super::{Error, Page, Service, caller};
use crate::authorize::{Action, Grant};
use crate::store::{Db, UserRow};

/// Users that one call may name.
pub const MAX_NAMED: usize = 1000;

/// Something about a user that needs somebody's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `name_collision`, `uid_collision`, `gid_collision`, `no_primary_group`, `no_home` or
    /// `no_shell`.
    pub code: &'static str,
    /// What it is, and what to do.
    pub message: String,
}

/// What came of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Login name.
    pub name: String,
    /// User number.
    pub uid: u32,
    /// `updated` or `nothing to update`.
    pub result: &'static str,
    /// What was changed.
    pub changes: Vec<String>,
    /// What was not.
    pub problems: Vec<Problem>,
}

/// The host's files, to be looked up by name and by number.
struct Files<'a> {
    names: HashMap<&'a str, &'a LocalUser>,
    uids: HashMap<u32, &'a LocalUser>,
    groups: HashMap<&'a str, u32>,
    gids: HashMap<u32, &'a str>,
    shells: HashSet<String>,
}

impl<'a> Files<'a> {
    fn new(host: &'a LocalAccounts, shells: HashSet<String>) -> Self {
        Self {
            names: host.users.iter().map(|user| (user.name.as_str(), user)).collect(),
            uids: host.users.iter().map(|user| (user.uid, user)).collect(),
            groups: host.groups.iter().map(|group| (group.name.as_str(), group.gid)).collect(),
            gids: host.groups.iter().map(|group| (group.gid, group.name.as_str())).collect(),
            shells,
        }
    }
}

impl Service {
    /// Reconciles the named users, or all, by name from `offset` on, with the host's files. One
    /// transaction.
    ///
    /// # Errors
    /// When a named user does not exist, or the host's files cannot be read; nothing is written
    /// then.
    pub fn sync_users(
        &self,
        grant: &Grant,
        subjects: &[Subject],
        offset: u64,
        limit: u64,
    ) -> Result<Page<Synced>, Error> {
        need(grant, Action::UserUpdate, None)?;
        let host = self.local_accounts()?;
        let files = Files::new(&host, self.shells().into_keys().collect());
        let mut page = self.change(grant.actor(), |change| {
            let (total, rows) = if subjects.is_empty() {
                (change.db.count_users()?, change.db.users_in_order(offset, limit)?)
            } else {
                let named = subjects.iter().map(|subject| caller::find(change.db, subject));
                let mut named = named.collect::<Result<Vec<_>, _>>()?;
                named.sort_by(|a, b| a.name.cmp(&b.name));
                named.dedup_by_key(|user| user.id);
                let page = named.iter().skip(offset as usize).take(limit as usize);
                (named.len() as u64, page.cloned().collect())
            };
            let mut items = Vec::with_capacity(rows.len());
            for row in rows {
                items.push((self.sync(change, &host, &files, &row)?, row.home));
            }
            Ok(Page { total, items })
        })?;
        // Last, and with nobody waiting: a home may be on a server that does not answer.
        for (synced, home) in &mut page.items {
            if !home.is_none() && !self.host.has_home(home.as_str()) {
                let message = format!("the home directory {} is not there", home.as_str());
                synced.problems.push(Problem { code: "no_home", message });
            }
        }
        let items = page.items.into_iter().map(|(synced, _)| synced).collect();
        Ok(Page { total: page.total, items })
    }

    fn sync(
        &self,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        files: &Files<'_>,
        user: &UserRow,
    ) -> Result<Synced, Error> {
        let mut changes = Vec::new();
        for (group, noted) in change.db.host_groups_of(user.id)? {
            match files.groups.get(group.as_str()) {
                None => {
                    change.db.remove_host_group_member(&group, user.id)?;
                    changes.push(format!("left the group {group}, which is gone"));
                }
                Some(gid) if *gid != noted => {
                    change.db.remove_host_group_member(&group, user.id)?;
                    change.db.add_host_group_member(&group, *gid, user.id)?;
                    let (name, field) = (user.name.as_str(), format!("groups.{group}.gid"));
                    change.planned("host_group", name, &field, &json!(noted), &json!(gid));
                    changes.push(format!("the group {group} has the gid {gid}, no longer {noted}"));
                }
                Some(_) => {}
            }
        }
        if !changes.is_empty() {
            let id = user.id.to_string();
            change.audit("user-sync", user.name.as_str(), &id, &json!({ "changes": changes }))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
        }
        Ok(Synced {
            name: user.name.to_string(),
            uid: user.uid,
            result: if changes.is_empty() { "nothing to update" } else { "updated" },
            changes,
            problems: self.problems(change.db, host, files, user)?,
        })
    }

    fn problems(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        files: &Files<'_>,
        user: &UserRow,
    ) -> Result<Vec<Problem>, Error> {
        let mut problems = Vec::new();
        let mut add = |code, message| problems.push(Problem { code, message });
        if let Some(local) = files.names.get(user.name.as_str()) {
            let uid = local.uid;
            add(
                "name_collision",
                format!("/etc/passwd has a {} too, with uid {uid}: rename either", user.name),
            );
        }
        if let Some(local) = files.uids.get(&user.uid).filter(|l| l.name != user.name.as_str()) {
            let name = &local.name;
            add(
                "uid_collision",
                format!("uid {} is {name}'s in /etc/passwd too: give {name} another", user.uid),
            );
        }
        let ours = db.group_by_gid(user.gid)?;
        match (&ours, files.gids.get(&user.gid)) {
            (Some(group), Some(other)) => add(
                "gid_collision",
                format!(
                    "gid {} of the primary group {} is {other}'s in /etc/group too: give {other} \
                     another",
                    user.gid, group.name
                ),
            ),
            (None, None) => add(
                "no_primary_group",
                format!("no group has the primary gid {}: give the user another group", user.gid),
            ),
            _ => {}
        }
        let shell = user.shell.as_str();
        if !files.shells.contains(shell) {
            let groups = self.names_of_groups(db, host, (user.id, user.gid), None)?;
            if !self.shells_with(groups.iter().map(String::as_str)).contains_key(shell) {
                add("no_shell", format!("{shell} is no executable entry of /etc/shells any more"));
            }
        }
        Ok(problems)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::testing::{Fixture, subject};
    use super::*;

    fn edit(f: &Fixture, file: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(f.path(file)).unwrap();
        std::fs::write(f.path(file), change(text)).unwrap();
    }

    fn sync(f: &Fixture, names: &[&str]) -> Vec<Synced> {
        let grant = f.root(Action::UserUpdate, None);
        let subjects: Vec<_> = names.iter().map(|name| subject(name)).collect();
        f.service.sync_users(&grant, &subjects, 0, 100).unwrap().items
    }

    fn codes(synced: &Synced) -> Vec<&'static str> {
        synced.problems.iter().map(|problem| problem.code).collect()
    }

    fn audited(f: &Fixture) -> usize {
        let rows = f.service.dump();
        rows.iter().filter(|row| row.starts_with("audit ") && row.contains("user-sync")).count()
    }

    #[test]
    fn gone_and_renumbered_groups_are_put_right_once() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "home_create": true, "groups": ["docker", "users"]}))
            .unwrap();
        f.create(json!({"name": "bob", "home_create": true})).unwrap();
        assert!(sync(&f, &[]).iter().all(|one| one.result == "nothing to update"));
        assert_eq!(audited(&f), 0);
        edit(&f, "group", |text| text.replace("docker:x:990:\n", "").replace("x:100:", "x:101:"));
        let synced = sync(&f, &[]);
        assert_eq!((synced.len(), synced[0].result), (2, "updated"));
        assert_eq!(
            synced[0].changes,
            [
                "left the group docker, which is gone",
                "the group users has the gid 101, no longer 100"
            ]
        );
        assert_eq!((synced[1].result, synced[1].problems.len()), ("nothing to update", 0));
        assert_eq!(f.service.user(&subject("alice")).unwrap().groups, ["users"]);
        assert_eq!(audited(&f), 1);
        assert_eq!(sync(&f, &["alice"])[0].result, "nothing to update");
    }

    #[test]
    fn collisions_and_missing_things_are_told_and_left_alone() {
        let f = Fixture::new();
        f.create(json!({"name": "alice", "home_create": true})).unwrap();
        f.create(json!({"name": "bob", "group": "users", "home": "/var/empty"})).unwrap();
        edit(&f, "passwd", |text| {
            format!("{text}alice:x:1500:100::/home/x:/bin/sh\neve:x:3001:100::/home/eve:/bin/sh\n")
        });
        edit(&f, "group", |text| format!("{}other:x:3000:\n", text.replace("users:x:100:\n", "")));
        edit(&f, "shells", |_| "/bin/sh\n".to_owned());
        std::fs::rename(f.path("home/alice"), f.path("home/elsewhere")).unwrap();
        let before = f.service.dump();
        let synced = sync(&f, &[]);
        assert_eq!(
            codes(&synced[0]),
            ["name_collision", "gid_collision", "no_shell", "no_home"],
            "{synced:#?}"
        );
        assert_eq!(codes(&synced[1]), ["uid_collision", "no_primary_group", "no_shell"]);
        assert!(synced.iter().all(|one| one.result == "nothing to update"));
        assert_eq!(f.service.dump(), before);
    }

    #[test]
    fn users_are_taken_by_name_or_in_pages() {
        let f = Fixture::new();
        for name in ["carol", "alice", "bob"] {
            f.create(json!({ "name": name })).unwrap();
        }
        let grant = f.root(Action::UserUpdate, None);
        let page = f.service.sync_users(&grant, &[], 1, 1).unwrap();
        assert_eq!((page.total, page.items.len(), page.items[0].name.as_str()), (3, 1, "bob"));
        let named = [subject("carol"), subject("uid:3000"), subject("alice")];
        let page = f.service.sync_users(&grant, &named, 0, 10).unwrap();
        let names: Vec<_> = page.items.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((page.total, names), (2, vec!["alice", "carol"]));
        let missing = f.service.sync_users(&grant, &[subject("alice"), subject("nobody")], 0, 10);
        assert!(matches!(missing, Err(Error::NoSuchUser(_))));
        let wrong = f.root(Action::UserRead, Some("alice"));
        let refused = f.service.sync_users(&wrong, &[], 0, 10);
        assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    }
}
