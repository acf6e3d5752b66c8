//! Extended attributes of a copied file (xattr(7)).

use std::ffi::CString;
use std::os::fd::BorrowedFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

/// Copies the attributes whose names pass `wanted`. A target that knows none is no error.
pub(super) fn copy(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<(), Errno> {
    let names = match list(from) {
        Ok(names) => names,
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty() && wanted(name)) {
        let Ok(name) = CString::new(name) else { continue };
        let value = match value(from, &name) {
            Ok(value) => value,
            Err(Errno::NODATA) => continue,
            Err(errno) => return Err(errno),
        };
        match rustix::fs::fsetxattr(to, &*name, &value, XattrFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Linux limits both a list of names and a value to this (XATTR_LIST_MAX, XATTR_SIZE_MAX).
const MOST: usize = 65536;

fn list(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut names = vec![0_u8; MOST];
    let length = rustix::fs::flistxattr(fd, names.as_mut_slice())?;
    names.truncate(length);
    Ok(names)
}

fn value(fd: BorrowedFd<'_>, name: &CString) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0_u8; MOST];
    let length = rustix::fs::fgetxattr(fd, &**name, value.as_mut_slice())?;
    value.truncate(length);
    Ok(value)
}
