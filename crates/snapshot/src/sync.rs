//! The atomic word of which a file consists: the machine's, or in the model of the publication
//! protocol (`--cfg loom`) one that shows readers every order that a weakly ordered machine may.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU32, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
