//! The writer's unsafe calls: reserving space, mapping a file for writing, random numbers.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

/// A file mapped for reading and writing, all of its blocks reserved. Unmapped when dropped.
#[derive(Debug)]
pub(super) struct Writable {
    address: NonNull<AtomicU32>,
    words: usize,
}

// SAFETY: the mapping is memory of the process that any thread may use; nothing about it is tied to the
// thread that made it.
unsafe impl Send for Writable {}
// SAFETY: as above; all access is by atomic operations.
unsafe impl Sync for Writable {}

impl Writable {
    /// Reserves `length` bytes in the new, empty `file`, and maps them.
    ///
    /// The reservation is what keeps a full file system from killing readers with SIGBUS.
    pub(super) fn reserve(file: &File, length: usize) -> io::Result<Self> {
        let size = libc::off_t::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        loop {
            // SAFETY: the descriptor belongs to `file`, which is open for the call.
            match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, size) } {
                0 => break,
                libc::EINTR => {}
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
        // SAFETY: a new mapping at an address of the kernel's choice; nothing of ours is replaced.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { address, words: length / 4 })
    }

    /// The content.
    pub(super) fn words(&self) -> &[AtomicU32] {
        // SAFETY: `address` and `words` describe our own page-aligned mapping, which lives as long as
        // `self`; any bits are a valid AtomicU32; all access is atomic.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.words) }
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly our own mapping, to which no reference is left.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.words * 4) };
    }
}

/// Four random words: the key of a file's hash.
pub(super) fn random_key() -> io::Result<[u32; 4]> {
    let mut key = [0_u32; 4];
    // SAFETY: `key` is 16 bytes long. The kernel never gives fewer than asked for up to 256.
    let got = unsafe { libc::getrandom(key.as_mut_ptr().cast(), 16, 0) };
    if got == 16 { Ok(key) } else { Err(io::Error::last_os_error()) }
}
