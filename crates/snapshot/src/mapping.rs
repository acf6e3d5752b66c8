//! Mapping a file of the index: who may have written it is checked first, then its header.

#![allow(unsafe_code)]

use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;

use crate::index::Index;
use crate::layout::{Kind, header};
use crate::words::Words;

/// No index could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Why, as an errno value; never 0 and never `ERANGE`, which means something else to NSS.
    pub errno: c_int,
}

impl core::fmt::Display for Unavailable {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "the account index is not available (errno {})", self.errno)
    }
}

impl core::error::Error for Unavailable {}

impl Unavailable {
    fn last() -> Self {
        let errno = errno();
        Self { errno: if errno == 0 || errno == libc::ERANGE { libc::EIO } else { errno } }
    }
}

/// The calling thread's errno.
pub(crate) fn errno() -> c_int {
    // SAFETY: `__errno_location` returns the calling thread's errno, always a valid pointer.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's errno.
pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: as in `errno`; nobody else writes this thread's errno meanwhile.
    unsafe { *libc::__errno_location() = errno };
}

/// What a huge page covers on most machines. Elsewhere this alignment is as good as any other.
pub(crate) const HUGE: usize = 2 << 20;

/// How much is mapped of a file of `length` bytes: from [`HUGE`] on a multiple of that. What lies behind
/// the file's last page is there and must not be touched.
fn mapped_length(length: usize) -> usize {
    match length.checked_next_multiple_of(HUGE) {
        Some(whole) if length >= HUGE => whole,
        _ => length,
    }
}

/// Maps `length` bytes of a file, shared, until [`unmap_file`]. As mmap(2): `MAP_FAILED`, and errno says
/// why.
///
/// At a multiple of [`HUGE`] if the file is as long as that: then huge pages of the file, which the
/// writer asks for, are huge in the mapping too, and the processor finds an address by one entry of its
/// tables where it needed 512. That is a quarter of what a lookup among a million accounts costs.
pub(crate) fn map_file(descriptor: c_int, length: usize, protection: c_int) -> *mut c_void {
    let whole = mapped_length(length);
    let map = |address: *mut c_void, flags: c_int| {
        // SAFETY: a new mapping, at an address of the kernel's choice or, with MAP_FIXED, in the place of
        // the reservation below, which is ours alone: nothing of anybody else's is replaced.
        unsafe { libc::mmap(address, whole, protection, libc::MAP_SHARED | flags, descriptor, 0) }
    };
    if length >= HUGE
        && let Some(place) = reserve_aligned(whole)
    {
        let mapped = map(place, libc::MAP_FIXED);
        if mapped != libc::MAP_FAILED {
            return mapped;
        }
        // SAFETY: what is left of the reservation, which nobody else knows.
        unsafe { libc::munmap(place, whole) };
    }
    map(core::ptr::null_mut(), 0)
}

/// Unmaps what [`map_file`] has mapped.
///
/// # Safety
///
/// `address` and `length` are those of a call of [`map_file`], and no reference into the mapping is left.
pub(crate) unsafe fn unmap_file(address: *mut c_void, length: usize) {
    // SAFETY: the caller's promise; as long as it was mapped.
    unsafe { libc::munmap(address, mapped_length(length)) };
}

/// Reserves `length` bytes of addresses, a multiple of [`HUGE`], at such a multiple. `None` where there
/// are not as many.
fn reserve_aligned(length: usize) -> Option<*mut c_void> {
    let more = length.checked_add(HUGE)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice; nothing of ours is replaced.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), more, libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    // None of these leaves the mapping just made: `before` is below HUGE.
    let before = start.addr().wrapping_neg() % HUGE;
    let place = start.wrapping_byte_add(before);
    let behind = place.wrapping_byte_add(length);
    for (start, length) in [(start, before), (behind, HUGE.wrapping_sub(before))] {
        if length > 0 {
            // SAFETY: a part of the mapping just made, which nobody else knows.
            unsafe { libc::munmap(start, length) };
        }
    }
    Some(place)
}

/// Which file a path leads to: device and inode number. An inode number is not given to another
/// file while the first is mapped, so comparing these with those of a mapping is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// An opened file whose owner and mode have been checked. Closed when dropped.
pub(crate) struct Opened {
    descriptor: c_int,
    length: usize,
    pub identity: Identity,
    kind: Kind,
}

impl Opened {
    /// Opens `path`, which must be a regular file of `owner` that nobody else can write and, for a
    /// shadow file, that nobody else can read.
    pub(crate) fn open(path: &CStr, kind: Kind, owner: u32) -> Result<Self, Unavailable> {
        let flags =
            libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        // The bare system calls, because open(3) and close(3) are cancellation points: a thread that
        // is cancelled inside of a lookup would leave a pin or a descriptor behind.
        // SAFETY: the arguments are those of openat(2); `path` is NUL-terminated and outlives the call.
        let descriptor =
            unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0) };
        let descriptor = c_int::try_from(descriptor).unwrap_or(-1);
        if descriptor < 0 {
            return Err(Unavailable::last());
        }
        let mut opened =
            Self { descriptor, length: 0, identity: Identity { device: 0, inode: 0 }, kind };
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the descriptor is open, and `stat` is large enough for what fstat(2) writes.
        if unsafe { libc::fstat(descriptor, stat.as_mut_ptr()) } != 0 {
            return Err(Unavailable::last());
        }
        // SAFETY: fstat has succeeded and so has filled all of it.
        let stat = unsafe { stat.assume_init() };
        let forbidden = match kind {
            Kind::Index => 0o022,
            Kind::Shadow => 0o077,
        };
        let trusted = stat.st_mode & libc::S_IFMT == libc::S_IFREG
            && stat.st_uid == owner
            && stat.st_mode & forbidden == 0;
        if !trusted {
            return Err(Unavailable { errno: libc::EPERM });
        }
        opened.length = usize::try_from(stat.st_size).unwrap_or(0);
        opened.identity = Identity { device: stat.st_dev, inode: stat.st_ino };
        Ok(opened)
    }

    /// Maps the file and checks its header.
    pub(crate) fn map(self) -> Result<Reader, Unavailable> {
        if self.length < header::WORDS * 4 || !self.length.is_multiple_of(8) {
            return Err(Unavailable { errno: libc::EBADMSG });
        }
        let address = map_file(self.descriptor, self.length, libc::PROT_READ);
        if address == libc::MAP_FAILED {
            return Err(Unavailable::last());
        }
        let Some(address) = NonNull::new(address.cast::<AtomicU32>()) else {
            return Err(Unavailable { errno: libc::ENOMEM });
        };
        // From here on `reader` unmaps on every way out.
        let reader = Reader { address, words: self.length / 4, identity: self.identity };
        match Index::new(reader.content(), self.kind) {
            Some(_) => Ok(reader),
            None => Err(Unavailable { errno: libc::EBADMSG }),
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let before = errno();
        // SAFETY: closes the descriptor that `open` got, once.
        unsafe { libc::syscall(libc::SYS_close, self.descriptor) };
        // Callers look at errno after a failed call of theirs that came before this.
        set_errno(before);
    }
}

/// A mapped file of the index. Unmapped when dropped; holds no descriptor.
#[derive(Debug)]
pub struct Reader {
    address: NonNull<AtomicU32>,
    words: usize,
    pub(crate) identity: Identity,
}

// SAFETY: the mapping is read-only memory that any thread may read; nothing about it is tied to the
// thread that made it.
unsafe impl Send for Reader {}
// SAFETY: as above; all access is by atomic loads, or to bytes that do not change.
unsafe impl Sync for Reader {}

impl Reader {
    /// Maps the file at `path` if it is what `kind` says, belongs to `owner` (0 outside of tests)
    /// and cannot have been written by anybody else.
    ///
    /// # Errors
    ///
    /// The errno of the failing call; `EPERM` for a wrong owner or mode, `EBADMSG` for a file that
    /// is not an index.
    pub fn open(path: &CStr, kind: Kind, owner: u32) -> Result<Self, Unavailable> {
        Opened::open(path, kind, owner)?.map()
    }

    fn content(&self) -> Words<'_> {
        // SAFETY: `address` and `words` describe our own mapping, which lives until `self` is dropped
        // and whose file is never shortened (the writer's promise). It is page-aligned, and any bits
        // are a valid AtomicU32. Only loads are made through it: it is mapped read-only, and 32-bit
        // loads never write.
        Words::new(unsafe { core::slice::from_raw_parts(self.address.as_ptr(), self.words) })
    }

    /// The index in this file.
    #[must_use]
    pub fn index(&self) -> Index<'_> {
        Index::checked_before(self.content())
    }

    /// Gives the mapping away, to be taken back by [`Reader::from_raw`].
    pub(crate) fn into_raw(self) -> (NonNull<AtomicU32>, usize, Identity) {
        let raw = (self.address, self.words, self.identity);
        core::mem::forget(self);
        raw
    }

    /// # Safety
    ///
    /// The parts are those that [`Reader::into_raw`] gave, and while the result lives nobody drops
    /// another `Reader` over them.
    pub(crate) unsafe fn from_raw(address: NonNull<AtomicU32>, words: usize) -> Self {
        Self { address, words, identity: Identity { device: 0, inode: 0 } }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly our own mapping; `index` ties every reference into it to a borrow of
        // `self`, so none is left.
        unsafe { unmap_file(self.address.as_ptr().cast(), self.words * 4) };
    }
}
