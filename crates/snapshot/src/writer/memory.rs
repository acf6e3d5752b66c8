//! The writer's unsafe calls: reserving space, mapping a file for writing, random numbers.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use crate::mapping::{HUGE, map_file, unmap_file};

/// No page is smaller.
const PAGE: usize = 4096;

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
    /// Reserves `length` bytes in `file`, a new one or one that was shorter, and maps them.
    ///
    /// The reservation is what keeps a full file system from killing readers with SIGBUS.
    pub(super) fn reserve(file: &File, length: usize) -> io::Result<Self> {
        if file.metadata()?.len() < length as u64 {
            file.set_len(length as u64)?;
        }
        // A page in each huge page: a range without any cannot be made one.
        for huge in 0..length / HUGE {
            allocate(file, huge * HUGE, PAGE)?;
        }
        let address = map_file(file.as_raw_fd(), length, libc::PROT_READ | libc::PROT_WRITE);
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapped = Self { address, words: length / 4 };
        mapped.make_huge();
        allocate(file, 0, length)?;
        Ok(mapped)
    }

    /// Makes as much of the file as possible huge pages, for the sake of its readers: these then need
    /// one entry of their page tables where they needed 512. Where the kernel (before 6.1) or the file
    /// system cannot do that, or memory is too scattered, the pages stay as they are, and so does all
    /// that can be read in them.
    fn make_huge(&self) {
        let length = self.words * 4 / HUGE * HUGE;
        if length > 0 {
            // SAFETY: a part of our own mapping. Its content stays what it is.
            unsafe { libc::madvise(self.address.as_ptr().cast(), length, libc::MADV_COLLAPSE) };
        }
    }

    /// The content.
    pub(super) fn words(&self) -> &[AtomicU32] {
        // SAFETY: `address` and `words` describe our own page-aligned mapping, which lives as long as
        // `self`; any bits are a valid AtomicU32; all access is atomic.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.words) }
    }
}

/// Reserves bytes of a file, which becomes as long as that at least.
fn allocate(file: &File, start: usize, length: usize) -> io::Result<()> {
    let number = |bytes| libc::off_t::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge);
    let (start, length) = (number(start)?, number(length)?);
    loop {
        // SAFETY: the descriptor belongs to `file`, which is open for the call.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), start, length) } {
            0 => return Ok(()),
            libc::EINTR => {}
            errno => return Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly our own mapping, to which no reference is left.
        unsafe { unmap_file(self.address.as_ptr().cast(), self.words * 4) };
    }
}

/// Four random words: the key of a file's hash.
pub(super) fn random_key() -> io::Result<[u32; 4]> {
    let mut key = [0_u32; 4];
    // SAFETY: `key` is 16 bytes long. The kernel never gives fewer than asked for up to 256.
    let got = unsafe { libc::getrandom(key.as_mut_ptr().cast(), 16, 0) };
    if got == 16 { Ok(key) } else { Err(io::Error::last_os_error()) }
}
