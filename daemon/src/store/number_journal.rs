//! The journal of used numbers: every uid and gid that was ever given out, kept outside the
//! database, so that restoring an older backup of it does not give one out again.
//!
//! A text file of lines `u 3000` and `g 3000`, for root alone. A line is on disk before the commit
//! that uses its number, so a number may stand here that was never used after all: that costs a
//! number, nothing else. What a crash leaves of a last line has no line end and is ignored.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Numbers, StoreError};

/// Lines beyond the distinct numbers after which the file is written anew.
const SURPLUS: usize = 4096;
/// Ends a torn line, so that it is none of ours.
const TORN: &str = "?\n";
/// The longest a line of ours gets.
const LONGEST: usize = 16;

/// The journal, open for more.
#[derive(Debug)]
pub struct NumberJournal {
    path: PathBuf,
}

impl NumberJournal {
    /// The journal in that file, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> StoreError + '_ {
        |error| StoreError::Files(self.path.display().to_string(), error)
    }

    /// Every number in it. Torn and odd lines are left out, and with them in it, or with many
    /// lines that say the same, it is written anew.
    ///
    /// # Errors
    /// When the file cannot be read, is not root's alone, or cannot be written anew.
    pub fn load(&self) -> Result<Numbers, StoreError> {
        let failed = self.failed();
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Numbers::default()),
            Err(error) => return Err(failed(error)),
        };
        let meta = file.metadata().map_err(&failed)?;
        let own = rustix::process::geteuid().as_raw();
        if !meta.is_file() || meta.uid() != own || meta.mode() & 0o077 != 0 {
            return Err(StoreError::Unusable(format!(
                "{} must be a regular file of the daemon's own, mode 0600",
                self.path.display()
            )));
        }
        let (mut numbers, mut lines, mut odd) = (Numbers::default(), 0_usize, 0_usize);
        let mut reader = BufReader::new(file);
        let mut line = Vec::with_capacity(LONGEST);
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(&failed)? == 0 {
                break;
            }
            lines += 1;
            let whole = line.strip_suffix(b"\n").filter(|line| line.len() <= LONGEST);
            if !whole.is_some_and(|line| numbers.read(line)) {
                odd += 1;
            }
        }
        if odd > 0 || lines > numbers.count() + SURPLUS {
            tracing::info!(
                lines,
                odd,
                numbers = numbers.count(),
                "the journal of numbers is tidied"
            );
            self.rewrite(&numbers)?;
        }
        Ok(numbers)
    }

    /// Adds numbers durably. None at all costs nothing.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing may be given out.
    pub fn append(&self, numbers: &Numbers) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let failed = self.failed();
        let (mut file, new) = self.open_or_create()?;
        let mut lines = std::io::BufWriter::new(&mut file);
        if Self::is_torn(lines.get_ref()).map_err(&failed)? {
            lines.write_all(TORN.as_bytes()).map_err(&failed)?;
        }
        numbers.write_to(&mut lines).and_then(|()| lines.flush()).map_err(&failed)?;
        drop(lines);
        file.sync_all().map_err(&failed)?;
        if new { self.sync_directory() } else { Ok(()) }
    }

    /// Adds durably what [`Numbers::write_to`] has put into a file, which is read from its start.
    ///
    /// # Errors
    /// As [`NumberJournal::append`].
    pub fn append_all(&self, mut noted: &File) -> Result<(), StoreError> {
        let failed = self.failed();
        let (mut file, new) = self.open_or_create()?;
        if Self::is_torn(&file).map_err(&failed)? {
            file.write_all(TORN.as_bytes()).map_err(&failed)?;
        }
        noted.seek(SeekFrom::Start(0)).map_err(&failed)?;
        std::io::copy(&mut noted, &mut file).map_err(&failed)?;
        file.sync_all().map_err(&failed)?;
        if new { self.sync_directory() } else { Ok(()) }
    }

    fn open_or_create(&self) -> Result<(File, bool), StoreError> {
        match self.open_to_append() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut options = OpenOptions::new();
                options.read(true).append(true).create_new(true).mode(0o600);
                Ok((options.open(&self.path).map_err(self.failed())?, true))
            }
            file => Ok((file.map_err(self.failed())?, false)),
        }
    }

    /// Whether the last line has no end: a full disk or a crash took it half.
    fn is_torn(file: &File) -> std::io::Result<bool> {
        let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        file.read_exact_at(&mut byte, last)?;
        Ok(byte != *b"\n")
    }

    fn open_to_append(&self) -> std::io::Result<File> {
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        OpenOptions::new().read(true).append(true).custom_flags(flags).open(&self.path)
    }

    fn rewrite(&self, numbers: &Numbers) -> Result<(), StoreError> {
        let failed = self.failed();
        let temporary = self.path.with_extension("new");
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(&failed)?;
        let mut lines = std::io::BufWriter::new(&file);
        numbers.write_to(&mut lines).and_then(|()| lines.flush()).map_err(&failed)?;
        drop(lines);
        file.sync_all().map_err(&failed)?;
        std::fs::rename(&temporary, &self.path).map_err(&failed)?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> Result<(), StoreError> {
        match self.path.parent() {
            Some(parent) => {
                File::open(parent).and_then(|dir| dir.sync_all()).map_err(self.failed())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn journal() -> (tempfile::TempDir, NumberJournal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = NumberJournal::new(&dir.path().join("numbers"));
        (dir, journal)
    }

    fn numbers(uids: &[u32], gids: &[u32]) -> Numbers {
        Numbers { uids: uids.iter().copied().collect(), gids: gids.iter().copied().collect() }
    }

    fn write(journal: &NumberJournal, text: &str) {
        std::fs::write(&journal.path, text).unwrap();
        std::fs::set_permissions(&journal.path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn text(journal: &NumberJournal) -> String {
        std::fs::read_to_string(&journal.path).unwrap()
    }

    #[test]
    fn what_was_added_is_read_back() {
        let (_dir, journal) = journal();
        assert!(journal.load().unwrap().is_empty());
        journal.append(&Numbers::default()).unwrap();
        assert!(!journal.path.exists(), "nothing to write, no file");
        journal.append(&numbers(&[3000], &[3000])).unwrap();
        journal.append(&numbers(&[3001], &[])).unwrap();
        assert_eq!(journal.load().unwrap(), numbers(&[3000, 3001], &[3000]));
        assert_eq!(text(&journal), "u 3000\ng 3000\nu 3001\n");
        let mode = std::fs::metadata(&journal.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_not_joined_to_the_next() {
        let (_dir, journal) = journal();
        for torn in ["u 30", "u", "g 3001", "u 3000\0\0"] {
            write(&journal, &format!("u 3000\ng 3000\n{torn}"));
            assert_eq!(journal.load().unwrap(), numbers(&[3000], &[3000]), "{torn:?}");
            journal.append(&numbers(&[7], &[])).unwrap();
            assert_eq!(journal.load().unwrap(), numbers(&[7, 3000], &[3000]), "{torn:?}");
            // Also when it was torn while the daemon went on.
            write(&journal, &format!("u 3000\n{torn}"));
            journal.append(&numbers(&[7], &[])).unwrap();
            assert_eq!(journal.load().unwrap(), numbers(&[7, 3000], &[]), "{torn:?}");
        }
    }

    #[test]
    fn odd_lines_are_left_out() {
        let (_dir, journal) = journal();
        let odd = "u 3000\n\0\0\0\0\0\nu -1\nu +5\nx 7\nu 4294967296\nu\n\ng 3001\nu 3 4\n";
        write(&journal, &format!("{odd}{}\nu 3002\n", "u".repeat(100_000)));
        assert_eq!(journal.load().unwrap(), numbers(&[3000, 3002], &[3001]));
        assert_eq!(text(&journal), "u 3000\nu 3002\ng 3001\n", "tidied");
    }

    #[test]
    fn many_lines_that_say_the_same_become_one() {
        let (_dir, journal) = journal();
        write(&journal, &"u 3000\n".repeat(SURPLUS + 1));
        journal.load().unwrap();
        assert_eq!(text(&journal).lines().count(), SURPLUS + 1);
        write(&journal, &"u 3000\n".repeat(SURPLUS + 2));
        assert_eq!(journal.load().unwrap(), numbers(&[3000], &[]));
        assert_eq!(text(&journal), "u 3000\n");
    }

    #[test]
    fn a_file_of_others_and_a_link_are_refused() {
        let (dir, journal) = journal();
        write(&journal, "u 3000\n");
        std::fs::set_permissions(&journal.path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(journal.load(), Err(StoreError::Unusable(_))));
        std::fs::rename(&journal.path, dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &journal.path).unwrap();
        assert!(journal.load().is_err());
        assert!(journal.append(&numbers(&[1], &[])).is_err());
    }

    #[test]
    fn a_journal_that_cannot_be_written_says_so() {
        let (dir, _) = journal();
        let journal = NumberJournal::new(&dir.path().join("missing/numbers"));
        assert!(matches!(journal.append(&numbers(&[1], &[])), Err(StoreError::Files(..))));
    }
}
