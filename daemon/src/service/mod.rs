//! The use cases: one method a verb, plain blocking Rust over the store.
//!
//! Every mutation goes through [`Service::change`]: one transaction for the change, its audit row
//! and the host effects it owes; then the index shows it; then the effects are carried out. With a
//! grant for a rehearsal it ends in a [`Plan`] instead.

mod activity;
mod administrators;
mod audit;
mod caller;
mod change;
mod create;
mod delete;
mod enable;
mod enforcement;
mod enforcement_reach;
mod error;
mod fields;
mod group_lists;
mod group_update;
mod groups;
mod homes;
mod import;
mod import_password;
mod index;
mod key_rotation;
mod keys;
mod local_accounts;
mod lock;
mod login;
mod lookups;
mod mail;
mod metadata;
mod next_number;
mod numbers;
mod password_policy;
mod passwords;
mod plan;
mod query;
mod record;
mod recovery;
mod reservations;
mod restore;
mod samba;
mod set_up;
mod shadow_line;
mod shells;
mod sudo;
mod sync;
mod tokens;
mod tombstones;
mod two_factor;
mod two_factor_cleanup;
mod update;

#[cfg(test)]
mod deletion_tests;
#[cfg(test)]
mod last_administrator_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod query_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

pub use audit::{AuditQuery, MAX_KNOWN, MESSAGE_ID};
pub use change::{Event, EventKind, Of};
pub use create::{Created, NewPassword};
pub use delete::{DeleteOptions, Deleted, HomeFate};
pub use enforcement::{Deadline, TwoFactorPolicy, WantedPolicy};
pub use error::Error;
pub use import::{ImportOptions, Imported, Observer, Progress, Refusal, open_input};
pub use import_password::ImportedPassword;
pub use login::{Login, NotPermitted, OutOfTurn};
pub use lookups::{Page, PasswdEntry};
pub use plan::{Changed, Plan, PlannedEffect};
pub use query::{Answer, MAX_SEARCH};
pub use restore::{RestoreOptions, Restored};
pub use sudo::{Holder, SudoRuleEntry};
pub use sync::{MAX_NAMED, Problem, Synced};
pub use tokens::{
    LoginTokens, MAX_SCOPE, TokenEntry, TokenType, VerifiedToken, Which, gives_power,
};
pub use tombstones::DeletedUser;
pub use two_factor::{Enrolment, Provider, TwoFactorState};

use crate::authenticate::{PasswordHasher, Sealer};
use crate::clock::Clock;
use crate::config::Config;
use crate::publish::effect::SudoRule;
use crate::publish::host::Host;
use crate::publish::mail::Mailer;
use crate::store::{Db, NumberJournal, Readers, Store};

/// How long a read may take beside a change of many accounts.
const PATIENCE: Duration = Duration::from_secs(60);

/// The account service.
pub struct Service {
    config: Config,
    clock: Arc<dyn Clock>,
    hasher: PasswordHasher,
    sealer: Sealer,
    host: Host,
    mailer: Arc<dyn Mailer>,
    /// The open store, or why there is none: then every verb is refused and nothing is published.
    store: Mutex<Result<Store, String>>,
    /// Where a number is noted before it is given out.
    journal: NumberJournal,
    /// Reads that may take long, beside the store; the reason why not, as there.
    readers: RwLock<Result<Arc<Readers>, String>>,
    index: index::Index,
    /// What follows the audit log.
    mirror: audit::Mirror,
    /// Held while effects are carried out, so that they keep their order.
    effects: Mutex<()>,
    /// The rules of the sudoers file as it was last written, if it was since the start.
    sudoers: Mutex<Option<Vec<SudoRule>>>,
    events: tokio::sync::broadcast::Sender<Event>,
    /// Numbers below which all are used up.
    floors: next_number::Floors,
    /// What trouble has left undone.
    undone: recovery::Undone,
    /// The deadline of second factors, while it is to come.
    next_due: index::NextDue,
    /// Secrets that logins have shown and nobody has confirmed.
    offers: login::Offers,
    /// Mails that strangers ask for.
    requests: mail::Requests,
    /// Held by the import that is under way.
    importing: Mutex<()>,
    /// The store is held for long: who only reads does so beside it.
    held_long: AtomicBool,
}

/// What a service is made of.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Computes password hashes.
    pub hasher: PasswordHasher,
    /// Seals second-factor secrets.
    pub sealer: Sealer,
    /// Carries out host effects.
    pub host: Host,
    /// Takes mails.
    pub mailer: Arc<dyn Mailer>,
}

impl Service {
    /// Opens the store and publishes what it holds. When the store cannot be used the service
    /// exists all the same, refuses every verb with the reason, and leaves the last index alone.
    #[must_use]
    pub fn start(parts: Parts) -> Self {
        let Parts { config, clock, hasher, sealer, host, mailer } = parts;
        let undone = recovery::Undone::default();
        let store = numbers::open_store(&config.places).map_err(|error| {
            undone.store(&error);
            tracing::error!(%error, "the account store cannot be used; the last index keeps serving");
            error.to_string()
        });
        let journal = NumberJournal::new(&config.places.numbers);
        let readers = readers_of(&store);
        let mirror =
            audit::Mirror::new(config.places.journal.clone(), config.places.audit_record.clone());
        let index = index::Index::new(&config.places.live, &config.places.checkpoint);
        let service = Self {
            config,
            clock,
            hasher,
            sealer,
            host,
            mailer,
            store: Mutex::new(store),
            journal,
            readers: RwLock::new(readers),
            index,
            mirror,
            effects: Mutex::new(()),
            sudoers: Mutex::new(None),
            events: tokio::sync::broadcast::channel(1024).0,
            floors: next_number::Floors::default(),
            undone,
            next_due: index::NextDue::default(),
            offers: login::Offers::default(),
            requests: mail::Requests::default(),
            importing: Mutex::default(),
            held_long: AtomicBool::new(false),
        };
        if let Err(error) = service.publish() {
            tracing::error!(%error, "the account index was not published");
        }
        if service.readers().is_ok() {
            service.mirror_audit();
            service.settle_keys_at_start();
        }
        service
    }

    /// Hears of every committed change to a user or a group.
    #[must_use]
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The directory the database is in.
    #[must_use]
    pub fn store_directory(&self) -> &Path {
        &self.config.places.store
    }

    fn lock_store(&self) -> MutexGuard<'_, Result<Store, String>> {
        // A panic inside a transaction rolled it back: the store behind the lock is whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> Result<Arc<Readers>, Error> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        readers.clone().map_err(Error::Unavailable)
    }

    /// Reads one consistent state of the store, beside those who write to it, until then at most.
    pub(crate) fn read_beside<T>(
        &self,
        until: Instant,
        read: impl FnOnce(Db<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.readers()?.read(until, read)
    }

    /// Reads one consistent state of the store: that of the last change which is committed, whoever
    /// is about the next one.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(Db<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.held_long.load(Ordering::Acquire) {
            return self.read_beside(Instant::now() + PATIENCE, read);
        }
        let mut store = match self.store.try_lock() {
            Ok(store) => store,
            // As in `lock_store`.
            Err(TryLockError::Poisoned(store)) => store.into_inner(),
            Err(TryLockError::WouldBlock) => {
                if let Ok(readers) = self.readers()
                    && let Some(place) = readers.free()
                {
                    return place.read(Instant::now() + PATIENCE, read);
                }
                self.lock_store()
            }
        };
        match &mut *store {
            Ok(store) => store.read(read),
            Err(reason) => Err(Error::Unavailable(reason.clone())),
        }
    }
}

fn readers_of(store: &Result<Store, String>) -> Result<Arc<Readers>, String> {
    store.as_ref().map(Store::readers).map_err(Clone::clone)
}
