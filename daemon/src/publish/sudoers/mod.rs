//! The sudoers file: rendered, proved to mean what was meant, and replaced in one step.

#[cfg(test)]
mod granted;
mod install;
mod readback;
mod render;
#[cfg(test)]
mod testing;
mod verify;

use std::path::PathBuf;

pub use install::{check, install, lines, path};

/// Where sudo's configuration is and what checks it.
#[derive(Debug, Clone)]
pub struct SudoHost {
    /// The directory of drop-in files.
    pub dir: PathBuf,
    /// The checker, of sudo or of sudo-rs.
    pub visudo: PathBuf,
    /// The converter that reads rules back (sudo only; sudo-rs has none).
    pub cvtsudoers: PathBuf,
    /// The main file, where it is not the one `visudo` knows by itself.
    pub main: Option<PathBuf>,
}

impl SudoHost {
    /// This machine's sudo.
    #[must_use]
    pub fn system() -> Self {
        Self {
            dir: "/etc/sudoers.d".into(),
            visudo: "/usr/sbin/visudo".into(),
            cvtsudoers: "/usr/bin/cvtsudoers".into(),
            main: None,
        }
    }
}
