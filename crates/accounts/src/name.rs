//! Names of users and groups, and the ways to point at one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field_error::{Code, Refused};

/// Names that sudo, PAM, NSS or scripts read as something else than an account of ours.
const RESERVED: &[&str] = &[
    "root",
    "nobody",
    "nogroup",
    "all",
    "any",
    "none",
    "self",
    "everyone",
    "defaults",
    "default",
    "systemd",
    "dbus",
    "include",
    "includedir",
];

fn check(name: &str, what: &str) -> Result<(), Refused> {
    let form = || {
        Refused::invalid(format!(
            "a {what} is 1 to 32 of a-z 0-9 _ . -, starts with a letter or _, does not end in '.'"
        ))
    };
    let bytes = name.as_bytes();
    let first = *bytes.first().ok_or_else(form)?;
    if bytes.len() > 32 || !(first.is_ascii_lowercase() || first == b'_') || name.ends_with('.') {
        return Err(form());
    }
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(b);
    if !bytes.iter().all(allowed) {
        return Err(form());
    }
    if RESERVED.contains(&name) {
        return Err(Refused::new(Code::Reserved, format!("the name {name:?} is reserved")));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Parses a name given by a caller.
            ///
            /// # Errors
            /// Says what the form is, or that the name is reserved.
            pub fn parse(name: &str) -> Result<Self, Refused> {
                check(name, $what).map(|()| Self(name.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A user's login name: `[a-z_][a-z0-9_.-]{0,31}`, not ending in `.`, not reserved.
    UserName,
    "user name"
);
name!(
    /// A group's name, by the same rule as [`UserName`].
    GroupName,
    "group name"
);

/// A group as a caller names it: by name or by number. It may be one of /etc/group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupRef {
    /// By name; any name that a group file may hold.
    Name(String),
    /// By number.
    Gid(u32),
}

impl GroupRef {
    /// Parses a name or a number.
    ///
    /// # Errors
    /// Refuses text that can be neither.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let gid = text.parse::<u32>().ok().filter(|gid| *gid != u32::MAX);
            return gid
                .map(Self::Gid)
                .ok_or_else(|| Refused::invalid(format!("{text} is no group number")));
        }
        let name_byte = |b: u8| b.is_ascii_alphanumeric() || b"_.-$".contains(&b);
        if text.is_empty()
            || text.len() > 64
            || text.starts_with('-')
            || !text.bytes().all(name_byte)
        {
            return Err(Refused::invalid("a group is named by its name or its number"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl std::fmt::Display for GroupRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Gid(gid) => gid.fmt(f),
        }
    }
}

/// The user or group that a verb is about: `alice`, `uid:3000` or `id:UUID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// By login name.
    Name(String),
    /// By number (`uid:` for users, `gid:` for groups).
    Number(u32),
    /// By immutable identifier.
    Id(Uuid),
}

impl Subject {
    /// Parses a subject.
    ///
    /// # Errors
    /// Refuses text that is no name, `uid:N`, `gid:N` or `id:UUID`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if let Some(number) = text.strip_prefix("uid:").or_else(|| text.strip_prefix("gid:")) {
            return number
                .parse()
                .map(Self::Number)
                .map_err(|_| Refused::invalid(format!("{text:?} does not end in a number")));
        }
        if let Some(id) = text.strip_prefix("id:") {
            return Uuid::try_parse(id)
                .map(Self::Id)
                .map_err(|_| Refused::invalid(format!("{text:?} does not end in a UUID")));
        }
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return Err(Refused::invalid("a subject is a name, uid:N or id:UUID"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Number(number) => write!(f, "number {number}"),
            Self::Id(id) => write!(f, "id {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for bad in [
            "",
            "ALL",
            "all",
            "-f",
            "0",
            "1000",
            "x\ny:0:0",
            "%wheel",
            "#0",
            "root",
            "a:b",
            "a b",
            "a.",
            ".a",
            "Alice",
            "älice",
            "a\0",
            "a/b",
            "a,b",
            "+x",
            "a@b",
            "a$",
            "аlice",
            "abcdefghijklmnopqrstuvwxyz0123456",
        ] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
            assert!(GroupName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "_a", "alice", "a.b-c_d", "abcdefghijklmnopqrstuvwxyz012345", "web1"] {
            assert_eq!(UserName::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn subjects_are_told_apart() {
        assert_eq!(Subject::parse("alice").unwrap(), Subject::Name("alice".into()));
        assert_eq!(Subject::parse("uid:3000").unwrap(), Subject::Number(3000));
        assert!(Subject::parse("uid:-1").is_err());
        assert!(Subject::parse("id:nonsense").is_err());
        assert!(Subject::parse("a\nb").is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_name_cannot_change_the_line_it_stands_in(text in "\\PC{0,40}") {
            if let Ok(name) = UserName::parse(&text) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!name.as_str().contains([':', ',', '/', '%', '#', '=', '\\', '"']));
                prop_assert!(name.as_str().parse::<u64>().is_err());
            }
        }
    }
}
