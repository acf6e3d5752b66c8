//! Proving who somebody is: password hashes, one-time codes, recovery codes, throttling.
//!
//! Pure: no store, no clock (times are parameters, in unix seconds), no sockets. Only
//! [`Sealer::open_or_create`] reads a file, the key, at start.

mod alphabet;
mod hash;
mod phc;
mod pool;
mod recovery;
mod seal;
mod throttle;
mod totp;
mod turns;

pub use hash::{HashError, MAX_PASSWORD, Parameters, PasswordHasher, Verification};
pub use recovery::RecoveryCode;
pub use seal::{SealError, Sealer};
pub use throttle::{FORGET_AFTER, Failures, Policy};
pub use totp::{Totp, TotpError};
pub use turns::Requester;
