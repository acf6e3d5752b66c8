//! The systemd journal's native protocol: entries of named fields, one datagram each.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. Every value is sent with its length, so that no value
//! can end its field and begin another. Written here and not taken from a logging library, because
//! whoever mirrors the audit log has to know whether an entry was taken.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

/// A journal that does not read for so long is given up for now.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where journal entries are sent to.
#[derive(Debug)]
pub struct Journal {
    socket: PathBuf,
}

/// One entry.
#[derive(Debug, Default)]
pub struct JournalEntry {
    bytes: Vec<u8>,
}

impl JournalEntry {
    /// Adds a field. The name is ours: capitals, digits and underscores.
    pub fn field(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(b'\n');
        self.bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(b'\n');
        self
    }
}

impl Journal {
    /// The journal that listens there.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends one entry.
    ///
    /// # Errors
    /// `NotFound` when there is no journal; else that it does not take the entry now.
    pub fn send(&self, entry: &JournalEntry) -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.send_to(&entry.bytes, &self.socket).map(|_| ())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    /// What a journal would read in a datagram.
    pub(crate) fn fields(mut bytes: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let name = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = u64::from_le_bytes(bytes[end + 1..end + 9].try_into().unwrap()) as usize;
            let value = &bytes[end + 9..end + 9 + length];
            assert_eq!(bytes[end + 9 + length], b'\n');
            fields.push((name, String::from_utf8(value.to_vec()).unwrap()));
            bytes = &bytes[end + 10 + length..];
        }
        fields
    }

    pub(crate) fn listen(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    #[test]
    fn no_value_becomes_another_field() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let socket = listen(&path);
        let evil = "x\nPRIORITY=0\n_UID=0\nROSTER_ACTOR\n\u{1}\0\0\0\0\0\0\0root\n";
        let mut entry = JournalEntry::default();
        entry.field("MESSAGE", "").field("ROSTER_SUBJECT", evil).field("PRIORITY", "5");
        Journal::new(path).send(&entry).unwrap();
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        let expected = [("MESSAGE", ""), ("ROSTER_SUBJECT", evil), ("PRIORITY", "5")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields(&bytes[..length]), expected);
    }

    #[test]
    fn no_journal_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let send = || Journal::new(path.clone()).send(&JournalEntry::default());
        assert_eq!(send().unwrap_err().kind(), io::ErrorKind::NotFound);
        drop(listen(&path));
        assert_eq!(send().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
