//! The one way a mutation goes: transaction, index, effects, events. A rehearsal goes the same way,
//! up to where something would become true.

use std::cell::RefCell;
use std::collections::HashMap;

use accounts::UserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::index::Showing;
use super::plan::{self, Changed, Comparison, Plan, Watcher, Weighed};
use super::{Error, Service};
use crate::authorize::Actor;
use crate::publish::effect::Effect;
use crate::publish::error::EffectError;
use crate::store::{AuditEntry, Db, Numbers};

/// What happened to a user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Added,
    /// Its record changed.
    Changed,
    /// It was deleted.
    Removed,
}

/// Whose record an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A user's, by number.
    User(u32),
    /// A group's, by number.
    Group(u32),
    /// More than anybody wants to hear of one by one: so many users.
    Many(u64),
}

/// A committed change to a user or a group of ours, for those who listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub of: Of,
    /// The name, after the change.
    pub name: String,
    /// Of a group: whether somebody joined or left it.
    pub members: bool,
}

/// What the outbox holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Owed {
    /// The sudoers file, with the rules of the moment it is written.
    Sudoers,
    /// An effect that is complete as it stands.
    Effect(Effect),
}

/// An audit row to be.
struct Entry {
    action: String,
    subject: String,
    subject_id: String,
    /// What the verb says beside what a comparison shows.
    said: Value,
}

/// A change under way, inside its transaction.
pub(crate) struct Change<'a> {
    pub(crate) db: Db<'a>,
    pub(crate) now: i64,
    entries: RefCell<Vec<Entry>>,
    planned: RefCell<Vec<Changed>>,
    owed: Vec<Owed>,
    events: Events,
    publishes: Publishes,
    used: Numbers,
}

/// What of a change the index shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Publishes {
    Nothing,
    /// What the change has touched.
    Touched,
    /// All that there is.
    Everything,
}

/// What listeners hear of, each thing once.
#[derive(Debug, Default)]
struct Events {
    all: Vec<Event>,
    /// Where the event of each group is.
    groups: HashMap<u32, usize>,
}

impl<'a> Change<'a> {
    /// A change that begins.
    pub(super) fn new(db: Db<'a>, now: i64) -> Self {
        Self {
            db,
            now,
            entries: RefCell::default(),
            planned: RefCell::default(),
            owed: Vec::new(),
            events: Events::default(),
            publishes: Publishes::Nothing,
            used: Numbers::default(),
        }
    }

    /// What has gathered so far, beside the rows: for a change of many rows, which keeps none of it
    /// in memory.
    pub(super) fn take_gathered(&mut self) -> Gathered {
        Gathered {
            owed: std::mem::take(&mut self.owed),
            events: std::mem::take(&mut self.events).all,
            used: std::mem::take(&mut self.used),
        }
    }

    /// What a plan is to show beside what a comparison finds.
    pub(super) fn take_planned(&self) -> Vec<Changed> {
        self.planned.take()
    }
}

/// What gathers in a change beside the rows.
pub(super) struct Gathered {
    pub(super) owed: Vec<Owed>,
    pub(super) events: Vec<Event>,
    pub(super) used: Numbers,
}

impl Change<'_> {
    /// Gives a uid out, for good.
    pub(crate) fn use_uid(&mut self, uid: u32) -> Result<(), Error> {
        self.used.uids.insert(uid);
        Ok(self.db.use_uid(uid)?)
    }

    /// Gives a gid out, for good.
    pub(crate) fn use_gid(&mut self, gid: u32) -> Result<(), Error> {
        self.used.gids.insert(gid);
        Ok(self.db.use_gid(gid)?)
    }

    /// The change gets an audit row. Every field of a user or group that changes stands in it by
    /// itself, with its values before and after; `change` is for what else is worth telling, and
    /// never holds a secret. What is touched and is no row's subject belongs to the last row.
    pub(crate) fn audit(
        &self,
        action: &str,
        subject: &str,
        subject_id: &str,
        change: &Value,
    ) -> Result<(), Error> {
        self.entries.borrow_mut().push(Entry {
            action: action.to_owned(),
            subject: subject.to_owned(),
            subject_id: subject_id.to_owned(),
            said: change.clone(),
        });
        Ok(())
    }

    /// A plan shows this change too, of what is no user and no group.
    pub(crate) fn planned(&self, kind: &str, name: &str, field: &str, from: &Value, to: &Value) {
        let thing = (kind.to_owned(), name.to_owned(), String::new());
        self.planned.borrow_mut().push(Changed::new(thing, field.to_owned(), from, to));
    }

    /// What the host still owes the deletion of this user, because it failed then, must not be done
    /// to a user that is there again: sessions need not end any more, and homes have to be settled
    /// first.
    pub(crate) fn take_back_deletion(&self, uid: u32) -> Result<(), Error> {
        for (id, text) in self.db.owed()? {
            match serde_json::from_str(&text) {
                Ok(Owed::Effect(Effect::EndSessions { uid: of })) if of == uid => {
                    self.db.settle(id)?;
                }
                Ok(Owed::Effect(
                    Effect::ArchiveHome { path, uid: of, .. }
                    | Effect::PurgeHome { path, uid: of }
                    | Effect::RestoreHome { path, uid: of, .. },
                )) if of == uid => {
                    return Err(Error::HomeDirectory(format!(
                        "{path} could not be moved or erased when its user was deleted, and still \
                         is to be: see the log of rosterd, and restart it to try again"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The host owes this effect once the change is committed.
    pub(crate) fn owe(&mut self, effect: Effect) {
        self.owed.push(Owed::Effect(effect));
    }

    /// The sudoers file must be written again once the change is committed.
    pub(crate) fn owe_sudoers(&mut self) {
        if !self.owed.contains(&Owed::Sudoers) {
            self.owed.push(Owed::Sudoers);
        }
    }

    /// The index must show this change, and listeners hear of it.
    pub(crate) fn announce(&mut self, kind: EventKind, uid: u32, name: &str) {
        self.shows();
        self.tell(kind, uid, name);
    }

    /// The index must show this change to a group, and listeners hear of it, once.
    pub(crate) fn announce_group(&mut self, kind: EventKind, gid: u32, name: &str) {
        self.tell_group(kind, gid, name, false);
    }

    /// The members that a group of ours shows have changed.
    pub(crate) fn announce_members(&mut self, gid: u32, name: &str) {
        self.tell_group(EventKind::Changed, gid, name, true);
    }

    /// The members that the groups of ours show which a user is in have changed.
    pub(crate) fn announce_members_of(&mut self, user: UserId) -> Result<(), Error> {
        for (gid, name) in self.db.own_group_numbers_of(user)? {
            self.announce_members(gid, &name);
        }
        Ok(())
    }

    fn tell_group(&mut self, kind: EventKind, gid: u32, name: &str, members: bool) {
        self.shows();
        let Events { all, groups } = &mut self.events;
        if let Some(known) = groups.get(&gid).and_then(|at| all.get_mut(*at))
            && (known.kind == kind
                || (known.kind == EventKind::Added && kind == EventKind::Changed))
        {
            known.members |= members;
            return;
        }
        groups.insert(gid, all.len());
        all.push(Event { kind, of: Of::Group(gid), name: name.to_owned(), members });
    }

    /// Listeners hear of this change, which the index does not show.
    pub(crate) fn tell(&mut self, kind: EventKind, uid: u32, name: &str) {
        let (of, name) = (Of::User(uid), name.to_owned());
        self.events.all.push(Event { kind, of, name, members: false });
    }

    /// The index must show what this change has touched.
    pub(crate) fn shows(&mut self) {
        self.publishes = self.publishes.max(Publishes::Touched);
    }

    /// The index must be made anew: the change reaches beyond what it touches.
    pub(crate) fn publish(&mut self) {
        self.publishes = Publishes::Everything;
    }
}

impl Service {
    /// Makes a change: all of it, durably, or nothing.
    ///
    /// # Errors
    /// What `change` says; that it would remove the last administrator; that the host cannot carry
    /// out an effect (checked before the commit as far as that goes, and then nothing is written).
    /// [`Error::Planned`], whenever nothing else, for an actor that rehearses.
    pub(crate) fn change<T>(
        &self,
        actor: &Actor,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.now();
        // Taken first: effects are carried out in the order of their commits.
        let order = self.effects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut guard = self.lock_store();
        let store = guard.as_mut().map_err(|reason| Error::Unavailable(reason.clone()))?;
        let (value, owed, events, showing) = store.change(|db| {
            let before = administrators(db, now)?;
            let rules_before = match actor.rehearses() {
                true => super::sudo::rules_in_force(db, now)?,
                false => Vec::new(),
            };
            let watcher = Watcher::new(self, now);
            let mut under_way = Change::new(db.watched(&watcher), now);
            let value = change(&mut under_way)?;
            let Change { entries, planned, owed, events, publishes, used, .. } = under_way;
            let after = administrators(db, now)?;
            if before.iter().zip(after).any(|(before, after)| *before > 0 && after == 0) {
                return Err(Error::LastAdministrator);
            }
            let mut effects = Vec::with_capacity(owed.len());
            for owed in owed {
                let effect = self.materialise(db, &owed, now)?;
                self.host.check(&effect).map_err(|error| effect_error(&effect, &error))?;
                effects.push((owed, effect));
            }
            let (comparisons, seen) = watcher.compare(db)?;
            let entries = entries.into_inner();
            if actor.rehearses() {
                // By an error, and so without a commit: nobody goes on from here.
                let effects: Vec<&Effect> = effects.iter().map(|(_, effect)| effect).collect();
                let weighed = Weighed {
                    db,
                    comparisons: &comparisons,
                    effects: &effects,
                    administrators: (before[0], after[0]),
                };
                let warnings = weighed.warnings(self)?;
                let effects = effects
                    .iter()
                    .filter_map(|effect| plan::describe(&self.host, effect, &rules_before))
                    .collect();
                let subject = entries.last().map(|entry| entry.subject.clone());
                let mut changes = planned.into_inner();
                changes.extend(comparisons.into_iter().flat_map(|thing| thing.changes));
                let plan = Plan::new(subject.unwrap_or_default(), changes, effects, warnings);
                return Err(Error::Planned(Box::new(plan)));
            }
            let goes = events.all.iter().any(|event| event.kind == EventKind::Removed);
            self.forget_at_samba(effects.iter().map(|(_, effect)| effect), goes)?;
            write_audit(db, now, actor, &entries, &comparisons)?;
            let mut rows = Vec::with_capacity(effects.len());
            for (owed, effect) in effects {
                let text = serde_json::to_string(&owed)
                    .map_err(|error| Error::Unavailable(error.to_string()))?;
                rows.push((db.owe(&text, now)?, effect));
            }
            let showing = match publishes {
                Publishes::Nothing => Showing::Nothing,
                Publishes::Touched => {
                    let generation = db.next_generation()?;
                    self.edits(db, &seen, generation)?
                }
                Publishes::Everything => {
                    db.next_generation()?;
                    Showing::Everything
                }
            };
            // Last: a number in the journal is never given out again, also if this comes to nothing.
            self.journal.append(&used)?;
            Ok::<_, Error>((value, rows, events.all, showing))
        })?;
        let published = self.publish_from(store, showing);
        drop(guard);
        self.mirror_audit();
        let mut failure = None;
        for (id, effect) in owed {
            if let Err(error) = self.carry_out(id, &effect) {
                failure.get_or_insert(error);
            }
        }
        drop(order);
        for event in events {
            // No listener is no error.
            let _ = self.events.send(event);
        }
        published?;
        match failure {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }

    /// Writes bookkeeping of logins, which neither the index nor the audit log shows.
    pub(crate) fn note<T>(
        &self,
        note: impl FnOnce(Db<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &mut *self.lock_store() {
            Ok(store) => store.change(note),
            Err(reason) => Err(Error::Unavailable(reason.clone())),
        }
    }

    /// Carries out what the outbox still holds: what a crash left behind.
    ///
    /// # Errors
    /// When the outbox cannot be read; a failing effect is logged and stays in it.
    pub fn replay_outbox(&self) -> Result<(), Error> {
        let _order = self.effects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.now();
        let owed = self.read(|db| {
            let mut effects = Vec::new();
            for (id, text) in db.owed()? {
                match serde_json::from_str::<Owed>(&text) {
                    Ok(owed) => effects.push((id, self.materialise(db, &owed, now)?)),
                    Err(error) => tracing::error!(id, %error, "the outbox holds an unknown effect"),
                }
            }
            Ok(effects)
        })?;
        for (id, effect) in owed {
            // Logged there; the next start tries again.
            let _ = self.carry_out(id, &effect);
        }
        // Removing the package removes the file and keeps the store; and accounts may have expired.
        if let Err(error) = self.write_sudoers() {
            tracing::error!(%error, "the sudoers file was not written at the start");
        }
        Ok(())
    }

    pub(super) fn carry_out(&self, id: i64, effect: &Effect) -> Result<(), Error> {
        let done = match effect {
            Effect::Sudoers { rules } => self.show_sudoers(rules),
            effect => self.host.carry_out(effect),
        };
        done.map_err(|error| {
            tracing::error!(id, %error, "a host effect failed and stays in the outbox");
            effect_error(effect, &error)
        })?;
        self.note(|db| Ok(db.settle(id)?))
    }

    pub(super) fn materialise(&self, db: Db<'_>, owed: &Owed, now: i64) -> Result<Effect, Error> {
        match owed {
            Owed::Sudoers => Ok(Effect::Sudoers { rules: super::sudo::rules_in_force(db, now)? }),
            Owed::Effect(effect) => Ok(effect.clone()),
        }
    }
}

/// Writes the audit rows of a change.
fn write_audit(
    db: Db<'_>,
    now: i64,
    actor: &Actor,
    entries: &[Entry],
    comparisons: &[Comparison],
) -> Result<(), Error> {
    for (n, entry) in entries.iter().enumerate() {
        let Entry { action, subject, subject_id, said } = entry;
        let is_last = n + 1 == entries.len();
        let belongs = |comparison: &&Comparison| {
            comparison.is(subject_id)
                || (is_last && !entries.iter().any(|entry| comparison.is(&entry.subject_id)))
        };
        let own: Vec<_> = comparisons.iter().filter(belongs).collect();
        let change = plan::row(said, subject_id, &own);
        db.audit(&AuditEntry {
            at: now,
            actor_uid: actor.uid,
            actor: &actor.name,
            via: actor.via,
            action,
            subject,
            subject_id,
            change: &change,
        })?;
    }
    Ok(())
}

/// Administrators who can get in now, and those who still can when all that has an end has ended:
/// otherwise the last one would be removed by waiting.
fn administrators(db: Db<'_>, now: i64) -> Result<[u64; 2], Error> {
    Ok([db.count_administrators(now)?, db.count_administrators(i64::MAX)?])
}

pub(super) fn effect_error(effect: &Effect, error: &EffectError) -> Error {
    match effect {
        Effect::CreateHome { .. }
        | Effect::ArchiveHome { .. }
        | Effect::PurgeHome { .. }
        | Effect::RestoreHome { .. }
        | Effect::PurgeArchive { .. }
        | Effect::MoveHome { .. } => Error::HomeDirectory(error.to_string()),
        Effect::Sudoers { .. } | Effect::EndSessions { .. } | Effect::Samba { .. } => {
            Error::HostEffect(error.to_string())
        }
    }
}
