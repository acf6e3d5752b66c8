//! Tokens that programs carry: 256 random bits, as text that a scanner for leaked secrets knows by
//! its beginning.
//!
//! A refresh token has 128 bits more in front, which it shares with those before and after it: so
//! one that was used before is known again, without a list of them.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Random bytes of a token.
const RANDOM: usize = 32;
/// Bytes in front of them that one login's refresh tokens share.
const FAMILY: usize = 16;
/// Bytes of the longest token.
const LONGEST: usize = FAMILY + RANDOM;
/// Its characters behind the prefix.
const LONGEST_TEXT: usize = LONGEST / 3 * 4;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To act as the user, for an hour or so.
    Access,
    /// To get the next access token, once.
    Refresh,
    /// To choose a new password, once.
    Reset,
    /// To prove that a mail arrived, once.
    Email,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Access, Self::Refresh, Self::Reset, Self::Email];

    /// What the text of such a token begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "roster_at_",
            Self::Refresh => "roster_rt_",
            Self::Reset => "roster_pr_",
            Self::Email => "roster_ev_",
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Refresh => LONGEST,
            Self::Access | Self::Reset | Self::Email => RANDOM,
        }
    }
}

/// A token, as it was made or handed in.
pub struct Token {
    purpose: Purpose,
    bytes: Zeroizing<Vec<u8>>,
}

impl Token {
    /// A new one; a refresh token begins a family.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(purpose: Purpose) -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; purpose.length()]);
        getrandom::fill(&mut bytes)?;
        Ok(Self { purpose, bytes })
    }

    /// The refresh token that comes after this one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn successor(&self) -> Result<Self, getrandom::Error> {
        let mut next = Self::generate(self.purpose)?;
        if let (Some(new), Some(old)) = (next.bytes.get_mut(..FAMILY), self.bytes.get(..FAMILY))
            && self.purpose == Purpose::Refresh
        {
            new.copy_from_slice(old);
        }
        Ok(next)
    }

    /// Reads what somebody handed in; nothing when it cannot be a token.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let (purpose, text) = Purpose::ALL
            .into_iter()
            .find_map(|purpose| Some((purpose, text.strip_prefix(purpose.prefix().as_bytes())?)))?;
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let mut buffer = Zeroizing::new([0; LONGEST]);
        let bytes = Base64UrlUnpadded::decode(text, &mut *buffer).ok()?;
        (bytes.len() == purpose.length())
            .then(|| Self { purpose, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut buffer = Zeroizing::new([0; LONGEST_TEXT]);
        let encoded = Base64UrlUnpadded::encode(&self.bytes, &mut *buffer).unwrap_or_default();
        let mut text = Vec::with_capacity(self.purpose.prefix().len() + encoded.len());
        text.extend_from_slice(self.purpose.prefix().as_bytes());
        text.extend_from_slice(encoded.as_bytes());
        Secret::new(text)
    }

    /// As it is stored. One purpose's hash is no other's.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(self.purpose.prefix(), &self.bytes)
    }

    /// What the refresh tokens of one login share, as it is stored; a token of another purpose
    /// shares nothing.
    #[must_use]
    pub fn family(&self) -> Option<[u8; 32]> {
        let bytes = self.bytes.get(..FAMILY).filter(|_| self.purpose == Purpose::Refresh)?;
        Some(hash("roster_rt_ family", bytes))
    }
}

fn hash(what: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"roster token 1\0");
    hash.update(what.as_bytes());
    hash.update(b"\0");
    hash.update(bytes);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_known_again_by_its_text() {
        for purpose in Purpose::ALL {
            let token = Token::generate(purpose).unwrap();
            let text = token.text().as_str().unwrap().to_owned();
            assert!(text.starts_with(purpose.prefix()), "{text}");
            let visible = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
            assert!(text.bytes().all(visible), "{text}");
            let read = Token::parse(format!("  {text}\n").as_bytes()).unwrap();
            assert_eq!((read.purpose(), read.hash()), (purpose, token.hash()));
            assert_ne!(Token::generate(purpose).unwrap().hash(), token.hash());
        }
    }

    #[test]
    fn other_things_are_no_tokens() {
        let token = Token::generate(Purpose::Access).unwrap().text();
        let text = token.as_str().unwrap();
        let body = text.strip_prefix("roster_at_").unwrap();
        for other in [
            String::new(),
            "roster_at_".to_owned(),
            body.to_owned(),
            text.to_uppercase(),
            format!("{text}A"),
            format!("{text}="),
            text[..text.len() - 1].to_owned(),
            format!("roster_rt_{body}"),
            format!("roster_xx_{body}"),
            format!("roster_at_{}", "A".repeat(100_000)),
        ] {
            assert!(Token::parse(other.as_bytes()).is_none(), "{other:.80}");
        }
        assert!(Token::parse(&[0xff; 53]).is_none());
    }

    #[test]
    fn one_purpose_is_not_another_also_with_the_same_bytes() {
        let access = Token::generate(Purpose::Access).unwrap();
        let text = access.text().as_str().unwrap().replace("_at_", "_pr_");
        let reset = Token::parse(text.as_bytes()).unwrap();
        assert_eq!(reset.purpose(), Purpose::Reset);
        assert_ne!(reset.hash(), access.hash());
    }

    #[test]
    fn refresh_tokens_of_one_login_are_a_family() {
        let first = Token::generate(Purpose::Refresh).unwrap();
        let next = first.successor().unwrap();
        assert_eq!(first.family(), next.family());
        assert!(first.family().is_some());
        assert_ne!(first.hash(), next.hash());
        let other = Token::generate(Purpose::Refresh).unwrap();
        assert_ne!(first.family(), other.family());
        assert_eq!(Token::generate(Purpose::Access).unwrap().family(), None);
    }
}
