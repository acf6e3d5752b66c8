//! Hashes that other systems made with crypt(3), in the forms of crypt(5): SHA-crypt (`$5$`,
//! `$6$`), yescrypt as Debian makes it (`$y$`) and bcrypt (`$2a$`, `$2b$`, `$2y$`).
//!
//! They are verified until their user logs in, and are argon2id from then on. What a hash asks for
//! is bounded when it is read, before any memory or time is spent on it; the bounds admit whatever
//! the tools of Linux and the BSDs make.

use base64ct::{Base64ShaCrypt, Encoding};
use sha_crypt::password_hash::{Error as HashFormError, PasswordVerifier};
use sha_crypt::{Params as ShaParams, ShaCrypt};
use yescrypt::{Mode, Params as YescryptParams, Yescrypt};
use zeroize::Zeroizing;

use super::hash::HashError;
use super::phc::{MAX_MEMORY_KIB, Stored};
use crate::secret::Secret;

/// Most rounds of SHA-crypt: about half a second. `crypt` makes 5,000 unless it is told otherwise.
const MAX_ROUNDS: u32 = 1_000_000;
/// The highest cost of bcrypt: a few seconds.
const MAX_BCRYPT_COST: u32 = 15;
/// Block sizes of yescrypt, in units of 128 bytes: `crypt_gensalt` makes 8 and 32.
const YESCRYPT_BLOCKS: std::ops::RangeInclusive<u32> = 8..=64;
/// Longest password that crypt(3) takes, in bytes.
const LONGEST_PASSWORD: usize = 512;
/// What bcrypt sees of a password, in bytes.
const BCRYPT_SEES: usize = 72;
/// What the hashes need that need next to nothing, in KiB.
const LITTLE_MEMORY: u64 = 8;

/// Why a hash of another system is not taken over. Never says anything of the hash beyond its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptError {
    /// Nothing is there: whoever has this password field logs in without a password.
    #[error("is empty: Roster has no accounts without a password")]
    Empty,
    /// A known kind that is not verified here.
    #[error("is a {0} hash, which is not taken over: give the user a new password")]
    Unsupported(&'static str),
    /// No kind that is known.
    #[error(
        "is no hash that is taken over ($6$, $5$, $y$, $2b$, $argon2id$): give the user a new password"
    )]
    Unknown,
    /// It asks for more time or memory than is spent on one.
    #[error("asks for too much {0}: give the user a new password")]
    TooCostly(&'static str),
    /// It is of a kind that is known, and damaged.
    #[error("is a damaged {0} hash: copy it whole")]
    Malformed(&'static str),
}

/// What kind of hash a stored or imported text is, if a login can verify it.
///
/// # Errors
/// See [`CryptError`].
pub fn kind_of_hash(text: &str) -> Result<&'static str, CryptError> {
    if text.starts_with("$argon2id$") {
        return Stored::parse(text).map(|_| "argon2id").ok_or(CryptError::Malformed("argon2id"));
    }
    CryptHash::parse(text).map(|hash| hash.kind.name())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sha256,
    Sha512,
    Yescrypt,
    Bcrypt,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256crypt",
            Self::Sha512 => "sha512crypt",
            Self::Yescrypt => "yescrypt",
            Self::Bcrypt => "bcrypt",
        }
    }
}

/// A hash of crypt(5) whose costs are within bounds. No `Debug`: it is the next best thing to a
/// password.
pub(super) struct CryptHash {
    kind: Kind,
    memory_kib: u64,
    text: Zeroizing<String>,
}

impl CryptHash {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, CryptError> {
        let (kind, memory_kib) = if let Some(rest) = text.strip_prefix("$6$") {
            (Kind::Sha512, sha_crypt(Kind::Sha512, rest)?)
        } else if let Some(rest) = text.strip_prefix("$5$") {
            (Kind::Sha256, sha_crypt(Kind::Sha256, rest)?)
        } else if let Some(rest) = text.strip_prefix("$y$") {
            (Kind::Yescrypt, yescrypt(rest)?)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|id| text.starts_with(id)) {
            (Kind::Bcrypt, bcrypt(text)?)
        } else {
            return Err(of_no_use(text));
        };
        Ok(Self { kind, memory_kib, text: Zeroizing::new(text.to_owned()) })
    }

    /// What a computation needs.
    pub const fn memory_kib(&self) -> u64 {
        self.memory_kib
    }

    /// Whether a password as long as this would be cut off.
    pub fn cuts(&self, password: &Secret) -> bool {
        self.kind == Kind::Bcrypt && password.len() > BCRYPT_SEES
    }

    /// Compares, for as long as the hash wants it.
    pub fn matches(&self, password: &Secret) -> Result<bool, HashError> {
        let password = password.as_bytes();
        // To crypt(3) a NUL ends a password, so none has one; and bcrypt repeats its password with a
        // NUL between: it would take "a\0a" for "a".
        if password.len() > LONGEST_PASSWORD || password.contains(&0) {
            return Ok(false);
        }
        let text = self.text.as_str();
        let verified = match self.kind {
            Kind::Sha256 | Kind::Sha512 => ShaCrypt::default().verify_password(password, text),
            Kind::Yescrypt => {
                is_there(self.memory_kib)?;
                Yescrypt::default().verify_password(password, text)
            }
            Kind::Bcrypt => {
                return bcrypt::verify(password, text).map_err(|_| HashError::Unavailable);
            }
        };
        match verified {
            Ok(()) => Ok(true),
            Err(HashFormError::PasswordInvalid) => Ok(false),
            Err(_) => Err(HashError::Unavailable),
        }
    }
}

/// Refuses when there is not that much memory: the computation itself would end the process.
fn is_there(memory_kib: u64) -> Result<(), HashError> {
    let bytes = usize::try_from(memory_kib * 1024).map_err(|_| HashError::Unavailable)?;
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(bytes).map_err(|_| HashError::Unavailable)
}

/// `[rounds=N$]salt$hash` (Drepper, Unix crypt using SHA-256 and SHA-512).
fn sha_crypt(kind: Kind, rest: &str) -> Result<u64, CryptError> {
    let malformed = CryptError::Malformed(kind.name());
    let rest = match rest.strip_prefix("rounds=") {
        None => rest,
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(malformed)?;
            let plain = !rounds.is_empty() && rounds.bytes().all(|byte| byte.is_ascii_digit());
            let rounds: Option<u32> =
                if plain { rounds.parse().ok() } else { return Err(malformed) };
            match rounds {
                Some(ShaParams::ROUNDS_MIN..=MAX_ROUNDS) => rest,
                // crypt(3) writes no fewer: such a hash would never match there either.
                Some(..ShaParams::ROUNDS_MIN) => return Err(malformed),
                _ => return Err(CryptError::TooCostly("time (rounds)")),
            }
        }
    };
    let (salt, hash) = rest.split_once('$').ok_or(malformed)?;
    let length = if kind == Kind::Sha512 { 64 } else { 32 };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    if salt.is_empty() || salt.len() > 16 || !salt.bytes().all(plain) || !holds(hash, length) {
        return Err(malformed);
    }
    Ok(LITTLE_MEMORY)
}

/// `params$salt$hash`, in the one flavour that crypt(3) makes: read-write, one lane, no extra time.
fn yescrypt(rest: &str) -> Result<u64, CryptError> {
    let malformed = CryptError::Malformed(Kind::Yescrypt.name());
    let mut fields = rest.split('$');
    let (Some(params), Some(salt), Some(hash), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(malformed);
    };
    let params: YescryptParams = params.parse().map_err(|_| malformed)?;
    let (n, r, p) = (params.n(), params.r(), params.p());
    if YescryptParams::new(Mode::Rw, n, r, p).ok() != Some(params) || p != 1 {
        return Err(CryptError::Unsupported("yescrypt of an unusual flavour"));
    }
    let memory_kib = n.checked_mul(u64::from(r)).map(|blocks| blocks.div_ceil(8));
    let memory_kib = memory_kib.filter(|kib| *kib <= u64::from(MAX_MEMORY_KIB));
    let memory_kib = memory_kib.filter(|_| YESCRYPT_BLOCKS.contains(&r));
    let salt_is_fine = salt.len() <= 86 && Base64ShaCrypt::decode_vec(salt).is_ok();
    if salt.is_empty() || !salt_is_fine || !holds(hash, 32) {
        return Err(malformed);
    }
    // And what it needs beside the memory of its name.
    memory_kib.map(|kib| kib + LITTLE_MEMORY).ok_or(CryptError::TooCostly("memory"))
}

/// `$2b$cost$salt and hash` (crypt(3) of OpenBSD).
fn bcrypt(text: &str) -> Result<u64, CryptError> {
    let malformed = CryptError::Malformed(Kind::Bcrypt.name());
    match text.parse::<bcrypt::HashParts>().map_err(|_| malformed)?.get_cost() {
        4..=MAX_BCRYPT_COST => Ok(LITTLE_MEMORY),
        ..4 => Err(malformed),
        _ => Err(CryptError::TooCostly("time (cost)")),
    }
}

/// Whether that is the text of so many bytes.
fn holds(text: &str, bytes: usize) -> bool {
    text.len() == (bytes * 4).div_ceil(3)
        && Base64ShaCrypt::decode_vec(text).is_ok_and(|decoded| decoded.len() == bytes)
}

/// What a text is that is not verified here.
fn of_no_use(text: &str) -> CryptError {
    const KINDS: [(&str, &str); 11] = [
        ("$1$", "MD5 ($1$)"),
        ("$apr1$", "MD5 of Apache ($apr1$)"),
        ("$md5", "MD5 of Solaris ($md5)"),
        ("$sha1$", "SHA-1 ($sha1$)"),
        ("$3$", "NT ($3$)"),
        ("$2$", "bcrypt of 1997 ($2$)"),
        ("$2x$", "bcrypt with a known fault ($2x$)"),
        ("$7$", "scrypt ($7$)"),
        ("$gy$", "gost-yescrypt ($gy$)"),
        ("$argon2", "argon2 of another variant than argon2id"),
        ("_", "DES (_)"),
    ];
    let traditional = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    match KINDS.iter().find(|(start, _)| text.starts_with(start)) {
        _ if text.is_empty() => CryptError::Empty,
        Some((_, name)) => CryptError::Unsupported(name),
        None if text.len() == 13 && text.bytes().all(traditional) => CryptError::Unsupported("DES"),
        None => CryptError::Unknown,
    }
}

#[cfg(test)]
#[path = "crypt_tests.rs"]
mod tests;
