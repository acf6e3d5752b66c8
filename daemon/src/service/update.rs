//! Changing a user's record.

use std::collections::BTreeSet;

use accounts::{Code, DisplayText, FieldErrors, GroupRef, Subject, Timestamp, User, UserFields};
use serde_json::{Map, Value, json};

use super::administrators::need;
use super::change::{Change, EventKind};
use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, NewPassword, Service, caller, record};
use crate::authorize::{Action, Grant};
use crate::publish::effect::Effect;
use crate::store::{HolderKey, PasswordRow, TokenKind, UserRow};

impl Service {
    /// Changes the given fields of a user.
    ///
    /// # Errors
    /// Every field that is wrong; [`Error::StaleGeneration`] when the record is not at
    /// `expect_generation`. Nothing is written then.
    pub fn update_user(
        &self,
        grant: &Grant,
        subject: &Subject,
        fields: &Map<String, Value>,
        expect_generation: Option<u64>,
    ) -> Result<User, Error> {
        self.update_user_with(grant, subject, fields, expect_generation, NewPassword::None)
    }

    /// Changes the given fields of a user, and its password.
    ///
    /// # Errors
    /// As [`Service::update_user`]; [`Error::PasswordPolicy`] when the password is refused;
    /// [`Error::HostEffect`] when it is set, but Samba refused it.
    pub fn update_user_with(
        &self,
        grant: &Grant,
        subject: &Subject,
        fields: &Map<String, Value>,
        expect_generation: Option<u64>,
        password: NewPassword,
    ) -> Result<User, Error> {
        if matches!(password, NewPassword::None) {
            return self.update_to(grant, subject, fields, expect_generation, None);
        }
        let user = self.read(|db| caller::find(db, subject))?;
        need(grant, Action::PasswordSet, Some(user.id))?;
        let (secret, said) = self.chosen_password(grant, &user, password)?;
        let new = Some((self.hash_password(&secret)?, said));
        let user = self.update_to(grant, subject, fields, expect_generation, new)?;
        self.hand_to_samba(grant.actor(), user.id, &secret)?;
        Ok(user)
    }

    fn update_to(
        &self,
        grant: &Grant,
        subject: &Subject,
        fields: &Map<String, Value>,
        expect_generation: Option<u64>,
        new: Option<(String, Value)>,
    ) -> Result<User, Error> {
        let (phc, said) = new.map_or_else(|| (None, json!({})), |(phc, said)| (Some(phc), said));
        let (parsed, mut errors) = UserFields::read(fields);
        if phc.is_some() && parsed.password_disabled == Some(true) {
            let message = "give either a password or password_disabled";
            errors.add("password_disabled", Code::Conflict, message);
        }
        if parsed.uid.is_some() {
            errors.add("uid", Code::Immutable, "a uid never changes");
        }
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        let host = self.local_accounts()?;
        self.change(grant.actor(), |change| {
            let mut before = caller::find(change.db, subject)?;
            let all = grant.permits(Action::UserUpdate, Some(before.id));
            let own = grant.permits(Action::UserUpdateOwn, Some(before.id))
                && names.iter().all(|name| UserFields::OWN.contains(name));
            if !all && !own {
                return Err(Error::NotAuthorized("the caller may not change that".to_owned()));
            }
            if let Some(expected) = expect_generation
                && expected != before.generation
            {
                return Err(Error::StaleGeneration { expected, is: before.generation });
            }
            if before.immutable
                && let Some(name) =
                    names.iter().find(|n| ["name", "group", "home", "smb"].contains(n))
            {
                return Err(Error::Immutable(format!("{}'s {name} never changes", before.name)));
            }
            if parsed.smb == Some(true) && !before.smb {
                self.check_smb(phc.is_some(), &mut errors);
            }
            if let Some(phc) = phc {
                let (changed_at, must_change) = (change.now, false);
                need(grant, Action::PasswordSet, Some(before.id))?;
                self.remember_password(change.db, before.id)?;
                change.db.set_password(before.id, &PasswordRow { phc, changed_at, must_change })?;
                before.password_disabled = false;
            }
            let row = self.apply(grant, change, &host, before.clone(), &parsed, errors)?;
            let user = record::user(change.db, row)?;
            let id = user.id.to_string();
            change.audit("user-update", user.name.as_str(), &id, &said)?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(user)
        })
    }

    fn apply(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        mut row: UserRow,
        fields: &UserFields,
        mut errors: FieldErrors,
    ) -> Result<UserRow, Error> {
        let db = change.db;
        let id = row.id;
        let mut renamed = false;
        let known_as = row.name.clone();
        if let Some(name) = fields.name.clone().filter(|name| *name != row.name) {
            self.check_user_name(db, host, &name, Some(id), &mut errors)?;
            if row.smb && fields.smb != Some(false) {
                let message = "Samba knows the account by its name: turn smb off first";
                errors.add("name", Code::Conflict, message);
            }
            row.name = name;
            renamed = true;
        }
        if let Some(group) = &fields.group {
            let found = self.find_primary(db, host, group, &mut errors)?;
            if let Some((name, gid)) = found.filter(|(_, gid)| *gid != row.gid) {
                if self.gives_power(db, &name, Some(gid))? {
                    self.need_sudo_right(grant, Some(id), &format!("joining {name}"))?;
                }
                row.gid = gid;
            }
        }
        if let Some(shell) = &fields.shell {
            row.shell = shell.clone();
        }
        if let Some(home) = fields.home.clone().filter(|home| *home != row.home) {
            self.check_home(db, host, &home, id, &mut errors)?;
            row.home = home;
        }
        let set_text = |slot: &mut String, text: &Option<DisplayText>| {
            if let Some(text) = text {
                *slot = text.as_str().to_owned();
            }
        };
        let named_before = format!("{} {}", row.first_name, row.last_name);
        set_text(&mut row.first_name, &fields.first_name);
        set_text(&mut row.last_name, &fields.last_name);
        if row.full_name == named_before.trim() {
            row.full_name = format!("{} {}", row.first_name, row.last_name).trim().to_owned();
        }
        set_text(&mut row.full_name, &fields.full_name);
        if let Some(email) = &fields.email
            && *email != row.email
        {
            row.email = email.clone();
            row.email_verified = false;
            // What went to the old address is good for nothing any more.
            db.delete_tokens(id, TokenKind::Reset)?;
            db.delete_tokens(id, TokenKind::Email)?;
        }
        row.home_mode = fields.home_mode.unwrap_or(row.home_mode);
        row.ssh_password_enabled = fields.ssh_password_enabled.unwrap_or(row.ssh_password_enabled);
        if row.ssh_password_enabled && !row.shell.is_login_shell() {
            let message = format!("needs a login shell, and {} is none", row.shell.as_str());
            errors.add("ssh_password_enabled", Code::Conflict, message);
        }
        let has_password = db.password(id)?.is_some();
        match fields.password_disabled {
            Some(false) if !has_password => {
                errors.add("password_disabled", Code::Conflict, "set a password first");
            }
            Some(disabled) => row.password_disabled = disabled,
            None => {}
        }
        let expired = |row: &UserRow| row.expires_at.is_some_and(|at| at <= change.now);
        let expired_before = expired(&row);
        if let Some(expires_at) = fields.expires_at {
            row.expires_at = expires_at.map(|Timestamp(at)| at);
        }
        let expires = expired(&row) != expired_before;
        row.password_max_age = fields.password_max_age.unwrap_or(row.password_max_age);
        row.password_min_age = fields.password_min_age.unwrap_or(row.password_min_age);
        row.password_warn = fields.password_warn.unwrap_or(row.password_warn);
        row.password_inactive = fields.password_inactive.unwrap_or(row.password_inactive);
        if let Some(attributes) = &fields.attributes {
            row.attributes = attributes.clone();
        }
        if let Some(role) = fields.role.filter(|role| *role != row.role) {
            self.need_sudo_right(grant, Some(id), "changing a role")?;
            row.role = role;
        }
        let create_groups = fields.create_groups.unwrap_or(false);
        let groups = match &fields.groups {
            Some(groups) => Some(self.find_groups(db, host, groups, create_groups, &mut errors)?),
            None => None,
        };
        if let Some(shell) = &fields.shell {
            let names = self.names_of_groups(db, host, (id, row.gid), groups.as_deref())?;
            self.check_shell(host, shell, names.iter().map(String::as_str), &mut errors);
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        if row.password_disabled || fields.smb == Some(false) {
            // By the name that Samba knows.
            let mut known = UserRow { name: known_as, ..row.clone() };
            Self::leave_samba(change, &mut known);
            row.smb = false;
        } else {
            row.smb = fields.smb.unwrap_or(row.smb);
        }
        let locks = fields.locked.is_some_and(|locked| locked != row.locked);
        row.locked = fields.locked.unwrap_or(row.locked);
        if locks {
            Self::owe_samba(change, &row);
        }
        if locks || expires {
            self.sudoers_of_locked(change, &row)?;
        }
        row.updated_at = change.now;
        row.generation += 1;
        db.update_user(&row)?;
        if row.password_disabled && has_password {
            self.remember_password(db, id)?;
            db.delete_password(id)?;
        }
        if let Some(tags) = &fields.tags {
            let tags: Vec<String> = tags.iter().map(|tag| tag.as_str().to_owned()).collect();
            db.set_tags(id, &tags)?;
        }
        self.apply_lists(grant, change, host, &row, fields, groups)?;
        if renamed {
            change.announce_members_of(id)?;
        }
        if fields.home_create == Some(true) || fields.home_adopt == Some(true) {
            change.owe(Effect::CreateHome {
                path: row.home.as_str().to_owned(),
                uid: row.uid,
                gid: row.gid,
                mode: row.home_mode.bits(),
                adopt: fields.home_adopt.unwrap_or(false),
            });
        }
        Ok(row)
    }

    /// Replaces groups, sudo rules and keys where the request gives them.
    fn apply_lists(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        row: &UserRow,
        fields: &UserFields,
        groups: Option<Vec<Joined>>,
    ) -> Result<(), Error> {
        if let Some(groups) = groups {
            let before: BTreeSet<String> = change.db.groups_of(row.id)?.into_iter().collect();
            let stay: BTreeSet<&str> = groups.iter().map(|group| group.name_and_gid().0).collect();
            for name in before.iter().filter(|name| !stay.contains(name.as_str())) {
                match self.find_group(change.db, host, &GroupRef::Name(name.clone()))? {
                    Some(Joined::Ours(group)) => {
                        change.announce_members(group.gid, name);
                        change.db.remove_member(group.id, row.id)?;
                    }
                    _ => {
                        change.db.remove_host_group_member(name, row.id)?;
                    }
                }
            }
            for group in groups {
                if !before.contains(group.name_and_gid().0) {
                    self.join(grant, change, host, row.id, group)?;
                }
            }
        }
        let holder = HolderKey::User(row.id);
        for (commands, nopasswd) in
            [(&fields.sudo_commands, false), (&fields.sudo_commands_nopasswd, true)]
        {
            let Some(commands) = commands else { continue };
            self.need_sudo_right(grant, Some(row.id), "changing sudo rules")?;
            for rule in change.db.sudo_rules_of(holder)? {
                if rule.nopasswd == nopasswd && !commands.contains(&rule.command) {
                    change.db.delete_sudo_rule(rule.id)?;
                    change.owe_sudoers();
                }
            }
            for command in commands {
                match super::sudo::insert(change, holder, command.clone(), nopasswd, None) {
                    Ok(_) | Err(Error::AlreadyInState(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if let Some(keys) = &fields.ssh_keys {
            let wanted: Vec<String> =
                keys.iter().map(accounts::SshPublicKey::fingerprint).collect();
            let known = change.db.keys_of(row.id)?;
            for key in known.iter().filter(|key| !wanted.contains(&key.fingerprint)) {
                change.db.delete_key(row.id, key.id)?;
            }
            for key in keys {
                if !known.iter().any(|known| known.fingerprint == key.fingerprint()) {
                    super::keys::insert(change, row.id, key, None)?;
                }
            }
        }
        Ok(())
    }

    /// A user whose lock or expiry changes gains or loses its lines in the sudoers file.
    pub(super) fn sudoers_of_locked(
        &self,
        change: &mut Change<'_>,
        row: &UserRow,
    ) -> Result<(), Error> {
        if !change.db.sudo_rules_of(HolderKey::User(row.id))?.is_empty() {
            change.owe_sudoers();
        }
        Ok(())
    }
}
