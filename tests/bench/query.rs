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
use rosterd::publish::mail::SocketMailer;
use rosterd::query::Query;
use rosterd::service::{Parts, Service};
use rosterd::store::Store;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

const SIZES: &[u64] = &[1_000, 10_000, 100_000, 1_000_000];
const RUNS: usize = 101;
/// For what has no limit.
const FEW_RUNS: usize = 11;
const FIRST_UID: u64 = 2_000_000_000;

/// The middle of the times, and what all but one in a hundred stay below.
type Times = (Duration, Duration);

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let mut table: Vec<(&str, Option<u64>, Vec<Times>)> = Vec::new();
    for size in &sizes {
        let dir = tempfile::tempdir().unwrap();
        let started = Instant::now();
        fill(&dir.path().join("store"), *size);
        let service = service(dir.path());
        eprintln!("{size} users written and published in {:.1?}", started.elapsed());
        for (i, (name, allowed, what)) in cases(*size).into_iter().enumerate() {
            let runs = if allowed.is_some() { RUNS } else { FEW_RUNS };
            let times = measure(&service, runs, &what);
            eprintln!("  {name}: {}", shown(times));
            if i == table.len() {
                table.push((name, allowed, Vec::new()));
            }
            table[i].2.push(times);
        }
    }
    print(&sizes, &table);
}

fn print(sizes: &[u64], table: &[(&str, Option<u64>, Vec<Times>)]) {
    let headings: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    println!("| p50 / p99, ms | allowed | {} | growth of p50 |", headings.join(" | "));
    println!("| --- | --- |{}", " ---: |".repeat(sizes.len() + 1));
    for (name, allowed, times) in table {
        let cells: Vec<String> = times.iter().map(|times| shown(*times)).collect();
        let allowed = allowed.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        let growth = times[times.len() - 1].0.as_secs_f64() / times[0].0.as_secs_f64();
        println!("| {name} | {allowed} | {} | {growth:.1} x |", cells.join(" | "));
    }
}

fn shown((middle, most): Times) -> String {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    format!("{:.2} / {:.2}", milliseconds(middle), milliseconds(most))
}

enum What {
    Query(Value, Value),
    Search(&'static str),
}

type Case = (&'static str, Option<u64>, What);

fn cases(size: u64) -> Vec<Case> {
    use What::{Query, Search};
    let middle = size / 2;
    let name = name(middle);
    let page = |key: &str, offset: u64| json!({"order_by": [key], "limit": 100, "offset": offset});
    let last = size - 100;
    let only = || json!({"limit": 100, "select": ["name", "uid"]});
    let uids: Vec<u64> = (FIRST_UID..FIRST_UID + 10).collect();
    let one = |field: &str, value: Value| Query(json!([[field, "=", value]]), json!({}));
    vec![
        ("by name", Some(10), one("name", json!(name))),
        ("by uid", Some(10), one("uid", json!(FIRST_UID + middle))),
        ("by address", Some(10), one("email", json!(format!("{name}@example.org")))),
        ("by tag, 10 users", Some(10), Query(json!([["tags", "rin", "team-7"]]), json!({}))),
        ("by list of 10 uids", Some(10), Query(json!([["uid", "in", uids]]), json!({}))),
        ("first 100 by name", Some(50), Query(json!([]), page("name", 0))),
        ("middle 100 by name", Some(50), Query(json!([]), page("name", middle))),
        ("last 100 by name", Some(50), Query(json!([]), page("name", last))),
        ("first 100 by uid, descending", Some(50), Query(json!([]), page("-uid", 0))),
        ("middle 100 by address", Some(50), Query(json!([]), page("email", middle))),
        ("first 100 by creation", Some(50), Query(json!([]), page("created_at", 0))),
        ("100 of two fields", Some(50), Query(json!([]), only())),
        ("count of all", Some(50), Query(json!([]), json!({"count": true}))),
        ("100 names that begin so", None, Query(json!([["name", "^", &name[..3]]]), only())),
        ("100 by a tag of a tenth", None, Query(json!([["tags", "rin", "tenth"]]), only())),
        ("100 locked of a thousandth", None, Query(json!([["locked", "=", true]]), only())),
        ("last 100 who logged in", Some(50), Query(json!([]), page("-last_login", 0))),
        ("100 by regular expression", None, Query(json!([["name", "~", "a[0-9]*b$"]]), only())),
        (
            "100 by full name, either case",
            None,
            Query(json!([["full_name", "Crin", "R 77"]]), only()),
        ),
        (
            "100 by a place in the attributes",
            None,
            Query(json!([["attributes.desk.floor", "=", 7]]), only()),
        ),
        ("search for a text", None, Search("77")),
    ]
}

/// A query that takes too long is ended by the service, and counts as what it took until then.
fn measure(service: &Service, runs: usize, what: &What) -> Times {
    let run: Box<dyn Fn()> = match what {
        What::Query(filters, options) => {
            let query = Query::parse(&filters.to_string(), options.as_object().unwrap()).unwrap();
            Box::new(move || drop(std::hint::black_box(service.query_users(&query))))
        }
        What::Search(text) => {
            Box::new(|| drop(std::hint::black_box(service.search_users(text, 0, 100))))
        }
    };
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[runs / 2], times[(runs * 99).div_ceil(100) - 1])
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
    let mut login = transaction
        .prepare("INSERT INTO logins (user_id, first_at, last_at) VALUES (?1, ?2, ?2)")
        .unwrap();
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
        if n % 3 > 0 {
            login
                .execute(params![
                    id,
                    1_700_000_000 + n.wrapping_mul(0x9e37_79b9) as i64 % 10_000_000
                ])
                .unwrap();
        }
        if n % 10 == 0 {
            tag.execute(params![id, "tenth"]).unwrap();
        }
    }
    drop((user, tag, login));
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
    let mailer = Arc::new(SocketMailer::new(dir.join("no-mailer")));
    Service::start(Parts { config, clock: Arc::new(SystemClock), hasher, sealer, host, mailer })
}
