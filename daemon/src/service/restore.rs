//! Bringing a deleted user back: the record, its groups, keys and archived home. No credentials,
//! and what gives root only to a caller who may give it.

use accounts::{Code, FieldErrors, GroupName, HomePath, Role, Subject, User, UserName};
use serde::Serialize;
use serde_json::json;

use super::administrators::{OWN_GROUPS, need};
use super::change::{Change, EventKind};
use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, Service, record, tombstones};
use crate::authorize::{Action, Grant};
use crate::publish::effect::Effect;
use crate::store::{Db, DeletedHome, Remains, SudoRuleRow, Tombstone, UserRow};

/// How a user is restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// Another login name, when somebody else has taken the old one.
    pub name: Option<String>,
    /// Leave out the role, the sudo rules and the groups that give root.
    pub without_sudo: bool,
}

/// What came back, and what did not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restored {
    /// The record.
    #[serde(skip)]
    pub user: User,
    /// Groups that do not exist any more.
    pub missing_groups: Vec<String>,
    /// Roles, sudo rules and groups that were left out as asked for.
    pub left_out: Vec<String>,
    /// Credentials that there were: `password`, `second_factor`. They have to be made anew.
    pub credentials_gone: Vec<&'static str>,
    /// `restored`, `kept`, `moved` or `missing`.
    pub home_state: &'static str,
}

/// What of a deleted user gives root.
#[derive(Debug, Default)]
struct Power {
    role: Option<Role>,
    rules: Vec<SudoRuleRow>,
    groups: Vec<Joined>,
}

impl Power {
    fn names(&self) -> Vec<String> {
        let role = self.role.map(|role| format!("role {}", role.as_str()));
        let rules = self.rules.iter().map(|rule| format!("sudo {}", rule.command));
        let groups = self.groups.iter().map(|group| format!("group {}", group.name_and_gid().0));
        role.into_iter().chain(rules).chain(groups).collect()
    }
}

impl Service {
    /// Whether restoring the deleted user needs the right to manage sudo. For knowing what to ask
    /// for; [`Service::restore_user`] looks again.
    ///
    /// # Errors
    /// When there is no such deleted user.
    pub fn restoring_gives_power(&self, subject: &Subject) -> Result<bool, Error> {
        let (host, now) = (self.local_accounts()?, self.now());
        self.read(|db| {
            let Tombstone { user, remains, .. } = tombstones::find(db, subject)?;
            let name = remains.primary_group.as_ref().map(|group| group.name.to_string());
            let name = name.or_else(|| host.group_by_gid(user.gid).map(|g| g.name.clone()));
            let primary = self.gives_power(db, name.as_deref().unwrap_or(""), Some(user.gid))?;
            let mut missing = Vec::new();
            let groups = self.groups_to_join(db, &host, &remains, &mut missing)?;
            let power = self.power(db, &user, &remains, &groups, now)?;
            Ok(primary || !power.names().is_empty())
        })
    }

    /// Restores a deleted user under the same id, uid and gid. It comes back without a password and
    /// without a second factor.
    ///
    /// # Errors
    /// When there is no such deleted user, or several of that name; when its name, uid, group or
    /// home is somebody else's now; when it had what gives root, which the caller may not give.
    /// Nothing is written then.
    pub fn restore_user(
        &self,
        grant: &Grant,
        subject: &Subject,
        options: &RestoreOptions,
    ) -> Result<Restored, Error> {
        need(grant, Action::UserCreate, None)?;
        let name = options.name.as_deref().map(UserName::parse).transpose();
        let name = name.map_err(|refused| Error::field("name", refused.code, refused.message))?;
        let host = self.local_accounts()?;
        self.change(grant.actor(), |change| {
            let Tombstone { user: mut row, home, mut remains, .. } =
                tombstones::find(change.db, subject)?;
            let old_name = row.name.clone();
            row.name = name.unwrap_or_else(|| old_name.clone());
            self.check_still_free(change, &host, &row)?;
            change.take_back_deletion(row.uid)?;

            let mut missing_groups = Vec::new();
            let mut groups =
                self.groups_to_join(change.db, &host, &remains, &mut missing_groups)?;
            let power = self.power(change.db, &row, &remains, &groups, change.now)?;
            let mut left_out = power.names();
            if options.without_sudo {
                row.role = Role::User;
                remains.sudo_rules.clear();
                groups.retain(|group| !power.groups.contains(group));
            } else {
                if !left_out.is_empty() {
                    let what = format!(
                        "bringing back what gives root ({}; --without-sudo leaves it out)",
                        left_out.join(", ")
                    );
                    self.need_sudo_right(grant, None, &what)?;
                }
                left_out.clear();
            }
            self.restore_primary_group(grant, change, &host, &old_name, &row, &remains)?;
            let (home_state, effect) =
                self.plan_restored_home(change, &host, &old_name, &mut row, home)?;
            if let Some(effect) = effect {
                change.owe(effect);
            }
            row.password_disabled = true;
            row.updated_at = change.now;
            row.generation += 1;
            change.db.insert_user(&row)?;
            let credentials_gone =
                [("password", remains.had_password), ("second_factor", remains.had_second_factor)];
            let credentials_gone = credentials_gone.iter().filter(|(_, had)| *had);
            let credentials_gone = credentials_gone.map(|(what, _)| *what).collect();
            self.restore_remains(grant, change, &host, &row, remains, groups)?;
            change.db.delete_tombstone(row.id)?;

            let user = record::user(change.db, row)?;
            let shown = json!({
                "was": old_name, "missing_groups": missing_groups, "left_out": left_out,
                "home_state": home_state,
            });
            change.audit("user-restore", user.name.as_str(), &user.id.to_string(), &shown)?;
            change.announce(EventKind::Added, user.uid, user.name.as_str());
            change.announce_members_of(user.id)?;
            Ok(Restored { user, missing_groups, left_out, credentials_gone, home_state })
        })
    }

    /// Refuses a name or number that is somebody else's by now.
    fn check_still_free(
        &self,
        change: &Change<'_>,
        host: &LocalAccounts,
        row: &UserRow,
    ) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        self.check_user_name(change.db, host, &row.name, None, &mut errors)?;
        for error in &mut errors.0 {
            error.message.push_str(": restore under another one with --name");
        }
        if host.knows_uid(row.uid) {
            let message = format!(
                "uid {} belongs to a user outside Roster by now: give that one another first",
                row.uid
            );
            errors.add("uid", Code::IdInUse, message);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }

    /// The groups that the user was in and that still exist.
    fn groups_to_join(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        remains: &Remains,
        missing: &mut Vec<String>,
    ) -> Result<Vec<Joined>, Error> {
        let mut groups = Vec::new();
        for (id, name) in &remains.groups {
            match db.group_by_id(*id)? {
                Some(group) => groups.push(Joined::Ours(group)),
                None => missing.push(name.clone()),
            }
        }
        for name in &remains.host_groups {
            match host.group_by_name(name) {
                Some(group) if !OWN_GROUPS.contains(&name.as_str()) => {
                    groups.push(Joined::Host(group.clone()));
                }
                _ => missing.push(name.clone()),
            }
        }
        Ok(groups)
    }

    fn power(
        &self,
        db: Db<'_>,
        row: &UserRow,
        remains: &Remains,
        groups: &[Joined],
        now: i64,
    ) -> Result<Power, Error> {
        let mut power = Power {
            role: Some(row.role).filter(|role| *role != Role::User),
            rules: in_force(&remains.sudo_rules, now),
            groups: Vec::new(),
        };
        for group in groups {
            let (name, gid) = group.name_and_gid();
            if self.gives_power(db, name, gid)? {
                power.groups.push(group.clone());
            }
        }
        Ok(power)
    }

    /// Makes the primary group again, with its old number, when it is gone.
    fn restore_primary_group(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        old_name: &UserName,
        row: &UserRow,
        remains: &Remains,
    ) -> Result<(), Error> {
        let refused = |message: String| Err(Error::field("group", Code::InUse, message));
        let name = match (&remains.primary_group, change.db.group_by_gid(row.gid)?) {
            (_, Some(group)) => group.name.to_string(),
            (Some(group), None) if host.knows_gid(row.gid) => {
                return refused(format!(
                    "the primary group {} is gone, and its number {} is another one's by now",
                    group.name, group.gid
                ));
            }
            (Some(group), None) => {
                let mut group = group.clone();
                if group.name.as_str() == old_name.as_str()
                    && let Ok(name) = GroupName::parse(row.name.as_str())
                {
                    group.name = name;
                }
                let taken = change.db.group_by_name(group.name.as_str())?.is_some()
                    || host.knows_group(group.name.as_str());
                if taken {
                    return refused(format!(
                        "the primary group is gone, and another one is named {}: rename that, or \
                         restore under another name with --name",
                        group.name
                    ));
                }
                group.updated_at = change.now;
                group.generation += 1;
                change.db.insert_group(&group)?;
                let (name, id) = (group.name.to_string(), group.id.to_string());
                change.announce_group(EventKind::Added, group.gid, &name);
                change.audit("group-restore", &name, &id, &json!({ "gid": group.gid }))?;
                name
            }
            (None, None) => match host.group_by_gid(row.gid) {
                Some(group) => group.name.clone(),
                None => {
                    let message = format!(
                        "the primary group, gid {} of /etc/group, is gone: make it first",
                        row.gid
                    );
                    return Err(Error::field("group", Code::NotFound, message));
                }
            },
        };
        if self.gives_power(change.db, &name, Some(row.gid))? {
            self.need_sudo_right(grant, None, &format!("joining the group {name}"))?;
        }
        Ok(())
    }

    /// Where the home will be, and what has to be done for it.
    fn plan_restored_home(
        &self,
        change: &Change<'_>,
        host: &LocalAccounts,
        old_name: &UserName,
        row: &mut UserRow,
        home: DeletedHome,
    ) -> Result<(&'static str, Option<Effect>), Error> {
        let old = row.home.clone();
        let taken = |home: &HomePath| -> Result<FieldErrors, Error> {
            let mut errors = FieldErrors::default();
            self.check_home(change.db, host, home, row.id, &mut errors)?;
            Ok(errors)
        };
        let errors = taken(&old)?;
        if !errors.is_empty() {
            // Whoever took the name took the home with it: the new name leads to a new place.
            let beside = old.as_str().strip_suffix(old_name.as_str()).filter(|b| b.ends_with('/'));
            let new = beside.and_then(|base| HomePath::parse(&format!("{base}{}", row.name)).ok());
            match new {
                Some(new) if new != old && taken(&new)?.is_empty() => row.home = new,
                _ => return Err(errors.into()),
            }
        }
        if row.home.is_none() {
            return Ok(("kept", None));
        }
        let (path, to, uid) = (old.as_str().to_owned(), row.home.as_str().to_owned(), row.uid);
        Ok(match home {
            DeletedHome::Archived(label) if self.host.has_archive(&path, uid, &label) => {
                ("restored", Some(Effect::RestoreHome { path, to, uid, label }))
            }
            DeletedHome::Kept if self.host.has_home_of(&path, uid) && path == to => ("kept", None),
            DeletedHome::Kept if self.host.has_home_of(&path, uid) => {
                ("moved", Some(Effect::MoveHome { from: path, to, uid }))
            }
            _ => ("missing", None),
        })
    }

    fn restore_remains(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        row: &UserRow,
        remains: Remains,
        groups: Vec<Joined>,
    ) -> Result<(), Error> {
        let (id, db) = (row.id, change.db);
        for group in groups {
            self.join(grant, change, host, id, group)?;
        }
        let Remains { keys, sudo_rules, tags, settings, profile, login, .. } = remains;
        for key in &keys {
            db.insert_key(key)?;
        }
        for rule in in_force(&sudo_rules, change.now) {
            let SudoRuleRow { holder, command, nopasswd, expires_at, .. } = rule;
            // A group's rules may have been granted again meanwhile.
            match super::sudo::insert(change, holder, command, nopasswd, expires_at) {
                Ok(_) | Err(Error::AlreadyInState(_)) => {}
                Err(error) => return Err(error),
            }
        }
        db.set_tags(id, &tags)?;
        for (app, texts) in &settings {
            for (key, value) in texts {
                db.set_setting(id, app, key, value)?;
            }
        }
        for (key, value) in &profile {
            db.set_profile(id, key, value)?;
        }
        Ok(db.set_login(id, &login)?)
    }
}

/// The rules whose time is not over.
fn in_force(rules: &[SudoRuleRow], now: i64) -> Vec<SudoRuleRow> {
    rules.iter().filter(|rule| rule.expires_at.is_none_or(|at| at > now)).cloned().collect()
}
