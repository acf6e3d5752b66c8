//! How long tokens last.

use serde::Deserialize;

/// Tokens. All in seconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// An access token.
    pub access_seconds: u32,
    /// A refresh token: a login that is not refreshed for so long is over.
    pub refresh_seconds: u32,
    /// A token to choose a new password with.
    pub reset_seconds: u32,
    /// A token that proves an address.
    pub email_seconds: u32,
}

impl Default for Tokens {
    fn default() -> Self {
        const HOUR: u32 = 60 * 60;
        Self {
            access_seconds: HOUR,
            refresh_seconds: 24 * HOUR,
            reset_seconds: HOUR,
            email_seconds: 24 * HOUR,
        }
    }
}

impl Tokens {
    /// Shortest and longest time of a token.
    const BOUNDS: std::ops::RangeInclusive<u32> = 60..=366 * 24 * 60 * 60;

    pub(super) fn check(&self) -> Result<(), String> {
        let Self { access_seconds, refresh_seconds, reset_seconds, email_seconds } = self;
        for (name, seconds) in [
            ("access_seconds", access_seconds),
            ("refresh_seconds", refresh_seconds),
            ("reset_seconds", reset_seconds),
            ("email_seconds", email_seconds),
        ] {
            if !Self::BOUNDS.contains(seconds) {
                return Err(format!("tokens.{name}: 60 to {}", Self::BOUNDS.end()));
            }
        }
        if refresh_seconds < access_seconds {
            return Err("tokens.refresh_seconds: not below access_seconds".to_owned());
        }
        Ok(())
    }
}
