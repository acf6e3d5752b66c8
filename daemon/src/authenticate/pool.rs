//! The threads that compute password hashes: one a core, under a memory budget, served fairly.
//!
//! Hashing has threads of its own so that a thousand logins cannot starve anything else, and a
//! budget in bytes so that they cannot take the machine's memory. Whoever asks waits for their turn
//! (`turns`), so one attacker slows down nobody but themselves.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::{Argon2, Block};
use zeroize::Zeroize;

use super::hash::HashError;
use super::turns::{Requester, Turns};
use crate::secret::Secret;

/// How long a thread keeps its memory when there is nothing to do.
const IDLE: Duration = Duration::from_secs(5);

/// One hash to compute.
pub(super) struct Job {
    pub argon2: Argon2<'static>,
    pub password: Secret,
    pub salt: Vec<u8>,
    pub output: usize,
}

struct Queued {
    job: Job,
    reply: SyncSender<Result<Vec<u8>, HashError>>,
}

impl Queued {
    fn memory_kib(&self) -> u64 {
        u64::try_from(self.job.argon2.params().block_count()).unwrap_or(u64::MAX)
    }
}

/// Those who wait, and the memory of those who are served.
#[derive(Default)]
struct State {
    turns: Turns<Queued>,
    used_kib: u64,
    closed: bool,
}

impl State {
    /// The next computation in turn, if the budget has room for it.
    fn take(&mut self, budget_kib: u64) -> Option<Queued> {
        let needed = self.turns.first()?.memory_kib();
        // One that is larger than the budget runs when it is alone.
        if self.used_kib > 0 && self.used_kib.saturating_add(needed) > budget_kib {
            return None;
        }
        self.used_kib += needed;
        self.turns.take()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    budget_kib: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads. Dropping it ends them once they are idle.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// Starts one thread a core.
    pub fn start(budget_kib: u64) -> Result<Self, HashError> {
        let shared =
            Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), budget_kib });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("hash".to_owned())
                .spawn(move || work(&shared))
                .map_err(|_| HashError::Unavailable)?;
        }
        Ok(Self { shared })
    }

    /// Waits for the requester's turn and computes. Blocks the calling thread.
    pub fn run(&self, requester: Requester<'_>, job: Job) -> Result<Vec<u8>, HashError> {
        let (reply, result) = sync_channel(1);
        self.shared.lock().turns.push(requester, Queued { job, reply })?;
        self.shared.changed.notify_one();
        // A thread that died drops the sender: nobody waits for ever.
        result.recv().unwrap_or(Err(HashError::Unavailable))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

fn work(shared: &Shared) {
    let mut memory: Vec<Block> = Vec::new();
    while let Some(queued) = next(shared, &mut memory) {
        let used = queued.memory_kib();
        let Queued { job, reply } = queued;
        let result = compute(&job, &mut memory);
        shared.lock().used_kib -= used;
        // Whoever waited for room in the budget may go on.
        shared.changed.notify_all();
        // Who asked may have gone.
        let _ = reply.send(result);
    }
    wipe(&mut memory);
}

/// The next computation; nothing when the pool is closed. Gives the memory back when idle.
fn next(shared: &Shared, memory: &mut Vec<Block>) -> Option<Queued> {
    let mut state = shared.lock();
    loop {
        if let Some(queued) = state.take(shared.budget_kib) {
            return Some(queued);
        }
        if state.closed {
            return None;
        }
        if memory.is_empty() {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        } else {
            let waited = shared.changed.wait_timeout(state, IDLE);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                drop(state);
                wipe(memory);
                state = shared.lock();
            }
        }
    }
}

fn compute(job: &Job, memory: &mut Vec<Block>) -> Result<Vec<u8>, HashError> {
    let blocks = job.argon2.params().block_count();
    if memory.len() != blocks {
        wipe(memory);
        memory.try_reserve_exact(blocks).map_err(|_| HashError::Unavailable)?;
        memory.resize(blocks, Block::new());
    }
    let mut output = vec![0; job.output];
    job.argon2
        .hash_password_into_with_memory(job.password.as_bytes(), &job.salt, &mut output, memory)
        .map_err(|_| HashError::Unavailable)?;
    Ok(output)
}

fn wipe(memory: &mut Vec<Block>) {
    for block in memory.iter_mut() {
        block.zeroize();
    }
    *memory = Vec::new();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::authenticate::hash::Parameters;

    fn job(password: &str, memory_kib: u32) -> Job {
        let parameters = Parameters { memory_kib, passes: 1, lanes: 1 };
        Job {
            argon2: parameters.argon2(32).unwrap(),
            password: Secret::from(password.to_owned()),
            salt: b"saltsalt".to_vec(),
            output: 32,
        }
    }

    const X: Requester<'static> = Requester { host: "x", name: "x" };

    fn queued(state: &mut State) {
        let (reply, _) = sync_channel(1);
        state.turns.push(X, Queued { job: job("x", 64), reply }).unwrap();
    }

    #[test]
    fn memory_used_before_does_not_change_a_result() {
        let pool = Pool::start(1024).unwrap();
        let expected = |password: &str, memory| {
            let job = job(password, memory);
            let mut output = vec![0; 32];
            job.argon2.hash_password_into(password.as_bytes(), &job.salt, &mut output).unwrap();
            output
        };
        for (password, memory) in [("a", 64), ("b", 64), ("a", 64), ("a", 128), ("b", 64)] {
            assert_eq!(pool.run(X, job(password, memory)).unwrap(), expected(password, memory));
        }
    }

    #[test]
    fn the_budget_is_kept_and_one_beyond_it_still_runs_alone() {
        let mut state = State::default();
        for _ in 0..3 {
            queued(&mut state);
        }
        assert!(state.take(128).is_some());
        assert!(state.take(128).is_some());
        assert!(state.take(128).is_none(), "192 KiB in a budget of 128");
        state.used_kib = 0;
        assert!(state.take(32).is_some(), "64 KiB alone in a budget of 32");
    }

    #[test]
    fn many_at_once_all_get_their_own_result() {
        let pool = Pool::start(256).unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..20)
                .map(|n| {
                    let pool = &pool;
                    scope.spawn(move || {
                        let requester = Requester { name: &format!("{}", n % 3), ..X };
                        (n, pool.run(requester, job(&n.to_string(), 64)))
                    })
                })
                .collect();
            for thread in threads {
                let (n, result) = thread.join().unwrap();
                assert_eq!(result.unwrap(), pool.run(X, job(&n.to_string(), 64)).unwrap());
            }
        });
    }
}
