//! A loaded NSS module, its entry points, and buffers that tell when they are overrun.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::object;

/// `enum nss_status`.
pub mod status {
    /// Ask again with a larger buffer.
    pub const TRY_AGAIN: i32 = -2;
    /// The service cannot answer.
    pub const UNAVAILABLE: i32 = -1;
    /// No such entry.
    pub const NOT_FOUND: i32 = 0;
    /// The entry has been filled in.
    pub const SUCCESS: i32 = 1;
}

/// What errno holds before each call, to see whether it was left alone.
pub const UNTOUCHED: c_int = 12_345;
/// What buffers hold before each call.
const FILLING: u8 = 0xa5;
/// Bytes before and behind each buffer that must stay as they are.
const GUARD: usize = 64;

/// Where the caller's buffer lies and how long it is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Length in bytes.
    pub length: usize,
    /// Offset from an address that is divisible by 64.
    pub offset: usize,
}

/// Enough for anything that the tests ask for, except on purpose.
pub const ROOMY: Place = Place { length: 8192, offset: 0 };

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<R> {
    /// One of [`status`].
    pub status: i32,
    /// errno after the call; [`UNTOUCHED`] if it was left alone.
    pub errno: i32,
    /// The entry, on success.
    pub record: Option<R>,
}

impl<R: Clone> Answer<R> {
    /// The entry; fails the test if there is none.
    pub fn found(&self) -> R {
        assert_eq!((self.status, self.errno), (status::SUCCESS, UNTOUCHED));
        self.record.clone().expect("success comes with an entry")
    }

    /// Whether this is a miss with errno set as it should be.
    pub fn is_miss(&self) -> bool {
        (self.status, self.errno) == (status::NOT_FOUND, libc::ENOENT) && self.record.is_none()
    }

    /// Whether this asks for a larger buffer.
    pub fn is_too_small(&self) -> bool {
        (self.status, self.errno) == (status::TRY_AGAIN, libc::ERANGE) && self.record.is_none()
    }
}

/// A C struct, copied out with every pointer checked.
pub trait Record: Debug + Clone + PartialEq {
    /// The C struct.
    type C;
    /// Copies it. `within` is where the caller's buffer lies: all pointers must lead there.
    fn copy(c: &Self::C, within: &Range<usize>, strict: bool) -> Self;
}

/// `struct passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Passwd {
    pub name: String,
    pub passwd: String,
    pub uid: u32,
    pub gid: u32,
    pub gecos: String,
    pub home: String,
    pub shell: String,
}

/// `struct group`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Group {
    pub name: String,
    pub passwd: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// `struct spwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Spwd {
    pub name: String,
    pub passwd: String,
    pub days: [c_long; 6],
    pub flag: u64,
}

fn text(pointer: *const c_char, within: &Range<usize>) -> String {
    let start = pointer.addr();
    assert!(within.contains(&start), "a string at {start:#x} outside of the buffer {within:#x?}");
    // SAFETY: inside of the caller's buffer, which the test owns, up to its end.
    let rest = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), within.end - start) };
    let string = CStr::from_bytes_until_nul(rest).expect("a string ends inside of the buffer");
    string.to_string_lossy().into_owned()
}

impl Record for Passwd {
    type C = libc::passwd;

    fn copy(c: &libc::passwd, within: &Range<usize>, _strict: bool) -> Self {
        Self {
            name: text(c.pw_name, within),
            passwd: text(c.pw_passwd, within),
            uid: c.pw_uid,
            gid: c.pw_gid,
            gecos: text(c.pw_gecos, within),
            home: text(c.pw_dir, within),
            shell: text(c.pw_shell, within),
        }
    }
}

impl Record for Group {
    type C = libc::group;

    fn copy(c: &libc::group, within: &Range<usize>, strict: bool) -> Self {
        assert!(!strict || c.gr_mem.is_aligned(), "gr_mem is not aligned: {:?}", c.gr_mem);
        let mut members = Vec::new();
        for at in 0.. {
            let place = c.gr_mem.wrapping_add(at);
            assert!(
                within.contains(&place.addr()) && place.addr() + size_of_val(&place) <= within.end,
                "gr_mem runs out of the buffer"
            );
            // SAFETY: inside of the caller's buffer, as just checked.
            let member = unsafe { place.read_unaligned() };
            if member.is_null() {
                break;
            }
            members.push(text(member, within));
        }
        let (name, passwd) = (text(c.gr_name, within), text(c.gr_passwd, within));
        Self { name, passwd, gid: c.gr_gid, members }
    }
}

impl Record for Spwd {
    type C = libc::spwd;

    fn copy(c: &libc::spwd, within: &Range<usize>, _strict: bool) -> Self {
        Self {
            name: text(c.sp_namp, within),
            passwd: text(c.sp_pwdp, within),
            days: [c.sp_lstchg, c.sp_min, c.sp_max, c.sp_warn, c.sp_inact, c.sp_expire],
            flag: c.sp_flag,
        }
    }
}

/// What a call of `initgroups_dyn` left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initgroups {
    /// One of [`status`].
    pub status: i32,
    /// errno after the call.
    pub errno: i32,
    /// The filled places.
    pub groups: Vec<u32>,
    /// The number of places.
    pub size: usize,
}

/// A loaded module.
#[derive(Clone, Copy)]
pub struct Module {
    handle: *mut c_void,
    name: &'static str,
    /// Hold it to the alignment of pointers.
    strict: bool,
}

// SAFETY: the handle is only given to dlsym, which any thread may call.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

/// What a call that fills in a struct is given: the struct, the buffer, its length, errno.
pub type Fill<C> = (*mut C, *mut c_char, usize, *mut c_int);

/// Makes a call with a guarded buffer at `place`; `strict` holds it to the alignment of pointers.
pub fn fill<R: Record>(
    place: Place,
    strict: bool,
    call: impl FnOnce(Fill<R::C>) -> c_int,
) -> Answer<R> {
    const BEFORE: [u8; 2 * GUARD + 128] = [FILLING; 2 * GUARD + 128];
    let mut memory = vec![FILLING; 2 * GUARD + 64 + place.offset + place.length];
    let base = memory.as_mut_ptr();
    let start = GUARD + base.wrapping_add(GUARD).align_offset(64) + place.offset;
    let buffer = base.wrapping_add(start);
    let mut result = MaybeUninit::<R::C>::uninit();
    let mut errno = UNTOUCHED;
    let status = call((result.as_mut_ptr(), buffer.cast(), place.length, &raw mut errno));
    let within = buffer.addr()..buffer.addr() + place.length;
    let record = (status == status::SUCCESS).then(|| {
        // SAFETY: on success the module has filled in all of it; that it did is what we test.
        R::copy(unsafe { result.assume_init_ref() }, &within, strict)
    });
    for outside in [&memory[..start], &memory[start + place.length..]] {
        assert!(*outside == BEFORE[..outside.len()], "written outside of {place:?}");
    }
    Answer { status, errno, record }
}

/// This thread's errno.
mod errno {
    use std::ffi::c_int;

    pub fn get() -> c_int {
        // SAFETY: always a valid pointer, to what is this thread's own.
        unsafe { *libc::__errno_location() }
    }

    pub fn set(value: c_int) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = value };
    }
}

impl Module {
    /// The shipped module.
    pub fn shipped() -> Self {
        Self::load(&object::shipped(), "roster", true)
    }

    /// The reference module. Its `gr_mem` is known to be misaligned.
    pub fn reference() -> Self {
        Self::load(&object::reference(), "reference", false)
    }

    fn load(path: &Path, name: &'static str, strict: bool) -> Self {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: loads an object without constructors (ours) or with ordinary ones.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "cannot load {path:?}");
        Self { handle, name, strict }
    }

    /// The entry point `_nss_<module>_<name>`.
    pub fn entry<F: Copy>(&self, name: &str) -> F {
        let symbol = CString::new(format!("_nss_{}_{name}", self.name)).unwrap();
        // SAFETY: the handle is open.
        let address = unsafe { libc::dlsym(self.handle, symbol.as_ptr()) };
        assert!(!address.is_null(), "{symbol:?} is not exported");
        assert_eq!(size_of::<F>(), size_of_val(&address));
        // SAFETY: each caller names the C type that nss.h gives this entry point.
        unsafe { std::mem::transmute_copy(&address) }
    }

    fn fill<R: Record>(&self, place: Place, call: impl FnOnce(Fill<R::C>) -> c_int) -> Answer<R> {
        // The reference's own errno is not our concern.
        errno::set(UNTOUCHED);
        let answer = fill(place, self.strict, call);
        if self.strict && answer.status == status::SUCCESS {
            assert_eq!(errno::get(), UNTOUCHED, "errno was touched by a success");
        }
        answer
    }

    fn by_name<R: Record>(&self, entry: &str, name: &CStr, place: Place) -> Answer<R> {
        type F<C> =
            unsafe extern "C" fn(*const c_char, *mut C, *mut c_char, usize, *mut c_int) -> c_int;
        let function: F<R::C> = self.entry(entry);
        // SAFETY: called as glibc does.
        self.fill(place, |(result, buffer, length, errno)| unsafe {
            function(name.as_ptr(), result, buffer, length, errno)
        })
    }

    fn by_id<R: Record>(&self, entry: &str, id: u32, place: Place) -> Answer<R> {
        type F<C> = unsafe extern "C" fn(u32, *mut C, *mut c_char, usize, *mut c_int) -> c_int;
        let function: F<R::C> = self.entry(entry);
        // SAFETY: called as glibc does.
        self.fill(place, |(result, buffer, length, errno)| unsafe {
            function(id, result, buffer, length, errno)
        })
    }

    fn next<R: Record>(&self, entry: &str, place: Place) -> Answer<R> {
        type F<C> = unsafe extern "C" fn(*mut C, *mut c_char, usize, *mut c_int) -> c_int;
        let function: F<R::C> = self.entry(entry);
        // SAFETY: called as glibc does.
        self.fill(place, |(result, buffer, length, errno)| unsafe {
            function(result, buffer, length, errno)
        })
    }

    /// getpwnam_r.
    pub fn getpwnam(&self, name: &CStr, place: Place) -> Answer<Passwd> {
        self.by_name("getpwnam_r", name, place)
    }

    /// getpwuid_r.
    pub fn getpwuid(&self, uid: u32, place: Place) -> Answer<Passwd> {
        self.by_id("getpwuid_r", uid, place)
    }

    /// getpwent_r.
    pub fn getpwent(&self, place: Place) -> Answer<Passwd> {
        self.next("getpwent_r", place)
    }

    /// getgrnam_r.
    pub fn getgrnam(&self, name: &CStr, place: Place) -> Answer<Group> {
        self.by_name("getgrnam_r", name, place)
    }

    /// getgrgid_r.
    pub fn getgrgid(&self, gid: u32, place: Place) -> Answer<Group> {
        self.by_id("getgrgid_r", gid, place)
    }

    /// getgrent_r.
    pub fn getgrent(&self, place: Place) -> Answer<Group> {
        self.next("getgrent_r", place)
    }

    /// getspnam_r.
    pub fn getspnam(&self, name: &CStr, place: Place) -> Answer<Spwd> {
        self.by_name("getspnam_r", name, place)
    }

    /// getspent_r.
    pub fn getspent(&self, place: Place) -> Answer<Spwd> {
        self.next("getspent_r", place)
    }

    /// `setpwent`, `setgrent` or `setspent`; gives the status.
    pub fn set(&self, entry: &str) -> i32 {
        let function: extern "C" fn(c_int) -> c_int = self.entry(entry);
        function(0)
    }

    /// `endpwent`, `endgrent` or `endspent`; gives the status.
    pub fn end(&self, entry: &str) -> i32 {
        let function: extern "C" fn() -> c_int = self.entry(entry);
        function()
    }

    /// All entries from here to the end of the enumeration.
    pub fn rest<R: Record>(&self, next: impl Fn(&Self, Place) -> Answer<R>) -> Vec<R> {
        let mut all = Vec::new();
        loop {
            let answer = next(self, ROOMY);
            if answer.status != status::SUCCESS {
                assert_eq!(answer.status, status::NOT_FOUND);
                return all;
            }
            all.extend(answer.record);
        }
    }

    /// initgroups_dyn with an array of `size` places that `already` holds some of.
    pub fn initgroups(
        &self,
        user: &CStr,
        skip: u32,
        already: &[u32],
        size: usize,
        limit: c_long,
    ) -> Initgroups {
        self.initgroups_within(user, skip, already, size, limit, |call| call())
    }

    /// [`Module::initgroups`] with the call itself made by `within`, which can change the
    /// circumstances for it alone.
    pub fn initgroups_within(
        &self,
        user: &CStr,
        skip: u32,
        already: &[u32],
        size: usize,
        limit: c_long,
        within: impl FnOnce(&mut dyn FnMut()),
    ) -> Initgroups {
        type F = unsafe extern "C" fn(
            *const c_char,
            u32,
            *mut c_long,
            *mut c_long,
            *mut *mut u32,
            c_long,
            *mut c_int,
        ) -> c_int;
        let function: F = self.entry("initgroups_dyn");
        assert!(already.len() <= size);
        // SAFETY: a plain allocation, checked below.
        let mut array = unsafe { libc::calloc(size.max(1), size_of::<u32>()) }.cast::<u32>();
        assert!(!array.is_null());
        // SAFETY: `size` places, of which `already` fills no more.
        unsafe { std::ptr::copy_nonoverlapping(already.as_ptr(), array, already.len()) };
        let (mut start, mut places) = (already.len() as c_long, size as c_long);
        let mut errno = UNTOUCHED;
        let (name, mut status) = (user.as_ptr(), 0);
        within(&mut || {
            errno::set(UNTOUCHED);
            // SAFETY: called as glibc does, with an array from malloc.
            status = unsafe {
                function(name, skip, &mut start, &mut places, &mut array, limit, &mut errno)
            };
            if self.strict && status == status::SUCCESS {
                assert_eq!(errno::get(), UNTOUCHED, "errno was touched by a success");
            }
        });
        assert!(0 <= start && start <= places, "{start} filled of {places}");
        // SAFETY: the module says that so many places are filled.
        let groups = unsafe { std::slice::from_raw_parts(array, start as usize) }.to_vec();
        // SAFETY: the array as the module left it, from malloc or realloc.
        unsafe { libc::free(array.cast()) };
        Initgroups { status, errno, groups, size: places as usize }
    }
}
