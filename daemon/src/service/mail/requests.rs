//! What strangers ask for: how often they may, and what waits for the mailer.
//!
//! A request is answered before anybody has looked whose address it is. What happens then, in what
//! time, is between the mailer and the address.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use accounts::UserId;
use tokio::sync::Notify;

use crate::authorize::Actor;
use crate::service::{Error, Service};

/// The time that the limits are for, in seconds.
const HOUR: i64 = 60 * 60;
/// Mails to one address within it.
const PER_ADDRESS: usize = 3;
/// Requests of one caller within it; root is a program that asks for others.
const PER_CALLER: usize = 10;
/// Requests within it, of all callers together.
const OVERALL: usize = 120;
/// What may wait at a time.
const WAITING: usize = 32;
/// New users who may wait for their welcome at a time.
const WELCOMES: usize = 10_000;

/// A mail that somebody need not wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owed {
    /// A new password for the accounts with that address, in lower case.
    Reset {
        /// The address.
        address: String,
        /// Who has asked.
        by: Actor,
    },
    /// The welcome of a new user.
    Welcome {
        /// The user.
        id: UserId,
        /// Who has created it.
        by: Actor,
    },
}

/// What was asked for lately, and what waits.
#[derive(Default)]
pub(in crate::service) struct Requests {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    /// The youngest last; never more than [`OVERALL`].
    recent: VecDeque<Asked>,
    waiting: VecDeque<Owed>,
}

struct Asked {
    at: i64,
    uid: u32,
    address: String,
}

impl State {
    /// How long the caller has to wait until it may ask for that address, if at all.
    fn wait(&mut self, now: i64, uid: u32, address: &str) -> Option<i64> {
        // What lies in the future was there before the clock went back.
        self.recent.retain(|asked| (0..HOUR).contains(&(now - asked.at)));
        let over = |limit: usize, counts: &dyn Fn(&Asked) -> bool| {
            let times: Vec<i64> =
                self.recent.iter().filter(|asked| counts(asked)).map(|asked| asked.at).collect();
            let first = times.len().checked_sub(limit).and_then(|at| times.get(at))?;
            Some(first + HOUR - now)
        };
        let waits = [
            over(PER_ADDRESS, &|asked| asked.address == address),
            over(PER_CALLER, &|asked| uid != 0 && asked.uid == uid),
            over(OVERALL, &|_| true),
        ];
        waits.into_iter().flatten().max()
    }
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request for a mail to that address.
    ///
    /// # Errors
    /// [`Error::RateLimited`], which says nothing about whose address it is.
    pub(super) fn count(&self, now: i64, uid: u32, address: &str) -> Result<(), Error> {
        let address = address.to_ascii_lowercase();
        let mut state = self.lock();
        if let Some(seconds) = state.wait(now, uid, &address) {
            return Err(Error::RateLimited { seconds });
        }
        state.recent.push_back(Asked { at: now, uid, address });
        Ok(())
    }

    /// Has a mail sent by and by. False when too much waits already.
    pub(super) fn owe(&self, owed: Owed) -> bool {
        let mut state = self.lock();
        let limit = if matches!(owed, Owed::Reset { .. }) { WAITING } else { WELCOMES };
        let alike = |other: &&Owed| std::mem::discriminant(*other) == std::mem::discriminant(&owed);
        if state.waiting.iter().filter(alike).count() >= limit {
            return false;
        }
        state.waiting.push_back(owed);
        drop(state);
        self.came.notify_one();
        true
    }

    fn next(&self) -> Option<Owed> {
        self.lock().waiting.pop_front()
    }
}

impl Service {
    /// Ends when a mail waits to be sent.
    pub async fn mail_waits(&self) {
        self.requests.came.notified().await;
    }

    /// Sends the mails that wait. What does not work is logged: nobody waits for the answer.
    pub fn send_waiting_mails(&self) {
        while let Some(owed) = self.requests.next() {
            let (what, sent) = match owed {
                Owed::Reset { address, by } => ("a password reset", self.send_reset(&address, &by)),
                Owed::Welcome { id, by } => ("a welcome", self.send_welcome(id, &by)),
            };
            if let Err(error) = sent {
                tracing::error!(%error, "{what} was not mailed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ANN: &str = "ann@example.org";

    fn wait(requests: &Requests, now: i64, uid: u32, address: &str) -> Option<i64> {
        match requests.count(now, uid, address) {
            Ok(()) => None,
            Err(Error::RateLimited { seconds }) => Some(seconds),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn an_address_gets_so_many_mails_whoever_asks_and_however_it_is_written() {
        let requests = Requests::default();
        for (uid, address) in [(0, ANN), (1000, "Ann@example.org"), (1001, "ANN@EXAMPLE.ORG")] {
            assert_eq!(wait(&requests, 100, uid, address), None);
        }
        assert_eq!(wait(&requests, 160, 0, ANN), Some(HOUR - 60));
        assert_eq!(wait(&requests, 160, 0, "bob@example.org"), None);
        assert_eq!(wait(&requests, 100 + HOUR, 0, ANN), None, "an hour later");
    }

    #[test]
    fn a_caller_asks_so_often_and_root_more() {
        let requests = Requests::default();
        let address = |n: usize| format!("user{n}@example.org");
        for n in 0..PER_CALLER {
            assert_eq!(wait(&requests, 100, 1000, &address(n)), None);
        }
        assert_eq!(wait(&requests, 100, 1000, &address(99)), Some(HOUR));
        assert_eq!(wait(&requests, 100, 1001, &address(99)), None);
        for n in 200..200 + OVERALL - PER_CALLER - 1 {
            assert_eq!(wait(&requests, 200, 0, &address(n)), None);
        }
        assert_eq!(wait(&requests, 200, 0, &address(199)), Some(HOUR - 100), "all together");
        assert_eq!(requests.lock().recent.len(), OVERALL);
        // The clock goes back: nobody waits for the time until it is where it was.
        assert_eq!(wait(&requests, 50, 1000, &address(0)), None);
    }

    #[test]
    fn what_waits_is_limited_and_new_users_do_not_wait_behind_strangers() {
        let requests = Requests::default();
        let by = Actor::daemon();
        let reset = || Owed::Reset { address: ANN.to_owned(), by: by.clone() };
        for _ in 0..WAITING {
            assert!(requests.owe(reset()));
        }
        assert!(!requests.owe(reset()));
        let id = UserId(uuid::Uuid::from_u128(1));
        assert!(requests.owe(Owed::Welcome { id, by: by.clone() }));
        assert_eq!(requests.next(), Some(reset()));
        assert!(requests.owe(reset()));
    }
}
