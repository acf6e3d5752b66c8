//! The caller's buffer: strings are laid out from its front, an array of pointers from its back.
//!
//! Nothing is written outside of it. What does not fit is `None`, and the call ends in `ERANGE`.

use core::ffi::c_char;
use core::marker::PhantomData;
use core::slice;

use snapshot::layout::MAX_NAME;

/// The caller's buffer and what is free of it: the bytes from `front` to `back`.
///
/// All pointers are made from `start`, so that each may reach the whole buffer.
pub struct Buffer<'b> {
    start: *mut u8,
    front: usize,
    back: usize,
    caller: PhantomData<&'b mut [u8]>,
}

type Pointer = *mut c_char;

impl Buffer<'_> {
    /// # Safety
    ///
    /// `start` is null or the start of `length` bytes that may be written and that nobody else uses
    /// during 'b.
    pub unsafe fn new(start: *mut c_char, length: usize) -> Self {
        let usable = !start.is_null() && length <= isize::MAX as usize;
        let back = if usable { length } else { 0 };
        Self { start: start.cast(), front: 0, back, caller: PhantomData }
    }

    /// The address of `length` bytes from the front of what was free.
    fn take_front(&mut self, length: usize) -> Option<*mut u8> {
        let taken = self.front;
        let front = taken.checked_add(length)?;
        if front > self.back {
            return None;
        }
        self.front = front;
        // Below the end of the buffer, as just checked, so this stays inside.
        Some(self.start.wrapping_add(taken))
    }

    /// The address of `length` bytes from the end of what was free.
    fn take_back(&mut self, length: usize) -> Option<*mut u8> {
        let back = self.back.checked_sub(length)?;
        if back < self.front {
            return None;
        }
        self.back = back;
        Some(self.start.wrapping_add(back))
    }

    /// Copies bytes that end in a NUL.
    pub fn put_terminated(&mut self, bytes: &[u8]) -> Option<Pointer> {
        let place = self.take_front(bytes.len())?;
        // SAFETY: `place` is as many bytes of the caller's buffer, while `bytes` is in the mapped file
        // or in this object.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        Some(place.cast())
    }

    /// Copies a string and puts a NUL behind it.
    pub fn put(&mut self, bytes: &[u8]) -> Option<Pointer> {
        let start = self.put_terminated(bytes)?;
        self.put_terminated(b"\0")?;
        Some(start)
    }

    /// Copies strings, and makes a NULL-terminated array of pointers to them.
    ///
    /// The array grows downwards from the end, so that the strings need to be walked only once: they
    /// come from a list that can change meanwhile. At the end it is turned round.
    pub fn put_array<'m>(
        &mut self,
        strings: impl Iterator<Item = &'m [u8]>,
    ) -> Option<*mut Pointer> {
        let end = self.start.wrapping_add(self.back).addr();
        self.take_back(end % align_of::<Pointer>())?;
        let mut first = self.put_back(core::ptr::null_mut())?;
        let mut count = 0_usize;
        for string in strings {
            // Room for the pointer first, so that it stays adjacent to the others.
            let place = self.put_back(core::ptr::null_mut())?;
            let start = self.put(string)?;
            // SAFETY: written once already, by `put_back`.
            unsafe { place.write(start) };
            first = place;
            count = count.wrapping_add(1);
        }
        // SAFETY: `count` pointers have been written one below the other, the last one at `first`, all
        // of them inside of the caller's buffer, which `first` may reach.
        unsafe { slice::from_raw_parts_mut(first, count) }.reverse();
        Some(first)
    }

    /// Puts a pointer at the end. The end must be aligned for it.
    fn put_back(&mut self, pointer: Pointer) -> Option<*mut Pointer> {
        let place = self.take_back(size_of::<Pointer>())?.cast::<Pointer>();
        // SAFETY: as many bytes of the buffer as a pointer has; aligned, as the doc comment asks for
        // and `put_array`, the only caller, sees to.
        unsafe { place.write(pointer) };
        Some(place)
    }
}

/// The name that a caller asks for. `None` if it is longer than any name of ours.
///
/// # Safety
///
/// `name` is null or a C string that outlives 'n.
pub unsafe fn name<'n>(name: *const c_char) -> Option<&'n [u8]> {
    if name.is_null() {
        return None;
    }
    // SAFETY: a C string can be read up to its NUL, and no further byte is.
    let length = unsafe { libc::strnlen(name, MAX_NAME + 1) };
    if length > MAX_NAME {
        return None;
    }
    // SAFETY: `length` bytes, which strnlen has read.
    Some(unsafe { slice::from_raw_parts(name.cast::<u8>(), length) })
}
