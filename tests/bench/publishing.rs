//! What one change costs among 1,000 to 1,000,000 accounts, and what the start of the daemon does.
//!
//! `cargo bench -p rosterd --bench publishing [-- SIZE…]`; needs root, 3 GB below the temporary
//! directory and 1 GB in /dev/shm for the largest. The accounts are written straight into the
//! database, each with a group of its own; one group has 100,000 members and one user is in 10,000
//! groups, as far as there are so many. Each size is measured in a process of its own, with the
//! memory settings of the unit. The index lies in memory, as in /run; the database where the
//! temporary directory is, so that whole verbs hold two or three waits for that disk.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::Subject;
use rosterd::authenticate::{Parameters, PasswordHasher, Sealer};
use rosterd::authorize::{Action, Caller, Decision, Grant, decide};
use rosterd::clock::SystemClock;
use rosterd::config::Config;
use rosterd::publish::host::Host;
use rosterd::publish::mail::SocketMailer;
use rosterd::service::{NewPassword, Parts, Service};
use rosterd::store::Store;
use rusqlite::{Connection, params};
use serde_json::json;

const SIZES: &[u64] = &[1_000, 10_000, 100_000, 1_000_000];
const RUNS: usize = 301;
const FIRST_UID: u64 = 1_000_000_000;
const LARGE_GROUP: u64 = 100_000;
const MANY_GROUPS: u64 = 10_000;
/// Set for the process that measures: the directory, and the one of the index.
const CHILD: &str = "ROSTER_BENCH_DIRECTORIES";
/// As in packaging/systemd/rosterd.service.
const TUNABLES: &str = "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0";

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if let Ok(directories) = std::env::var(CHILD) {
        let (directory, index) = directories.split_once(':').unwrap();
        return measure(Path::new(directory), Path::new(index), given[0]);
    }
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let mut table: Vec<(String, Vec<f64>)> = Vec::new();
    for size in &sizes {
        let dir = tempfile::tempdir().unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let started = Instant::now();
        fill(dir.path(), *size);
        let database = std::fs::metadata(dir.path().join("store/roster.db")).unwrap().len() >> 20;
        eprintln!("{size} accounts written in {:.1?}, {database} MiB", started.elapsed());
        let child = Command::new(std::env::current_exe().unwrap())
            .arg(size.to_string())
            .env(CHILD, format!("{}:{}", dir.path().display(), memory.path().display()))
            .env("GLIBC_TUNABLES", TUNABLES)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(child.status.success(), "measuring {size} accounts failed");
        let lines = String::from_utf8(child.stdout).unwrap();
        for (i, line) in lines.lines().enumerate() {
            let (name, number) = line.rsplit_once('=').unwrap();
            eprintln!("  {name}: {number}");
            if i == table.len() {
                table.push((name.to_owned(), Vec::new()));
            }
            table[i].1.push(number.parse().unwrap());
        }
    }
    print(&sizes, &table);
}

fn print(sizes: &[u64], table: &[(String, Vec<f64>)]) {
    let headings: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    println!("| | {} | growth |", headings.join(" | "));
    println!("| --- |{}", " ---: |".repeat(sizes.len() + 1));
    for (name, numbers) in table {
        let cells: Vec<String> = numbers.iter().map(|number| format!("{number:.2}")).collect();
        let growth = numbers[numbers.len() - 1] / numbers[0];
        println!("| {name} | {} | {growth:.2} x |", cells.join(" | "));
    }
}

/// A line of what is measured.
fn tell(name: &str, number: f64) {
    println!("{name}={number}");
}

/// Memory of this process that no file is behind, in MiB (proc_pid_status(5), RssAnon).
fn private_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn measure(dir: &Path, index: &Path, size: u64) {
    // The first start notes the numbers that are given out; measured is one of an ordinary day.
    let first = Instant::now();
    service(dir, index).settle();
    eprintln!("  the first start and a checkpoint took {:.1?}", first.elapsed());
    let started = Instant::now();
    let service = service(dir, index);
    tell("start, s", started.elapsed().as_secs_f64());
    tell("private memory after the start, MiB", private_memory());
    let started = Instant::now();
    service.checkpoint_index().unwrap();
    tell("checkpoint of everything, ms", milliseconds(started.elapsed()));

    let mut shown = Vec::new();
    verbs(&service, size, &mut shown);
    quantiles("from commit to visible, all of these, µs", &mut shown, |time| {
        time.as_secs_f64() * 1e6
    });
    let started = Instant::now();
    service.checkpoint_index().unwrap();
    tell("checkpoint after them, ms", milliseconds(started.elapsed()));
    // As when a file is full, each time that a quarter has been added: all of it moves to a new one.
    for file in ["index", "shadow"] {
        std::fs::remove_file(index.join("run").join(file)).unwrap();
    }
    let grant = grant(&service, Action::UserCreate, None);
    let fields = json!({"name": "last"}).as_object().unwrap().clone();
    service.create_user(&grant, &fields, NewPassword::None).unwrap();
    tell("a change that moves all to larger files, ms", milliseconds(service.shown_within()));
    tell("private memory at the end, MiB", private_memory());
}

fn verbs(service: &Service, size: u64, shown: &mut Vec<Duration>) {
    let root = |action, user: Option<&str>| grant(service, action, user);
    let create = root(Action::UserCreate, None);
    let groups = root(Action::GroupManage, None);
    let some = |n: usize| name((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (size - 1) + 1);
    let many = name(0);
    let shell = |n: usize| if n.is_multiple_of(2) { "/bin/sh" } else { "/bin/bash" };
    run(service, shown, "create", |n| {
        let fields = json!({"name": format!("new{n}")}).as_object().unwrap().clone();
        let create = &create;
        move || drop(service.create_user(create, &fields, NewPassword::None).unwrap())
    });
    run(service, shown, "update of a shell", |n| {
        let user = some(n);
        let grant = root(Action::UserUpdate, Some(&user));
        let fields = json!({ "shell": shell(n) }).as_object().unwrap().clone();
        move || drop(service.update_user(&grant, &subject(&user), &fields, None).unwrap())
    });
    run(service, shown, "lock", |n| {
        let user = format!("new{n}");
        let grant = root(Action::UserLock, Some(&user));
        move || service.lock_user(&grant, &subject(&user)).unwrap()
    });
    let groups = &groups;
    run(service, shown, "member add, to a group of 100,000", |n| {
        move || service.add_member(groups, "large", &format!("new{n}")).unwrap()
    });
    run(service, shown, "member remove, from a group of 100,000", |n| {
        move || service.remove_member(groups, "large", &format!("new{n}")).unwrap()
    });
    run(service, shown, "member add, of a user with 10,000 groups", |n| {
        let (group, many) = (format!("new{n}"), many.clone());
        move || service.add_member(groups, &group, &many).unwrap()
    });
    run(service, shown, "lock and unlock, of a user with 10,000 groups", |n| {
        let many = many.clone();
        let (lock, unlock) = (Action::UserLock, Action::UserUnlock);
        let grant = root(if n.is_multiple_of(2) { lock } else { unlock }, Some(&many));
        move || match n.is_multiple_of(2) {
            true => service.lock_user(&grant, &subject(&many)).unwrap(),
            false => service.unlock_user(&grant, &subject(&many)).unwrap(),
        }
    });
}

/// Does it so many times; what it takes to prepare does not count.
fn run<F: FnOnce()>(
    service: &Service,
    shown: &mut Vec<Duration>,
    verb: &str,
    mut prepare: impl FnMut(usize) -> F,
) {
    let (mut whole, mut visible) = (Vec::new(), Vec::new());
    for n in 0..RUNS {
        let run = prepare(n);
        let started = Instant::now();
        run();
        whole.push(started.elapsed());
        visible.push(service.shown_within());
    }
    shown.extend(&visible);
    quantiles(&format!("{verb}: from commit to visible, µs"), &mut visible, |time| {
        time.as_secs_f64() * 1e6
    });
    quantiles(&format!("{verb}: the whole verb, ms"), &mut whole, milliseconds);
}

fn quantiles(name: &str, times: &mut [Duration], unit: impl Fn(Duration) -> f64) {
    times.sort_unstable();
    tell(&format!("{name}, p50"), unit(times[times.len() / 2]));
    tell(&format!("{name}, p99"), unit(times[(times.len() * 99).div_ceil(100) - 1]));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

fn grant(service: &Service, action: Action, user: Option<&str>) -> Grant {
    let target = user.map(|user| service.target(&subject(user)).unwrap());
    match decide(&Caller { uid: 0, account: None }, action, target.as_ref()) {
        Decision::Allow(grant) => grant,
        other => panic!("root may not {action:?}: {other:?}"),
    }
}

/// Names in no order of their numbers.
fn name(n: u64) -> String {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    format!("u{mixed:06x}{n:x}")
}

fn id(n: u64, kind: u8) -> [u8; 16] {
    let mut id = (u128::from(n) << 64 | u128::from(n.wrapping_mul(0x9e37_79b9))).to_be_bytes();
    id[15] = kind;
    id
}

fn fill(dir: &Path, size: u64) {
    let files = [
        ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        (
            "group",
            "root:x:0:\nroster-users:x:980:\nroster-2fa:x:981:\nroster-2fa-password:x:982:\n",
        ),
        ("shells", "/bin/sh\n/bin/bash\n"),
        ("nsswitch.conf", "passwd: files roster\n"),
    ];
    for (name, text) in files {
        std::fs::write(dir.join(name), text).unwrap();
    }
    let directory = dir.join("store");
    drop(Store::open(&directory).unwrap());
    let mut db = Connection::open(directory.join("roster.db")).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144").unwrap();
    let transaction = db.transaction().unwrap();
    let prepare = |sql: &str| transaction.prepare(sql).unwrap();
    let mut user = prepare(
        "INSERT INTO users (id, name, uid, gid, full_name, email, home, home_mode, shell, \
         created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, 448, '/bin/bash', 1700000000, 1700000000)",
    );
    let mut group = prepare(
        "INSERT INTO groups (id, name, gid, created_at, updated_at) VALUES (?1, ?2, ?3, 0, 0)",
    );
    let mut password =
        prepare("INSERT INTO passwords (user_id, phc, changed_at) VALUES (?1, ?2, 1700000000)");
    let mut key = prepare(
        "INSERT INTO ssh_keys (user_id, line, fingerprint, added_at) VALUES (?1, ?2, ?3, 0)",
    );
    let mut member = prepare("INSERT INTO members (group_id, user_id) VALUES (?1, ?2)");
    let mut used = ["used_uids", "used_gids"]
        .map(|table| prepare(&format!("INSERT INTO {table} VALUES (?1)")));
    group.execute(params![id(0, 2), "large", 999_999_999]).unwrap();
    for n in 0..size {
        let (user_id, group_id, name) = (id(n, 0), id(n, 1), name(n));
        let number = (FIRST_UID + n) as i64;
        let (full_name, email) = (format!("Number {n}"), format!("{name}@example.org"));
        let home = format!("/home/{name}");
        user.execute(params![user_id, name, number, full_name, email, home]).unwrap();
        group.execute(params![group_id, name, number]).unwrap();
        for used in &mut used {
            used.execute([number]).unwrap();
        }
        if n % 2 == 0 {
            let phc = "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$\
                       RdescudvJCsgt3ub+b4dWRWJTmaaJObGh2r0YdFZ8vs";
            password.execute(params![user_id, phc]).unwrap();
        }
        if n % 3 == 0 {
            let line = format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{n:043} {name}");
            key.execute(params![user_id, line, format!("SHA256:{n:043}")]).unwrap();
        }
        if n < LARGE_GROUP {
            member.execute(params![id(0, 2), user_id]).unwrap();
        }
        if n < MANY_GROUPS {
            member.execute(params![group_id, id(0, 0)]).unwrap();
        }
    }
    drop((user, group, password, key, member, used));
    transaction.commit().unwrap();
}

fn service(dir: &Path, index: &Path) -> Service {
    let place = |name: &str| -> PathBuf { dir.join(name) };
    let mut config = Config::default();
    let places = &mut config.places;
    places.store = place("store");
    places.live = index.join("run");
    places.checkpoint = place("checkpoint");
    places.numbers = place("numbers");
    places.journal = place("journal");
    places.audit_record = place("audit-head");
    places.passwd = place("passwd");
    places.group = place("group");
    places.shells = place("shells");
    places.nsswitch = place("nsswitch.conf");
    let sealer = Sealer::open_or_create(&config.places.store, None).unwrap();
    let cheap = Parameters { memory_kib: 64, passes: 1, lanes: 1 };
    let hasher = PasswordHasher::new(cheap, 1024).unwrap();
    // No effect is owed, so that nothing of the host is touched.
    let mut host = Host::system();
    host.root = dir.to_owned();
    let mailer = Arc::new(SocketMailer::new(dir.join("no-mailer")));
    Service::start(Parts { config, clock: Arc::new(SystemClock), hasher, sealer, host, mailer })
}
