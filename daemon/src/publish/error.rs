//! Why a host effect could not be, or was not, carried out.

use rustix::io::Errno;

/// An effect that was refused or failed. The texts are for administrators and hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// The path is not one a home can have.
    #[error("{path}: not a home directory's path: {why}")]
    BadPath {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The mode has special bits or lets group or others write.
    #[error("mode {0:o} lets others write or has special bits")]
    BadMode(u32),
    /// The quarantine label is not a UUID's text.
    #[error("{0:?} is not a quarantine label")]
    BadLabel(String),
    /// The uid is not one whose files or processes we touch.
    #[error("uid {0} belongs to the system")]
    RefusedUid(u32),
    /// A directory above the home is missing.
    #[error("{0} does not exist: make it first, owned by root, mode 0755")]
    BaseMissing(String),
    /// A directory above the home could be tampered with.
    #[error("{base} {why}: homes are made only below directories that root alone can change")]
    BaseUnsafe {
        /// The directory at fault.
        base: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no skeleton to copy.
    #[error("{0} does not exist or is not a directory: homes are copied from it")]
    SkelMissing(String),
    /// Something stands where the home should be.
    #[error("{0} already exists")]
    Exists(String),
    /// The home is not a directory.
    #[error("{0} is not a directory")]
    NotADirectory(String),
    /// The directory belongs to somebody else.
    #[error("{path} belongs to uid {owner}, not to uid {uid}")]
    NotOwned {
        /// The directory.
        path: String,
        /// Who owns it.
        owner: u32,
        /// Who should.
        uid: u32,
    },
    /// The directory is, or has in it, a mount.
    #[error("{path}: {mount} is mounted there")]
    Mounted {
        /// The home.
        path: String,
        /// The mount point.
        mount: String,
    },
    /// Another account's home lies in the directory.
    #[error("{path} holds {other}, the home of another account")]
    HoldsOtherHome {
        /// The home.
        path: String,
        /// The other one.
        other: String,
    },
    /// A tree is deeper, larger or has more entries than we copy.
    #[error("{path} has more {what} than will be copied")]
    Limit {
        /// The tree.
        path: String,
        /// What there is too much of.
        what: &'static str,
    },
    /// A tree keeps changing under our hands.
    #[error("{0} keeps being filled while it is removed")]
    Busy(String),
    /// Processes outlived SIGKILL.
    #[error("{count} processes of uid {uid} could not be ended")]
    ProcessesRemain {
        /// Whose.
        uid: u32,
        /// How many.
        count: usize,
    },
    /// A rule cannot be written so that sudo reads exactly it.
    #[error("sudo cannot express {command:?}: {why}")]
    SudoRule {
        /// The command.
        command: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More rules than one file should hold.
    #[error("{0} sudo rules are more than one file will hold")]
    TooManyRules(usize),
    /// sudo is not installed (or a part of it).
    #[error("sudo rules need sudo, but {0} is not installed")]
    NoSudo(&'static str),
    /// visudo refused the new file, or sudo's configuration with it; the old one is in place.
    #[error("{tool} refuses the sudo rules: {output}")]
    SudoRefused {
        /// The checking program.
        tool: &'static str,
        /// What it said, shortened.
        output: String,
    },
    /// What sudo reads from the file differs from what was meant; the old one is in place.
    #[error("sudo would read other rules than those meant: {0}")]
    SudoDiffers(String),
    /// A program could not be run, or took too long, or said too much.
    #[error("{tool}: {why}")]
    Tool {
        /// The program.
        tool: String,
        /// What happened.
        why: String,
    },
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// Adds what was being done to the system's error.
pub(crate) trait During<T> {
    /// Turns the error into [`EffectError::Io`]; `what` is made only then.
    fn during<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, EffectError>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, EffectError> {
        self.map_err(|errno| EffectError::Io { what: what().into(), source: errno.into() })
    }
}

impl<T> During<T> for std::io::Result<T> {
    fn during<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, EffectError> {
        self.map_err(|source| EffectError::Io { what: what().into(), source })
    }
}
