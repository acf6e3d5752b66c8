//! Refused logins of every kind, and whether their prompts, codes or times tell them apart.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::door::Seen;
use crate::statistics::{Times, difference, ms};
use crate::{PASSWORD, door, pam};

/// The account whose password is just wrong: what all others must look like.
const WRONG: &str = "wrong";

/// The other reasons, each an account named after it. All have the password that is tried, or none.
const REASONS: [&str; 7] =
    ["unknown", "locked", "disabled", "expired", "throttled", "nopassword", "secondfactor"];

/// One of them, through one door.
struct Case {
    user: &'static str,
    times: Times,
    seen: BTreeSet<Seen>,
}

/// How a try is made: (user, password, remote host).
type Door = fn(&str, &str, &str) -> (Seen, Duration);

pub fn run(tries: usize) {
    let stack: Door = |user, password, remote| pam::log_in("login-bench", user, password, remote);
    measure("through the daemon's socket", tries, door::log_in, &REASONS);
    measure("through the whole PAM stack", tries, stack, &REASONS);
}

fn measure(title: &str, tries: usize, log_in: Door, reasons: &[&'static str]) {
    let users = [WRONG, WRONG].iter().chain(reasons);
    let mut cases: Vec<Case> =
        users.map(|&user| Case { user, times: Times::default(), seen: BTreeSet::new() }).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    for round in 0..tries {
        shuffle(&mut order);
        for &n in &order {
            let case = &mut cases[n];
            let remote = format!("2001:db8::{n:x}:{:x}:{:x}", round >> 16, round & 0xffff);
            if case.user == "throttled" {
                // The configuration forgives nothing: for two seconds even the right one is refused.
                log_in(case.user, "not the password", &remote);
            }
            // Locked, disabled and expired accounts are tried with the right password: even that
            // must not tell.
            let password = match case.user {
                "locked" | "disabled" | "expired" | "throttled" => PASSWORD,
                _ => "not the password",
            };
            let (seen, time) = log_in(case.user, password, &remote);
            case.times.push(time);
            case.seen.insert(seen);
        }
    }
    print(title, &cases);
}

fn print(title: &str, cases: &[Case]) {
    let wrong = &cases[0];
    println!("\nRefused logins {title}, {} tries each, in random order\n", wrong.times.len());
    println!(
        "| ms | p10 | p50 | p90 | p99 | p50 against wrong | distance of the distributions | prompts and code |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    for (n, case) in cases.iter().enumerate() {
        let name = match n {
            0 => "wrong password",
            1 => "wrong password, once more: the noise",
            _ => case.user,
        };
        let quantiles = [100, 500, 900, 990].map(|at| ms(case.times.quantile(at))).join(" | ");
        let more = difference(case.times.median(), wrong.times.median());
        let distance = case.times.distance(&wrong.times);
        let seen = if case.seen == wrong.seen { "the same".to_owned() } else { tell(&case.seen) };
        println!("| {name} | {quantiles} | {more} | {distance:.3} | {seen} |");
    }
    println!("\nThe wrong password saw: {}", tell(&wrong.seen));
}

fn tell(seen: &BTreeSet<Seen>) -> String {
    let each = seen.iter().map(|seen| format!("{:?} → {}", seen.prompts, seen.code));
    each.collect::<Vec<_>>().join("; ")
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize]) {
    for last in (1..order.len()).rev() {
        let random = getrandom::u32().expect("randomness") as usize;
        order.swap(last, random % (last + 1));
    }
}
