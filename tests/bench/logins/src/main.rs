//! What a login costs, and what its time tells about the account.
//!
//! Runs as root beside a running rosterd, in the throwaway Debian that `tests/bench/logins.sh` or
//! `tests/bench/import.sh` sets up with the accounts named here; a machine in use is not the place for it.
//!
//! | command | measures |
//! | --- | --- |
//! | `cost RUNS` | one login, beside the bare hash and beside `pam_unix` with yescrypt |
//! | `load LOGINS` | so many logins at once, and what lookups and D-Bus reads take meanwhile |
//! | `import FILE [OPTIONS]` | importing the records of a file, and what that keeps waiting |
//! | `oracle TRIES` | refused logins, per reason: distributions and their differences |

// A benchmark that cannot go on has nothing better to do than stop.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cost;
mod door;
mod import;
mod load;
mod oracle;
mod pam;
mod statistics;

/// The password of the accounts that have one.
const PASSWORD: &str = "seven violet herons dancing";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |default| arguments.get(1).map_or(default, |text| text.parse().expect("a number"));
    match arguments.first().map(String::as_str) {
        Some("cost") => cost::run(number(200)),
        Some("load") => load::run(number(200)),
        Some("import") if arguments.len() > 1 => import::run(&arguments[1], &arguments[2..]),
        Some("oracle") => oracle::run(number(2000)),
        _ => {
            eprintln!("usage: login_bench cost RUNS | load LOGINS | import FILE | oracle TRIES");
            std::process::exit(2);
        }
    }
}
