//! `roster user delete`.

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::output::Answer;
use crate::secret::confirm;
use crate::session::{Options, Session};

/// The account to delete, and what becomes of what it leaves.
#[derive(Debug, Args)]
pub struct Delete {
    /// The account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME")]
    subject: String,
    /// Keep the primary group [default: it goes when nobody else uses it]
    #[arg(long)]
    keep_group: bool,
    /// What becomes of the home directory
    #[arg(long, value_enum, default_value = "keep")]
    home: Home,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Home {
    /// Left where it is
    Keep,
    /// Moved to where only root gets
    Archive,
    /// Erased
    Purge,
}

impl Delete {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let subject = self.subject.as_str();
        let (home, fate) = match self.home {
            Home::Keep => ("keep", "stays"),
            Home::Archive => ("archive", "is archived"),
            Home::Purge => ("purge", "is ERASED"),
        };
        if session.must_confirm() && !self.yes {
            let question =
                format!("Delete {subject} and end its sessions? The home directory {fate}.");
            if !confirm(&question)? {
                return Err(Error::refused("cancelled", "nothing was deleted"));
            }
        }
        let options =
            Options::from([("delete_group", (!self.keep_group).into()), ("home", home.into())]);
        session.call::<_, ()>("DeleteUser", &(subject, options)).await?;
        Ok(Answer::done(&format!("Deleted {subject}.")))
    }
}
