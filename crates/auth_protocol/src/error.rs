//! What can go wrong on the way to the daemon and back.

/// Why a conversation failed. Never carries what was said in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket could not be reached or failed.
    #[error("the account service cannot be reached: {0}")]
    Io(#[from] std::io::Error),
    /// The daemon did not answer in time.
    #[error("the account service did not answer in time")]
    TimedOut,
    /// The other side closed the connection in the middle of the conversation.
    #[error("the account service closed the connection")]
    Closed,
    /// A message longer than [`crate::MAX_MESSAGE`].
    #[error("a message is longer than the limit")]
    TooLong,
    /// A message that is not what the protocol allows here.
    #[error("a message makes no sense")]
    Malformed,
    /// The daemon answered with a varlink error of this name.
    #[error("the account service answered with the error {0}")]
    Refused(String),
}

impl From<rustix::io::Errno> for Error {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}
