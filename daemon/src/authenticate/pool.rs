//! The threads that compute password hashes: one a core, under a memory budget, served fairly.
//!
//! Hashing has threads of its own so that a thousand logins cannot starve anything else, and a
//! budget in bytes so that they cannot take the machine's memory. Whoever asks waits for their turn
//! (`turns`), so one attacker slows down nobody but themselves.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::{Argon2, Block};
use zeroize::Zeroize;

use super::crypt::CryptHash;
use super::hash::HashError;
use super::turns::{Requester, Turns};
use crate::secret::Secret;

/// How long a thread keeps its memory when there is nothing to do.
const IDLE: Duration = Duration::from_secs(5);

/// What is computed beside the memory that a thread keeps, if it takes no more than this, in KiB.
const BESIDE: u64 = 1024;

/// What to compute.
pub(super) enum Work {
    /// The hash of argon2, so many bytes of it.
    Argon2 { argon2: Argon2<'static>, salt: Vec<u8>, output: usize },
    /// Whether a hash of crypt(3) is the password's.
    Crypt(CryptHash),
}

/// One computation.
pub(super) struct Job {
    pub work: Work,
    pub password: Secret,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Computed {
    /// Of [`Work::Argon2`].
    Hash(Vec<u8>),
    /// Of [`Work::Crypt`].
    Matches(bool),
}

type Answer = Result<Computed, HashError>;

struct Queued {
    job: Job,
    reply: SyncSender<Answer>,
}

impl Queued {
    /// What a thread has that computes this and `held` so much before.
    fn memory_kib(&self, held: u64) -> u64 {
        match &self.job.work {
            Work::Argon2 { argon2, .. } => blocks_kib(argon2.params().block_count()),
            Work::Crypt(hash) if hash.memory_kib() <= BESIDE => held + hash.memory_kib(),
            Work::Crypt(hash) => hash.memory_kib(),
        }
    }
}

/// A block of argon2 is a KiB.
fn blocks_kib(blocks: usize) -> u64 {
    u64::try_from(blocks).unwrap_or(u64::MAX)
}

/// Those who wait, and the memory of those who are served.
#[derive(Default)]
struct State {
    turns: Turns<Queued>,
    /// What all threads have: for what they compute, or kept from the last time.
    used_kib: u64,
    closed: bool,
}

impl State {
    /// The next computation in turn, with what a thread that has `held` will have then, if the
    /// budget has room for it.
    fn take(&mut self, held: u64, budget_kib: u64) -> Option<(Queued, u64)> {
        let needed = self.turns.first()?.memory_kib(held);
        let others = self.used_kib.saturating_sub(held);
        // One that is larger than the budget runs when it is alone.
        if others > 0 && others.saturating_add(needed) > budget_kib {
            return None;
        }
        let queued = self.turns.take()?;
        self.used_kib = others.saturating_add(needed);
        Some((queued, needed))
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

    /// Puts it behind what the requester waits for already.
    pub fn submit(&self, requester: Requester<'_>, job: Job) -> Result<Pending, HashError> {
        let (reply, result) = sync_channel(1);
        self.shared.lock().turns.push(requester, Queued { job, reply })?;
        // All of them: one that has nothing to do may have the memory that another one needs.
        self.shared.changed.notify_all();
        Ok(Pending(result))
    }

    /// Waits for the requester's turn and computes. Blocks the calling thread.
    pub fn run(&self, requester: Requester<'_>, job: Job) -> Answer {
        self.submit(requester, job)?.wait()
    }
}

/// A computation that is waited for.
pub(super) struct Pending(Receiver<Answer>);

impl Pending {
    /// Blocks until it is there.
    pub fn wait(self) -> Answer {
        // A thread that died drops the sender: nobody waits for ever.
        self.0.recv().unwrap_or(Err(HashError::Unavailable))
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
    while let Some((queued, used)) = next(shared, &mut memory) {
        let Queued { job, reply } = queued;
        let result = compute(&job, used, &mut memory);
        let mut state = shared.lock();
        state.used_kib = state.used_kib.saturating_sub(used) + blocks_kib(memory.len());
        drop(state);
        // Whoever waited for room in the budget may go on.
        shared.changed.notify_all();
        // Who asked may have gone.
        let _ = reply.send(result);
    }
    wipe(&mut memory);
}

/// The next computation, with what this thread may have for it; nothing when the pool is closed.
/// Gives the memory back when it is idle, or when others are kept waiting by it.
fn next(shared: &Shared, memory: &mut Vec<Block>) -> Option<(Queued, u64)> {
    let mut state = shared.lock();
    loop {
        let held = blocks_kib(memory.len());
        if let Some(taken) = state.take(held, shared.budget_kib) {
            return Some(taken);
        }
        if state.closed {
            return None;
        }
        let mut give_back = state.turns.first().is_some();
        if memory.is_empty() {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        if !give_back {
            let waited = shared.changed.wait_timeout(state, IDLE);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            give_back = timeout.timed_out();
        }
        if give_back {
            drop(state);
            wipe(memory);
            state = shared.lock();
            state.used_kib = state.used_kib.saturating_sub(held);
            shared.changed.notify_all();
        }
    }
}

/// Computes with no more than `used`, of which `memory` is what the thread has.
fn compute(job: &Job, used: u64, memory: &mut Vec<Block>) -> Answer {
    match &job.work {
        Work::Argon2 { argon2, salt, output } => {
            let blocks = argon2.params().block_count();
            if memory.len() != blocks {
                wipe(memory);
                memory.try_reserve_exact(blocks).map_err(|_| HashError::Unavailable)?;
                memory.resize(blocks, Block::new());
            }
            let mut hash = vec![0; *output];
            argon2
                .hash_password_into_with_memory(job.password.as_bytes(), salt, &mut hash, memory)
                .map_err(|_| HashError::Unavailable)?;
            Ok(Computed::Hash(hash))
        }
        Work::Crypt(hash) => {
            if blocks_kib(memory.len()).saturating_add(hash.memory_kib()) > used {
                wipe(memory);
            }
            hash.matches(&job.password).map(Computed::Matches)
        }
    }
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
        let argon2 = parameters.argon2(32).unwrap();
        let work = Work::Argon2 { argon2, salt: b"saltsalt".to_vec(), output: 32 };
        Job { work, password: Secret::from(password.to_owned()) }
    }

    /// A password's yescrypt: 16 MiB.
    fn crypt_job(password: &str) -> Job {
        let text = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57";
        let work = Work::Crypt(CryptHash::parse(text).unwrap());
        Job { work, password: Secret::from(password.to_owned()) }
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
            let Work::Argon2 { argon2, salt, .. } = job(password, memory).work else {
                panic!("a job of argon2")
            };
            let mut output = vec![0; 32];
            argon2.hash_password_into(password.as_bytes(), &salt, &mut output).unwrap();
            Computed::Hash(output)
        };
        for (password, memory) in [("a", 64), ("b", 64), ("a", 64), ("a", 128), ("b", 64)] {
            assert_eq!(pool.run(X, job(password, memory)).unwrap(), expected(password, memory));
            for (password, right) in [("Hello world!", true), ("hello world!", false)] {
                assert_eq!(pool.run(X, crypt_job(password)), Ok(Computed::Matches(right)));
            }
        }
    }

    #[test]
    fn the_budget_is_kept_and_one_beyond_it_still_runs_alone() {
        let mut state = State::default();
        for _ in 0..3 {
            queued(&mut state);
        }
        assert!(state.take(0, 128).is_some());
        assert!(state.take(0, 128).is_some());
        assert!(state.take(0, 128).is_none(), "192 KiB in a budget of 128");
        assert!(state.take(64, 128).is_some(), "what a thread has is used again");
        queued(&mut state);
        state.used_kib = 0;
        assert!(state.take(0, 32).is_some(), "64 KiB alone in a budget of 32");
    }

    #[test]
    fn other_hashes_have_their_place_in_the_budget() {
        let mut state = State::default();
        for job in [job("x", 64), crypt_job("x"), crypt_job("x")] {
            let (reply, _) = sync_channel(1);
            state.turns.push(X, Queued { job, reply }).unwrap();
        }
        let budget = 20 * 1024;
        assert!(state.take(0, budget).is_some());
        assert!(state.take(0, budget).is_some_and(|(_, used)| used > 16 * 1024));
        assert!(state.take(0, budget).is_none(), "32 MiB in a budget of 20");
    }

    #[test]
    fn memory_that_is_kept_makes_nobody_wait() {
        // Each thread has kept 64 KiB when something comes that needs all there is.
        let pool = Pool::start(128).unwrap();
        for round in 0..4 {
            std::thread::scope(|scope| {
                for n in 0..8 {
                    let pool = &pool;
                    let name = n.to_string();
                    scope.spawn(move || {
                        let requester = Requester { host: "x", name: &name };
                        pool.run(requester, job("x", 64)).unwrap()
                    });
                }
            });
            assert!(pool.run(X, job("x", 128 + round)).is_ok());
            assert!(pool.run(X, crypt_job("x")).is_ok());
        }
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
