//! `tests/bench/import.sh`: boots a throwaway Debian for each number of accounts, and imports them.

use std::process::{Command, ExitCode};
use std::time::Duration;

use roster_tests::{Error, Machine};

const PASSWORD: &str = "seven violet herons dancing";
const PATIENCE: Duration = Duration::from_secs(60 * 60);
const NUMBERS: [&str; 4] = ["1000", "10000", "100000", "1000000"];
/// The lowest costs that the configuration allows: the longest login is then one that has waited.
const CHEAP: &str = "[passwords]\nargon2_memory_kib = 8192\nargon2_passes = 1\n";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(binary) = arguments.next() else {
        eprintln!("usage: bench_import BINARY [ACCOUNTS...]");
        return ExitCode::from(2);
    };
    let wanted: Vec<String> = arguments.collect();
    let wanted = if wanted.is_empty() { NUMBERS.map(str::to_owned).to_vec() } else { wanted };
    println!(
        "| records | s | records/s | µs each | daemon before, MiB | at its peak, MiB | longest login, s \
         | longest GetUser, s | longest getpwnam, ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for number in &wanted {
        for options in [&[][..], &["--continue-on-error"]] {
            if let Err(error) = measure(&binary, number, options) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn measure(binary: &str, number: &str, options: &[&str]) -> Result<(), Error> {
    let m = Machine::boot("bench-import")?;
    let program = std::fs::read(binary).map_err(|error| Error::Io(binary.to_owned(), error))?;
    m.sh("cat >/root/login_bench && chmod 755 /root/login_bench").stdin(program).ok();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/import.sh");
    let records = Command::new(script).args(["--records", number]).output();
    let records = records.map_err(|error| Error::Io(script.to_owned(), error))?.stdout;
    m.sh("cat >/root/users.jsonl").stdin(records).ok();
    m.sh("mkdir -p /etc/roster && cat >/etc/roster/roster.toml && systemctl restart rosterd")
        .stdin(CHEAP)
        .ok();
    let create = ["user", "create", "load0", "--password-stdin"];
    m.roster(create).stdin(format!("{PASSWORD}\n")).ok();
    let words = ["/root/login_bench", "import", "/root/users.jsonl"].into_iter();
    let words = words.chain(options.iter().copied());
    print!("{}", m.command(words).timeout(PATIENCE).ok().stdout);
    Ok(())
}
