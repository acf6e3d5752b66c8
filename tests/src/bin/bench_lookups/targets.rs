//! What was promised, beside what was measured.

use crate::figures::{
    ENUMERATION, FIRST, Figures, HIT_NAME, HIT_UID, INITGROUPS, MISS_NAME, MISS_UID,
};
use crate::sources::{FLOOR, ROSTER, SSSD};
use crate::tables::grouped;

/// Nanoseconds above the floor that a hit may take, by number of accounts.
const HITS: [(usize, f64); 3] = [(1000, 80.0), (100_000, 450.0), (1_000_000, 700.0)];
const LOOKUPS: [(&str, &str); 4] = [
    ("by name", HIT_NAME),
    ("by uid", HIT_UID),
    ("miss by name", MISS_NAME),
    ("miss by uid", MISS_UID),
];

/// Own memory that grows by no more than this does not grow with the accounts, in KiB.
const CONSTANT: i64 = 64;

fn line(what: &str, promised: &str, measured: Option<(String, bool)>) {
    let (measured, verdict) = match measured {
        Some((measured, true)) => (measured, "held"),
        Some((measured, false)) => (measured, "**missed**"),
        None => ("–".to_owned(), "not measured"),
    };
    println!("| {what} | {promised} | {measured} | {verdict} |");
}

/// Prints the table.
pub fn print(figures: &Figures) {
    println!("\n| | promised | measured | |\n| --- | --- | --- | --- |");
    for (size, limit) in HITS {
        for (how, operation) in &LOOKUPS[..2] {
            let above = figures.above_floor(size, ROSTER, operation);
            let what = format!("hit {how} above the floor, {} accounts, p50", grouped(size));
            let measured = above.map(|above| (format!("{above:.0} ns"), above <= limit));
            line(&what, &format!("≤ {limit:.0} ns"), measured);
        }
    }
    for (how, operation) in &LOOKUPS[..2] {
        let measured = figures.sizes.first().and_then(|size| {
            let ours = figures.above_floor(*size, ROSTER, operation)?;
            let theirs = figures.above_floor(*size, SSSD, operation)?;
            Some((format!("{ours:.0} ns of {theirs:.0} ns"), ours * 5.0 <= theirs))
        });
        line(&format!("hit {how} above the floor, to SSSD's warm one"), "≤ 1/5", measured);
    }
    for &size in &figures.sizes {
        for (how, hit, miss) in [("name", HIT_NAME, MISS_NAME), ("uid", HIT_UID, MISS_UID)] {
            // Hits and misses are measured one after the other, each beside a floor of its own.
            let above = |operation| figures.above_floor(size, ROSTER, operation);
            let measured = above(miss).zip(above(hit));
            let what = format!("a miss by {how} above the floor, {} accounts, p50", grouped(size));
            let measured =
                measured.map(|(miss, hit)| (format!("{miss:.0} of {hit:.0} ns"), miss <= hit));
            line(&what, "no dearer than a hit", measured);
        }
    }
    for ((size, source, operation), counts) in &figures.counts {
        if *source != ROSTER || *operation == INITGROUPS {
            continue;
        }
        let how = LOOKUPS.iter().find(|(_, name)| name == operation).map_or("", |(how, _)| how);
        let what = format!("instructions in our object, {how}, {} accounts", grouped(*size));
        let measured = Some((format!("{:.0}", counts.module), counts.module <= 600.0));
        line(&what, "≤ 600", measured);
        let floor = figures.counts.get(&(*size, FLOOR, *operation));
        let what = format!("system calls, {how}, {} accounts", grouped(*size));
        let same = floor.map(|floor| {
            let same = (counts.calls - floor.calls).abs() < 0.005;
            (format!("{:.2} and {:.2}", counts.calls, floor.calls), same)
        });
        line(&what, "as the floor", same);
    }
    for &size in &figures.sizes {
        let measured = figures.p50(size, ROSTER, FIRST).zip(figures.p50(size, FLOOR, FIRST));
        let measured = measured.map(|(ours, floor)| {
            let text = format!("{:.1} of {:.1} µs: {:.2} x", ours / 1e3, floor / 1e3, ours / floor);
            (text, ours <= 1.3 * floor)
        });
        let what = format!("first lookup of a process, {} accounts, p50", grouped(size));
        line(&what, "≤ 1.3 x the floor's", measured);
    }
    let most = figures.sizes.iter().copied().max().unwrap_or(0);
    let took = figures.p50(most, ROSTER, ENUMERATION);
    line(
        &format!("enumeration of {}", grouped(most)),
        "≤ 3 s",
        took.map(|took| (format!("{:.2} s", took / 1e9), took <= 3e9)),
    );
    let growth = figures.growth.get(&(most, ROSTER));
    line(
        &format!("own memory that an enumeration of {} adds", grouped(most)),
        "constant",
        growth.map(|growth| (format!("{} KiB", growth.own), growth.own <= CONSTANT)),
    );
}
