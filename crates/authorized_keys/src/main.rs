//! `authorized-keys USER`: the AuthorizedKeysCommand of sshd_config(5).
//!
//! sshd runs this as nobody for whoever tries to log in. It reads the account index, needs no daemon,
//! and prints the public keys that let USER in right now. For everybody else, and whatever goes wrong,
//! it prints nothing; it always exits 0, because sshd logs other codes as a broken command.

mod keys;

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(name), None) = (arguments.next(), arguments.next()) else { return };
    let Ok(Some(user)) = snapshot::find_user(name.as_bytes()) else { return };
    // A clock before 1970 is broken, and then no expiry can be judged.
    let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else { return };
    let Ok(now) = i64::try_from(now.as_secs()) else { return };
    // sshd may have hung up: nobody is left to tell.
    let _ = std::io::stdout().lock().write_all(&keys::lines(&user, now));
}
