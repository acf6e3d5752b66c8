//! The lists of a group's record, each replaced as a whole: its members and its sudo rules.

use std::collections::BTreeSet;

use accounts::{Code, FieldErrors, GroupFields, Subject, SudoCommand, UserId};

use super::change::{Change, EventKind};
use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, Service, caller};
use crate::authorize::Grant;
use crate::store::{GroupRow, HolderKey, SudoRuleRow, UserKey};

/// Who is to be a member.
enum Member {
    /// A user of ours.
    Ours(UserId, u32),
    /// A user of /etc/passwd.
    Local,
}

impl Service {
    /// Replaces members and sudo rules where the request gives them.
    ///
    /// # Errors
    /// Every member that there is not; the right to manage sudo, where a member or a rule needs it.
    pub(super) fn apply_group_lists(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        group: &GroupRow,
        fields: &GroupFields,
    ) -> Result<(), Error> {
        if let Some(members) = &fields.members {
            self.replace_members(grant, change, host, group, members)?;
        }
        let holder = HolderKey::Gid(group.gid);
        for (commands, nopasswd) in
            [(&fields.sudo_commands, false), (&fields.sudo_commands_nopasswd, true)]
        {
            let Some(commands) = commands else { continue };
            let rules = change.db.sudo_rules_of(holder)?;
            let kept =
                |rule: &&SudoRuleRow| rule.nopasswd != nopasswd || commands.contains(&rule.command);
            let gone: Vec<i64> =
                rules.iter().filter(|rule| !kept(rule)).map(|rule| rule.id).collect();
            let has = |command: &SudoCommand| {
                rules.iter().any(|rule| rule.nopasswd == nopasswd && rule.command == *command)
            };
            let new: Vec<_> = commands.iter().filter(|command| !has(command)).collect();
            if gone.is_empty() && new.is_empty() {
                continue;
            }
            self.need_sudo_right(grant, None, "changing sudo rules")?;
            for id in gone {
                change.db.delete_sudo_rule(id)?;
                change.owe_sudoers();
            }
            for command in new {
                super::sudo::insert(change, holder, command.clone(), nopasswd, None)?;
            }
        }
        Ok(())
    }

    fn replace_members(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        group: &GroupRow,
        members: &[Subject],
    ) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        let mut wanted = Vec::with_capacity(members.len());
        for member in members {
            match (caller::find(change.db, member), member) {
                (Ok(user), _) => {
                    wanted.push((user.name.to_string(), Member::Ours(user.id, user.uid)));
                }
                (Err(Error::NoSuchUser(_)), Subject::Name(name))
                    if host.users.iter().any(|user| user.name == *name) =>
                {
                    wanted.push((name.clone(), Member::Local));
                }
                (Err(Error::NoSuchUser(who)), _) => {
                    errors.add("members", Code::NotFound, format!("there is no user {who}"));
                }
                (Err(error), _) => return Err(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let before: BTreeSet<String> = change.db.members_of(group.id)?.into_iter().collect();
        let stays: BTreeSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        for name in before.iter().filter(|name| !stays.contains(name.as_str())) {
            match change.db.user(UserKey::Name(name))? {
                Some(user) => {
                    change.db.remove_member(group.id, user.id)?;
                    change.announce_members(group.gid, group.name.as_str());
                    change.announce(EventKind::Changed, user.uid, user.name.as_str());
                }
                None => {
                    change.db.remove_local_member(group.id, name)?;
                    change.announce_members(group.gid, group.name.as_str());
                }
            }
        }
        for (name, member) in wanted.into_iter().filter(|(name, _)| !before.contains(name)) {
            match member {
                Member::Ours(id, uid) => {
                    self.join(grant, change, host, id, Joined::Ours(group.clone()))?;
                    change.announce(EventKind::Changed, uid, &name);
                }
                Member::Local => {
                    if self.gives_power(change.db, group.name.as_str(), Some(group.gid))? {
                        let what = format!("joining the group {}", group.name);
                        self.need_sudo_right(grant, None, &what)?;
                    }
                    change.db.add_local_member(group.id, &name)?;
                    change.announce_members(group.gid, group.name.as_str());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::super::testing::{Fixture, fields_of, map, subject};
    use super::*;
    use crate::authorize::{Action, Caller, Decision, decide};

    fn create(f: &Fixture, fields: Value) -> Result<accounts::Group, Error> {
        f.service.create_group(&f.root(Action::GroupManage, None), &map(fields))
    }

    fn update(f: &Fixture, fields: Value) -> Result<accounts::Group, Error> {
        let grant = f.root(Action::GroupManage, None);
        f.service.update_group(&grant, &subject("dev"), &map(fields))
    }

    #[test]
    fn a_group_is_made_with_members_and_rules_and_its_lists_are_replaced() {
        let f = Fixture::new();
        for name in ["alice", "bob"] {
            f.create(json!({ "name": name })).unwrap();
        }
        let fields = json!({"name": "dev", "members": ["alice", "local"],
            "sudo_commands": ["/usr/bin/id"], "sudo_commands_nopasswd": ["/usr/bin/uptime -p"]});
        let dev = create(&f, fields).unwrap();
        assert_eq!(dev.members, ["alice", "local"]);
        assert_eq!(dev.sudo_commands, ["/usr/bin/id"]);
        assert_eq!(dev.sudo_commands_nopasswd, ["/usr/bin/uptime -p"]);
        assert!(f.sudoers().contains(&format!("%#{} ", dev.gid)));

        let fields = json!({"members": ["uid:3001"], "sudo_commands": ["/usr/bin/ls"]});
        let dev = update(&f, fields).unwrap();
        assert_eq!(dev.members, ["bob"]);
        assert_eq!(dev.sudo_commands, ["/usr/bin/ls"]);
        assert_eq!(dev.sudo_commands_nopasswd, ["/usr/bin/uptime -p"], "not given, not touched");
        assert_eq!(f.service.user(&subject("bob")).unwrap().groups, ["dev"]);
        assert!(f.service.user(&subject("alice")).unwrap().groups.is_empty());
        assert!(f.sudoers().contains("/usr/bin/ls") && !f.sudoers().contains("/usr/bin/id"));

        let none = json!({"members": [], "sudo_commands": [], "sudo_commands_nopasswd": []});
        assert!(update(&f, none).unwrap().members.is_empty());
        assert_eq!(f.sudoers(), "");
    }

    #[test]
    fn every_member_that_there_is_not_is_named_and_nothing_is_made() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let fields = json!({"name": "dev", "members": ["alice", "nobody-here", "uid:4711"]});
        assert_eq!(fields_of(create(&f, fields)), ["members", "members"]);
        assert!(matches!(f.service.group(&subject("dev")), Err(Error::NoSuchGroup(_))));
        create(&f, json!({"name": "dev"})).unwrap();
        let twice = json!({"members": ["alice", "alice"]});
        assert_eq!(fields_of(update(&f, twice)), ["members"]);
        let mixed = json!({"sudo_commands": ["ALL", "/usr/bin/id"]});
        assert_eq!(fields_of(update(&f, mixed)), ["sudo_commands"]);
    }

    #[test]
    fn rules_and_members_of_groups_with_power_need_the_right_to_manage_sudo() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        create(&f, json!({"name": "dev"})).unwrap();
        let caller = Caller { uid: 1000, account: None };
        let Decision::AskPolkit(pending) = decide(&caller, Action::GroupManage, None) else {
            panic!("decided without polkit")
        };
        let grant = pending.granted();
        let with = |fields| f.service.update_group(&grant, &subject("dev"), &map(fields));
        let refused = with(json!({"sudo_commands": ["/usr/bin/id"]}));
        assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{refused:?}");
        with(json!({"members": ["alice"]})).unwrap();
        with(json!({"members": [], "sudo_commands": []})).unwrap();
        update(&f, json!({"sudo_commands": ["/usr/bin/id"]})).unwrap();
        let refused = with(json!({"members": ["alice"]}));
        assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{refused:?}");
        let refused = with(json!({"sudo_commands": []}));
        assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{refused:?}");
    }
}
