//! Paths and modes in a user's record.

use serde::{Deserialize, Serialize};

use crate::field_error::{Code, Refused};

fn check_absolute(path: &str) -> Result<(), Refused> {
    if !path.starts_with('/') {
        return Err(Refused::invalid("is not an absolute path"));
    }
    if path.len() > 1024 {
        return Err(Refused::new(Code::TooLong, "is longer than 1024 bytes"));
    }
    // A path stands in passwd, in environments and on terminals: visible ASCII without the
    // separators of those places.
    if let Some(c) =
        path.chars().find(|c| !c.is_ascii_graphic() || ":\\\"'`$*?[];&|<>(){}!,#%".contains(*c))
    {
        return Err(Refused::invalid(format!("holds the character {:?}", c)));
    }
    if path != "/" && path[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Refused::invalid("is not normalised: no '//', '.', '..' or '/' at the end"));
    }
    Ok(())
}

/// Directories that are nobody's home, nor are their immediate entries when marked.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/var/lib/roster",
    "/root",
];

/// A home directory: absolute, normalised, not `/` and not inside the system's own directories.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HomePath(String);

impl HomePath {
    /// Parses a path given by a caller.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn parse(path: &str) -> Result<Self, Refused> {
        check_absolute(path)?;
        if path == "/" {
            return Err(Refused::new(Code::Reserved, "'/' is nobody's home"));
        }
        let inside = |system: &&&str| {
            path == **system || path.strip_prefix(**system).is_some_and(|r| r.starts_with('/'))
        };
        if let Some(system) = SYSTEM.iter().find(inside) {
            return Err(Refused::new(Code::Reserved, format!("{system} belongs to the system")));
        }
        if matches!(path, "/home" | "/var" | "/opt" | "/srv" | "/mnt" | "/media" | "/var/lib") {
            return Err(Refused::new(Code::Reserved, format!("{path} holds other directories")));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the path says "no home": shared, never created, never removed.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.0.as_str(), "/var/empty" | "/nonexistent")
    }

    /// Whether `self` is `other` or lies above it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A home directory's mode: octal, owner's bits needed, never group- or other-writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HomeMode(u32);

impl Default for HomeMode {
    fn default() -> Self {
        Self(0o700)
    }
}

impl HomeMode {
    /// Parses octal text such as `700` or `0750`.
    ///
    /// # Errors
    /// Refuses what is not octal, special bits, and a mode that lets others write.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let digits =
            !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
        let mode = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        let Some(mode) = mode.filter(|mode| *mode <= 0o777) else {
            return Err(Refused::invalid("is no octal mode such as 700 or 750"));
        };
        if mode & 0o022 != 0 {
            return Err(Refused::invalid("lets others write: take 700, 750 or 755"));
        }
        if mode & 0o700 != 0o700 {
            return Err(Refused::invalid("keeps the owner out: take 700, 750 or 755"));
        }
        Ok(Self(mode))
    }

    /// A mode read back from where a checked one was written.
    #[must_use]
    pub const fn stored(mode: u32) -> Self {
        Self(mode)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for HomeMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:o}", self.0)
    }
}

impl Serialize for HomeMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HomeMode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A login shell's path. Whether it is one of the choices is the host's to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShellPath(String);

impl ShellPath {
    /// Parses a path given by a caller.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn parse(path: &str) -> Result<Self, Refused> {
        check_absolute(path)?;
        if path == "/" {
            return Err(Refused::invalid("is a directory"));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the shell lets its user in: not `nologin`, not `false`.
    #[must_use]
    pub fn is_login_shell(&self) -> bool {
        !matches!(self.0.rsplit('/').next(), Some("nologin" | "false"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn homes() {
        for bad in [
            "",
            "/",
            "home/a",
            "/home/../etc",
            "/home//a",
            "/home/a/",
            "/home/a:b",
            "/home/a\nb",
            "/etc",
            "/etc/x",
            "/root",
            "/home",
            "/home/a b",
            "/home/ä",
            "/proc/1",
            "/home/./a",
        ] {
            assert!(HomePath::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["/home/alice", "/srv/www/a", "/var/empty", "/rootless", "/home/a.b-c"] {
            assert_eq!(HomePath::parse(good).unwrap().as_str(), good);
        }
        assert!(HomePath::parse(&format!("/{}", "x".repeat(1024))).is_err());
    }

    #[test]
    fn modes() {
        for bad in ["", "777", "720", "702", "4755", "abc", "8", "0", "500", "-1", "+700"] {
            assert!(HomeMode::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(HomeMode::parse("0700").unwrap().bits(), 0o700);
        assert_eq!(HomeMode::parse("755").unwrap().to_string(), "755");
    }

    #[test]
    fn a_home_contains_what_lies_below_it() {
        let home = |p| HomePath::parse(p).unwrap();
        assert!(home("/home/a").contains(&home("/home/a/b")));
        assert!(!home("/home/a").contains(&home("/home/ab")));
    }
}
