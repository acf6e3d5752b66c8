//! `roster user delete`.

use bus::Dictionary;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::leftovers::phrases;
use crate::error::Error;
use crate::output::Answer;
use crate::secret::confirm;
use crate::session::{Options, Session, to_record};

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
        let deleted: Dictionary = session.call("DeleteUser", &(subject, options)).await?;
        let deleted = Value::Object(to_record(&deleted)?);
        let leftovers = deleted["leftovers"].clone();
        let mut lines = vec![format!("Deleted {subject}.")];
        if let Some(left) = phrases(&leftovers, false) {
            lines.push(format!("Left behind: {left}."));
        }
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        Ok(Answer::lines(json!({"done": true, "leftovers": leftovers}), &lines))
    }
}
