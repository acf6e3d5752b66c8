//! What can go wrong with a machine, apart from what is tested on it.

use std::io;
use std::path::PathBuf;

/// Why a machine could not be built, booted or stopped.
#[derive(Debug)]
pub enum Error {
    /// A file or process operation on the host failed; says which.
    Io(String, io::Error),
    /// A program on the host (mmdebstrap, mount, …) failed; says which, and its output.
    Program(String, String),
    /// `target/debian` holds no package, or several.
    NoPackage(PathBuf),
    /// The machine did not get as far as answering within the time allowed; with its console.
    NotBooted(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Io(what, error) => write!(f, "{what}: {error}"),
            Error::Program(what, output) => write!(f, "{what} failed:\n{output}"),
            Error::NoPackage(folder) => write!(
                f,
                "{} must hold exactly one roster_*.deb (packaging/install.sh --deb-only builds it)",
                folder.display()
            ),
            Error::NotBooted(console) => write!(f, "the machine did not boot:\n{console}"),
        }
    }
}

impl std::error::Error for Error {}

/// Names the operation in an I/O error.
pub(crate) fn on<T>(what: impl Into<String>, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|error| Error::Io(what.into(), error))
}
