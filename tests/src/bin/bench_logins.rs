//! `tests/bench/logins.sh`: boots a throwaway Debian with the package, makes the accounts that the
//! benchmark of logins wants, and runs it in there.

use std::process::ExitCode;
use std::time::Duration;

use roster_tests::{Error, Machine};

const PASSWORD: &str = "seven violet herons dancing";
/// As many as the benchmark's `load` uses.
const USERS: u32 = 20;
/// Hours, if need be: the oracle computes thousands of hashes.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// The lowest costs that the configuration allows: what is left besides them shows all the better.
/// And one failure throttles, so that the benchmark need not wait for it.
const CHEAP: &str = "[passwords]\nargon2_memory_kib = 8192\nargon2_passes = 1\n\
                     [authentication]\nfree_failures = 0\n";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(binary) = arguments.next() else {
        eprintln!("usage: bench_logins BINARY [cost RUNS] [load LOGINS] [oracle TRIES]");
        return ExitCode::from(2);
    };
    let wanted: Vec<String> = arguments.collect();
    match measure(&binary, &wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(binary: &str, wanted: &[String]) -> Result<(), Error> {
    let m = Machine::boot("bench-logins")?;
    let program = std::fs::read(binary).map_err(|error| Error::Io(binary.to_owned(), error))?;
    m.sh("cat >/root/login_bench && chmod 755 /root/login_bench").stdin(program).ok();
    m.write("/etc/pam.d/login-bench", "@include common-auth\n");
    let empty = "auth sufficient pam_permit.so\nauth required pam_unix.so\n";
    m.write("/etc/pam.d/login-bench-empty", empty);
    let create = |name: &str, more: &[&str]| {
        let arguments = ["user", "create", name, "--password-stdin"].into_iter();
        m.roster(arguments.chain(more.iter().copied())).stdin(format!("{PASSWORD}\n")).ok();
    };
    create("cost", &[]);
    (0..USERS).for_each(|n| create(&format!("load{n}"), &[]));
    m.sh("useradd --create-home bob && chpasswd --crypt-method YESCRYPT")
        .stdin(format!("bob:{PASSWORD}\n"))
        .ok();

    let run = |mode: &str, default: &str| {
        let given = wanted.iter().position(|word| word == mode);
        if !wanted.is_empty() && given.is_none() {
            return;
        }
        let number = given.and_then(|at| wanted.get(at + 1)).map_or(default, String::as_str);
        println!("\n## {mode}\n");
        print!("{}", m.command(["/root/login_bench", mode, number]).timeout(PATIENCE).ok().stdout);
    };
    run("cost", "200");
    run("load", "200");

    m.sh("mkdir -p /etc/roster && cat >/etc/roster/roster.toml && systemctl restart rosterd")
        .stdin(CHEAP)
        .ok();
    for name in ["wrong", "locked", "disabled", "expired", "throttled", "secondfactor"] {
        create(name, &[]);
    }
    m.roster(["user", "create", "nopassword", "--password-disabled"]).ok();
    m.roster(["user", "lock", "locked"]).ok();
    m.roster(["user", "disable", "disabled"]).ok();
    m.roster(["user", "update", "expired", "--expires", "2020-01-01"]).ok();
    m.sh("roster 2fa enroll secondfactor --json | sed -n 's/.*\"secret\": *\"\\([A-Z2-7]*\\)\".*/\\1/p' | \
          oathtool --totp --base32 - | roster 2fa confirm secondfactor --code-stdin")
        .ok();
    run("oracle", "2000");
    Ok(())
}
