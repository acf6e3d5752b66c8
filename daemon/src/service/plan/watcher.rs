//! Keeps what things were before a change, and compares it with what they are after it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::super::{Error, Service};
use super::difference::{Changed, Entries, difference};
use super::{Facts, Tie};
use crate::store::{Db, Membership, Names, Touched, Watch};

/// Groups of a user who goes that are kept: each may be one that gives power.
const MOST_GROUPS: u32 = 4096;
/// Members of a group that goes that are kept.
const MOST_MEMBERS: u32 = 64;

/// Hears of everything that a change touches.
pub(in crate::service) struct Watcher<'s> {
    service: &'s Service,
    now: i64,
    seen: RefCell<Seen>,
    /// What went wrong while looking: the change fails for it.
    failure: RefCell<Option<Error>>,
}

/// What was touched, in the order in which it was, and what it was before.
#[derive(Debug, Default)]
pub(in crate::service) struct Seen {
    known: HashSet<Touched>,
    pub(in crate::service) things: Vec<(Touched, Before)>,
}

/// What a thing was before it was touched.
#[derive(Debug)]
pub(in crate::service) enum Before {
    /// Of a user or group; `None` when it was not there.
    Facts(Option<Box<Facts>>),
    /// Of a membership.
    Tie(Box<Tie>),
    /// Of all memberships of a thing.
    Names(Names),
}

/// One thing, before and after a change.
#[derive(Debug)]
pub(in crate::service) struct Comparison {
    /// `user` or `group`, its name after the change, and its identifier.
    pub(super) whose: (&'static str, String, String),
    pub(super) before: Option<Facts>,
    pub(super) after: Option<Facts>,
    /// Groups that a user joins, or members that a group gains.
    pub(super) joins: Entries,
    /// Groups that a user leaves, or members that a group loses.
    pub(super) leaves: Entries,
    /// The difference, field by field.
    pub(in crate::service) changes: Vec<Changed>,
}

impl Comparison {
    /// Whether it is the thing with that identifier.
    pub(in crate::service) fn is(&self, id: &str) -> bool {
        !id.is_empty() && self.whose.2 == id
    }

    /// The thing's latest facts; one that was made and deleted again has none.
    pub(super) fn latest(&self) -> Option<&Facts> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Adds the memberships to what changed.
    fn tell_memberships(&mut self) {
        if self.joins.is_empty() && self.leaves.is_empty() {
            return;
        }
        let (kind, name, id) = self.whose.clone();
        // What was made a moment ago is known by no identifier yet.
        let id = if self.before.is_none() && self.after.is_some() { String::new() } else { id };
        let field = if kind == "user" { "groups" } else { "members" };
        let whose = (kind.to_owned(), name, id);
        self.changes.push(Changed::of_list(whose, field, &self.joins, &self.leaves));
    }
}

impl<'s> Watcher<'s> {
    /// A watcher of one change.
    pub(in crate::service) fn new(service: &'s Service, now: i64) -> Self {
        Self { service, now, seen: RefCell::default(), failure: RefCell::default() }
    }

    fn facts(&self, db: Db<'_>, thing: &Touched) -> Result<Option<Facts>, Error> {
        match thing {
            Touched::User(id) => Facts::of_user(db, *id, self.now),
            Touched::Group(id) => Facts::of_group(db, *id),
            Touched::HostGroup(gid) => {
                let host = self.service.local_accounts()?;
                let name = host.group_by_gid(*gid).map(|group| group.name.clone());
                let name = name.unwrap_or_else(|| format!("#{gid}"));
                Facts::of_host_group(db, *gid, name).map(Some)
            }
            Touched::Membership(_) | Touched::EveryGroupOf(_) | Touched::EveryMemberOf(_) => {
                Ok(None)
            }
        }
    }

    fn look(&self, db: Db<'_>, thing: &Touched) -> Result<Before, Error> {
        Ok(match thing {
            Touched::User(_) | Touched::Group(_) | Touched::HostGroup(_) => {
                Before::Facts(self.facts(db, thing)?.map(Box::new))
            }
            Touched::Membership(membership) => Before::Tie(Box::new(Tie::of(db, membership)?)),
            Touched::EveryGroupOf(user) => Before::Names(db.some_groups_of(*user, MOST_GROUPS)?),
            Touched::EveryMemberOf(group) => {
                Before::Names(db.some_members_of(*group, MOST_MEMBERS)?)
            }
        })
    }

    /// What was touched, and what it was before.
    ///
    /// # Errors
    /// When something could not be read before it was touched.
    pub(in crate::service) fn into_seen(self) -> Result<Seen, Error> {
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok(self.seen.take()),
        }
    }

    /// What was touched, compared; and what it was before.
    ///
    /// # Errors
    /// When something could not be read, now or before it was touched.
    pub(in crate::service) fn compare(self, db: Db<'_>) -> Result<(Vec<Comparison>, Seen), Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let seen = self.seen.take();
        let mut found = Found::default();
        for (thing, before) in &seen.things {
            let Before::Facts(before) = before else { continue };
            let (before, after) = (before.as_deref().cloned(), self.facts(db, thing)?);
            let changes = difference(before.as_ref(), after.as_ref());
            let latest = after.as_ref().or(before.as_ref());
            let whose = latest.map_or_else(Default::default, |facts| {
                (facts.kind, facts.name.clone(), facts.id.clone())
            });
            let (joins, leaves) = (Entries::default(), Entries::default());
            found.at.insert(thing.clone(), found.all.len());
            found.all.push(Comparison { whose, before, after, joins, leaves, changes });
        }
        for (thing, before) in &seen.things {
            match (thing, before) {
                (Touched::Membership(membership), Before::Tie(before)) => {
                    found.tie(membership, before, &Tie::of(db, membership)?);
                }
                (Touched::EveryGroupOf(user), Before::Names(names)) => {
                    found.leave(&Touched::User(*user), names);
                }
                (Touched::EveryMemberOf(group), Before::Names(names)) => {
                    found.leave(&Touched::Group(*group), names);
                }
                _ => {}
            }
        }
        found.all.iter_mut().for_each(Comparison::tell_memberships);
        Ok((found.all, seen))
    }
}

/// Comparisons, and where that of each thing is.
#[derive(Default)]
struct Found {
    all: Vec<Comparison>,
    at: HashMap<Touched, usize>,
}

impl Found {
    /// The thing's comparison, made if it is not there: nothing but memberships of it has changed.
    fn of(
        &mut self,
        thing: Touched,
        kind: &'static str,
        name: &str,
        id: String,
    ) -> Option<&mut Comparison> {
        let next = self.all.len();
        let at = *self.at.entry(thing).or_insert(next);
        if at == next {
            let (joins, leaves) = (Entries::default(), Entries::default());
            let (whose, before, after) = ((kind, name.to_owned(), id), None, None);
            let changes = Vec::new();
            self.all.push(Comparison { whose, before, after, joins, leaves, changes });
        }
        self.all.get_mut(at)
    }

    /// A membership is told of the user, unless the verb is about the group: then of the group.
    fn tie(&mut self, membership: &Membership, before: &Tie, after: &Tie) {
        if before.is == after.is {
            return;
        }
        let group = after.group_name().or(before.group_name()).unwrap_or_default();
        let member = after.member.as_deref().or(before.member.as_deref()).unwrap_or_default();
        let (user, ours) = match membership {
            Membership::Ours(group, user) => (Some(*user), Some(*group)),
            Membership::Local(group, _) => (None, Some(*group)),
            Membership::Host(_, user) => (Some(*user), None),
        };
        let of_group =
            ours.filter(|group| user.is_none() || self.at.contains_key(&Touched::Group(*group)));
        let of_user =
            user.filter(|user| of_group.is_none() || self.at.contains_key(&Touched::User(*user)));
        let tell = |whose: Option<&mut Comparison>, entry: &str| {
            if let Some(whose) = whose {
                let list = if after.is { &mut whose.joins } else { &mut whose.leaves };
                list.some.push(entry.to_owned());
            }
        };
        if let Some(id) = of_group {
            tell(self.of(Touched::Group(id), "group", group, id.to_string()), member);
        }
        if let Some(id) = of_user {
            tell(self.of(Touched::User(id), "user", member, id.to_string()), group);
        }
    }

    /// All memberships of a thing that goes, in groups of ours.
    fn leave(&mut self, thing: &Touched, names: &Names) {
        if let Some(whose) = self.at.get(thing).and_then(|at| self.all.get_mut(*at))
            && whose.after.is_none()
        {
            whose.leaves.some.extend(names.first.iter().cloned());
            whose.leaves.more += names.total.saturating_sub(names.first.len() as u64);
        }
    }
}

impl Watch for Watcher<'_> {
    fn touches(&self, db: Db<'_>, thing: Touched) {
        if self.seen.borrow().known.contains(&thing) {
            return;
        }
        match self.look(db, &thing) {
            Ok(before) => {
                let mut seen = self.seen.borrow_mut();
                seen.known.insert(thing.clone());
                seen.things.push((thing, before));
            }
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
            }
        }
    }
}
