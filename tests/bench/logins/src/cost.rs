//! What Roster adds to one argon2 computation, beside what `pam_unix` takes with yescrypt.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::statistics::{Times, difference, ms, ratio};
use crate::{PASSWORD, door, pam};

/// Kept in Roster.
const OURS: &str = "cost";
/// Kept in /etc/shadow.
const LOCAL: &str = "bob";
/// As the configuration's defaults.
const COSTS: (u32, u32, u32) = (64 * 1024, 3, 1);

/// The same computation and nothing around it, in memory that is there already.
pub struct Bare {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Bare {
    pub fn new() -> Self {
        let (memory, passes, lanes) = COSTS;
        let params = Params::new(memory, passes, lanes, Some(32)).expect("sound costs");
        let memory = vec![Block::new(); params.block_count()];
        Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory }
    }

    pub fn compute(&mut self) -> Duration {
        let (mut output, salt) = ([0; 32], [7; 16]);
        let started = Instant::now();
        self.argon2
            .hash_password_into_with_memory(
                PASSWORD.as_bytes(),
                &salt,
                &mut output,
                &mut self.memory,
            )
            .expect("sound costs");
        let time = started.elapsed();
        std::hint::black_box(output);
        time
    }
}

pub fn run(runs: usize) {
    let mut bare = Bare::new();
    let mut times: [Times; 5] = Default::default();
    // Side by side, so that whatever else the machine does hits all of them.
    for _ in 0..runs {
        times[0].push(bare.compute());
        times[1].push(door::must_log_in(OURS, PASSWORD, "192.0.2.1"));
        for (n, user) in [(2, OURS), (3, LOCAL)] {
            let (seen, time) = pam::log_in("login-bench", user, PASSWORD, "192.0.2.1");
            assert_eq!(seen.code, "0", "{user} should get in");
            times[n].push(time);
        }
        let (seen, time) = pam::log_in("login-bench-empty", LOCAL, PASSWORD, "192.0.2.1");
        assert_eq!(seen.code, "0", "pam_permit lets everybody in");
        times[4].push(time);
    }
    let names = [
        "bare argon2id (64 MiB, 3 passes)",
        "Roster, through its socket",
        "Roster, through the whole PAM stack",
        "pam_unix with yescrypt, the same stack",
        "libpam alone: pam_permit, and pam_unix loaded",
    ];
    println!("{runs} logins each, one at a time, in turn\n");
    println!("| ms | p10 | p50 | p90 | p99 | p50 over bare | to bare |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let floor = times[0].median();
    for (name, times) in names.iter().zip(&times) {
        let quantiles = [100, 500, 900, 990].map(|at| ms(times.quantile(at))).join(" | ");
        let (more, ratio) = (difference(times.median(), floor), ratio(times.median(), floor));
        println!("| {name} | {quantiles} | {more} | {ratio} |");
    }
    let stack = times[2].median().saturating_sub(times[4].median());
    println!(
        "\nWhat Roster adds, the stack without libpam's share: {} ms",
        difference(stack, floor)
    );
}
