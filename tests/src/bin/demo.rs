//! `packaging/demo.sh`: the main job on a throwaway Debian, with the commands shown. `--shell` leaves
//! the caller inside.

use std::process::ExitCode;

use roster_tests::{Error, Machine};

/// Ends an interactive ssh that asks for a password, and for a code when there is one to give.
const SSH: &str = r#"set timeout 10
log_user 0
spawn ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR alice@localhost {echo "in as $(id -un) at $(pwd)"}
log_user 1
expect "assword: " { send "seven violet herons dancing\r" }
expect -nocase -re "code\[^:]*: $" { send "[lindex $argv 0]\r"; exp_continue } eof {}
"#;

/// What is shown, and what is run for it when that differs.
const STEPS: &[(&str, &str, Option<&str>)] = &[
    (
        "One command makes the account",
        "echo 'seven violet herons dancing' | roster user create alice --full-name 'Alice Ng' \
         --home-create --ssh-password --password-stdin",
        None,
    ),
    (
        "Everything that asks the system knows it",
        "getent passwd alice; id alice; ls -ld /home/alice",
        None,
    ),
    ("She logs in with her password", "ssh alice@localhost", Some("expect /root/ssh.exp")),
    (
        "A second factor, confirmed with a code of another program",
        "roster 2fa enroll alice; roster 2fa confirm alice",
        Some(
            "roster --json 2fa enroll alice --interval 5 >/root/2fa.json; \
             roster 2fa state alice; \
             code() { sed -n 's/.*\"secret\": *\"\\([A-Z2-7]*\\)\".*/\\1/p' /root/2fa.json | \
               oathtool --totp --base32 --time-step-size=5s -; }; \
             code | roster 2fa confirm alice --code-stdin",
        ),
    ),
    (
        "From now on ssh asks for the code as well",
        "ssh alice@localhost",
        Some(
            "sleep 11; expect /root/ssh.exp \"$(sed -n 's/.*\"secret\": *\"\\([A-Z2-7]*\\)\".*/\\1/p' \
             /root/2fa.json | oathtool --totp --base32 --time-step-size=5s -)\"",
        ),
    ),
    (
        "She may run one command as root, and no other",
        "roster sudo grant alice /usr/bin/id --nopasswd; su alice -c 'sudo id; sudo -n ls'",
        Some(
            "roster sudo grant alice /usr/bin/id --nopasswd; su alice -c 'sudo id; sudo -n ls' || true",
        ),
    ),
    (
        "Locked, she gets in nowhere",
        "roster user lock alice; su - alice; roster user unlock alice",
        Some("roster user lock alice; su - alice -c true; roster user unlock alice"),
    ),
    (
        "The daemon is killed: lookups go on, and it is back at once",
        "systemctl kill -s KILL rosterd; getent passwd alice; sleep 1; roster user show alice",
        None,
    ),
];

fn main() -> ExitCode {
    let shell = std::env::args().any(|argument| argument == "--shell");
    match tour(shell) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn tour(shell: bool) -> Result<(), Error> {
    let m = Machine::boot("demo")?;
    m.write("/root/ssh.exp", SSH);
    for (number, (title, shown, run)) in STEPS.iter().enumerate() {
        println!("\n\x1b[1m{}. {title}\x1b[0m\n# {shown}", number + 1);
        let outcome =
            m.command(["bash", "-c", &format!("exec 2>&1; {}", run.unwrap_or(shown))]).run();
        print!("{}", outcome.stdout.replace('\r', ""));
    }
    if shell {
        println!("\nYou are root in the throwaway machine; `exit` ends it.");
        m.shell()?;
    }
    Ok(())
}
