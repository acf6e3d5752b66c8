//! One transaction for many users. What a change keeps in memory until it is committed would grow
//! with the number of them, and does not here: audit rows are chained as they come, owed effects go
//! to the outbox at once, numbers wait in a file for the journal.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::spool;
use crate::authorize::Actor;
use crate::publish::effect::Effect;
use crate::service::change::{Change, Event, Gathered, Of, Owed, effect_error};
use crate::service::index::Showing;
use crate::service::plan::Watcher;
use crate::service::{Error, EventKind, Service};
use crate::store::{AuditEntry, AuditTail};

/// Users and groups that listeners hear of one by one; of more they hear at once.
const MOST_EVENTS: u64 = 500;
/// Effects, and fields, that a plan shows.
const MOST_PLANNED: usize = 1000;
/// Owed effects that are read at a time.
const PAGE: u32 = 64;

/// Many users under way, inside their transaction.
pub(super) struct Bulk<'a> {
    service: &'a Service,
    actor: &'a Actor,
    pub(super) change: Change<'a>,
    tail: AuditTail,
    numbers: BufWriter<File>,
    /// The outbox rows of this transaction, which follow each other.
    owed: Option<(i64, i64)>,
    owes_sudoers: bool,
    events: Vec<Event>,
    created: u64,
    /// For a plan.
    effects: Vec<Effect>,
    planned: usize,
}

/// What is to be done once the transaction is committed.
struct Done {
    owed: Option<(i64, i64)>,
    events: Vec<Event>,
    created: u64,
    generation: u64,
}

/// While it is there, those who only read do so beside the store.
struct Aside<'s>(&'s AtomicBool);

impl<'s> Aside<'s> {
    fn new(flag: &'s AtomicBool) -> Self {
        flag.store(true, Ordering::Release);
        Self(flag)
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Bulk<'_> {
    /// Whether this is a rehearsal.
    pub(super) const fn rehearses(&self) -> bool {
        self.actor.rehearses()
    }

    /// Adds an audit row.
    pub(super) fn audit(
        &mut self,
        action: &str,
        subject: &str,
        subject_id: &str,
        change: &str,
    ) -> Result<(), Error> {
        let Actor { uid, name, via, .. } = self.actor;
        let entry = AuditEntry {
            at: self.change.now,
            actor_uid: *uid,
            actor: name,
            via,
            action,
            subject,
            subject_id,
            change,
        };
        Ok(self.change.db.audit_at(&mut self.tail, &entry)?)
    }

    /// Puts away what the latest user has gathered.
    pub(super) fn put_away(&mut self) -> Result<(), Error> {
        let Gathered { owed, events, used } = self.change.take_gathered();
        used.write_to(&mut self.numbers).map_err(unwritten)?;
        for owed in owed {
            match owed {
                Owed::Sudoers => self.owes_sudoers = true,
                Owed::Effect(effect) => self.owe(effect)?,
            }
        }
        for event in events {
            // A group that exists changes with each user who joins: once is enough.
            if (self.events.len() as u64) <= MOST_EVENTS && !self.events.contains(&event) {
                self.events.push(event);
            }
        }
        self.created += 1;
        Ok(())
    }

    /// Forgets what a user has gathered who comes to nothing.
    pub(super) fn throw_away(&mut self) {
        let _ = self.change.take_gathered();
    }

    fn owe(&mut self, effect: Effect) -> Result<(), Error> {
        let check = self.service.host.check(&effect);
        check.map_err(|error| effect_error(&effect, &error))?;
        if self.rehearses() && self.effects.len() < MOST_PLANNED {
            self.effects.push(effect.clone());
        }
        self.write_owed(&Owed::Effect(effect))
    }

    fn write_owed(&mut self, owed: &Owed) -> Result<(), Error> {
        let text =
            serde_json::to_string(owed).map_err(|error| Error::Unavailable(error.to_string()))?;
        let id = self.change.db.owe(&text, self.change.now)?;
        self.owed = Some((self.owed.map_or(id, |(first, _)| first), id));
        Ok(())
    }

    /// A plan shows the user, as one of the first.
    pub(super) fn plan(&mut self, name: &str, uid: u32, given: Vec<(String, Value)>) {
        if !self.rehearses() || self.planned >= MOST_PLANNED {
            return;
        }
        let mut fields = vec![("uid".to_owned(), Value::from(uid))];
        fields.extend(given);
        self.planned += fields.len();
        for (field, value) in fields {
            self.change.planned("user", name, &field, &Value::Null, &value);
        }
    }

    /// The effects that a plan shows.
    pub(super) fn planned_effects(&mut self) -> Result<Vec<Effect>, Error> {
        let mut effects = std::mem::take(&mut self.effects);
        if self.owes_sudoers {
            let owed = self.service.materialise(self.change.db, &Owed::Sudoers, self.change.now)?;
            effects.push(owed);
        }
        Ok(effects)
    }

    /// The last of the transaction.
    fn finish(mut self) -> Result<Done, Error> {
        let db = self.change.db;
        if self.owes_sudoers {
            let sudoers = self.service.materialise(db, &Owed::Sudoers, self.change.now)?;
            let check = self.service.host.check(&sudoers);
            check.map_err(|error| effect_error(&sudoers, &error))?;
            self.write_owed(&Owed::Sudoers)?;
        }
        let generation = if self.created > 0 { db.next_generation()? } else { 0 };
        db.settle_audit(&self.tail)?;
        // Last: a number in the journal is never given out again, also if this comes to nothing.
        if self.created > 0 {
            self.numbers.flush().map_err(unwritten)?;
            self.service.journal.append_all(self.numbers.get_ref())?;
        }
        Ok(Done { owed: self.owed, events: self.events, created: self.created, generation })
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Unavailable(format!("the numbers of an import: {error}"))
}

impl Service {
    /// Creates many users: all of what `work` does, durably, or nothing. The index shows them when
    /// this ends, made anew if they are `too_many` to be shown one by one. Answers how many of the
    /// owed effects failed.
    pub(super) fn in_bulk<T>(
        &self,
        actor: &Actor,
        too_many: bool,
        publishing: impl FnOnce(),
        work: impl FnOnce(&mut Bulk<'_>) -> Result<T, Error>,
    ) -> Result<(T, u64), Error> {
        let now = self.now();
        let numbers = spool::unnamed(self.store_directory()).map_err(unwritten)?;
        // Taken first: effects are carried out in the order of their commits.
        let order = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut guard = self.lock_store();
        let store = guard.as_mut().map_err(|reason| Error::Unavailable(reason.clone()))?;
        let aside = Aside::new(&self.held_long);
        store.make_room(true);
        let written = store.change(|db| {
            let watcher = (!too_many).then(|| Watcher::new(self, now));
            let watched = watcher.as_ref().map_or(db, |watcher| db.watched(watcher));
            let mut bulk = Bulk {
                service: self,
                actor,
                change: Change::new(watched, now),
                tail: db.audit_tail()?,
                numbers: BufWriter::new(numbers),
                owed: None,
                owes_sudoers: false,
                events: Vec::new(),
                created: 0,
                effects: Vec::new(),
                planned: 0,
            };
            let value = work(&mut bulk)?;
            let done = bulk.finish()?;
            let showing = match (done.created, watcher) {
                (0, _) => Showing::Nothing,
                (_, Some(watcher)) => self.edits(db, &watcher.into_seen()?, done.generation)?,
                (_, None) => Showing::Everything,
            };
            Ok::<_, Error>((value, done, showing))
        });
        store.make_room(false);
        let (value, done, showing) = written?;
        publishing();
        let published = self.publish_from(store, showing);
        drop(guard);
        drop(aside);
        let failures = self.carry_out_owed(done.owed);
        drop(order);
        self.tell(done.events, done.created);
        published?;
        Ok((value, failures?))
    }

    /// Carries out what stands in the outbox between two rows; a failing effect stays there.
    fn carry_out_owed(&self, owed: Option<(i64, i64)>) -> Result<u64, Error> {
        let Some((mut first, last)) = owed else { return Ok(0) };
        let mut failures = 0;
        loop {
            let now = self.now();
            let page = self.read(|db| {
                let mut page = Vec::new();
                for (id, text) in db.owed_between((first, last), PAGE)? {
                    let owed: Owed = serde_json::from_str(&text)
                        .map_err(|error| Error::Unavailable(error.to_string()))?;
                    page.push((id, self.materialise(db, &owed, now)?));
                }
                Ok(page)
            })?;
            let Some((latest, _)) = page.last() else { return Ok(failures) };
            first = latest + 1;
            for (id, effect) in page {
                // Logged there.
                failures += u64::from(self.carry_out(id, &effect).is_err());
            }
        }
    }

    fn tell(&self, events: Vec<Event>, created: u64) {
        let many = events.len() as u64 > MOST_EVENTS;
        let all = Event {
            kind: EventKind::Added,
            of: Of::Many(created),
            name: String::new(),
            members: false,
        };
        let events = if many { vec![all] } else { events };
        for event in events {
            // No listener is no error.
            let _ = self.events.send(event);
        }
    }
}

/// What an audit row says of a user that was imported.
pub(super) fn audited(line: u64, uid: u32, given: &str) -> String {
    format!("{{\"line\":{line},\"uid\":{{\"from\":null,\"to\":{uid}}}{given}}}")
}
