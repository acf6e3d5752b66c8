//! The mailer: hands one mail to an SMTP server, or to the sendmail program of the host, and ends.
//!
//! The daemon keeps the accounts and has no network; this process has the network and no accounts.
//! systemd starts it anew for each connection to [`mail_protocol::SOCKET`], as a user of its own
//! that owns nothing, with the connection as its standard input. It reads one request, delivers,
//! answers and is gone, and with it whatever the mail has said.
//!
//! SMTP is spoken here and not by a library: one recipient, plain ASCII, a dialogue of eight
//! commands. What is left to a library is TLS.

mod connection;
mod message;
mod sendmail;
mod serve;
mod smtp;

pub use serve::run;
