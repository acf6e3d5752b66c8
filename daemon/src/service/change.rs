//! The one way a mutation goes: transaction, index, effects, events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Error, Service};
use crate::authorize::Actor;
use crate::publish::effect::Effect;
use crate::publish::error::EffectError;
use crate::store::{AuditEntry, Db};

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
}

/// What the outbox holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Owed {
    /// The sudoers file, with the rules of the moment it is written.
    Sudoers,
    /// An effect that is complete as it stands.
    Effect(Effect),
}

/// A change under way, inside its transaction.
pub(crate) struct Change<'a> {
    pub(crate) db: Db<'a>,
    pub(crate) now: i64,
    actor: &'a Actor,
    owed: Vec<Owed>,
    events: Vec<Event>,
    publishes: bool,
}

impl Change<'_> {
    /// Writes the audit row.
    pub(crate) fn audit(
        &self,
        action: &str,
        subject: &str,
        subject_id: &str,
        change: &Value,
    ) -> Result<(), Error> {
        let change = change.to_string();
        self.db.audit(&AuditEntry {
            at: self.now,
            actor_uid: self.actor.uid,
            actor: &self.actor.name,
            via: self.actor.via,
            action,
            subject,
            subject_id,
            change: &change,
        })?;
        tracing::info!(
            actor = %self.actor.name, actor_uid = self.actor.uid, via = self.actor.via,
            action, subject, %change, "account change"
        );
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
        self.publishes = true;
        self.tell(kind, uid, name);
    }

    /// The index must show this change to a group, and listeners hear of it, once.
    pub(crate) fn announce_group(&mut self, kind: EventKind, gid: u32, name: &str) {
        self.publishes = true;
        let event = Event { kind, of: Of::Group(gid), name: name.to_owned() };
        let told = |known: &Event| {
            known.of == event.of
                && (known.kind == kind
                    || (known.kind == EventKind::Added && kind == EventKind::Changed))
        };
        if !self.events.iter().any(told) {
            self.events.push(event);
        }
    }

    /// The members that those groups of ours show have changed.
    pub(crate) fn announce_members(&mut self, groups: &[String]) -> Result<(), Error> {
        for name in groups {
            if let Some(group) = self.db.group_by_name(name)? {
                self.announce_group(EventKind::Changed, group.gid, name);
            }
        }
        Ok(())
    }

    /// Listeners hear of this change, which the index does not show.
    pub(crate) fn tell(&mut self, kind: EventKind, uid: u32, name: &str) {
        self.events.push(Event { kind, of: Of::User(uid), name: name.to_owned() });
    }

    /// The index must show this change.
    pub(crate) fn publish(&mut self) {
        self.publishes = true;
    }
}

impl Service {
    /// Makes a change: all of it, durably, or nothing.
    ///
    /// # Errors
    /// What `change` says; that it would remove the last administrator; that the host cannot carry
    /// out an effect (checked before the commit as far as that goes, and then nothing is written).
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
        let (value, owed, events, publishes) = store.change(|db| {
            let administrators = db.count_administrators(now)?;
            let mut under_way =
                Change { db, now, actor, owed: Vec::new(), events: Vec::new(), publishes: false };
            let value = change(&mut under_way)?;
            let Change { owed, events, publishes, .. } = under_way;
            if administrators > 0 && db.count_administrators(now)? == 0 {
                return Err(Error::LastAdministrator);
            }
            if publishes {
                db.next_generation()?;
            }
            let mut rows = Vec::with_capacity(owed.len());
            for owed in owed {
                let effect = self.materialise(db, &owed, now)?;
                self.host.check(&effect).map_err(|error| effect_error(&effect, &error))?;
                let text = serde_json::to_string(&owed)
                    .map_err(|error| Error::Unavailable(error.to_string()))?;
                rows.push((db.owe(&text, now)?, effect));
            }
            Ok::<_, Error>((value, rows, events, publishes))
        })?;
        let published = if publishes { self.publish_from(store) } else { Ok(()) };
        drop(guard);
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
        // Removing the package removes the file and keeps the store.
        let rules = self.read(|db| super::sudo::rules_in_force(db, now))?;
        if !rules.is_empty()
            && let Err(error) = self.host.carry_out(&Effect::Sudoers { rules })
        {
            self.undone.sudoers(true);
            tracing::error!(%error, "the sudoers file was not written at the start");
        }
        Ok(())
    }

    fn carry_out(&self, id: i64, effect: &Effect) -> Result<(), Error> {
        let done = self.host.carry_out(effect);
        if matches!(effect, Effect::Sudoers { .. }) {
            self.undone.sudoers(done.is_err());
        }
        done.map_err(|error| {
            tracing::error!(id, %error, "a host effect failed and stays in the outbox");
            effect_error(effect, &error)
        })?;
        self.note(|db| Ok(db.settle(id)?))
    }

    fn materialise(&self, db: Db<'_>, owed: &Owed, now: i64) -> Result<Effect, Error> {
        match owed {
            Owed::Sudoers => Ok(Effect::Sudoers { rules: super::sudo::rules_in_force(db, now)? }),
            Owed::Effect(effect) => Ok(effect.clone()),
        }
    }
}

fn effect_error(effect: &Effect, error: &EffectError) -> Error {
    match effect {
        Effect::CreateHome { .. }
        | Effect::ArchiveHome { .. }
        | Effect::PurgeHome { .. }
        | Effect::MoveHome { .. } => Error::HomeDirectory(error.to_string()),
        Effect::Sudoers { .. } | Effect::EndSessions { .. } | Effect::Samba { .. } => {
            Error::HostEffect(error.to_string())
        }
    }
}
