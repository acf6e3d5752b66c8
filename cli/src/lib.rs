//! The `roster` command: reads the command line into a verb, asks the daemon over D-Bus, and writes
//! the answer for people or for programs. Nothing is decided here: the daemon checks every right
//! and every field.

mod admin;
mod audit;
mod command_line;
mod completions;
mod dry_run;
mod duration;
mod enforcement;
mod error;
mod examples;
mod form;
mod group;
mod import;
mod key;
mod login;
mod manual;
mod output;
mod paging;
mod plan;
mod reference;
mod run;
mod schema;
mod secret;
mod session;
mod sudo;
mod token;
mod two_factor;
mod user;
mod whoami;

pub use command_line::command;
pub use run::main;
