//! The domain of Roster: what a user and a group are, the parsed newtypes their fields are made
//! of, and the rules those fields obey.
//!
//! Nothing here does I/O or reads a clock. Values are parsed once, at the edge, into types that
//! cannot hold anything else; past that edge nothing is validated again.

mod field_error;
mod fields;
mod group;
mod ids;
mod metadata;
mod name;
mod path;
mod role;
mod ssh_key;
mod sudo;
mod text;
mod timestamp;
mod token;
mod user;
mod user_fields;

pub use field_error::{Code, FieldError, FieldErrors, Refused};
pub use group::{Group, GroupFields};
pub use ids::{Gid, GroupId, Uid, UserId};
pub use metadata::{MAX_METADATA, MetadataKey, MetadataText, PROFILE_KEYS, ProfileKey};
pub use name::{GroupName, GroupRef, Subject, UserName};
pub use path::{HomeMode, HomePath, ShellPath};
pub use role::Role;
pub use ssh_key::SshPublicKey;
pub use sudo::{Args, SudoCommand};
pub use text::{DisplayText, Email, Tag};
pub use timestamp::Timestamp;
pub use token::{ServiceName, TokenName};
pub use user::{FailedLogins, SshKeyEntry, User};
pub use user_fields::UserFields;
