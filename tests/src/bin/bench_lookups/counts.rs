//! Instructions and system calls of a lookup, counted: the difference between many lookups and few.

use crate::system::{PROGRAM, System};

/// So many lookups more cost so much more.
const FEW: u64 = 200;
const MANY: u64 = 1200;

/// What one warm lookup costs.
#[derive(Clone, Copy)]
pub struct Counts {
    /// Instructions inside of the module's own object.
    pub module: f64,
    /// All instructions of the process.
    pub whole: f64,
    /// System calls.
    pub calls: f64,
}

/// Counts one operation through one service. `None` if a tool fails.
pub fn count(system: &System, size: usize, service: &str, operation: &str) -> Option<Counts> {
    let module = format!("libnss_{service}.so");
    let few = instructions(system, size, service, operation, FEW, &module)?;
    let many = instructions(system, size, service, operation, MANY, &module)?;
    let each = |few: u64, many: u64| many.saturating_sub(few) as f64 / (MANY - FEW) as f64;
    let calls = [FEW, MANY].map(|times| system_calls(system, size, service, operation, times));
    Some(Counts {
        module: each(few.0, many.0),
        whole: each(few.1, many.1),
        calls: each(calls[0]?, calls[1]?),
    })
}

fn lookups(size: usize, operation: &str, times: u64) -> Vec<String> {
    vec![
        PROGRAM.to_owned(),
        "calls".to_owned(),
        System::place(size),
        operation.to_owned(),
        times.to_string(),
    ]
}

fn run(
    system: &System,
    size: usize,
    service: &str,
    tool: &[&str],
    rest: &[String],
) -> Option<String> {
    let rest = rest.iter().map(String::as_str);
    let program: Vec<&str> = tool.iter().copied().chain(rest).collect();
    let outcome = system.seen_by(service, size, &program).run();
    if !outcome.success() {
        eprintln!("{outcome}");
        return None;
    }
    let outcome = system.sh("cat /tmp/counted; rm -f /tmp/counted").run();
    outcome.success().then_some(outcome.stdout)
}

/// Instructions inside of `module`, and all.
fn instructions(
    system: &System,
    size: usize,
    service: &str,
    operation: &str,
    times: u64,
    module: &str,
) -> Option<(u64, u64)> {
    let tool = ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=/tmp/counted"];
    let profile = run(system, size, service, &tool, &lookups(size, operation, times))?;
    Some(sum(&profile, module))
}

/// Adds up a profile: the costs that stand under objects whose name contains `module`, and all. See
/// "Callgrind Format Specification" in valgrind's manual.
fn sum(profile: &str, module: &str) -> (u64, u64) {
    let (mut inside, mut whole) = (0, 0);
    let mut names = std::collections::BTreeMap::new();
    let mut here = false;
    let mut is_call = false;
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            // "(3) /usr/lib/libnss_x.so.2" at first, "(3)" from then on. "cob=" is not our line.
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if !name.is_empty() {
                names.insert(number.to_owned(), name.contains(module));
            }
            here = names.get(number).copied().unwrap_or(false);
        } else if let Some(called) = line.strip_prefix("cob=") {
            if let Some((number, name)) = called.split_once(' ') {
                names.insert(number.to_owned(), name.contains(module));
            }
        } else if line.starts_with("calls=") {
            // The next line is what the callee cost, which stands under the callee as well.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost =
                line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            if !std::mem::take(&mut is_call) {
                whole += cost;
                inside += if here { cost } else { 0 };
            }
        }
    }
    (inside, whole)
}

fn system_calls(
    system: &System,
    size: usize,
    service: &str,
    operation: &str,
    times: u64,
) -> Option<u64> {
    let tool = ["strace", "-o", "/tmp/counted"];
    let trace = run(system, size, service, &tool, &lookups(size, operation, times))?;
    Some(trace.lines().filter(|line| line.contains('(')).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn costs_of_calls_count_once_and_names_are_remembered() {
        let profile = "events: Ir\n\
            ob=(1) /usr/bin/lookups\nfn=(1) main\n10 5\ncob=(2) /usr/lib/libnss_x.so.2\ncfn=(2) f\n\
            calls=1 0\n11 100\n+1 7\n\nob=(2)\nfn=(2)\n1 60\n* 40\n\nob=(1)\nfn=(3) g\n20 3\n";
        assert_eq!(sum(profile, "libnss_x.so"), (100, 115));
    }
}
