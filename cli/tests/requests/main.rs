//! The `roster` binary against a bus that notes what it is asked: each command line becomes the
//! documented call, each answer and refusal the documented output and exit status.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activity;
mod answers;
mod audit;
mod calls;
mod completion;
mod deletion;
mod fake_bus;
mod form;
mod import;
mod mail;
mod metadata;
mod own_password;
mod plans;
mod refusals;
mod terminal;
mod tokens;
