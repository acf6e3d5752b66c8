//! Many logins at once: whether they finish at the speed of the cores and within the memory budget,
//! and what lookups and D-Bus reads take meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bus::AccountsProxy;
use nix::unistd::User;

use crate::cost::Bare;
use crate::statistics::{Times, ms, ratio, us};
use crate::{PASSWORD, door};

/// Accounts `load0`, `load1`, …
const USERS: usize = 20;
/// How long the quiet is measured.
const QUIET: Duration = Duration::from_secs(5);
/// A reader looks this often: somebody at work, not a flood.
const PAUSE: Duration = Duration::from_millis(2);

/// What the two readers met.
struct Reads {
    lookups: Times,
    calls: Times,
}

pub fn run(logins: usize) {
    let rosterd = process_of("rosterd").expect("rosterd runs");
    let one = {
        let mut times = Times::default();
        (0..20).for_each(|_| times.push(door::must_log_in("load0", PASSWORD, "192.0.2.1")));
        times.median()
    };
    let quiet = read_until(|| thread::sleep(QUIET));
    let before = memory(rosterd, "VmRSS");
    reset_peak(rosterd);
    let mut took = Duration::ZERO;
    let busy = read_until(|| took = all_at_once(logins));
    let peak = memory(rosterd, "VmHWM");

    let cores = thread::available_parallelism().map_or(1, usize::from);
    let bare = bare_on_all_cores(logins, cores);
    println!("{logins} logins at once of {USERS} accounts, {cores} cores\n");
    println!("| | |\n| --- | ---: |");
    println!("| one login alone, p50 | {} ms |", ms(one));
    println!("| all of them | {} ms |", ms(took));
    println!("| so many bare hashes, a thread a core, and nothing else | {} ms |", ms(bare));
    println!("| all of them to that | {} |", ratio(took, bare));
    println!("| the daemon's memory before | {} MiB |", before / 1024);
    println!("| the daemon's memory at its peak | {} MiB |\n", peak / 1024);
    println!(
        "| | idle p50 | idle p99 | meanwhile p50 | meanwhile p99 | p50 to idle | p99 to idle |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    row("getpwnam, µs", us, &quiet.lookups, &busy.lookups);
    row("D-Bus GetUser, ms", ms, &quiet.calls, &busy.calls);
}

fn row(name: &str, show: fn(Duration) -> String, quiet: &Times, busy: &Times) {
    let (q50, q99) = (quiet.median(), quiet.quantile(990));
    let (b50, b99) = (busy.median(), busy.quantile(990));
    let cells = [q50, q99, b50, b99].map(show).join(" | ");
    println!("| {name} | {cells} | {} | {} |", ratio(b50, q50), ratio(b99, q99));
}

/// Lets all of them wait at the door and go in together.
fn all_at_once(logins: usize) -> Duration {
    let barrier = std::sync::Barrier::new(logins + 1);
    thread::scope(|scope| {
        for n in 0..logins {
            let barrier = &barrier;
            scope.spawn(move || {
                let (user, remote) = (format!("load{}", n % USERS), format!("192.0.2.{}", n % 250));
                barrier.wait();
                door::must_log_in(&user, PASSWORD, &remote);
            });
        }
        barrier.wait();
        Instant::now()
    })
    .elapsed()
}

/// The computations alone. Cores share the memory's speed, so this is more than one after the other,
/// divided.
fn bare_on_all_cores(hashes: usize, cores: usize) -> Duration {
    let started = Instant::now();
    thread::scope(|scope| {
        for core in 0..cores {
            let share = (hashes + core) / cores;
            scope.spawn(move || {
                let mut bare = Bare::new();
                for _ in 0..share {
                    bare.compute();
                }
            });
        }
    });
    started.elapsed()
}

/// Looks up and calls, now and again, while `work` goes on.
fn read_until(work: impl FnOnce()) -> Reads {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let lookups = scope.spawn(|| {
            again(&over, || {
                let found = User::from_name("load0").expect("a lookup");
                assert!(found.is_some());
            })
        });
        let calls = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let accounts = runtime.block_on(async {
                let connection = zbus::Connection::system().await.expect("the system bus");
                AccountsProxy::new(&connection).await.expect("the interface")
            });
            again(&over, || {
                runtime.block_on(accounts.get_user("load0")).expect("a record");
            })
        });
        work();
        over.store(true, Ordering::Relaxed);
        Reads { lookups: lookups.join().expect("lookups"), calls: calls.join().expect("calls") }
    })
}

fn again(over: &AtomicBool, mut what: impl FnMut()) -> Times {
    let mut times = Times::default();
    while !over.load(Ordering::Relaxed) {
        let started = Instant::now();
        what();
        times.push(started.elapsed());
        thread::sleep(PAUSE);
    }
    times
}

pub fn process_of(name: &str) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let comm = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        (comm.trim() == name).then(|| entry.file_name().to_str()?.parse().ok())?
    })
}

/// A line of /proc/PID/status, in KiB.
pub fn memory(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let found = status.lines().find_map(|text| text.strip_prefix(&format!("{line}:")));
    found.and_then(|text| text.trim().split(' ').next()?.parse().ok()).expect("a number")
}

/// Begins the peak anew (proc(5), clear_refs).
fn reset_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("its peak");
}
