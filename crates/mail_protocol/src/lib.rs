//! What the daemon and the mailer say to each other about one mail.
//!
//! The daemon has no network, and the mailer has no accounts: all that passes between them is one
//! [`Request`], a mail and the way it goes, and one [`Answer`]. Each is a JSON object that lasts
//! until its sender shuts its side of the stream down, within a limit. A connection is one mail.
//!
//! Whatever could turn one header into two, or a mail into a command of SMTP, is refused where the
//! request is read: [`Address`], [`Subject`] and [`Body`] cannot hold it. A body may hold a secret,
//! and is wiped and never shown.

mod client;
mod text;
mod wire;

pub use client::deliver;
pub use text::{Address, Body, Host, Subject, TextError, Username};
pub use wire::{Answer, Mail, Request, Tls, Transport, WireError};

/// Where the mailer is reached: a systemd socket that root alone may open.
pub const SOCKET: &str = "/run/roster/mail";
/// The version of the messages; another one is refused.
pub const VERSION: u32 = 1;
/// The longest request, in bytes.
pub const MAX_REQUEST: usize = 64 * 1024;
/// The longest answer, in bytes.
pub const MAX_ANSWER: usize = 4 * 1024;
