//! Lookups and pages on stores of 1,000 to 1,000,000 users, and how their time grows.
//!
//! `cargo bench -p rosterd --bench query [-- SIZE…]`; needs root, and 2 GB below the temporary
//! directory for the largest. The users are written straight into the database: what is measured is
//! the use case, from the parsed query to the records.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rosterd::authenticate::{Parameters, PasswordHasher, Sealer};
use rosterd::clock::SystemClock;
use rosterd::config::Config;
use rosterd::publish::host::Host;
use rosterd::query::Query;
use rosterd::service::{Parts, Service};
use rosterd::store::Store;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

const SIZES: &[u64] = &[1_000, 10_000, 100_000, 1_000_000];
const RUNS: usize = 51;
const FIRST_UID: u64 = 2_000_000_000;

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let mut table: Vec<(&str, Option<u64>, Vec<Duration>)> = Vec::new();
    for size in &sizes {
        let dir = tempfile::tempdir().unwrap();
        let started = Instant::now();
        fill(&dir.path().join("store"), *size);
        let service = service(dir.path());
        eprintln!("{size} users written and published in {:.1?}", started.elapsed());
        for (i, (name, allowed, filters, options)) in cases(*size).into_iter().enumerate() {
            let runs = if allowed.is_some() { RUNS } else { 5 };
            let time = measure(&service, runs, &filters, &options);
            if i == table.len() {
                table.push((name, allowed, Vec::new()));
            }
            table[i].2.push(time);
        }
    }
    let headings: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    println!("| query (median of {RUNS}, or 5) | allowed | {} | growth |", headings.join(" | "));
    println!("| --- | --- |{}", " ---: |".repeat(sizes.len() + 1));
    for (name, allowed, times) in table {
        let cells: Vec<String> = times.iter().map(|time| milliseconds(*time)).collect();
        let allowed = allowed.map_or_else(|| "-".to_owned(), |limit| format!("{limit} ms"));
        let growth = times[times.len() - 1].as_secs_f64() / times[0].as_secs_f64();
        println!("| {name} | {allowed} | {} | {growth:.1} x |", cells.join(" | "));
    }
}

type Case = (&'static str, Option<u64>, Value, Value);

fn cases(size: u64) -> Vec<Case> {
    let middle = size / 2;
    let name = name(middle);
    let page = json!({"order_by": ["name"], "limit": 100});
    let later = json!({"order_by": ["name"], "limit": 100, "offset": size - 100});
    let only = json!({"limit": 100, "select": ["name", "uid"]});
    vec![
        ("by name", Some(10), json!([["name", "=", name]]), json!({})),
        ("by uid", Some(10), json!([["uid", "=", FIRST_UID + middle]]), json!({})),
        ("by address", Some(10), json!([["email", "=", format!("{name}@example.org")]]), json!({})),
        ("by tag, of 10 users", Some(10), json!([["tags", "rin", "team-7"]]), json!({})),
        (
            "by id list of 10",
            Some(10),
            json!([["uid", "in", (FIRST_UID..FIRST_UID + 10).collect::<Vec<_>>()]]),
            json!({}),
        ),
        ("page of 100 by name", Some(50), json!([]), page.clone()),
        ("last page of 100 by name", Some(50), json!([]), later),
        ("page of 100, two fields", Some(50), json!([]), only.clone()),
        ("names that begin so, 100", None, json!([["name", "^", &name[..3]]]), page),
        ("by tag, of a tenth of all, 100", None, json!([["tags", "rin", "tenth"]]), only.clone()),
        ("locked, 100", None, json!([["locked", "=", true]]), only.clone()),
        ("name ~ regular expression, 100", None, json!([["name", "~", "a[0-9]*b$"]]), only.clone()),
        ("full name, either case, 100", None, json!([["full_name", "Crin", "NUMBER 77"]]), only),
    ]
}

fn measure(service: &Service, runs: usize, filters: &Value, options: &Value) -> Duration {
    let query = Query::parse(&filters.to_string(), options.as_object().unwrap()).unwrap();
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(service.query_users(&query).unwrap());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Names in no order of their numbers.
fn name(n: u64) -> String {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    format!("u{mixed:06x}{n:x}")
}

fn fill(directory: &Path, size: u64) {
    drop(Store::open(directory).unwrap());
    let mut db = Connection::open(directory.join("roster.db")).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144").unwrap();
    let transaction = db.transaction().unwrap();
    let mut user = transaction
        .prepare(
            "INSERT INTO users (id, name, uid, gid, full_name, first_name, last_name, email, home, \
             home_mode, shell, locked, attributes, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, 448, '/bin/bash', ?9, ?10, 1700000000, 1700000000)",
        )
        .unwrap();
    let mut tag =
        transaction.prepare("INSERT INTO user_tags (user_id, tag) VALUES (?1, ?2)").unwrap();
    for n in 0..size {
        let id = (u128::from(n) << 64 | u128::from(n.wrapping_mul(0x9e37_79b9))).to_be_bytes();
        let name = name(n);
        let (first, last) = (format!("First{n}"), format!("Last{n}"));
        user.execute(params![
            id,
            name,
            (FIRST_UID + n) as i64,
            format!("Number {n}"),
            first,
            last,
            format!("{name}@example.org"),
            format!("/home/{name}"),
            n % 1000 == 0,
            format!("{{\"desk\":{{\"floor\":{}}}}}", n % 9),
        ])
        .unwrap();
        tag.execute(params![id, format!("team-{}", n / 10)]).unwrap();
        if n % 10 == 0 {
            tag.execute(params![id, "tenth"]).unwrap();
        }
    }
    drop((user, tag));
    transaction.commit().unwrap();
}

fn service(dir: &Path) -> Service {
    let mut config = Config::default();
    config.places.store = dir.join("store");
    config.places.live = dir.join("run");
    config.places.checkpoint = dir.join("checkpoint");
    config.places.journal = dir.join("journal");
    config.places.audit_record = dir.join("audit-head");
    let sealer = Sealer::open_or_create(&config.places.store, None).unwrap();
    let cheap = Parameters { memory_kib: 64, passes: 1, lanes: 1 };
    let hasher = PasswordHasher::new(cheap, 1024).unwrap();
    // No effect is owed, so that nothing of the host is touched.
    let mut host = Host::system();
    host.root = dir.to_owned();
    Service::start(Parts { config, clock: Arc::new(SystemClock), hasher, sealer, host })
}
