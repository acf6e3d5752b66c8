//! The words behind the module's name in a file of `pam.d`.

use std::ffi::CStr;

/// Where passwords may come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Try the password that a module before us has asked for; ask if it is wrong or missing.
    pub try_first: bool,
    /// Use that password and never ask for one.
    pub only_first: bool,
    /// Not for our users but for names that nobody has.
    pub unknown: bool,
}

impl Arguments {
    /// Words we do not know are other modules' habits (`nullok`, `shadow`): they change nothing.
    pub fn parse(words: &[&CStr]) -> Self {
        let mut arguments = Self::default();
        for word in words {
            match word.to_bytes() {
                b"try_first_pass" => arguments.try_first = true,
                b"unknown" => arguments.unknown = true,
                b"use_first_pass" | b"use_authtok" => arguments.only_first = true,
                _ => {}
            }
        }
        arguments
    }

    /// Whether an earlier module's password is of interest at all.
    pub fn wants_first(self) -> bool {
        self.try_first || self.only_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_modules_change_nothing() {
        let arguments = Arguments::parse(&[c"nullok", c"shadow", c"TRY_FIRST_PASS", c""]);
        assert_eq!(arguments, Arguments::default());
        assert!(!arguments.wants_first());
    }

    #[test]
    fn first_pass_is_understood() {
        assert!(Arguments::parse(&[c"unknown"]).unknown);
        assert!(Arguments::parse(&[c"try_first_pass"]).try_first);
        assert!(Arguments::parse(&[c"use_first_pass"]).only_first);
        assert!(Arguments::parse(&[c"nullok", c"use_authtok"]).only_first);
    }
}
