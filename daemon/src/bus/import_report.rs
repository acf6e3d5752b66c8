//! How far an import is, for the caller who gave a pipe for it: a JSON object a line. A reader who is
//! slow misses some of them; one who closes the pipe ends the import.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::BusError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};

use super::errors::invalid;
use crate::service::{Observer, Progress};

/// Between two lines of one phase.
const PAUSE: Duration = Duration::from_millis(100);

/// The caller's ear.
pub(super) struct Report {
    pipe: Option<OwnedFd>,
    cancelled: AtomicBool,
    latest: Mutex<Option<(&'static str, Instant)>>,
}

impl Report {
    /// Reports into the writing end of a pipe, or to nobody.
    pub(super) fn new(pipe: Option<OwnedFd>) -> Result<Self, BusError> {
        let pipe = pipe.map(writing_end).transpose()?;
        Ok(Self { pipe, cancelled: AtomicBool::new(false), latest: Mutex::default() })
    }

    /// The caller has left.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }
}

/// The end of the pipe, opened anew: that a write does not wait belongs to the open file, which the
/// caller would share.
fn writing_end(pipe: OwnedFd) -> Result<OwnedFd, BusError> {
    let refused = || invalid("report", "is not the writing end of a pipe");
    let mode = rustix::fs::fstat(&pipe).map_err(|_| refused())?.st_mode;
    let flags = rustix::fs::fcntl_getfl(&pipe).map_err(|_| refused())?;
    let writes = !flags.contains(OFlags::PATH) && flags & OFlags::RWMODE != OFlags::RDONLY;
    if FileType::from_raw_mode(mode) != FileType::Fifo || !writes {
        return Err(refused());
    }
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .map_err(|_| invalid("report", "is a pipe that nobody reads"))
}

impl Observer for Report {
    fn progress(&self, progress: &Progress) {
        let Some(pipe) = &self.pipe else { return };
        let mut latest = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if latest.is_some_and(|(phase, at)| phase == progress.phase && now - at < PAUSE) {
            return;
        }
        *latest = Some((progress.phase, now));
        if let Ok(mut line) = serde_json::to_vec(progress) {
            line.push(b'\n');
            // Shorter than PIPE_BUF: all of it, or, in a pipe that is full, nothing.
            let _ = rustix::io::write(pipe, &line);
        }
    }

    fn is_cancelled(&self) -> bool {
        let closed = |pipe: &OwnedFd| {
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let mut polled = [PollFd::new(pipe, PollFlags::empty())];
            poll(&mut polled, Some(&now)).is_ok_and(|ready| ready > 0)
                && polled[0].revents().intersects(PollFlags::ERR | PollFlags::NVAL)
        };
        self.cancelled.load(Ordering::SeqCst) || self.pipe.as_ref().is_some_and(closed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::*;

    const HALFWAY: Progress = Progress { phase: "writing", records: 5, total: Some(10), failed: 0 };

    #[test]
    fn a_reader_hears_and_ends_it_by_leaving() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let report = Report::new(Some(writer.into())).unwrap();
        report.progress(&HALFWAY);
        // Too soon after it.
        report.progress(&HALFWAY);
        let mut heard = [0; 256];
        let length = reader.read(&mut heard).unwrap();
        let line = r#"{"phase":"writing","records":5,"total":10,"failed":0}"#;
        assert_eq!(std::str::from_utf8(&heard[..length]).unwrap(), format!("{line}\n"));
        assert!(!report.is_cancelled());
        drop(reader);
        assert!(report.is_cancelled());
    }

    #[test]
    fn a_reader_who_does_not_read_keeps_nobody() {
        let (reader, writer) = std::io::pipe().unwrap();
        let report = Report::new(Some(writer.into())).unwrap();
        for n in 0..10_000 {
            let phase = if n % 2 == 0 { "checking" } else { "writing" };
            report.progress(&Progress { phase, ..HALFWAY });
        }
        assert!(!report.is_cancelled());
        drop(reader);
    }

    #[test]
    fn what_is_no_writing_end_is_refused() {
        let (reader, writer) = std::io::pipe().unwrap();
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        assert!(Report::new(Some(reader.into())).is_err());
        assert!(Report::new(Some(null.into())).is_err());
        // Nobody reads that any more.
        assert!(Report::new(Some(writer.into())).is_ok_and(|report| report.is_cancelled()));
        let nobody = Report::new(None).unwrap();
        nobody.progress(&HALFWAY);
        assert!(!nobody.is_cancelled());
        nobody.cancel();
        assert!(nobody.is_cancelled());
    }
}
