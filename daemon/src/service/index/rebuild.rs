//! A whole new index, row by row from the store, in one consistent read.

use super::super::{Error, Service};
use super::basis::Basis;
use super::entry::entry;
use super::rows::{Row, Rows, write_beside};
use super::{State, unseen};
use crate::publish::index::Sizes;
use crate::store::{Db, PublishedCounts, Store};

impl Service {
    /// Replaces what is published by everything that the store holds.
    pub(super) fn rebuild(&self, store: &mut Store, state: &mut State) -> Result<(), Error> {
        store.read(|db| {
            let basis = Basis::read(self, db)?;
            let sizes = sizes(&basis, db.published_counts()?);
            let mut new = state.publisher.begin(&sizes).map_err(|error| unseen(&error))?;
            let left_out = write_beside(&mut new, |rows| read(db, &basis, rows))?;
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

/// Reads everything that is to be shown.
fn read(db: Db<'_>, basis: &Basis, rows: &mut Rows) -> Result<(), Error> {
    db.each_group(|name, gid| rows.put(Row::Group { name, gid, external: false }))?;
    for (name, gid) in basis.own() {
        rows.put(Row::Group { name: name.to_owned(), gid, external: true })?;
    }
    db.each_host_member(|group, gid, name| rows.put(Row::HostMember { group, gid, name }))?;
    db.each_member(|gid, name| rows.put(Row::Member { gid, name }))?;
    db.each_published_user(|user| {
        let own = basis.own_of(db, &user)?.filter_map(|(gid, is)| is.then_some(gid)).collect();
        rows.put(Row::User { entry: Box::new(entry(user)), own })
    })
}
