//! Making good what trouble has left undone, once the trouble is over: nobody has to restart the
//! daemon because a disk was full for an hour.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::{Error, Service, sudo};
use crate::publish::effect::{Effect, SudoRule};
use crate::publish::error::EffectError;
use crate::store::StoreError;

/// What is to be tried again.
#[derive(Debug, Default)]
pub(super) struct Undone {
    store: AtomicBool,
    index: AtomicBool,
    sudoers: AtomicBool,
}

impl Undone {
    /// The store could not be opened for that reason.
    pub(super) fn store(&self, reason: &StoreError) {
        self.store.store(reason.may_pass(), SeqCst);
    }

    /// Whether the index shows less than the store holds.
    pub(super) fn is_index(&self) -> bool {
        self.index.load(SeqCst)
    }

    /// The index shows less than the store holds, or no longer.
    pub(super) fn index(&self, is: bool) {
        self.index.store(is, SeqCst);
    }

    /// Whether the sudoers file holds other rules than the store.
    pub(super) fn sudoers(&self, is: bool) {
        self.sudoers.store(is, SeqCst);
    }
}

impl Service {
    /// Tries again what has failed: opening the store (unless what is there must be left alone),
    /// publishing the index, writing the sudoers file. Cheap when nothing has failed.
    ///
    /// # Errors
    /// When it fails again.
    pub fn recover(&self) -> Result<(), Error> {
        if self.undone.store.load(SeqCst) {
            self.open_again()?;
        }
        if self.undone.index.load(SeqCst) {
            self.publish()?;
            tracing::info!("the account index shows everything again");
        }
        if self.mirror.is_behind() {
            self.mirror_audit();
        }
        if self.undone.sudoers.load(SeqCst) {
            let _order = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
            self.write_sudoers()?;
            tracing::info!("the sudoers file holds the rules in force again");
        }
        Ok(())
    }

    /// Writes the sudoers file anew, while the order of effects is held.
    pub(super) fn write_sudoers(&self) -> Result<(), Error> {
        let now = self.now();
        let rules = self.read(|db| sudo::rules_in_force(db, now))?;
        self.show_sudoers(&rules).map_err(|error| Error::HostEffect(error.to_string()))
    }

    /// Makes the sudoers file hold those rules, and remembers how that went.
    pub(super) fn show_sudoers(&self, rules: &[SudoRule]) -> Result<(), EffectError> {
        let done = self.host.carry_out(&Effect::Sudoers { rules: rules.to_vec() });
        self.undone.sudoers(done.is_err());
        let mut shown = self.sudoers.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = done.is_ok().then(|| rules.to_vec());
        done
    }

    /// Before the daemon ends in good order.
    pub fn settle(&self) {
        if let Ok(store) = &*self.lock_store() {
            store.settle();
        }
        // Last: it may take a while, and nothing is lost without it.
        if let Err(error) = self.checkpoint_index() {
            tracing::warn!(%error, "lookups between the next boot and the start see older accounts");
        }
    }

    fn open_again(&self) -> Result<(), Error> {
        let mut store = self.lock_store();
        match super::numbers::open_store(&self.config.places) {
            Ok(opened) => {
                *store = Ok(opened);
                let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
                *readers = super::readers_of(&store);
            }
            Err(error) => {
                self.undone.store(&error);
                let reason = error.to_string();
                *store = Err(reason.clone());
                return Err(Error::Unavailable(reason));
            }
        }
        drop(store);
        self.undone.store.store(false, SeqCst);
        self.undone.index(true);
        tracing::info!("the account store can be used again");
        self.mirror_audit();
        self.settle_keys_at_start();
        self.replay_outbox()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::authorize::Action;
    use crate::service::Holder;
    use crate::service::testing::{Fixture, subject};

    #[test]
    fn a_store_that_could_not_be_opened_is_opened_when_it_can() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let in_the_way = f.path("store/roster.db-wal");
        let f = f.restarted_after(|| std::fs::create_dir(&in_the_way).unwrap());
        assert!(matches!(f.create(json!({"name": "bob"})), Err(Error::Unavailable(_))));
        assert!(f.service.recover().is_err());
        std::fs::remove_dir(&in_the_way).unwrap();
        f.service.recover().unwrap();
        f.service.user(&subject("alice")).unwrap();
        f.create(json!({"name": "bob"})).unwrap();
    }

    #[test]
    fn what_could_not_be_published_is_published_later() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let before = std::fs::read(f.path("run/index")).unwrap();
        std::fs::create_dir(f.path("run/.index.new")).unwrap();
        assert!(matches!(f.service.publish(), Err(Error::Unavailable(_))));
        // The edits of another change would not make good what is missing.
        assert!(matches!(f.create(json!({"name": "bob"})), Err(Error::Unavailable(_))));
        assert!(std::fs::read(f.path("run/index")).unwrap() == before);
        assert!(f.service.recover().is_err());
        std::fs::remove_dir(f.path("run/.index.new")).unwrap();
        f.service.recover().unwrap();
        let after = std::fs::read(f.path("run/index")).unwrap();
        assert!(after != before);
        f.service.recover().unwrap();
        assert!(std::fs::read(f.path("run/index")).unwrap() == after, "once is enough");
    }

    #[test]
    fn a_sudoers_file_that_could_not_be_written_is_written_later() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let grant = f.root(Action::SudoManage, None);
        let in_the_way = f.path("sudoers.d/50-roster");
        std::fs::create_dir(&in_the_way).unwrap();
        let alice = Holder::parse("alice").unwrap();
        assert!(f.service.grant_sudo(&grant, &alice, "/usr/bin/id", false, None).is_err());
        assert!(f.service.recover().is_err());
        std::fs::remove_dir(&in_the_way).unwrap();
        f.service.recover().unwrap();
        assert!(f.sudoers().contains("/usr/bin/id"));
    }
}
