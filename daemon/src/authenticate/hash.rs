//! Passwords: argon2id (RFC 9106), computed on the threads of `pool`; and hashes of other systems,
//! compared there until their users log in.

use super::crypt::CryptHash;
pub use super::phc::Parameters;
use super::phc::Stored;
use super::pool::{Computed, Job, Pending, Pool, Work};
use super::turns::Requester;
use crate::secret::Secret;

/// Bytes of a salt.
const SALT: usize = 16;
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// Longest password, in bytes; a longer one is wrong.
pub const MAX_PASSWORD: usize = 1024;

/// Why a hash was not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    /// The machine has no memory, randomness or threads for it.
    #[error("the password cannot be checked now")]
    Unavailable,
    /// The configured costs are out of bounds.
    #[error("the costs of password hashing are out of bounds")]
    Parameters,
}

/// What comparing a password with a stored hash has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// It is the password.
    pub matches: bool,
    /// The hash has other costs than are configured, or is of another kind: compute it anew while
    /// the password is known.
    pub outdated: bool,
}

/// Computes and compares password hashes, on threads of its own. Its methods block.
pub struct PasswordHasher {
    pool: Pool,
    parameters: Parameters,
}

impl PasswordHasher {
    /// `memory_budget_kib`: what all computations together may use at a time.
    ///
    /// # Errors
    /// [`HashError::Parameters`] when no hash could be verified that these parameters make;
    /// [`HashError::Unavailable`] without threads.
    pub fn new(parameters: Parameters, memory_budget_kib: u32) -> Result<Self, HashError> {
        parameters.argon2(OUTPUT).ok_or(HashError::Parameters)?;
        Ok(Self { pool: Pool::start(u64::from(memory_budget_kib))?, parameters })
    }

    /// A new hash of `password`, in PHC form, with a salt of its own.
    ///
    /// # Errors
    /// See [`HashError`].
    pub fn hash(&self, password: &Secret) -> Result<String, HashError> {
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).map_err(|_| HashError::Unavailable)?;
        let output =
            self.submit(Requester::SERVICE, self.parameters, password, salt.clone(), OUTPUT)?;
        let Computed::Hash(output) = output.wait()? else { return Err(HashError::Unavailable) };
        Ok(Stored { parameters: self.parameters, salt, output }.to_string())
    }

    /// Compares `password` with a stored hash. Without one, or with one that cannot be verified,
    /// it takes as long and does not match. `requester` is whose turn it must be.
    ///
    /// # Errors
    /// [`HashError::Busy`], [`HashError::Unavailable`]: nothing is known about the password.
    pub fn verify(
        &self,
        password: &Secret,
        stored: Option<&str>,
        requester: Requester<'_>,
    ) -> Result<Verification, HashError> {
        if let Some(hash) = stored.and_then(|text| CryptHash::parse(text).ok()) {
            return self.verify_crypt(password, hash, requester);
        }
        let stored = stored.and_then(Stored::parse);
        let too_long = password.len() > MAX_PASSWORD;
        let (known, stored) = match stored {
            Some(stored) if !too_long => (true, stored),
            _ => {
                let (salt, output) = (vec![0; SALT], vec![0; OUTPUT]);
                (false, Stored { parameters: self.parameters, salt, output })
            }
        };
        let Stored { parameters, salt, output } = stored;
        let hashed = if too_long { Secret::new(Vec::new()) } else { password.clone() };
        let computed = self.submit(requester, parameters, &hashed, salt, output.len())?.wait()?;
        let Computed::Hash(computed) = computed else { return Err(HashError::Unavailable) };
        let matches = equal(&computed, &output) && known;
        Ok(Verification { matches, outdated: known && parameters != self.parameters })
    }

    /// Compares with a hash of crypt(3). argon2id is computed beside it, for nothing but the time:
    /// with a core
    /// to spare, such a user is not told from others unless the imported hash is the dearer one.
    fn verify_crypt(
        &self,
        password: &Secret,
        hash: CryptHash,
        requester: Requester<'_>,
    ) -> Result<Verification, HashError> {
        let nobodys = Secret::new(Vec::new());
        let beside = self.submit(requester, self.parameters, &nobodys, vec![0; SALT], OUTPUT)?;
        // Whoever could type the beginning only would have the rest as a password from then on.
        let outdated = !hash.cuts(password);
        let job = Job { work: Work::Crypt(hash), password: password.clone() };
        let compared = self.pool.run(requester, job)?;
        beside.wait()?;
        Ok(Verification { matches: compared == Computed::Matches(true), outdated })
    }

    fn submit(
        &self,
        requester: Requester<'_>,
        parameters: Parameters,
        password: &Secret,
        salt: Vec<u8>,
        output: usize,
    ) -> Result<Pending, HashError> {
        let argon2 = parameters.argon2(output).ok_or(HashError::Parameters)?;
        let work = Work::Argon2 { argon2, salt, output };
        self.pool.submit(requester, Job { work, password: password.clone() })
    }
}

/// Compares without stopping at the first difference.
fn equal(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |all, (left, right)| all | (left ^ right));
    left.len() == right.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CHEAP: Parameters = Parameters { memory_kib: 64, passes: 1, lanes: 1 };

    const X: Requester<'static> = Requester { host: "x", name: "x" };

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(CHEAP, 1024).unwrap()
    }

    #[test]
    fn the_right_password_matches_and_no_other() {
        let hasher = hasher();
        let stored = hasher.hash(&secret("correct horse")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let verify = |password: &str| hasher.verify(&secret(password), Some(&stored), X).unwrap();
        assert_eq!(verify("correct horse"), Verification { matches: true, outdated: false });
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!verify(wrong).matches, "{wrong:?}");
        }
    }

    #[test]
    fn salts_differ() {
        let hasher = hasher();
        let password = secret("the same");
        assert_ne!(hasher.hash(&password).unwrap(), hasher.hash(&password).unwrap());
    }

    #[test]
    fn without_a_usable_hash_nothing_matches() {
        let hasher = hasher();
        let huge = "$argon2id$v=19$m=4294967295,t=3,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw";
        for stored in [None, Some(""), Some("!"), Some("*"), Some(huge)] {
            for password in ["", "x", "!"] {
                let verification = hasher.verify(&secret(password), stored, X).unwrap();
                assert_eq!(verification, Verification { matches: false, outdated: false });
            }
        }
    }

    #[test]
    fn a_hash_of_other_costs_matches_and_is_outdated() {
        let old = PasswordHasher::new(Parameters { memory_kib: 128, ..CHEAP }, 1024).unwrap();
        let stored = old.hash(&secret("x")).unwrap();
        let verification = hasher().verify(&secret("x"), Some(&stored), X).unwrap();
        assert_eq!(verification, Verification { matches: true, outdated: true });
    }

    #[test]
    fn a_hash_of_another_system_matches_and_is_outdated() {
        let stored = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTL\
            iBFdcbYEdFCoEOfaS35inz1";
        for (password, matches) in [("Hello world!", true), ("hello world!", false), ("", false)] {
            let verification = hasher().verify(&secret(password), Some(stored), X).unwrap();
            assert_eq!(verification, Verification { matches, outdated: true });
        }
    }

    #[test]
    fn a_password_that_is_too_long_is_wrong_even_if_its_hash_is_stored() {
        let hasher = hasher();
        let long = secret(&"x".repeat(MAX_PASSWORD + 1));
        let stored = hasher.hash(&long).unwrap();
        assert!(!hasher.verify(&long, Some(&stored), X).unwrap().matches);
        let longest = secret(&"x".repeat(MAX_PASSWORD));
        let stored = hasher.hash(&longest).unwrap();
        assert!(hasher.verify(&longest, Some(&stored), X).unwrap().matches);
    }

    #[test]
    fn passwords_of_any_bytes() {
        let hasher = hasher();
        let password = Secret::new(b"\xff\xfe\x00x".to_vec());
        let stored = hasher.hash(&password).unwrap();
        assert!(hasher.verify(&password, Some(&stored), X).unwrap().matches);
        let cut = Secret::new(b"\xff\xfe".to_vec());
        assert!(!hasher.verify(&cut, Some(&stored), X).unwrap().matches);
    }

    #[test]
    fn costs_out_of_bounds_are_refused_at_start() {
        for bad in [
            Parameters { memory_kib: 0, ..CHEAP },
            Parameters { passes: 0, ..CHEAP },
            Parameters { memory_kib: u32::MAX, ..CHEAP },
        ] {
            assert!(matches!(PasswordHasher::new(bad, 1024), Err(HashError::Parameters)));
        }
    }

    #[test]
    fn hashes_of_the_reference_implementation_verify() {
        // src/test.c of https://github.com/P-H-C/phc-winner-argon2, argon2id version 0x13.
        for (password, stored) in [
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                 nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            ),
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$\
                 bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            ),
        ] {
            let verification = hasher().verify(&secret(password), Some(stored), X).unwrap();
            assert!(verification.matches, "{stored}");
        }
    }
}
