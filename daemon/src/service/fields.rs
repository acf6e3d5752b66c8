//! Rules of fields that need the store or the host: what is taken, what exists, what is a choice.

use std::collections::HashSet;

use accounts::{Code, FieldErrors, GroupRef, HomePath, UserId, UserName};

use super::administrators::OWN_GROUPS;
use super::local_accounts::{LocalAccounts, LocalGroup};
use super::{Error, Service};
use crate::store::{Db, GroupRow};

/// A group that a user joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Joined {
    /// One of ours.
    Ours(GroupRow),
    /// One of /etc/group.
    Host(LocalGroup),
    /// One to be made.
    New(String),
}

impl Joined {
    /// The group's name and, if it has one yet, number.
    pub(super) fn name_and_gid(&self) -> (&str, Option<u32>) {
        match self {
            Self::Ours(group) => (group.name.as_str(), Some(group.gid)),
            Self::Host(group) => (&group.name, Some(group.gid)),
            Self::New(name) => (name, None),
        }
    }
}

impl Service {
    pub(super) fn local_accounts(&self) -> Result<LocalAccounts, Error> {
        let mut host = LocalAccounts::read(&self.config.places)
            .map_err(|error| Error::Unavailable(format!("the host's account files: {error}")))?;
        host.next = self.floors.next();
        Ok(host)
    }

    /// Refuses a name that a user or group of anybody has; `id` is the user that may have it.
    pub(super) fn check_user_name(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        name: &UserName,
        id: Option<UserId>,
        errors: &mut FieldErrors,
    ) -> Result<(), Error> {
        let taken = db.user(crate::store::UserKey::Name(name.as_str()))?;
        if taken.is_some_and(|user| Some(user.id) != id) {
            errors.add("name", Code::InUse, format!("the name {name} is taken"));
        } else if host.knows_user(name.as_str()) {
            errors.add(
                "name",
                Code::InUse,
                format!("the name {name} is taken by a user outside Roster"),
            );
        }
        Ok(())
    }

    /// Refuses a home that is, holds, or lies in another account's.
    pub(super) fn check_home(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        home: &HomePath,
        id: UserId,
        errors: &mut FieldErrors,
    ) -> Result<(), Error> {
        if home.is_none() {
            return Ok(());
        }
        if let Some(other) = db.user_with_home(home, id)? {
            errors.add("home", Code::InUse, format!("is shared with {other}'s home"));
            return Ok(());
        }
        let theirs = host.users.iter().find(|user| {
            user.home.as_ref().is_some_and(|theirs| {
                theirs == home
                    || (user.uid >= 1000 && (home.contains(theirs) || theirs.contains(home)))
            })
        });
        if let Some(user) = theirs {
            errors.add("home", Code::InUse, format!("is shared with {}'s home", user.name));
        }
        Ok(())
    }

    /// Finds a group of ours or of the host.
    pub(super) fn find_group(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        group: &GroupRef,
    ) -> Result<Option<Joined>, Error> {
        let ours = match group {
            GroupRef::Name(name) => db.group_by_name(name)?,
            GroupRef::Gid(gid) => db.group_by_gid(*gid)?,
        };
        if let Some(ours) = ours {
            return Ok(Some(Joined::Ours(ours)));
        }
        let theirs = match group {
            GroupRef::Name(name) => host.group_by_name(name),
            GroupRef::Gid(gid) => host.group_by_gid(*gid),
        };
        Ok(theirs.cloned().map(Joined::Host))
    }

    /// Finds the group that shall be a user's primary one: its name and number.
    pub(super) fn find_primary(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        group: &GroupRef,
        errors: &mut FieldErrors,
    ) -> Result<Option<(String, u32)>, Error> {
        let joined = self.find_group(db, host, group)?;
        let found = joined.as_ref().map(Joined::name_and_gid);
        let Some((name, Some(gid))) = found else {
            let message = format!("there is no group {group}: create it first");
            errors.add("group", Code::NotFound, message);
            return Ok(None);
        };
        if OWN_GROUPS.contains(&name) {
            errors.add("group", Code::Reserved, format!("{name} is kept by Roster itself"));
            return Ok(None);
        }
        Ok(Some((name.to_owned(), gid)))
    }

    /// Finds the groups that a user shall be in.
    pub(super) fn find_groups(
        &self,
        db: Db<'_>,
        host: &LocalAccounts,
        groups: &[GroupRef],
        create: bool,
        errors: &mut FieldErrors,
    ) -> Result<Vec<Joined>, Error> {
        let mut found: Vec<Joined> = Vec::with_capacity(groups.len());
        let mut known = HashSet::new();
        for group in groups {
            let joined = match (self.find_group(db, host, group)?, group) {
                (Some(joined), _) => joined,
                (None, GroupRef::Name(name)) if create => match accounts::GroupName::parse(name) {
                    Ok(name) => Joined::New(name.to_string()),
                    Err(refused) => {
                        errors.add("groups", refused.code, format!("{name:?}: {refused}"));
                        continue;
                    }
                },
                (None, _) => {
                    let message =
                        format!("there is no group {group}: create it first, or use create_groups");
                    errors.add("groups", Code::NotFound, message);
                    continue;
                }
            };
            let (name, _) = joined.name_and_gid();
            if OWN_GROUPS.contains(&name) {
                errors.add("groups", Code::Reserved, format!("{name} is kept by Roster itself"));
            } else if !known.insert(name.to_owned()) {
                errors.add("groups", Code::Conflict, format!("names {name} twice"));
            } else {
                found.push(joined);
            }
        }
        Ok(found)
    }
}
