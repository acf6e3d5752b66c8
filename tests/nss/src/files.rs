//! glibc's own service `files` over the same accounts: the answers that ours are held against.
//!
//! Its code is inside of glibc, so it is asked through getpwnam_r(3) and its relatives, in a process
//! that glibc is told to ask nothing else in, and with databases of the test's own under /etc.

use std::ffi::{CStr, c_char, c_int};
use std::fmt::Write;
use std::sync::Once;

use snapshot::writer::{Contents, GroupEntry, ShadowEntry, UserEntry};

use crate::installed::replace_in_etc;
use crate::module::{Answer, Group, Passwd, Place, Record, Spwd, fill, status};

unsafe extern "C" {
    fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
}

/// The service `files` with these accounts, in the namespace of this test.
pub struct Files(());

impl Files {
    /// Writes `contents` into /etc/passwd, /etc/group and /etc/shadow; external groups as ordinary ones.
    pub fn of(contents: &Contents) -> Self {
        let files = Self(());
        files.replace(contents);
        static CONFIGURED: Once = Once::new();
        CONFIGURED.call_once(|| {
            for database in [c"passwd", c"group", c"shadow", c"initgroups"] {
                // SAFETY: two C strings that live for ever; no lookup has been made in this process.
                let done = unsafe { __nss_configure_lookup(database.as_ptr(), c"files".as_ptr()) };
                assert_eq!(done, 0);
            }
        });
        files
    }

    /// Other accounts.
    pub fn replace(&self, contents: &Contents) {
        let (mut passwd, mut shadow, mut group) = (String::new(), String::new(), String::new());
        for user in &contents.users {
            passwd_line(&mut passwd, user);
            shadow_line(&mut shadow, user);
        }
        contents.groups.iter().for_each(|entry| group_line(&mut group, entry));
        for (name, content) in [("passwd", passwd), ("shadow", shadow), ("group", group)] {
            replace_in_etc(name, &content);
        }
    }

    /// getpwnam_r.
    pub fn getpwnam(&self, name: &CStr, place: Place) -> Answer<Passwd> {
        ask(place, |result, buffer, length, found| {
            // SAFETY: as documented in getpwnam_r(3); so below.
            unsafe { libc::getpwnam_r(name.as_ptr(), result, buffer, length, found) }
        })
    }

    /// getpwuid_r.
    pub fn getpwuid(&self, uid: u32, place: Place) -> Answer<Passwd> {
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getpwuid_r(uid, result, buffer, length, found) }
        })
    }

    /// getpwent_r, of the first entry.
    pub fn first_passwd(&self, place: Place) -> Answer<Passwd> {
        // SAFETY: touches glibc's own state; this test has one thread. So below.
        unsafe { libc::setpwent() };
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getpwent_r(result, buffer, length, found) }
        })
    }

    /// getgrnam_r.
    pub fn getgrnam(&self, name: &CStr, place: Place) -> Answer<Group> {
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getgrnam_r(name.as_ptr(), result, buffer, length, found) }
        })
    }

    /// getgrgid_r.
    pub fn getgrgid(&self, gid: u32, place: Place) -> Answer<Group> {
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getgrgid_r(gid, result, buffer, length, found) }
        })
    }

    /// getgrent_r, of the first entry.
    pub fn first_group(&self, place: Place) -> Answer<Group> {
        // SAFETY: as above.
        unsafe { libc::setgrent() };
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getgrent_r(result, buffer, length, found) }
        })
    }

    /// getspnam_r.
    pub fn getspnam(&self, name: &CStr, place: Place) -> Answer<Spwd> {
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { libc::getspnam_r(name.as_ptr(), result, buffer, length, found) }
        })
    }

    /// getspent_r, of the first entry.
    pub fn first_shadow(&self, place: Place) -> Answer<Spwd> {
        unsafe extern "C" {
            fn getspent_r(
                result: *mut libc::spwd,
                buffer: *mut c_char,
                length: usize,
                found: *mut *mut libc::spwd,
            ) -> c_int;
        }
        // SAFETY: as above.
        unsafe { libc::setspent() };
        ask(place, |result, buffer, length, found| {
            // SAFETY: as above.
            unsafe { getspent_r(result, buffer, length, found) }
        })
    }
}

/// Makes a call of the `…_r` kind, and gives what it came to as a module would.
fn ask<R: Record>(
    place: Place,
    call: impl FnOnce(*mut R::C, *mut c_char, usize, *mut *mut R::C) -> c_int,
) -> Answer<R> {
    fill(place, true, |(result, buffer, length, errno)| {
        let mut found = std::ptr::null_mut();
        let error = call(result, buffer, length, &raw mut found);
        let status = match error {
            0 if found == result => return status::SUCCESS,
            0 | libc::ENOENT => status::NOT_FOUND,
            libc::ERANGE => status::TRY_AGAIN,
            _ => status::UNAVAILABLE,
        };
        assert!(found.is_null());
        // SAFETY: where `fill` keeps it.
        unsafe { *errno = error };
        status
    })
}

fn passwd_line(file: &mut String, user: &UserEntry) {
    let UserEntry { name, uid, gid, gecos, home, shell, .. } = user;
    writeln!(file, "{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}").unwrap();
}

fn group_line(file: &mut String, group: &GroupEntry) {
    writeln!(file, "{}:x:{}:{}", group.name, group.gid, group.members.join(",")).unwrap();
}

fn shadow_line(file: &mut String, user: &UserEntry) {
    let ShadowEntry { last_change, min, max, warn, inactive, expire, .. } = &user.shadow;
    let days = [last_change, min, max, warn, inactive, expire];
    let days = days.map(|day| day.map(|day| day.to_string()).unwrap_or_default()).join(":");
    let hash = if user.locked { "!*" } else { "*" };
    writeln!(file, "{}:{hash}:{days}:", user.name).unwrap();
}
