//! `tests/bench/run.sh`: what a lookup costs through Roster, beside the floor and beside every other
//! way to serve the same accounts, on a throwaway Debian.
//!
//! - `sources`: who is compared; `accounts`: the same accounts for each of them;
//! - `system`: the machine, and switching it to another number of accounts;
//! - `figures`: what is measured; `counts`: instructions and system calls;
//! - `tables` and `targets`: what is printed.
//!
//! The measuring itself is done by the program in `tests/bench/lookups`, inside of the machine.

mod accounts;
mod counts;
mod figures;
mod sources;
mod system;
mod tables;
mod targets;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use roster_tests::Error;

use figures::{Figures, Growth, OPERATIONS};
use sources::{FLOOR, NOISE, REFERENCE, ROSTER, SOURCES, SSSD};
use system::System;

/// Whose instructions are counted: those that read memory and ask nobody.
const COUNTED: [&str; 4] = [FLOOR, ROSTER, REFERENCE, SSSD];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next();
    let sizes: Result<Vec<usize>, _> = arguments.map(|size| size.parse()).collect();
    let (Some(folder), Ok(sizes)) = (folder, sizes) else {
        eprintln!("usage: bench_lookups FOLDER [NUMBER OF ACCOUNTS]…");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder), &sizes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, sizes: &[usize]) -> Result<(), Error> {
    let system = System::boot(folder)?;
    let mut figures = Figures::of(sizes);
    for &size in sizes {
        eprintln!("{} accounts: writing them", tables::grouped(size));
        system.furnish(size)?;
        eprintln!("{} accounts: measuring", tables::grouped(size));
        measure(&system, size, &mut figures);
        // Instructions depend on the length of chains at most: the smallest and the largest will do.
        if sizes.first() == Some(&size) || sizes.last() == Some(&size) {
            eprintln!("{} accounts: counting instructions", tables::grouped(size));
            count(&system, size, &mut figures);
        }
        system.clear(size);
    }
    print!("{}", environment(&system));
    tables::times(&figures);
    tables::remarks(&figures);
    tables::above_floor(&figures);
    tables::growth(&figures);
    tables::counts(&figures);
    targets::print(&figures);
    Ok(())
}

fn measure(system: &System, size: usize, figures: &mut Figures) {
    let mut arguments = vec!["measure".to_owned(), System::place(size)];
    arguments.extend(OPERATIONS.iter().map(|operation| {
        let (rounds, calls, milliseconds) = operation.turns;
        format!("{}={rounds},{calls},{milliseconds}", operation.name)
    }));
    arguments.push("--".to_owned());
    arguments.extend(System::measured(size));
    let outcome = system.program(&arguments).ok();
    eprint!("{}", outcome.stderr);
    figures.take(size, &outcome.stdout);

    let can = |service| figures.times(size, service, figures::ENUMERATION).is_some();
    let able = SOURCES.iter().filter(|source| source.service != NOISE && can(source.service));
    let mut grown = Vec::new();
    for source in able {
        let program = [system::PROGRAM, "enumerate-memory", &size.to_string()];
        let said = system.seen_by(source.service, size, &program).ok().stdout;
        let mut numbers = said.split_whitespace().flat_map(str::parse);
        if let (Some(own), Some(shared)) = (numbers.next(), numbers.next()) {
            grown.push(((size, source.service), Growth { own, shared }));
        }
    }
    figures.growth.extend(grown);
}

fn count(system: &System, size: usize, figures: &mut Figures) {
    let able = SOURCES
        .iter()
        .filter(|source| COUNTED.contains(&source.service) && source.not_measured(size).is_none());
    for source in able {
        for operation in OPERATIONS.iter().filter(|operation| operation.turns.1 > 1000) {
            if figures.times(size, source.service, operation.name).is_none() {
                continue;
            }
            if let Some(counts) = counts::count(system, size, source.service, operation.name) {
                figures.counts.insert((size, source.service, operation.name), counts);
            }
        }
    }
}

/// The day, the machine and what it runs.
fn environment(system: &System) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = read("/proc/cpuinfo").lines().filter(|line| line.starts_with("processor")).count();
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
    format!(
        "{}, {cores} cores ({}), {} GiB of memory, Linux {}, Debian {}, {}\n",
        system.sh("date --utc +%Y-%m-%d").ok().line(),
        field(&read("/proc/cpuinfo"), "model name"),
        memory.div_ceil(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        system.sh("cat /etc/debian_version").ok().line(),
        system.sh("ldd --version | head -n 1").ok().line(),
    )
}
