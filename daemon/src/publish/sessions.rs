//! Ends a user's sessions: logind first, then SIGKILL for what is left.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use super::error::{During, EffectError};
use super::home::FIRST_USER;
use super::host::Host;
use super::tool;

const LOGIND_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the list of processes.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks during which processes may still end by themselves, after logind's SIGTERM.
const GRACE: u32 = 25;
/// Looks after which what is still there cannot be killed (it waits in the kernel).
const ROUNDS: u32 = 150;

/// Ends the sessions of `uid` and kills its processes.
///
/// # Errors
/// [`EffectError::RefusedUid`] for the system's own accounts; [`EffectError::ProcessesRemain`]
/// when processes outlive SIGKILL for seconds.
pub fn end(host: &Host, uid: u32) -> Result<(), EffectError> {
    check(uid)?;
    let uid_text = uid.to_string();
    let args = ["terminate-user", &uid_text].map(OsStr::new);
    // Whatever it says, what counts is below: logind may be absent, or not know the user.
    let told = tool::run(&host.loginctl, &args, b"", LOGIND_DEADLINE, 64 << 10);
    let mut grace = if told.is_ok_and(|answer| answer.status.success()) { GRACE } else { 0 };
    for _ in 0..ROUNDS {
        let pids = processes(&host.proc, uid)?;
        if pids.is_empty() {
            return Ok(());
        }
        if grace == 0 {
            for pid in pids {
                kill(&host.proc, pid, uid)?;
            }
        }
        grace = grace.saturating_sub(1);
        std::thread::sleep(PAUSE);
    }
    match processes(&host.proc, uid)?.len() {
        0 => Ok(()),
        count => Err(EffectError::ProcessesRemain { uid, count }),
    }
}

/// How many processes `uid` has.
///
/// # Errors
/// When processes cannot be listed.
pub fn running(host: &Host, uid: u32) -> Result<usize, EffectError> {
    Ok(processes(&host.proc, uid)?.len())
}

/// Whether `uid` is one whose sessions we end.
///
/// # Errors
/// [`EffectError::RefusedUid`].
pub fn check(uid: u32) -> Result<(), EffectError> {
    if uid < FIRST_USER { Err(EffectError::RefusedUid(uid)) } else { Ok(()) }
}

/// How many processes of `uid` run now.
#[must_use]
pub fn count(host: &Host, uid: u32) -> u64 {
    processes(&host.proc, uid).map_or(0, |pids| pids.len() as u64)
}

fn processes(proc: &Path, uid: u32) -> Result<Vec<Pid>, EffectError> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir(proc).during(|| "list processes")? {
        let name = entry.during(|| "list processes")?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        if pid != Pid::INIT && pid != getpid() && runs_as(proc, pid, uid) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// Whether the process runs and its real uid is `uid`. Not the effective one: sshd, for one,
/// takes that on for a moment while it still serves somebody else.
fn runs_as(proc: &Path, pid: Pid, uid: u32) -> bool {
    let file = proc.join(pid.as_raw_nonzero().to_string()).join("status");
    let Ok(status) = std::fs::read(file) else { return false };
    let status = String::from_utf8_lossy(&status);
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
    };
    let dead = matches!(field("State:"), Some("Z" | "X"));
    !dead && field("Uid:").and_then(|real| real.parse().ok()) == Some(uid)
}

/// SIGKILL by pidfd. The uid is looked at after the descriptor was opened: if the pid has been
/// reused in between, it is the descriptor's dead process that gets the signal.
fn kill(proc: &Path, pid: Pid, uid: u32) -> Result<(), EffectError> {
    let fd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => fd,
        Err(Errno::SRCH | Errno::INVAL) => return Ok(()),
        Err(errno) => return Err(errno).during(|| "open a process"),
    };
    if !runs_as(proc, pid, uid) {
        return Ok(());
    }
    match pidfd_send_signal(&fd, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(errno).during(|| format!("kill a process of uid {uid}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command};

    use super::*;

    /// A host without logind, so that no session of this machine is touched.
    fn host() -> Host {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests run programs as others: as root"
        );
        Host { loginctl: "/bin/false".into(), ..Host::system() }
    }

    fn start(uid: u32, script: &str) -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).uid(uid).current_dir("/").spawn().unwrap()
    }

    fn killed(child: &mut Child) -> bool {
        child.wait().unwrap().signal() == Some(9)
    }

    #[test]
    fn every_process_of_the_user_ends_and_no_other() {
        let (uid, other) = (58_301, 58_302);
        let mut polite = start(uid, "sleep 100");
        let mut stubborn = start(uid, "trap '' TERM HUP INT; sleep 100; sleep 100");
        let mut breeding = start(uid, "while :; do sleep 100 & sleep 0.005; done");
        let mut bystander = start(other, "sleep 100");
        end(&host(), uid).unwrap();
        assert!(killed(&mut polite) && killed(&mut stubborn) && killed(&mut breeding));
        assert!(processes(Path::new("/proc"), uid).unwrap().is_empty());
        assert_eq!(bystander.try_wait().unwrap(), None);
        end(&host(), other).unwrap();
        assert!(killed(&mut bystander));
    }

    #[test]
    fn nothing_to_end_is_no_error() {
        end(&host(), 58_303).unwrap();
        let absent = Host { loginctl: "/nonexistent".into(), ..host() };
        end(&absent, 58_303).unwrap();
    }

    #[test]
    fn what_logind_has_asked_to_end_gets_a_moment_to_do_so() {
        let uid = 58_304;
        // Stands for a session that ends by itself after TerminateUser.
        let mut child = start(uid, "sleep 0.1; exit 7");
        let host = Host { loginctl: "/bin/true".into(), ..host() };
        end(&host, uid).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn the_systems_own_accounts_are_refused() {
        for uid in [0, 1, 33, 999] {
            assert!(matches!(end(&host(), uid), Err(EffectError::RefusedUid(_))));
            assert!(matches!(check(uid), Err(EffectError::RefusedUid(_))));
        }
    }

    #[test]
    fn a_process_that_only_acts_as_the_user_is_not_the_users() {
        let proc = tempfile::tempdir().unwrap();
        let status = |pid: &str, text: &str| {
            std::fs::create_dir(proc.path().join(pid)).unwrap();
            std::fs::write(proc.path().join(pid).join("status"), text).unwrap();
        };
        status("7001", "Name:\tsshd\nState:\tS (sleeping)\nUid:\t0\t3000\t0\t3000\n");
        status("7002", "Name:\tbash\nState:\tS (sleeping)\nUid:\t3000\t3000\t3000\t3000\n");
        status("7003", "Name:\tdead\nState:\tZ (zombie)\nUid:\t3000\t3000\t3000\t3000\n");
        status("7004", "Name:\tsudo\nState:\tS (sleeping)\nUid:\t3000\t0\t0\t0\n");
        status("7005", "Name:\tUid:\t3000\nState:\tS\nUid:\t30001\t0\t0\t0\n");
        status("self", "State:\tS\nUid:\t3000\t0\t0\t0\n");
        let mut found = processes(proc.path(), 3000).unwrap();
        found.sort_by_key(|pid| pid.as_raw_nonzero());
        let numbers: Vec<_> = found.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
        assert_eq!(numbers, [7002, 7004]);
    }
}
