//! A whole new index, row by row from the store, in one consistent read.

use snapshot::writer::{GroupEntry, WriteError};

use super::super::administrators::OWN_GROUPS;
use super::super::{Error, Service};
use super::basis::Basis;
use super::entry::entry;
use super::{State, unseen};
use crate::publish::index::{Rebuild, Sizes};
use crate::store::{Db, PublishedCounts, Store};

impl Service {
    /// Replaces what is published by everything that the store holds.
    pub(super) fn rebuild(&self, store: &mut Store, state: &mut State) -> Result<(), Error> {
        store.read(|db| {
            let basis = Basis::read(self, db)?;
            let sizes = sizes(&basis, db.published_counts()?);
            let mut new = state.publisher.begin(&sizes).map_err(|error| unseen(&error))?;
            let left_out = fill(db, &basis, &mut new)?;
            let generation = db.generation()?;
            state.publisher.finish(new, generation).map_err(|error| unseen(&error))?;
            basis.remember_deadline(self);
            (state.basis, state.left_out) = (Some(basis), left_out);
            Ok(())
        })
    }
}

/// About how much there will be.
fn sizes(basis: &Basis, counts: PublishedCounts) -> Sizes {
    let PublishedCounts { users, groups, members, local_members, host_group_members } = counts;
    let own = basis.own().count() as u64;
    let at_most = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Sizes {
        users: at_most(users),
        // The host has few groups.
        groups: at_most(groups + own + host_group_members.min(256)),
        members: at_most(users + local_members),
        memberships: at_most(users + members + local_members + host_group_members),
    }
}

/// Whether something had to be left out.
fn fill(db: Db<'_>, basis: &Basis, new: &mut Rebuild) -> Result<bool, Error> {
    let mut left_out = false;
    let group = |name: &str, gid: u32, external: bool| GroupEntry {
        name: name.to_owned(),
        gid,
        members: Vec::new(),
        external,
    };
    db.each_group(|name, gid| {
        new.group(&group(&name, gid, false)).map_err(|error| unseen(&error))
    })?;
    for (name, gid) in basis.own() {
        new.group(&group(name, gid, true)).map_err(|error| unseen(&error))?;
    }
    // The group of /etc/group whose members come now, and whether it is shown.
    let mut present = (String::new(), 0, false);
    db.each_host_member(|name, gid, member| {
        if present.0 != name {
            let is_own = OWN_GROUPS.contains(&name.as_str());
            let added = match new.group(&group(&name, gid, true)) {
                _ if is_own => false,
                Ok(()) => true,
                Err(WriteError::Duplicate { .. }) => false,
                Err(error) => return Err(unseen(&error)),
            };
            if !added {
                tracing::warn!(
                    group = name,
                    gid,
                    "users joined this group of /etc/group, and another one has its name or number \
                     by now: they are not shown in it; roster user sync reconciles them"
                );
                left_out = true;
            }
            present = (name, gid, added);
        }
        let (_, gid, shown) = &present;
        if *shown { new.member(*gid, &member).map_err(|error| unseen(&error)) } else { Ok(()) }
    })?;
    db.each_member(|gid, name| new.member(gid, &name).map_err(|error| unseen(&error)))?;
    db.each_published_user(|user| {
        for (gid, is) in basis.own_of(db, &user)? {
            if is {
                new.member(gid, &user.name).map_err(|error| unseen(&error))?;
            }
        }
        new.user(&entry(user)).map_err(|error| unseen(&error))
    })?;
    Ok(left_out)
}
