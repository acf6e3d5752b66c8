//! `roster user …`.

mod activity;
mod create;
mod delete;
mod leftovers;
mod lookup;
mod mail;
mod metadata;
pub mod own;
mod password;
mod query;
pub mod record;
mod record_flags;
mod restore;
mod sync;
mod update;

use bus::names::ADMINISTRATION;
use clap::{Args, Subcommand};

pub use record_flags::number;

use crate::error::Error;
use crate::output::Answer;
use crate::session::Session;

/// The verbs of an account.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Creates an account with its group and first password
    Create(Box<create::Create>),
    /// Shows one account
    Show(Subject),
    /// Lists the accounts, in order of name
    List(lookup::List),
    /// Lists the accounts that match filters
    Query(query::Query),
    /// Lists the accounts with a text in the name, full name, address, id or a tag
    Search(query::Search),
    /// Changes fields of an account
    Update(Box<update::Update>),
    /// Deletes an account and ends its sessions
    Delete(delete::Delete),
    /// Brings a deleted account back, without password and second factor
    Restore(restore::Restore),
    /// Forgets a deleted account for good, and erases its archived home
    Purge(restore::Purge),
    /// Reconciles accounts with the system's own files: groups that are gone, collisions
    Sync(sync::Sync),
    /// Refuses every login: password, key, second factor, cron, su
    Lock(Subject),
    /// Ends a lock, and the wait after wrong passwords
    Unlock(Subject),
    /// Ends being disabled; a lock stays
    Enable(Subject),
    /// Locks the account, ends its sessions and takes sudo from it
    Disable(Subject),
    /// Free attributes: JSON values by name
    #[command(subcommand)]
    Attr(metadata::Attr),
    /// Settings of programs: texts by program and key
    #[command(subcommand)]
    Setting(metadata::Setting),
    /// The profile: texts by known key
    #[command(subcommand)]
    Profile(metadata::Profile),
    /// Sets a password; without a name: the own, with the old one
    Password(password::Password),
    /// Mails the account its welcome
    Welcome(mail::Welcome),
    /// Has a link or code for a new password mailed, to whoever has forgotten theirs
    ForgotPassword(mail::ForgotPassword),
    /// Sets a new password with the code of a mail
    ResetPassword(mail::ResetPassword),
    /// Mails the account a link or code that proves its address
    VerifyEmail(Subject),
    /// Proves a mail address with the code of a mail
    ConfirmEmail(mail::ConfirmEmail),
    /// Shows the entry of passwd(5), straight from the store
    PasswdEntry(Subject),
    /// Shows the uid that the next account would get
    NextUid {
        /// Hold it for an hour: only who asks for it by number gets it
        #[arg(long)]
        reserve: bool,
    },
    /// Tells when an account, or each, last logged in
    Lastseen(activity::LastSeen),
    /// Counts the accounts: of each source, disabled, locked, with a second factor
    Report,
    /// Lists the shells that accounts, or this one, may have
    Shells {
        /// The account: alice, uid:3000 or id:UUID; its groups may add some [default: any account]
        #[arg(value_name = "NAME")]
        subject: Option<String>,
    },
}

/// The account that a verb is about.
#[derive(Debug, Args)]
pub struct Subject {
    /// The account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME")]
    pub subject: String,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::Show(user) => lookup::show(&user.subject, session).await,
            Self::List(list) => list.run(session).await,
            Self::Query(query) => query.run(session).await,
            Self::Search(search) => search.run(session).await,
            Self::Update(update) => update.run(session).await,
            Self::Delete(delete) => delete.run(session).await,
            Self::Restore(restore) => restore.run(session).await,
            Self::Purge(purge) => purge.run(session).await,
            Self::Sync(sync) => sync.run(session).await,
            Self::Lock(user) => {
                session.call::<_, ()>("LockUser", &(user.subject.as_str(),)).await?;
                Ok(Answer::done(&format!("Locked {}.", user.subject)))
            }
            Self::Unlock(user) => {
                session.call::<_, ()>("UnlockUser", &(user.subject.as_str(),)).await?;
                Ok(Answer::done(&format!("Unlocked {}.", user.subject)))
            }
            Self::Enable(user) => {
                session
                    .call_on::<_, ()>(ADMINISTRATION, "EnableUser", &(user.subject.as_str(),))
                    .await?;
                Ok(Answer::done(&format!("Enabled {}.", user.subject)))
            }
            Self::Disable(user) => {
                session
                    .call_on::<_, ()>(ADMINISTRATION, "DisableUser", &(user.subject.as_str(),))
                    .await?;
                Ok(Answer::done(&format!("Disabled {}; its sessions are ended.", user.subject)))
            }
            Self::Attr(verb) => verb.run(session).await,
            Self::Setting(verb) => verb.run(session).await,
            Self::Profile(verb) => verb.run(session).await,
            Self::Password(password) => password.run(session).await,
            Self::Welcome(welcome) => welcome.run(session).await,
            Self::ForgotPassword(forgot) => forgot.run(session).await,
            Self::ResetPassword(reset) => reset.run(session).await,
            Self::VerifyEmail(user) => mail::verify(&user.subject, session).await,
            Self::ConfirmEmail(confirm) => confirm.run(session).await,
            Self::PasswdEntry(user) => lookup::passwd_entry(&user.subject, session).await,
            Self::NextUid { reserve } => lookup::next_uid(reserve, session).await,
            Self::Lastseen(seen) => seen.run(session).await,
            Self::Report => activity::report(session).await,
            Self::Shells { subject } => lookup::shells(subject.as_deref(), session).await,
        }
    }
}
