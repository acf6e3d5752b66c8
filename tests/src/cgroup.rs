//! A control group for each machine, below the one that the harness runs in.
//!
//! The machine's systemd takes over the group that it finds itself in. Two machines in one group would
//! stop each other's services.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A machine's control group, removed with it.
pub(crate) struct ControlGroup {
    /// Its directory in the unified hierarchy.
    pub(crate) path: PathBuf,
}

impl ControlGroup {
    /// A group with the last component of `name`, not made yet.
    pub(crate) fn new(name: &Path) -> io::Result<ControlGroup> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        // A host with the old hierarchies has the unified one beside them.
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").exists());
        let mount = mount.ok_or(io::ErrorKind::NotFound)?;
        let path = mount.join(own).join(name.file_name().unwrap_or_default());
        Ok(ControlGroup { path })
    }

    /// Makes the group.
    pub(crate) fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)
    }

    /// A group beside those of the machine's units for the commands of the test, so that logind sees
    /// them as processes of the machine. systemd-nspawn calls the machine's part `payload`.
    pub(crate) fn for_commands(&self) -> Option<PathBuf> {
        let group = self.path.join("payload/harness.slice");
        fs::create_dir_all(&group).ok().map(|()| group)
    }

    /// Waits until the killed machine's last processes are gone, and removes the group.
    pub(crate) fn remove(&self) {
        for _ in 0..250 {
            remove(&self.path);
            if !self.path.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Control groups vanish from the leaves up; one that is still in use stays.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}
