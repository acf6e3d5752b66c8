//! Who sends a call, as the bus daemon tells it, and how much each of them may ask at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::{BusError, ErrorName};
use zbus::Connection;
use zbus::message::Header;
use zbus::names::{BusName, OwnedUniqueName, UniqueName};

use super::errors::not_authorized;

/// Senders whose user is remembered.
const REMEMBERED: usize = 4096;

/// A sender on the bus.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    /// The unique name: what polkit is asked about.
    pub(super) name: OwnedUniqueName,
    /// The user that the connection was made by.
    pub(super) uid: u32,
}

/// The users of the senders.
#[derive(Default)]
pub(super) struct Callers {
    /// A unique name is never given out again while the bus lives (D-Bus Specification, "Message
    /// Bus Names"), and the user of a connection never changes.
    uids: Mutex<HashMap<OwnedUniqueName, u32>>,
}

/// Lets so many in at a time, of one user and of all users but root: no crowd keeps root out.
pub(super) struct Turnstile {
    per_user: usize,
    overall: usize,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    by_user: HashMap<u32, usize>,
    overall: usize,
}

/// One that was let in; it counts until this is dropped.
pub(super) struct Admitted {
    uid: u32,
    inside: Arc<Mutex<Inside>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Callers {
    /// Who sent the call. A sender that the bus does not know (any more) is refused.
    pub(super) async fn identify(
        &self,
        connection: &Connection,
        call: &Header<'_>,
    ) -> Result<Sender, BusError> {
        let name: OwnedUniqueName = call.sender().ok_or_else(not_authorized)?.to_owned().into();
        if let Some(uid) = lock(&self.uids).get(&name) {
            return Ok(Sender { name, uid: *uid });
        }
        let uid = ask_bus(connection, &name).await.map_err(|error| {
            tracing::debug!(%name, %error, "the bus does not know a sender");
            not_authorized()
        })?;
        let mut uids = lock(&self.uids);
        if uids.len() >= REMEMBERED {
            uids.clear();
        }
        uids.insert(name.clone(), uid);
        Ok(Sender { name, uid })
    }
}

impl Turnstile {
    /// A turnstile with nobody inside.
    pub(super) fn new(per_user: usize, overall: usize) -> Self {
        Self { per_user, overall, inside: Arc::default() }
    }

    /// Lets one of that user in, unless there are too many.
    pub(super) fn admit(&self, uid: u32) -> Result<Admitted, BusError> {
        let mut inside = lock(&self.inside);
        let of_user = inside.by_user.get(&uid).copied().unwrap_or(0);
        if uid != 0 && (of_user >= self.per_user || inside.overall >= self.overall) {
            let message = "too many calls at a time: wait for the answers";
            return Err(BusError::new(ErrorName::RateLimited, message));
        }
        inside.by_user.insert(uid, of_user + 1);
        inside.overall += 1;
        Ok(Admitted { uid, inside: Arc::clone(&self.inside) })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = lock(&self.inside);
        inside.overall -= 1;
        if let Some(count) = inside.by_user.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                inside.by_user.remove(&self.uid);
            }
        }
    }
}

async fn ask_bus(connection: &Connection, name: &UniqueName<'_>) -> zbus::Result<u32> {
    let bus = zbus::fdo::DBusProxy::new(connection).await?;
    let credentials = bus.get_connection_credentials(BusName::from(name.clone())).await?;
    credentials.unix_user_id().ok_or(zbus::Error::MissingField)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_user_cannot_keep_others_out_and_nobody_root() {
        let turnstile = Turnstile::new(4, 12);
        let mut inside = Vec::new();
        for uid in 1000..1003 {
            inside.extend((0..4).map(|_| turnstile.admit(uid).unwrap()));
            assert_eq!(turnstile.admit(uid).err().unwrap().name, ErrorName::RateLimited);
        }
        assert_eq!(turnstile.admit(2000).err().unwrap().name, ErrorName::RateLimited);
        let root: Vec<_> = (0..100).map(|_| turnstile.admit(0).unwrap()).collect();
        drop((inside, root));
        drop(turnstile.admit(1000).unwrap());
        let inside = lock(&turnstile.inside);
        assert_eq!((inside.overall, inside.by_user.len()), (0, 0));
    }
}
