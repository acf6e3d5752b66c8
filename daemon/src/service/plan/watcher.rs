//! Keeps what things were before a change, and compares it with what they are after it.

use std::cell::RefCell;

use super::super::{Error, Service};
use super::Facts;
use super::difference::{Changed, difference};
use crate::store::{Db, Touched, Watch};

/// Hears of everything that a change touches.
pub(in crate::service) struct Watcher<'s> {
    service: &'s Service,
    now: i64,
    /// In the order in which they were touched.
    seen: RefCell<Vec<(Touched, Option<Facts>)>>,
    /// What went wrong while looking: the change fails for it.
    failure: RefCell<Option<Error>>,
}

/// One thing, before and after a change.
#[derive(Debug)]
pub(in crate::service) struct Comparison {
    pub(super) before: Option<Facts>,
    pub(super) after: Option<Facts>,
    /// The difference, field by field.
    pub(in crate::service) changes: Vec<Changed>,
}

impl Comparison {
    /// Whether it is the thing with that identifier.
    pub(in crate::service) fn is(&self, id: &str) -> bool {
        !id.is_empty() && self.latest().is_some_and(|facts| facts.id == id)
    }

    /// The thing's latest facts; one that was made and deleted again has none.
    pub(super) fn latest(&self) -> Option<&Facts> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

impl<'s> Watcher<'s> {
    /// A watcher of one change.
    pub(in crate::service) fn new(service: &'s Service, now: i64) -> Self {
        Self { service, now, seen: RefCell::default(), failure: RefCell::default() }
    }

    fn look(&self, db: Db<'_>, thing: Touched) -> Result<Option<Facts>, Error> {
        match thing {
            Touched::User(id) => Facts::of_user(db, id, self.now),
            Touched::Group(id) => Facts::of_group(db, id),
            Touched::HostGroup(gid) => {
                let host = self.service.local_accounts()?;
                let name = host.group_by_gid(gid).map(|group| group.name.clone());
                let name = name.unwrap_or_else(|| format!("#{gid}"));
                Facts::of_host_group(db, gid, name).map(Some)
            }
        }
    }

    /// What was touched, compared.
    ///
    /// # Errors
    /// When something could not be read, now or before it was touched.
    pub(in crate::service) fn compare(self, db: Db<'_>) -> Result<Vec<Comparison>, Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let seen = self.seen.take().into_iter();
        seen.map(|(thing, before)| {
            let after = self.look(db, thing)?;
            let changes = difference(before.as_ref(), after.as_ref());
            Ok(Comparison { before, after, changes })
        })
        .collect()
    }
}

impl Watch for Watcher<'_> {
    fn touches(&self, db: Db<'_>, thing: Touched) {
        if self.seen.borrow().iter().any(|(seen, _)| *seen == thing) {
            return;
        }
        match self.look(db, thing) {
            Ok(facts) => self.seen.borrow_mut().push((thing, facts)),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
            }
        }
    }
}
