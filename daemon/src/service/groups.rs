//! Groups of ours, and membership in theirs.

use accounts::{
    Code, FieldErrors, Gid, Group, GroupFields, GroupId, GroupName, GroupRef, Subject, UserId,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::fields::Joined;
use super::local_accounts::LocalAccounts;
use super::{Error, Page, Service, record};
use crate::authorize::{Action, Grant};
use crate::store::{Db, GroupRow, HolderKey, UserKey};

pub(super) fn find(db: Db<'_>, subject: &Subject) -> Result<GroupRow, Error> {
    let found = match subject {
        Subject::Name(name) => db.group_by_name(name)?,
        Subject::Number(gid) => db.group_by_gid(*gid)?,
        Subject::Id(id) => db.group_by_id(GroupId(*id))?,
    };
    found.ok_or_else(|| Error::NoSuchGroup(subject.to_string()))
}

impl Service {
    /// Makes a group; `number` is taken as its gid when it is free.
    pub(super) fn make_group(
        &self,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        name: &GroupName,
        number: Option<u32>,
        display_name: &str,
    ) -> Result<GroupRow, Error> {
        let free = |gid: u32| -> Result<bool, Error> {
            Ok(Gid::parse(u64::from(gid)).is_ok()
                && !change.db.gid_used(gid)?
                && !host.knows_gid(gid))
        };
        let gid = match number {
            Some(number) if free(number)? => number,
            _ => host.next[1]
                .find(Gid::FIRST, Gid::allowed_from, |from| Ok(change.db.free_gid(from)?), free)?
                .ok_or_else(|| Error::Unavailable("every gid is used up".to_owned()))?,
        };
        let group = GroupRow {
            id: GroupId(Uuid::now_v7()),
            name: name.clone(),
            gid,
            display_name: display_name.to_owned(),
            builtin: false,
            created_at: change.now,
            updated_at: change.now,
            generation: 1,
        };
        change.use_gid(gid)?;
        change.db.insert_group(&group)?;
        change.announce_group(EventKind::Added, gid, name.as_str());
        Ok(group)
    }

    /// Puts a user of ours into a group.
    pub(super) fn join(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        host: &LocalAccounts,
        user: UserId,
        group: Joined,
    ) -> Result<bool, Error> {
        let (name, gid) = group.name_and_gid();
        if self.gives_power(change.db, name, gid)? {
            self.need_sudo_right(grant, Some(user), &format!("joining the group {name}"))?;
        }
        change.shows();
        match group {
            Joined::Ours(group) => {
                change.announce_members(group.gid, group.name.as_str());
                Ok(change.db.add_member(group.id, user)?)
            }
            Joined::Host(group) => {
                Ok(change.db.add_host_group_member(&group.name, group.gid, user)?)
            }
            Joined::New(name) => {
                let name = GroupName::parse(&name)
                    .map_err(|refused| Error::field("groups", refused.code, refused.message))?;
                // The user's own primary group may have been made under that name a moment ago.
                let group = match change.db.group_by_name(name.as_str())? {
                    Some(group) => group,
                    None => self.make_group(change, host, &name, None, "")?,
                };
                change.announce_members(group.gid, group.name.as_str());
                Ok(change.db.add_member(group.id, user)?)
            }
        }
    }

    /// Creates a group.
    ///
    /// # Errors
    /// Every field that is wrong; nothing is written then.
    pub fn create_group(&self, grant: &Grant, fields: &Map<String, Value>) -> Result<Group, Error> {
        need(grant, Action::GroupManage, None)?;
        let fields = GroupFields::parse(fields)?;
        let host = self.local_accounts()?;
        let group = self.change(grant.actor(), |change| {
            let mut errors = FieldErrors::default();
            let Some(name) = &fields.name else {
                errors.add("name", Code::Required, "a group needs a name");
                return Err(errors.into());
            };
            let taken = change.db.group_by_name(name.as_str())?.is_some()
                || change.db.user(UserKey::Name(name.as_str()))?.is_some()
                || host.knows_group(name.as_str());
            if taken {
                errors.add("name", Code::InUse, format!("the name {name} is taken"));
                return Err(Error::GroupExists(errors));
            }
            // sudoers and polkit may speak of that name already.
            if self.gives_power(change.db, name.as_str(), None)? {
                self.need_sudo_right(grant, None, &format!("making the group {name}"))?;
            }
            if let Some(gid) = fields.gid
                && (change.db.gid_used(gid.get())? || host.knows_gid(gid.get()))
            {
                errors.add("gid", Code::IdInUse, format!("gid {gid} is, or was, another group's"));
                return Err(Error::IdInUse(errors));
            }
            let display_name = fields.display_name.as_ref().map_or("", |text| text.as_str());
            let number = fields.gid.map(Gid::get);
            let row = self.make_group(change, &host, name, number, display_name)?;
            self.apply_group_lists(grant, change, &host, &row, &fields)?;
            let id = row.id.to_string();
            change.audit("group-create", name.as_str(), &id, &json!({}))?;
            record::group(change.db, row)
        })?;
        self.floors.learn(&host.next);
        Ok(group)
    }

    /// The group that is meant.
    ///
    /// # Errors
    /// When there is none such of ours.
    pub fn group(&self, subject: &Subject) -> Result<Group, Error> {
        self.read(|db| record::group(db, find(db, subject)?))
    }

    /// The group that is meant, without its members, which may be a hundred thousand.
    ///
    /// # Errors
    /// When there is none such of ours.
    pub fn group_without_members(&self, subject: &Subject) -> Result<Group, Error> {
        self.read(|db| record::group_without_members(db, find(db, subject)?))
    }

    /// Groups by name, from `offset` on: all, or those with `search` somewhere in their name or
    /// display name, ASCII letters of either case being the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_groups(&self, search: &str, offset: u64, limit: u64) -> Result<Page<Group>, Error> {
        self.read(|db| {
            let rows = db.groups(search, offset, limit)?;
            let items = rows.into_iter().map(|row| record::group(db, row));
            Ok(Page { total: db.count_groups(search)?, items: items.collect::<Result<_, _>>()? })
        })
    }

    /// Deletes a group; its members stay.
    ///
    /// # Errors
    /// When it is builtin, some user's primary group, or one that gives root and is not empty.
    pub fn delete_group(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        need(grant, Action::GroupManage, None)?;
        let host = self.local_accounts()?;
        self.change(grant.actor(), |change| {
            let group = match (find(change.db, subject), subject) {
                (Err(Error::NoSuchGroup(_)), Subject::Name(name))
                    if host.group_by_name(name).is_some() =>
                {
                    let message = "is a group of /etc/group: groupdel(8) removes those";
                    return Err(Error::field("group", Code::Immutable, message));
                }
                (found, _) => found?,
            };
            if group.builtin {
                return Err(Error::Immutable(format!("the group {} is Roster's own", group.name)));
            }
            let users = change.db.users_with_gid(group.gid)?;
            if let Some(user) = users.first() {
                return Err(Error::Immutable(format!(
                    "{} is the primary group of {user}: give {user} another one first",
                    group.name
                )));
            }
            let name = group.name.as_str();
            if self.gives_root(name, group.gid) && change.db.has_members(group.id)? {
                return Err(Error::Immutable(format!(
                    "the members of {name} administer this system by it: take them out first"
                )));
            }
            self.remove_group(grant, change, &group)
        })
    }

    /// Removes a group that nobody needs any more.
    pub(super) fn remove_group(
        &self,
        grant: &Grant,
        change: &mut Change<'_>,
        group: &GroupRow,
    ) -> Result<(), Error> {
        if !change.db.sudo_rules_of(HolderKey::Gid(group.gid))?.is_empty() {
            self.need_sudo_right(grant, None, "removing a group with sudo rules")?;
            change.owe_sudoers();
        }
        change.db.delete_group(group)?;
        change.announce_group(EventKind::Removed, group.gid, group.name.as_str());
        change.audit("group-delete", group.name.as_str(), &group.id.to_string(), &json!({}))
    }

    /// Puts a user into a group: ours into ours or the host's, the host's into ours.
    ///
    /// # Errors
    /// When either does not exist, or the user is in it already.
    pub fn add_member(&self, grant: &Grant, group: &str, user: &str) -> Result<(), Error> {
        self.change_member(grant, group, user, true)
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// When either does not exist, or the user is not in it.
    pub fn remove_member(&self, grant: &Grant, group: &str, user: &str) -> Result<(), Error> {
        self.change_member(grant, group, user, false)
    }

    fn change_member(
        &self,
        grant: &Grant,
        group: &str,
        user: &str,
        add: bool,
    ) -> Result<(), Error> {
        need(grant, Action::GroupManage, None)?;
        let host = self.local_accounts()?;
        let refused =
            |field, refused: accounts::Refused| Error::field(field, refused.code, refused.message);
        let group = GroupRef::parse(group.strip_prefix("gid:").unwrap_or(group))
            .map_err(|error| refused("group", error))?;
        let subject = Subject::parse(user).map_err(|error| refused("user", error))?;
        self.change(grant.actor(), |change| {
            let joined = self
                .find_group(change.db, &host, &group)?
                .ok_or_else(|| Error::NoSuchGroup(group.to_string()))?;
            let name = joined.name_and_gid().0.to_owned();
            if let Joined::Ours(group) = &joined {
                change.announce_members(group.gid, &name);
            }
            if super::administrators::OWN_GROUPS.contains(&name.as_str()) {
                return Err(Error::Immutable(format!("{name} is kept by Roster itself")));
            }
            let (changed, shown) = match (super::caller::find(change.db, &subject), &joined) {
                (Ok(user), _) => {
                    let changed = match (add, joined) {
                        (true, joined) => self.join(grant, change, &host, user.id, joined)?,
                        (false, Joined::Ours(ours)) => change.db.remove_member(ours.id, user.id)?,
                        (false, joined) => {
                            let name = joined.name_and_gid().0;
                            change.db.remove_host_group_member(name, user.id)?
                        }
                    };
                    change.announce(EventKind::Changed, user.uid, user.name.as_str());
                    (changed, user.name.to_string())
                }
                (Err(Error::NoSuchUser(_)), Joined::Ours(ours)) => {
                    let local = matches!(&subject, Subject::Name(name)
                        if !add || host.users.iter().any(|user| user.name == *name));
                    let Subject::Name(user) = &subject else {
                        return Err(Error::NoSuchUser(subject.to_string()));
                    };
                    if !local {
                        return Err(Error::NoSuchUser(subject.to_string()));
                    }
                    if add && self.gives_power(change.db, ours.name.as_str(), Some(ours.gid))? {
                        self.need_sudo_right(grant, None, &format!("joining the group {name}"))?;
                    }
                    let changed = if add {
                        change.db.add_local_member(ours.id, user)?
                    } else {
                        // The host may have lost the user since it joined.
                        change.db.remove_local_member(ours.id, user)?
                    };
                    if !changed && !host.users.iter().any(|known| known.name == *user) {
                        return Err(Error::NoSuchUser(subject.to_string()));
                    }
                    change.shows();
                    (changed, user.clone())
                }
                (Err(error), _) => return Err(error),
            };
            if !changed {
                let state = if add { "is in the group" } else { "is not in the group" };
                return Err(Error::AlreadyInState(format!("{shown} {state} {name}")));
            }
            let verb = if add { "group-add-member" } else { "group-remove-member" };
            change.audit(verb, &name, "", &json!({ "user": shown }))
        })
    }
}
