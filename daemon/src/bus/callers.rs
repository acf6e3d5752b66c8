//! Who sends a call, as the bus daemon tells it, and how much each of them may ask at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::{BusError, ErrorName};
use zbus::Connection;
use zbus::message::Header;
use zbus::names::{BusName, OwnedUniqueName, UniqueName};

use super::errors::not_authorized;

/// Calls of one user at a time.
const PER_USER: usize = 32;
/// Calls of all users but root at a time: no crowd keeps root out.
const OVERALL: usize = 256;
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

/// The senders and their calls under way.
#[derive(Default)]
pub(super) struct Callers {
    /// A unique name is never given out again while the bus lives (D-Bus Specification, "Message
    /// Bus Names"), and the user of a connection never changes.
    uids: Mutex<HashMap<OwnedUniqueName, u32>>,
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Default)]
struct UnderWay {
    by_user: HashMap<u32, usize>,
    overall: usize,
}

/// A call that was let in; it counts until this is dropped.
pub(super) struct Admitted {
    uid: u32,
    under_way: Arc<Mutex<UnderWay>>,
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

    /// Lets a call of that user in, unless there are too many.
    pub(super) fn admit(&self, uid: u32) -> Result<Admitted, BusError> {
        let mut under_way = lock(&self.under_way);
        let of_user = under_way.by_user.get(&uid).copied().unwrap_or(0);
        if uid != 0 && (of_user >= PER_USER || under_way.overall >= OVERALL) {
            let message = "too many calls at a time: wait for the answers";
            return Err(BusError::new(ErrorName::RateLimited, message));
        }
        under_way.by_user.insert(uid, of_user + 1);
        under_way.overall += 1;
        Ok(Admitted { uid, under_way: Arc::clone(&self.under_way) })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut under_way = lock(&self.under_way);
        under_way.overall -= 1;
        if let Some(count) = under_way.by_user.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                under_way.by_user.remove(&self.uid);
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
        let callers = Callers::default();
        let mut calls: Vec<_> = (0..PER_USER).map(|_| callers.admit(1000).unwrap()).collect();
        assert_eq!(callers.admit(1000).err().unwrap().name, ErrorName::RateLimited);
        for uid in (1001..).take(OVERALL / PER_USER - 1) {
            calls.extend((0..PER_USER).map(|_| callers.admit(uid).unwrap()));
        }
        assert_eq!(callers.admit(2000).err().unwrap().name, ErrorName::RateLimited);
        let root: Vec<_> = (0..100).map(|_| callers.admit(0).unwrap()).collect();
        drop(calls);
        callers.admit(1000).unwrap();
        drop(root);
        let under_way = lock(&callers.under_way);
        assert_eq!((under_way.overall, under_way.by_user.len()), (0, 0));
    }
}
