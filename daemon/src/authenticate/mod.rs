//! Proving who somebody is: password hashes, one-time codes, recovery codes, tokens, throttling.
//!
//! Pure: no store, no clock (times are parameters, in unix seconds), no sockets. Only the
//! [`Sealer`] has files: its keys; and the [`LeakedList`] its list.

mod alphabet;
mod app_password;
mod crypt;
mod hash;
mod key_files;
mod leaked;
mod phc;
mod pool;
mod recovery;
mod seal;
mod sealer;
mod strength;
mod throttle;
mod token;
mod totp;
mod turns;

pub use app_password::AppPassword;
pub use crypt::{CryptError, kind_of_hash};
pub use hash::{HashError, MAX_PASSWORD, Parameters, PasswordHasher, Verification};
pub use leaked::LeakedList;
pub use recovery::RecoveryCode;
pub use seal::SealError;
pub use sealer::Sealer;
pub use strength::{MAX_STRENGTH, weakness};
pub use throttle::{FORGET_AFTER, Failures, Policy};
pub use token::{Purpose, Token};
pub use totp::{Totp, TotpError};
pub use turns::Requester;
