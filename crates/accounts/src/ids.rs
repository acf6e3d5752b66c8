//! The numbers and identifiers of accounts.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field_error::{Code, Refused};

macro_rules! record_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

record_id!(
    /// A user's immutable identifier (UUIDv7, RFC 9562): what survives a rename hangs on it.
    UserId
);
record_id!(
    /// A group's immutable identifier (UUIDv7, RFC 9562).
    GroupId
);

/// Ranges that systemd and Debian keep for themselves (systemd's "Users, Groups, UIDs and GIDs").
const RESERVED: &[(u32, u32, &str)] = &[
    (1, 999, "belongs to the system's own accounts"),
    (60001, 60577, "is kept for systemd-homed"),
    (60578, 60705, "is kept for systemd's host accounts"),
    (61184, 65519, "is kept for systemd's dynamic users"),
    (65534, 65534, "is the overflow id (nobody)"),
    (65535, 65535, "is the 16-bit -1"),
    (524_288, 1_879_048_191, "is kept for containers"),
    (2_147_352_576, 2_147_418_111, "is kept for foreign images"),
];

fn check_number(number: u64, what: &str) -> Result<u32, Refused> {
    let Ok(number) = u32::try_from(number) else {
        return Err(Refused::invalid(format!("{what} {number} is above the largest, 2147483647")));
    };
    if number == 0 {
        return Err(Refused::new(Code::Reserved, format!("{what} 0 is root's")));
    }
    if number > i32::MAX as u32 {
        return Err(Refused::invalid(format!("{what} {number} is above the largest, 2147483647")));
    }
    match RESERVED.iter().find(|(low, high, _)| (*low..=*high).contains(&number)) {
        Some((low, high, why)) if low == high => {
            Err(Refused::new(Code::Reserved, format!("{what} {number} {why}")))
        }
        Some((low, high, why)) => Err(Refused::new(
            Code::Reserved,
            format!("{what} {number} {why} ({low} to {high}); take another, or none for the next"),
        )),
        None => Ok(number),
    }
}

/// The first number from that one on that may be given out: 0 and reserved ranges are jumped over.
fn allowed_from(from: u32) -> Option<u32> {
    let mut number = from.max(1);
    // The ranges are in ascending order.
    for (low, high, _) in RESERVED {
        if (*low..=*high).contains(&number) {
            number = high + 1;
        }
    }
    (number <= i32::MAX as u32).then_some(number)
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// Where automatic numbering starts.
            pub const FIRST: u32 = 3000;

            /// Checks a number given by hand.
            ///
            /// # Errors
            /// Refuses 0, the ranges systemd and Debian reserve, and all above 2³¹−1.
            pub fn parse(number: u64) -> Result<Self, Refused> {
                check_number(number, $what).map(Self)
            }

            /// The first number from that one on that [`parse`](Self::parse) accepts, if there is one.
            #[must_use]
            pub fn allowed_from(from: u32) -> Option<u32> {
                allowed_from(from)
            }

            /// A number read back from where a checked one was written.
            #[must_use]
            pub const fn stored(number: u32) -> Self {
                Self(number)
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A user's number: never 0, never one that systemd or Debian reserve, immutable.
    Uid,
    "uid"
);
number!(
    /// A group's number, by the same rule as [`Uid`].
    Gid,
    "gid"
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reserved_numbers_are_refused() {
        for bad in [
            0,
            1,
            999,
            60001,
            60513,
            60577,
            61184,
            65519,
            65534,
            65535,
            524_288,
            2_147_483_648,
            4_294_967_295,
            4_294_967_296,
            u64::MAX,
        ] {
            assert!(Uid::parse(bad).is_err(), "{bad}");
            assert!(Gid::parse(bad).is_err(), "{bad}");
        }
        for good in [1000, 3000, 60000, 65536, 524_287, 2_147_483_647] {
            assert_eq!(u64::from(Uid::parse(good).unwrap().get()), good);
        }
    }
}
