//! What an import costs, and what it keeps waiting: a line of a table for each file of records.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bus::AccountsProxy;
use nix::unistd::User;

use crate::load::{memory, process_of};
use crate::{PASSWORD, door};

const PAUSE: Duration = Duration::from_millis(20);

/// The longest of many waits.
#[derive(Default)]
struct Longest(Mutex<Duration>);

impl Longest {
    /// Does something again and again, and keeps the longest that it took.
    fn of(&self, over: &AtomicBool, mut what: impl FnMut()) {
        while !over.load(Ordering::Relaxed) {
            let started = Instant::now();
            what();
            let mut longest = self.0.lock().expect("no panic before");
            *longest = started.elapsed().max(*longest);
            drop(longest);
            thread::sleep(PAUSE);
        }
    }

    fn get(&self) -> Duration {
        *self.0.lock().expect("no panic before")
    }
}

/// Imports the file with those options; `last` is the name of its last record. The machine has the
/// account load0.
pub fn run(file: &str, options: &[String]) {
    let rosterd = process_of("rosterd").expect("rosterd runs");
    let text = std::fs::read_to_string(file).expect("the records");
    let records = text.lines().count();
    let last = text.lines().last().and_then(|line| line.split('"').nth(3)).expect("a name");
    let last = last.to_owned();
    drop(text);
    let before = memory(rosterd, "RssAnon");
    let (over, peak) = (AtomicBool::new(false), Mutex::new(before));
    let (logins, reads, lookups) = (Longest::default(), Longest::default(), Longest::default());
    let mut took = Duration::ZERO;
    thread::scope(|scope| {
        scope.spawn(|| {
            logins.of(&over, || {
                door::must_log_in("load0", PASSWORD, "192.0.2.1");
            });
        });
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let accounts = runtime.block_on(async {
                let connection = zbus::Connection::system().await.expect("the system bus");
                AccountsProxy::new(&connection).await.expect("the interface")
            });
            reads.of(&over, || {
                runtime.block_on(accounts.get_user("load0")).expect("a record");
            });
        });
        scope.spawn(|| {
            lookups.of(&over, || {
                assert!(User::from_name("load0").expect("a lookup").is_some());
            });
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let now = memory(rosterd, "RssAnon");
                let mut peak = peak.lock().expect("no panic before");
                *peak = now.max(*peak);
                drop(peak);
                thread::sleep(PAUSE);
            }
        });
        thread::sleep(Duration::from_millis(500));
        let started = Instant::now();
        let status = Command::new("roster").args(["import", file]).args(options).status();
        assert!(status.expect("roster").success());
        assert!(User::from_name(&last).expect("a lookup").is_some(), "{last} is not visible");
        took = started.elapsed();
        over.store(true, Ordering::Relaxed);
    });
    let seconds = took.as_secs_f64();
    let peak = *peak.lock().expect("no panic before");
    println!(
        "| {records}{} | {seconds:.1} | {:.0} | {:.1} | {} | {} | {:.2} | {:.2} | {:.1} |",
        options.iter().map(|option| format!(" {option}")).collect::<String>(),
        records as f64 / seconds,
        seconds * 1e6 / records as f64,
        before / 1024,
        peak / 1024,
        logins.get().as_secs_f64(),
        reads.get().as_secs_f64(),
        lookups.get().as_secs_f64() * 1e3,
    );
}
