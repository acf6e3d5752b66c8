//! A line of shadow(5), or the hash of one alone.

use accounts::{Code, FieldErrors};
use zeroize::Zeroizing;

use crate::authenticate::kind_of_hash;

const DAY: i64 = 24 * 60 * 60;

/// Days that stand for "never": what the tools of shadow(5) write.
const NEVER: u32 = 99_999;

/// What a line says of a password.
pub(super) struct ShadowLine {
    pub(super) password: Imported,
    /// Of a whole line.
    pub(super) ageing: Option<Ageing>,
}

/// The password field.
pub(super) enum Imported {
    /// A hash that a login can verify, and whether `!` stands before it.
    Hash { phc: Zeroizing<String>, kind: &'static str, locked: bool },
    /// No password is right: `*`, `!`, `!!`.
    Disabled,
}

/// The other fields; what is empty there is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ageing {
    /// When the password was changed, in unix seconds.
    pub(super) changed_at: Option<i64>,
    /// It must be changed at the next login.
    pub(super) must_change: bool,
    pub(super) min_age: Option<u32>,
    pub(super) max_age: Option<u32>,
    pub(super) warn: Option<u32>,
    pub(super) inactive: Option<u32>,
    /// When the account expires, in unix seconds.
    pub(super) expires_at: Option<i64>,
}

impl ShadowLine {
    /// Reads a line that is about the user `name`.
    ///
    /// # Errors
    /// What is wrong with it, as the field `entry`; nothing of the hash is repeated.
    pub(super) fn parse(text: &str, name: &str) -> Result<Self, FieldErrors> {
        let wrong = |message: String| FieldErrors::one("entry", Code::Invalid, message);
        let fields: Vec<&str> = text.split(':').collect();
        let (hash, ageing) = match fields.as_slice() {
            [hash] => (*hash, None),
            [whose, _, _, _, _, _, _, _, _] if *whose != name => {
                return Err(wrong(format!("is another user's line: give the one of {name}")));
            }
            [_, hash, changed, min, max, warn, inactive, expire, _] => {
                let days = [*changed, *min, *max, *warn, *inactive, *expire];
                let ageing = Ageing::parse(days).map_err(|field| {
                    wrong(format!("has a {field} that is no number of days: see shadow(5)"))
                })?;
                (*hash, Some(ageing))
            }
            _ => {
                let message = "is neither a line of shadow(5), nine fields with : between them, nor \
                               a hash alone";
                return Err(wrong(message.to_owned()));
            }
        };
        if ageing.is_some_and(|ageing| ageing.expires_at == Some(0)) {
            let message = "says that the account expires on day 0, of which shadow(5) leaves open \
                           what it means: write 1 for an expired account, nothing for none";
            return Err(wrong(message.to_owned()));
        }
        let password = Imported::parse(hash).map_err(wrong)?;
        Ok(Self { password, ageing })
    }
}

impl Imported {
    fn parse(field: &str) -> Result<Self, String> {
        if matches!(field, "*" | "!" | "!!" | "!*" | "*!") {
            return Ok(Self::Disabled);
        }
        let hash = field.strip_prefix("!!").or_else(|| field.strip_prefix('!'));
        let (hash, locked) = hash.map_or((field, false), |hash| (hash, true));
        let kind = kind_of_hash(hash).map_err(|error| error.to_string())?;
        Ok(Self::Hash { phc: Zeroizing::new(hash.to_owned()), kind, locked })
    }
}

impl Ageing {
    /// The fields after the hash, without the last, which means nothing; the name of one that is
    /// wrong.
    fn parse(fields: [&str; 6]) -> Result<Self, &'static str> {
        let names =
            ["date of change", "minimum age", "maximum age", "warning", "inactivity", "expiry"];
        let mut days = [None; 6];
        for ((day, field), name) in days.iter_mut().zip(fields).zip(names) {
            *day = number(field).map_err(|()| name)?;
        }
        let [changed, min, max, warn, inactive, expire] = days;
        Ok(Self {
            changed_at: changed.filter(|days| *days > 0).map(|days| i64::from(days) * DAY),
            must_change: changed == Some(0),
            min_age: min.filter(|days| *days > 0),
            max_age: max.filter(|days| *days < NEVER),
            warn,
            inactive: inactive.filter(|days| *days < NEVER),
            expires_at: expire.map(|days| i64::from(days) * DAY),
        })
    }
}

/// Days; nothing where there are none, or `-1`.
fn number(field: &str) -> Result<Option<u32>, ()> {
    if field.is_empty() || field == "-1" {
        return Ok(None);
    }
    let plain = field.len() <= 6 && field.bytes().all(|byte| byte.is_ascii_digit());
    if plain { field.parse().map(Some).map_err(|_| ()) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HASH: &str = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";

    fn parse(text: &str) -> Result<ShadowLine, String> {
        ShadowLine::parse(text, "alice").map_err(|errors| errors.to_string())
    }

    fn refused(text: &str) -> String {
        parse(text).map(|_| text.to_owned()).unwrap_err()
    }

    #[test]
    fn a_line_gives_hash_lock_and_ageing() {
        let line = parse(&format!("alice:!{HASH}:19000:1:90:7:14:20000:")).unwrap();
        let Imported::Hash { phc, kind, locked } = &line.password else { panic!("a hash") };
        assert_eq!((phc.as_str(), *kind, *locked), (HASH, "sha256crypt", true));
        let expected = Ageing {
            changed_at: Some(19_000 * DAY),
            must_change: false,
            min_age: Some(1),
            max_age: Some(90),
            warn: Some(7),
            inactive: Some(14),
            expires_at: Some(20_000 * DAY),
        };
        assert_eq!(line.ageing, Some(expected));
    }

    #[test]
    fn what_means_never_is_nothing() {
        // As Debian writes a new user.
        let line = parse(&format!("alice:{HASH}:19000:0:99999:7:::")).unwrap();
        let ageing = line.ageing.unwrap();
        assert_eq!((ageing.min_age, ageing.max_age, ageing.warn), (None, None, Some(7)));
        assert_eq!((ageing.inactive, ageing.expires_at), (None, None));
        let ageing = parse(&format!("alice:{HASH}::-1:-1:-1:-1:-1:")).unwrap().ageing.unwrap();
        assert_eq!((ageing.changed_at, ageing.must_change, ageing.warn), (None, false, None));
        let ageing = parse(&format!("alice:{HASH}:0:::::: ")).unwrap().ageing.unwrap();
        assert!(ageing.must_change);
    }

    #[test]
    fn a_hash_alone_says_nothing_of_ages() {
        let line = parse(HASH).unwrap();
        assert!(line.ageing.is_none());
        assert!(matches!(line.password, Imported::Hash { locked: false, .. }));
        assert!(matches!(
            parse(&format!("!!{HASH}")).unwrap().password,
            Imported::Hash { locked: true, .. }
        ));
    }

    #[test]
    fn a_field_that_no_password_fits_disables_passwords() {
        for field in ["*", "!", "!!", "!*"] {
            assert!(matches!(parse(field).unwrap().password, Imported::Disabled), "{field}");
            let line = parse(&format!("alice:{field}:19000::::::")).unwrap();
            assert!(matches!(line.password, Imported::Disabled), "{field}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_the_hash() {
        for (text, expected) in [
            ("", "is empty"),
            ("alice::19000:0:99999:7:::", "is empty"),
            ("!$1$salt$qJH7.N4xYta3aEG/dfqo/0", "MD5"),
            ("alice:x:19000:0:99999:7:::", "no hash"),
            ("bob:*:19000:0:99999:7:::", "another user's line"),
            ("alice:*:19000", "neither a line"),
            ("alice:*:19000:0:99999:7::::", "neither a line"),
            ("alice:*:soon:0:99999:7:::", "date of change"),
            ("alice:*:19000:+1:99999:7:::", "minimum age"),
            ("alice:*:19000:0:9999999:7:::", "maximum age"),
            ("alice:*:19000:0:99999:7::0:", "day 0"),
        ] {
            let refusal = refused(text);
            assert!(refusal.contains(expected), "{text}: {refusal}");
            assert!(!refusal.contains("qJH7"), "{refusal}");
        }
    }
}
