//! What a change comes to: the edits that make the index what the store is after it.
//!
//! Whatever was touched is looked up again at the end, and shown as it is then. So it does not
//! matter by which way a row came or went, and an edit too many does no harm. Where one change can
//! reach beyond what it touches, everything is published: groups that the policy of second factors
//! speaks of, and groups of /etc/group that share a name or number with another. So it is where the
//! order of edits would matter: a name that one gives up and another takes in the same change, and
//! what was deleted and is there again.

use std::collections::BTreeSet;

use accounts::UserId;

use super::super::plan::{Before, Facts, Seen, Tie};
use super::super::{Error, Service};
use super::basis::Basis;
use super::entry::entry;
use super::{Showing, State};
use crate::publish::index::Edit;
use crate::store::{Db, Membership, Touched};

/// Things touched from which on everything is published: nobody knows them all any more.
const MOST: usize = 200_000;

/// Edits by their place in the order: whoever joins is in the groups before it can be found, and
/// whoever goes is gone before its groups lose it.
#[derive(Default)]
struct Edits {
    users_go: Vec<Edit>,
    groups_go: Vec<Edit>,
    groups: Vec<Edit>,
    joins: Vec<Edit>,
    users: Vec<Edit>,
    /// Memberships under a name that an edit before has given.
    after: Vec<Edit>,
    leaves: Vec<Edit>,
    /// Users whose place in Roster's own groups has to be looked at.
    own: BTreeSet<UserId>,
    /// Names that came or went: users of /etc/passwd of these names stay in their groups.
    names: BTreeSet<String>,
    renamed: BTreeSet<UserId>,
    user_names: Names,
    group_names: Names,
}

/// Names that change hands, other than by a deletion.
#[derive(Default)]
struct Names {
    given_up: BTreeSet<String>,
    taken: BTreeSet<String>,
}

impl Names {
    /// Whether somebody takes a name that another one gives up.
    fn meet(&self) -> bool {
        !self.given_up.is_disjoint(&self.taken)
    }
}

/// Everything has to be published.
struct Everything;

type Step = Result<Result<(), Everything>, Error>;

impl Service {
    /// What the end of a change comes to. `db` holds what it has made.
    pub(in crate::service) fn edits(
        &self,
        db: Db<'_>,
        seen: &Seen,
        generation: u64,
    ) -> Result<Showing, Error> {
        let state = self.index.lock();
        let basis = Basis::read(self, db)?;
        let same = state.basis.as_ref() == Some(&basis);
        if !same || seen.things.len() > MOST {
            return Ok(Showing::Everything);
        }
        let mut edits = Edits::default();
        Ok(match edits.take(db, &basis, &state, seen)? {
            Ok(()) => Showing::Edits(edits.in_order(), generation),
            Err(Everything) => Showing::Everything,
        })
    }
}

impl Edits {
    fn take(&mut self, db: Db<'_>, basis: &Basis, state: &State, seen: &Seen) -> Step {
        for (thing, _) in &seen.things {
            let again = match thing {
                Touched::EveryGroupOf(user) => db.name_of_user(*user)?.is_some(),
                Touched::EveryMemberOf(group) => db.group_by_id(*group)?.is_some(),
                _ => false,
            };
            if again {
                return Ok(Err(Everything));
            }
        }
        for (thing, before) in &seen.things {
            let step = match (thing, before) {
                (Touched::User(id), Before::Facts(before)) => {
                    self.user(db, basis, *id, before.as_deref())?
                }
                (Touched::Group(id), Before::Facts(before)) => {
                    let after = db.group_by_id(*id)?;
                    let after = after.map(|group| (group.name.to_string(), group.gid));
                    let before = before.as_ref().map(|facts| (facts.name.clone(), facts.number));
                    self.group(db, basis, before, after)?
                }
                _ => Ok(()),
            };
            if step.is_err() {
                return Ok(step);
            }
        }
        if self.user_names.meet() || self.group_names.meet() {
            return Ok(Err(Everything));
        }
        for (thing, before) in &seen.things {
            if let (Touched::Membership(membership), Before::Tie(before)) = (thing, before)
                && let Err(everything) = self.membership(db, basis, state, membership, before)?
            {
                return Ok(Err(everything));
            }
        }
        for id in std::mem::take(&mut self.own) {
            if let Some(user) = db.published_user(id)? {
                for (gid, is) in basis.own_of(db, &user)? {
                    self.is_in(gid, &user.name, is, false);
                }
            }
        }
        for name in std::mem::take(&mut self.names) {
            for (_, gid) in db.groups_of_local(&name)? {
                self.after.push(Edit::Join { gid, name: name.clone() });
            }
        }
        Ok(Ok(()))
    }

    fn user(&mut self, db: Db<'_>, basis: &Basis, id: UserId, before: Option<&Facts>) -> Step {
        let Some(user) = db.published_user(id)? else {
            if let Some(before) = before {
                self.users_go.push(Edit::RemoveUser { uid: before.number });
                self.names.insert(before.name.clone());
            }
            return Ok(Ok(()));
        };
        let renamed = before.filter(|before| before.name != user.name);
        if let Some(before) = renamed {
            self.renamed.insert(id);
            // The old name's memberships move along, those of a user of /etc/passwd too.
            for (group, gid) in db.groups_of_local(&before.name)? {
                let name = user.name.clone();
                let is = db.is_membership(&Membership::Ours(group, id))?
                    || db.is_membership(&Membership::Local(group, name.clone()))?;
                self.is_in(gid, &name, is, true);
            }
            self.names.insert(before.name.clone());
            self.user_names.given_up.insert(before.name.clone());
        }
        if before.is_none() || renamed.is_some() {
            self.names.insert(user.name.clone());
            self.user_names.taken.insert(user.name.clone());
        }
        for (gid, is) in basis.own_of(db, &user)? {
            self.is_in(gid, &user.name, is, renamed.is_some());
        }
        self.users.push(Edit::User(entry(user)));
        Ok(Ok(()))
    }

    fn group(
        &mut self,
        db: Db<'_>,
        basis: &Basis,
        before: Option<(String, u32)>,
        after: Option<(String, u32)>,
    ) -> Step {
        if before.as_ref().map(|(name, _)| name) != after.as_ref().map(|(name, _)| name) {
            for (name, gid) in [&before, &after].into_iter().flatten() {
                // Who is in a group of /etc/group of that name may be shown by now, or no more.
                if basis.own().any(|(own, own_gid)| own == name || own_gid == *gid)
                    || db.is_host_group(name, *gid)?
                {
                    return Ok(Err(Everything));
                }
            }
        }
        if let Some((after, _)) = &after
            && before.as_ref().is_none_or(|(before, _)| before != after)
        {
            self.group_names.taken.insert(after.clone());
            self.group_names.given_up.extend(before.as_ref().map(|(before, _)| before.clone()));
        }
        match (before, after) {
            (None, None) => {}
            (Some((_, gid)), None) => {
                if basis.rules(gid) {
                    return Ok(Err(Everything));
                }
                self.groups_go.push(Edit::RemoveGroup { gid });
            }
            (_, Some((name, gid))) => {
                self.groups.push(Edit::Group { name, gid, external: false });
            }
        }
        Ok(Ok(()))
    }

    fn membership(
        &mut self,
        db: Db<'_>,
        basis: &Basis,
        state: &State,
        membership: &Membership,
        before: &Tie,
    ) -> Step {
        match membership {
            Membership::Ours(group, user) => {
                let (Some(row), Some(name)) = (db.group_by_id(*group)?, db.name_of_user(*user)?)
                else {
                    return Ok(Ok(()));
                };
                let is = db.is_membership(membership)?
                    || db.is_membership(&Membership::Local(*group, name.clone()))?;
                self.is_in(row.gid, &name, is, self.renamed.contains(user));
                if basis.rules(row.gid) {
                    self.own.insert(*user);
                }
            }
            Membership::Local(group, name) => {
                let Some(row) = db.group_by_id(*group)? else { return Ok(Ok(())) };
                let ours = db.user(crate::store::UserKey::Name(name))?;
                let is = db.is_membership(membership)?
                    || match ours {
                        Some(user) => db.is_membership(&Membership::Ours(*group, user.id))?,
                        None => false,
                    };
                self.is_in(row.gid, name, is, false);
            }
            Membership::Host(group, user) => {
                return self.host_membership(db, basis, state, (group, *user), before);
            }
        }
        Ok(Ok(()))
    }

    fn host_membership(
        &mut self,
        db: Db<'_>,
        basis: &Basis,
        state: &State,
        (group, user): (&str, UserId),
        before: &Tie,
    ) -> Step {
        let after = db.host_group_numbers(group)?;
        let several = |noted: &Option<(u32, u32)>| noted.is_some_and(|(least, most)| least != most);
        let renumbered = before.noted.is_some() && after.is_some() && before.noted != after;
        if state.left_out || several(&before.noted) || several(&after) || renumbered {
            return Ok(Err(Everything));
        }
        let gid = match (before.noted, after) {
            (Some((gid, _)), None) => {
                self.groups_go.push(Edit::RemoveGroup { gid });
                gid
            }
            (_, Some((gid, _))) => {
                let taken = db.group_by_name(group)?.is_some()
                    || db.group_by_gid(gid)?.is_some()
                    || basis.own().any(|(own, own_gid)| own == group || own_gid == gid)
                    || db.host_groups_numbered(gid)? > 1;
                if taken {
                    return Ok(Err(Everything));
                }
                self.groups.push(Edit::Group { name: group.to_owned(), gid, external: true });
                if let Some(name) = db.name_of_user(user)? {
                    let is = db.is_membership(&Membership::Host(group.to_owned(), user))?;
                    self.is_in(gid, &name, is, self.renamed.contains(&user));
                }
                gid
            }
            (None, None) => return Ok(Ok(())),
        };
        if basis.rules(gid) {
            self.own.insert(user);
        }
        Ok(Ok(()))
    }

    /// That name is, or is not, in the group. `after`: users have other names by then.
    fn is_in(&mut self, gid: u32, name: &str, is: bool, after: bool) {
        let name = name.to_owned();
        match (is, after) {
            (true, false) => self.joins.push(Edit::Join { gid, name }),
            (true, true) => self.after.push(Edit::Join { gid, name }),
            (false, _) => self.leaves.push(Edit::Leave { gid, name }),
        }
    }

    fn in_order(self) -> Vec<Edit> {
        let Self { users_go, groups_go, groups, joins, users, after, leaves, .. } = self;
        [users_go, groups_go, groups, joins, users, after, leaves].into_iter().flatten().collect()
    }
}
