//! What a process can say of itself, and children of it.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn status_line(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Address space of this process.
pub fn virtual_kib() -> u64 {
    status_line("VmSize:")
}

/// Memory that this process alone has: heap and stack, not mapped files.
pub fn private_kib() -> u64 {
    status_line("RssAnon:")
}

/// Runs `body` in a forked child; fails if it fails or takes longer than two minutes.
pub fn in_child(body: impl FnOnce()) {
    // SAFETY: the child runs `body` on the one thread it has and leaves by _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: ends this child if it hangs.
            unsafe { libc::alarm(120) };
            let result = catch_unwind(AssertUnwindSafe(body));
            // SAFETY: leaves without running anything of the parent's.
            unsafe { libc::_exit(c_int::from(result.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for the child just made.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0, "the child ended with wait status {status:#x}");
        }
    }
}
