//! One-time codes: TOTP (RFC 6238) with HMAC-SHA-1, the one kind that every authenticator knows.

use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use super::alphabet::{BASE32, encode};
use crate::secret::Secret;

/// Bytes of a new secret: what RFC 4226, section 4, recommends.
const SECRET: usize = 20;

/// Why a secret or its settings are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotpError {
    /// A code has 6 to 8 digits.
    #[error("a code has 6, 7 or 8 digits")]
    Digits,
    /// A code is good for 5 to 300 seconds.
    #[error("a code is good for 5 to 300 seconds")]
    Interval,
    /// The secret is too short.
    #[error("the secret is too short")]
    Secret,
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Randomness,
}

/// A shared secret and how codes are made from it.
pub struct Totp {
    secret: Secret,
    digits: u8,
    interval: u16,
    codes: totp_rs::Totp,
}

impl Totp {
    /// A new secret.
    ///
    /// # Errors
    /// See [`TotpError`].
    pub fn generate(digits: u32, interval: u32) -> Result<Self, TotpError> {
        let mut secret = Zeroizing::new(vec![0; SECRET]);
        getrandom::fill(&mut secret).map_err(|_| TotpError::Randomness)?;
        Self::new(Secret::new(secret.to_vec()), digits, interval)
    }

    /// A known secret. `interval` in seconds.
    ///
    /// # Errors
    /// See [`TotpError`].
    pub fn new(secret: Secret, digits: u32, interval: u32) -> Result<Self, TotpError> {
        let digits = u8::try_from(digits).map_err(|_| TotpError::Digits)?;
        let interval = u16::try_from(interval).map_err(|_| TotpError::Interval)?;
        if !(6..=8).contains(&digits) {
            return Err(TotpError::Digits);
        }
        if !(5..=300).contains(&interval) {
            return Err(TotpError::Interval);
        }
        let codes = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(digits)
            .with_skew(0)
            .with_step_duration(u64::from(interval))
            .with_secret(secret.as_bytes().to_vec())
            .build()
            .map_err(|_| TotpError::Secret)?;
        Ok(Self { secret, digits, interval, codes })
    }

    /// How many digits a code has.
    #[must_use]
    pub fn digits(&self) -> u32 {
        u32::from(self.digits)
    }

    /// For how many seconds a code is shown.
    #[must_use]
    pub fn interval(&self) -> u32 {
        u32::from(self.interval)
    }

    /// The raw secret, to be sealed.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The step that `code` belongs to: at most `window` steps from the present one and later than
    /// `last_step`, the last one that was accepted. The latest such step if there are several, so
    /// that the code is spent for all of them.
    #[must_use]
    pub fn find_step(&self, code: &[u8], now: i64, window: u8, last_step: i64) -> Option<i64> {
        let code = std::str::from_utf8(code.trim_ascii()).ok()?;
        let interval = i64::from(self.interval);
        let present = now.div_euclid(interval);
        let window = i64::from(window);
        let mut found = None;
        // Always the whole window: the time says nothing about which step it was.
        for step in present - window..=present + window {
            let Ok(time) = u64::try_from(step.saturating_mul(interval)) else { continue };
            if self.codes.check(code, time).is_some() && step > last_step {
                found = Some(step);
            }
        }
        found
    }

    /// The secret as authenticator programs take it when it is typed.
    #[must_use]
    pub fn base32(&self) -> Secret {
        Secret::new(encode(BASE32, self.secret.as_bytes()).as_bytes().to_vec())
    }

    /// The provisioning URI that a QR code shows. See the Key Uri Format of Google Authenticator;
    /// every setting is written out, since readers differ in what they assume.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let (issuer, account) = (percent_encode(issuer), percent_encode(account));
        let base32 = encode(BASE32, self.secret.as_bytes());
        let (digits, interval) = (self.digits, self.interval);
        let head = format!("otpauth://totp/{issuer}:{account}?secret=");
        let tail = format!("&issuer={issuer}&algorithm=SHA1&digits={digits}&period={interval}");
        // One buffer of the right size: nothing is moved and left behind.
        let mut uri = Vec::with_capacity(head.len() + base32.len() + tail.len());
        for part in [head.as_bytes(), base32.as_bytes(), tail.as_bytes()] {
            uri.extend_from_slice(part);
        }
        Secret::new(uri)
    }
}

/// RFC 3986: everything but unreserved characters.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// The secret of RFC 6238, appendix B, and of RFC 4226, appendix D.
    fn rfc(digits: u32, interval: u32) -> Totp {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        Totp::new(secret, digits, interval).unwrap()
    }

    #[test]
    fn vectors_of_rfc_6238() {
        let totp = rfc(8, 30);
        for (time, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(totp.find_step(code.as_bytes(), time, 0, -1), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn shorter_codes_are_the_last_digits_of_the_vectors() {
        for (digits, code) in [(7, "4287082"), (6, "287082")] {
            assert_eq!(rfc(digits, 30).find_step(code.as_bytes(), 59, 0, -1), Some(1));
        }
    }

    #[test]
    fn vectors_of_rfc_4226_are_the_steps_of_any_interval() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for interval in [5, 30, 60, 300] {
            let totp = rfc(6, interval);
            for (step, code) in codes.iter().enumerate() {
                let step = i64::try_from(step).unwrap();
                let last_second = (step + 1) * i64::from(interval) - 1;
                assert_eq!(totp.find_step(code.as_bytes(), last_second, 0, -1), Some(step));
            }
        }
    }

    #[test]
    fn the_window_is_as_wide_as_it_says() {
        let totp = rfc(6, 30);
        // Code of step 5.
        let code = b"254676";
        for (step, window, found) in [
            (3, 1, false),
            (4, 1, true),
            (5, 1, true),
            (6, 1, true),
            (7, 1, false),
            (4, 0, false),
            (5, 0, true),
            (7, 2, true),
        ] {
            let now = step * 30 + 15;
            assert_eq!(totp.find_step(code, now, window, -1).is_some(), found, "{step} {window}");
        }
    }

    #[test]
    fn an_accepted_step_and_everything_before_it_is_spent() {
        let totp = rfc(6, 30);
        assert_eq!(totp.find_step(b"254676", 150, 1, 4), Some(5));
        assert_eq!(totp.find_step(b"254676", 150, 1, 5), None);
        // A clock set back, or ahead and back, accepts no old code either.
        assert_eq!(totp.find_step(b"254676", 150, 1, 1_000_000), None);
        assert_eq!(totp.find_step(b"338314", 150, 1, 4), None);
    }

    #[test]
    fn before_1970_and_at_the_end_of_time() {
        let totp = rfc(6, 30);
        for now in [i64::MIN / 2, -1, 0, i64::MAX / 2] {
            let _ = totp.find_step(b"755224", now, 1, -1);
        }
        assert_eq!(totp.find_step(b"755224", 0, 1, -1), Some(0));
    }

    #[test]
    fn what_is_no_code_matches_nothing() {
        let totp = rfc(6, 30);
        for typed in
            ["", "75522", "7552240", "+55224", "-55224", "75522a", "755 224", "\u{664}55224"]
        {
            assert_eq!(totp.find_step(typed.as_bytes(), 0, 1, -1), None, "{typed}");
        }
        assert_eq!(totp.find_step(&[0xff; 6], 0, 1, -1), None);
        assert_eq!(totp.find_step(b" 755224\n", 0, 1, -1), Some(0));
    }

    #[test]
    fn settings_have_bounds() {
        let new = |digits, interval| {
            Totp::new(Secret::new(vec![7; 20]), digits, interval).map(|_| ()).err()
        };
        for digits in [0, 5, 9, 10, 256 + 6, u32::MAX] {
            assert_eq!(new(digits, 30), Some(TotpError::Digits), "{digits}");
        }
        for interval in [0, 4, 301, 65536 + 30, u32::MAX] {
            assert_eq!(new(6, interval), Some(TotpError::Interval), "{interval}");
        }
        assert_eq!(new(6, 5), None);
        assert_eq!(new(8, 300), None);
        let short = Totp::new(Secret::new(vec![7; 4]), 6, 30).map(|_| ()).err();
        assert_eq!(short, Some(TotpError::Secret));
    }

    #[test]
    fn the_uri_says_everything_and_an_independent_reader_makes_the_same_codes() {
        let totp = rfc(8, 60);
        let uri = totp.uri("Roster", "alice@host.example");
        let text = uri.as_str().unwrap();
        assert_eq!(
            text,
            "otpauth://totp/Roster:alice@host.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Roster&algorithm=SHA1&digits=8&period=60"
        );
        let read = totp_rs::Totp::from_url(text).unwrap();
        let code = read.generate(1_234_567_890).to_string();
        assert!(totp.find_step(code.as_bytes(), 1_234_567_890, 0, -1).is_some());
    }

    #[test]
    fn names_cannot_change_the_uri() {
        let uri = rfc(6, 30).uri("My Host & Co", "a:b/c?secret=x#");
        let text = uri.as_str().unwrap();
        assert!(text.starts_with("otpauth://totp/My%20Host%20%26%20Co:a%3Ab%2Fc%3Fsecret%3Dx%23?"));
        assert_eq!(text.matches("secret=").count(), 1);
    }

    #[test]
    fn new_secrets_differ_and_have_160_bits() {
        let (one, other) = (Totp::generate(6, 30).unwrap(), Totp::generate(6, 30).unwrap());
        assert_eq!(one.secret().len(), 20);
        assert_ne!(one.secret().as_bytes(), other.secret().as_bytes());
        assert_eq!(one.base32().len(), 32);
    }

    proptest! {
        #[test]
        fn the_code_of_now_is_accepted_exactly_once(now in 0i64..5_000_000_000, interval in 5u32..=300) {
            let totp = rfc(6, interval);
            let code = totp.codes.generate(now.unsigned_abs()).to_string();
            let step = totp.find_step(code.as_bytes(), now, 1, -1).unwrap();
            prop_assert_eq!(totp.find_step(code.as_bytes(), now, 1, step), None);
        }
    }
}
