//! What is known of the audit log outside the database: a file of root's, written after each commit.
//!
//! It says with which row the log ends and up to which row the journal has it. It may lag behind the
//! log by the last rows, when the daemon was killed between a commit and this file, and is never
//! ahead of it. A log that does not hold the row that the file names has lost or changed rows, or is
//! an older copy: the row is then kept in the file as a witness, also when the log goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::AuditHead;

/// Rows that are kept once the log has stopped agreeing with them. The first are what matters.
const MAX_WITNESSES: usize = 64;
/// More than a file with all of them.
const MAX_BYTES: u64 = 16 * 1024;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    /// The log's last row.
    pub(super) head: Option<AuditHead>,
    /// The last row that the journal was given.
    pub(super) journal: i64,
    /// Rows that the log should hold and does not.
    pub(super) witnesses: Vec<AuditHead>,
}

impl Record {
    /// Every row that the log should hold.
    pub(super) fn known(&self) -> impl Iterator<Item = &AuditHead> {
        self.witnesses.iter().chain(&self.head)
    }

    /// Keeps the end for good that the log no longer agrees with.
    pub(super) fn give_up_head(&mut self) {
        if let Some(head) = self.head.take()
            && self.witnesses.len() < MAX_WITNESSES
            && !self.witnesses.contains(&head)
        {
            self.witnesses.push(head);
        }
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    pub(super) fn load(path: &Path) -> io::Result<Option<Self>> {
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = match OpenOptions::new().read(true).custom_flags(nofollow).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
        let mut record = Self::default();
        let mut whole = false;
        for line in text.lines() {
            let row = |text: &str| AuditHead::parse(text).ok_or_else(damaged);
            match line.split_once(' ') {
                Some(("head", head)) => record.head = Some(row(head)?),
                Some(("witness", witness)) => record.witnesses.push(row(witness)?),
                Some(("journal", id)) => record.journal = id.parse().map_err(|_| damaged())?,
                Some(("#", _)) => {}
                None if line == "end" => whole = true,
                _ => return Err(damaged()),
            }
        }
        if whole { Ok(Some(record)) } else { Err(damaged()) }
    }

    /// Writes the file in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written; the one before is then still there.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = "# Where Roster's audit log ends: see roster audit verify.\n".to_owned();
        for witness in &self.witnesses {
            text.push_str(&format!("witness {witness}\n"));
        }
        if let Some(head) = &self.head {
            text.push_str(&format!("head {head}\n"));
        }
        text.push_str(&format!("journal {}\nend\n", self.journal));
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = Path::new(&new);
        match std::fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file: File =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        file.write_all(text.as_bytes())?;
        // The content before the name; the name itself may lag.
        file.sync_data()?;
        std::fs::rename(new, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn head(id: i64) -> AuditHead {
        AuditHead { id, hash: [id as u8; 32] }
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        assert_eq!(Record::load(&path).unwrap(), None);
        let mut record = Record { head: Some(head(7)), journal: 6, witnesses: vec![head(9)] };
        for _ in 0..2 {
            record.save(&path).unwrap();
            assert_eq!(Record::load(&path).unwrap(), Some(record.clone()));
            record.head = None;
        }
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn anything_else_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        Record { head: Some(head(7)), journal: 6, witnesses: vec![] }.save(&path).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        for text in ["", "head\n", "nonsense 1\nend\n", &whole[..whole.len() - 4]] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Record::load(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(Record::load(&path).is_err());
    }

    #[test]
    fn only_so_many_witnesses_are_kept() {
        let mut record = Record::default();
        for id in 1..=2 * MAX_WITNESSES as i64 {
            record.head = Some(head(id));
            record.give_up_head();
            record.head = Some(head(id));
            record.give_up_head();
        }
        assert_eq!(record.witnesses.len(), MAX_WITNESSES);
        assert_eq!(record.known().count(), MAX_WITNESSES);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        record.save(&path).unwrap();
        assert_eq!(Record::load(&path).unwrap(), Some(record));
    }
}
