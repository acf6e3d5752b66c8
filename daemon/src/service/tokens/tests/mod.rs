//! Tokens against a real store.

#![allow(clippy::unwrap_used)]

mod mailed;
