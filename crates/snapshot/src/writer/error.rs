//! What can go wrong in publishing.

use std::path::PathBuf;

/// Why the index was not published.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// A value that must not be published. The store refuses such values, so this is a defect there.
    Invalid {
        /// Which field.
        what: &'static str,
        /// Of which user or group.
        of: String,
    },
    /// A name or number that stands twice.
    Duplicate {
        /// Which field.
        what: &'static str,
        /// Of which user or group.
        of: String,
    },
    /// More than the format can hold (32 GiB).
    TooLarge,
    /// There is no index of this writer's that could be changed: publish a whole one.
    NotPublished,
    /// The index does not hold together, as if somebody else had written to it: publish a whole one.
    Damaged,
    /// A file or directory could not be written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl WriteError {
    pub(super) fn io(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Debug, because the name is what is wrong and may hold control characters.
            Self::Invalid { what, of } => write!(out, "cannot publish the {what} of {of:?}"),
            Self::Duplicate { what, of } => write!(out, "{what} of {of:?} is taken in the index"),
            Self::TooLarge => write!(out, "the account index is full"),
            Self::NotPublished => write!(out, "no account index has been published yet"),
            Self::Damaged => write!(out, "the account index does not hold together"),
            Self::Io { doing, path, source } => {
                write!(out, "cannot {doing} {}: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Invalid { .. }
            | Self::Duplicate { .. }
            | Self::TooLarge
            | Self::NotPublished
            | Self::Damaged => None,
        }
    }
}
