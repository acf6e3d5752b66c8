//! Sudo rules: who may run what as root, and which of them are in force.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use accounts::{Code, GroupRef, Subject, SudoCommand, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::fields::Joined;
use super::{Error, Service, caller};
use crate::authorize::{Action, Actor, Grant};
use crate::publish::effect::{SudoRule, Who};
use crate::store::{Db, HolderKey, SudoRuleRow, UserKey};

/// Rules a holder may have.
const LIMIT: usize = 256;
/// The longest a rule with an end may last: ten years.
const LONGEST: u64 = 10 * 366 * 86_400;

/// Whose rule it is: `alice`, `uid:3000`, or `%group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user of ours.
    User(Subject),
    /// A group, ours or the host's.
    Group(GroupRef),
}

impl Holder {
    /// Parses a holder.
    ///
    /// # Errors
    /// Names the field `holder` when the text is no user's subject and no `%group`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.strip_prefix('%') {
            Some(group) => {
                GroupRef::parse(group.strip_prefix('#').unwrap_or(group)).map(Self::Group)
            }
            None => Subject::parse(text).map(Self::User),
        }
        .map_err(|refused| Error::field("holder", refused.code, refused.message))
    }
}

/// A rule, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SudoRuleEntry {
    /// What `sudo revoke` takes.
    pub id: i64,
    /// The user's name, or `%` and the group's.
    pub holder: String,
    /// `ALL`, `/path`, `/path ""` or `/path arguments`.
    pub command: String,
    /// Whether sudo asks for no password.
    pub nopasswd: bool,
    /// When it was granted.
    pub created_at: Timestamp,
    /// When it ends, if ever.
    pub expires_at: Option<Timestamp>,
}

/// Adds a rule inside a change.
pub(super) fn insert(
    change: &mut Change<'_>,
    holder: HolderKey,
    command: SudoCommand,
    nopasswd: bool,
    expires_at: Option<i64>,
) -> Result<i64, Error> {
    let rules = change.db.sudo_rules_of(holder)?;
    let same = |rule: &&SudoRuleRow| rule.command == command && rule.nopasswd == nopasswd;
    if let Some(rule) = rules.iter().find(same) {
        if rule.expires_at == expires_at {
            return Err(Error::AlreadyInState(format!(
                "that is granted already, by rule {}",
                rule.id
            )));
        }
        change.db.delete_sudo_rule(rule.id)?;
    }
    if rules.len() >= LIMIT {
        return Err(Error::field("command", Code::TooLong, format!("is beyond {LIMIT} rules")));
    }
    change.owe_sudoers();
    let created_at = change.now;
    let row = SudoRuleRow { id: 0, holder, command, nopasswd, created_at, expires_at };
    Ok(change.db.insert_sudo_rule(&row)?)
}

/// The rules that belong into the sudoers file now: none of locked, disabled or expired users.
pub(super) fn rules_in_force(db: Db<'_>, now: i64) -> Result<Vec<SudoRule>, Error> {
    let mut rules = Vec::new();
    for rule in db.all_sudo_rules()? {
        if rule.expires_at.is_some_and(|at| at <= now) {
            continue;
        }
        let who = match rule.holder {
            HolderKey::Gid(gid) => Who::Group(gid),
            HolderKey::User(id) => match db.user(UserKey::Id(id))? {
                Some(user)
                    if user.enabled
                        && !user.locked
                        && user.expires_at.is_none_or(|at| at > now) =>
                {
                    Who::User(user.uid)
                }
                _ => continue,
            },
        };
        let SudoRuleRow { command, nopasswd, expires_at, .. } = rule;
        rules.push(SudoRule { who, command, nopasswd, expires_at });
    }
    Ok(rules)
}

/// The rules that a group of ours shows have changed.
fn of_group(change: &mut Change<'_>, gid: u32) -> Result<(), Error> {
    if let Some(group) = change.db.group_by_gid(gid)? {
        change.announce_group(EventKind::Changed, gid, group.name.as_str());
    }
    Ok(())
}

impl Service {
    fn holder_key(&self, db: Db<'_>, holder: &Holder) -> Result<(HolderKey, String), Error> {
        match holder {
            Holder::User(subject) => {
                let user = caller::find(db, subject)?;
                Ok((HolderKey::User(user.id), user.name.to_string()))
            }
            Holder::Group(group) => {
                let host = self.local_accounts()?;
                match self.find_group(db, &host, group)? {
                    Some(Joined::Ours(group)) => {
                        Ok((HolderKey::Gid(group.gid), format!("%{}", group.name)))
                    }
                    Some(Joined::Host(group)) => {
                        Ok((HolderKey::Gid(group.gid), format!("%{}", group.name)))
                    }
                    _ => Err(Error::NoSuchGroup(group.to_string())),
                }
            }
        }
    }

    /// Lets a user or a group run a command as root, for `lasts` seconds or for good.
    ///
    /// # Errors
    /// When the command or the holder is refused, or sudo does not take the rule.
    pub fn grant_sudo(
        &self,
        grant: &Grant,
        holder: &Holder,
        command: &str,
        nopasswd: bool,
        lasts: Option<u64>,
    ) -> Result<i64, Error> {
        need(grant, Action::SudoManage, None)?;
        let command = SudoCommand::parse(command)
            .map_err(|refused| Error::field("command", refused.code, refused.message))?;
        if lasts.is_some_and(|seconds| seconds == 0 || seconds > LONGEST) {
            return Err(Error::field("for", Code::Invalid, "is 1 second to ten years"));
        }
        self.change(grant.actor(), |change| {
            let (key, name) = self.holder_key(change.db, holder)?;
            let expires_at = lasts.map(|seconds| change.now.saturating_add_unsigned(seconds));
            let shown = command.to_string();
            let id = insert(change, key, command, nopasswd, expires_at)?;
            let shown = json!({ "id": id, "command": shown, "nopasswd": nopasswd,
                "expires_at": expires_at.map(Timestamp) });
            self.record_sudo(change, "sudo-grant", key, &name, &shown)?;
            Ok(id)
        })
    }

    /// Takes one rule, or all rules, of a holder back.
    ///
    /// # Errors
    /// When the holder has no such rule, or none at all.
    pub fn revoke_sudo(
        &self,
        grant: &Grant,
        holder: &Holder,
        id: Option<i64>,
    ) -> Result<(), Error> {
        need(grant, Action::SudoManage, None)?;
        self.change(grant.actor(), |change| {
            let (key, name) = self.holder_key(change.db, holder)?;
            let rules = change.db.sudo_rules_of(key)?;
            let gone: Vec<_> =
                rules.iter().filter(|rule| id.is_none_or(|id| rule.id == id)).collect();
            if gone.is_empty() {
                return Err(match id {
                    Some(id) => Error::NoSuchRule(id),
                    None => Error::AlreadyInState(format!("{name} has no sudo rule")),
                });
            }
            for rule in &gone {
                change.db.delete_sudo_rule(rule.id)?;
            }
            change.owe_sudoers();
            let ids: Vec<i64> = gone.iter().map(|rule| rule.id).collect();
            self.record_sudo(change, "sudo-revoke", key, &name, &json!({ "ids": ids }))
        })
    }

    fn record_sudo(
        &self,
        change: &mut Change<'_>,
        action: &str,
        key: HolderKey,
        name: &str,
        shown: &serde_json::Value,
    ) -> Result<(), Error> {
        let mut id = String::new();
        if let HolderKey::User(user) = key
            && let Some(user) = change.db.user(UserKey::Id(user))?
        {
            id = user.id.to_string();
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
        }
        if let HolderKey::Gid(gid) = key {
            of_group(change, gid)?;
        }
        change.audit(action, name, &id, shown)
    }

    /// A holder's rules, or all.
    ///
    /// # Errors
    /// When there is no such holder.
    pub fn list_sudo(&self, holder: Option<&Holder>) -> Result<Vec<SudoRuleEntry>, Error> {
        let host = self.local_accounts()?;
        self.read(|db| {
            let rules = match holder {
                Some(holder) => db.sudo_rules_of(self.holder_key(db, holder)?.0)?,
                None => db.all_sudo_rules()?,
            };
            let mut names: BTreeMap<String, String> = BTreeMap::new();
            let mut entries = Vec::with_capacity(rules.len());
            for rule in rules {
                let slot = names.entry(format!("{:?}", rule.holder));
                let name = match (slot, rule.holder) {
                    (std::collections::btree_map::Entry::Occupied(known), _) => known.get().clone(),
                    (std::collections::btree_map::Entry::Vacant(slot), HolderKey::User(id)) => {
                        let user = db.user(UserKey::Id(id))?;
                        slot.insert(user.map(|user| user.name.to_string()).unwrap_or_default())
                            .clone()
                    }
                    (std::collections::btree_map::Entry::Vacant(slot), HolderKey::Gid(gid)) => {
                        let ours = db.group_by_gid(gid)?.map(|group| group.name.to_string());
                        let theirs = || host.group_by_gid(gid).map(|group| group.name.clone());
                        let name = ours.or_else(theirs).unwrap_or_else(|| format!("#{gid}"));
                        slot.insert(format!("%{name}")).clone()
                    }
                };
                entries.push(SudoRuleEntry {
                    id: rule.id,
                    holder: name,
                    command: rule.command.to_string(),
                    nopasswd: rule.nopasswd,
                    created_at: Timestamp(rule.created_at),
                    expires_at: rule.expires_at.map(Timestamp),
                });
            }
            Ok(entries)
        })
    }

    /// Removes the rules whose time is over, takes those of expired accounts out of the sudoers file,
    /// and says when the next one's time is.
    ///
    /// # Errors
    /// When the store or the sudoers file cannot be written.
    pub fn expire_sudo_rules(&self) -> Result<Option<i64>, Error> {
        let now = self.now();
        if self.read(|db| Ok(db.first_sudo_expiry()?))?.is_some_and(|at| at <= now) {
            self.change(&Actor::daemon(), |change| {
                for rule in change.db.all_sudo_rules()? {
                    let over = rule.expires_at.is_some_and(|at| at <= change.now);
                    if let (true, HolderKey::Gid(gid)) = (over, rule.holder) {
                        of_group(change, gid)?;
                    }
                }
                let count = change.db.delete_expired_sudo_rules(change.now)?;
                change.owe_sudoers();
                change.audit("sudo-expire", "", "", &json!({ "rules": count }))
            })?;
        }
        let order = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.read(|db| rules_in_force(db, now))?;
        let shown = self.sudoers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if shown.is_some_and(|shown| shown != rules) {
            self.write_sudoers()?;
        }
        drop(order);
        self.read(|db| Ok(db.next_sudo_expiry(now)?))
    }
}
