//! The tables, in markdown.

use crate::figures::{ENUMERATION, Figures, OPERATIONS, Operation, Times};
use crate::sources::{NOISE, REFERENCE, ROSTER, SOURCES, SSSD, Source};

/// A p99 of fewer calls than this says nothing.
const ENOUGH: usize = 100;

/// Those whose lookups read memory and ask nobody.
const IN_MEMORY: [&str; 4] = [NOISE, ROSTER, REFERENCE, SSSD];

/// 1000000 as 1,000,000.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits, as far as that needs a fraction.
fn short(number: f64) -> String {
    match number {
        0.0..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A time in the operation's unit; below ten of them to the thousandth.
fn time(nanoseconds: f64, unit: f64) -> String {
    let number = nanoseconds / unit;
    if number < 10.0 { format!("{number:.3}") } else { short(number) }
}

fn ratio(number: f64) -> String {
    match number {
        0.0..0.0005 => format!("{number:.5} x"),
        0.0005..0.01 => format!("{number:.4} x"),
        _ => format!("{} x", short(number)),
    }
}

fn head(first: &str, columns: impl Iterator<Item = String>) {
    let columns: Vec<String> = columns.collect();
    println!("\n| {first} | {} |", columns.join(" | "));
    println!("| --- |{}", " ---: |".repeat(columns.len()));
}

fn sizes(figures: &Figures) -> impl Iterator<Item = String> {
    figures.sizes.iter().copied().map(grouped)
}

fn cell(figures: &Figures, size: usize, source: &Source, operation: &Operation) -> String {
    let Some(Times { calls, p50, p99, .. }) = figures.times(size, source.service, operation.name)
    else {
        return match source.not_measured(size) {
            Some(_) => "not measured".to_owned(),
            None => "no answer".to_owned(),
        };
    };
    let unit = operation.unit.0;
    let p99 = if calls < ENOUGH { "–".to_owned() } else { time(p99, unit) };
    let text = format!("{} / {p99}", time(p50, unit));
    match figures.p50(size, ROSTER, operation.name) {
        Some(roster) if source.service != ROSTER => format!("{text} · {}", ratio(roster / p50)),
        _ => text,
    }
}

/// A table for each operation: p50 and p99 of every source, and Roster's p50 to its.
pub fn times(figures: &Figures) {
    for operation in &OPERATIONS {
        head(&format!("{}, {}", operation.title, operation.unit.1), sizes(figures));
        for source in &SOURCES {
            let cells: Vec<String> =
                figures.sizes.iter().map(|size| cell(figures, *size, source, operation)).collect();
            println!("| {} | {} |", source.title, cells.join(" | "));
        }
    }
}

/// What was not measured, and how many calls stand behind the figures where they are few.
pub fn remarks(figures: &Figures) {
    println!();
    for source in &SOURCES {
        let left_out = |size: &&usize| source.not_measured(**size).is_some();
        let sizes: Vec<String> =
            figures.sizes.iter().filter(left_out).map(|size| grouped(*size)).collect();
        if let Some(reason) = figures.sizes.iter().find_map(|size| source.not_measured(*size)) {
            println!(
                "- {}, {} accounts: not measured: {reason}.",
                source.title,
                sizes.join(" and ")
            );
        }
        for (operation, reason) in source.cannot {
            let asked = OPERATIONS.iter().find(|known| known.name == *operation);
            let title = asked.map_or(*operation, |known| known.title);
            println!("- {}, {title}: no answer: {reason}.", source.title);
        }
    }
    for source in &SOURCES {
        for &size in &figures.sizes {
            let few: Vec<String> = OPERATIONS
                .iter()
                .filter(|operation| operation.name != ENUMERATION)
                .filter_map(|operation| {
                    let calls = figures.times(size, source.service, operation.name)?.calls;
                    (calls < ENOUGH).then(|| format!("{} ({calls})", operation.title))
                })
                .collect();
            if !few.is_empty() {
                println!(
                    "- {}, {} accounts: few calls: {}.",
                    source.title,
                    grouped(size),
                    few.join("; ")
                );
            }
        }
    }
}

/// What the sources that ask nobody add to the floor, at the median.
pub fn above_floor(figures: &Figures) {
    head("above the floor, ns, p50", sizes(figures));
    for operation in OPERATIONS.iter().filter(|operation| operation.unit.1 == "µs") {
        for source in SOURCES.iter().filter(|source| IN_MEMORY.contains(&source.service)) {
            let cells: Vec<String> = figures
                .sizes
                .iter()
                .map(|size| match figures.above_floor(*size, source.service, operation.name) {
                    Some(above) => format!("{above:+.0}"),
                    None => "–".to_owned(),
                })
                .collect();
            println!("| {}: {} | {} |", operation.title, source.title, cells.join(" | "));
        }
    }
}

/// What an enumeration adds to the process.
pub fn growth(figures: &Figures) {
    head("an enumeration adds, KiB: own memory / pages of shared files", sizes(figures));
    for source in SOURCES.iter().filter(|source| source.service != NOISE) {
        let cells: Vec<String> = figures
            .sizes
            .iter()
            .map(|size| match figures.growth.get(&(*size, source.service)) {
                Some(growth) => format!("{} / {}", growth.own, growth.shared),
                None => "–".to_owned(),
            })
            .collect();
        println!("| {} | {} |", source.title, cells.join(" | "));
    }
}

/// Instructions and system calls of a warm lookup.
pub fn counts(figures: &Figures) {
    for &size in &figures.sizes {
        if !figures.counts.keys().any(|(counted, _, _)| *counted == size) {
            continue;
        }
        let title = format!(
            "{} accounts: instructions in the module / of the whole call, system calls",
            grouped(size)
        );
        let counted = || OPERATIONS.iter().filter(|operation| operation.turns.1 > 1000);
        head(&title, counted().map(|operation| operation.title.to_owned()));
        for source in &SOURCES {
            let cells: Vec<String> = counted()
                .map(|operation| {
                    match figures.counts.get(&(size, source.service, operation.name)) {
                        Some(counts) => format!(
                            "{:.0} / {:.0}, {:.0}",
                            counts.module, counts.whole, counts.calls
                        ),
                        None => "–".to_owned(),
                    }
                })
                .collect();
            if cells.iter().any(|cell| cell != "–") {
                println!("| {} | {} |", source.title, cells.join(" | "));
            }
        }
    }
}
