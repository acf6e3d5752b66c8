//! What the PAM module and the daemon say to each other about one login.
//!
//! The transport is varlink: JSON objects, each ended by a NUL byte, over `/run/roster/auth`. One
//! connection is one conversation. The module opens it with [`Start`]; the daemon answers every
//! call with a [`Step`]: texts to show, then either a prompt to put to the user or the verdict. So
//! all policy lives in the daemon, and a new rule never needs a new PAM module.
//!
//! - [`message`] holds the types, [`wire`] turns them into varlink messages and back,
//! - [`Frames`] cuts a byte stream into messages, with a limit,
//! - [`Conversation`] is the blocking client with deadlines; only the PAM module uses it.
//!
//! The framing is our own, a page of it, because this code runs inside other people's processes
//! and because passwords travel through it: a message is at most [`MAX_MESSAGE`] bytes, every
//! buffer that held one is wiped, no write can raise SIGPIPE, and no call can outlast its deadline.

mod client;
mod error;
mod frames;
pub mod message;
pub mod wire;

pub use client::{Conversation, Timeouts};
pub use error::Error;
pub use frames::{Frames, MAX_MESSAGE};
pub use message::{
    Code, Message, Next, Phase, Prompt, PromptKind, Secret, Start, Step, Style, Verdict,
};

/// Where the daemon listens (a systemd socket, so a login waits for a restarting daemon).
pub const SOCKET: &str = "/run/roster/auth";

/// The varlink interface, as a description that `varlinkctl introspect` can print.
pub const DESCRIPTION: &str = include_str!("org.roster.Authentication1.varlink");
