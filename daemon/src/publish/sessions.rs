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

/// Whether `uid` is one whose sessions we end.
///
/// # Errors
/// [`EffectError::RefusedUid`].
pub fn check(uid: u32) -> Result<(), EffectError> {
    if uid < FIRST_USER { Err(EffectError::RefusedUid(uid)) } else { Ok(()) }
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
