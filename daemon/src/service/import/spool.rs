//! Files without a name beside the database: what an import has to keep and memory shall not hold.
//! They end with the process, however that ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use uuid::Uuid;

/// A file without a name in that directory, for the daemon alone.
pub(super) fn unnamed(directory: &Path) -> std::io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // Not every file system has such files.
        Err(_) => {
            let path = directory.join(format!("import-{}", Uuid::now_v7()));
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Seek, Write};

    use super::*;

    #[test]
    fn nothing_is_seen_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = unnamed(directory.path()).unwrap();
        file.write_all(b"x").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
