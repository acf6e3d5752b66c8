//! `roster admin …`: the first administrator.

use bus::names::ADMINISTRATION;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::error::Error;
use crate::output::Answer;
use crate::secret::Source;
use crate::session::{Session, to_descriptor, to_record};

/// The verbs of the first administrator.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Tells whether an administrator with a usable password exists
    Status,
    /// Creates the first administrator, as root, once
    Setup(Setup),
    /// An old name of `roster admin status`
    #[command(hide = true)]
    HasRootPassword,
    /// An old name of `roster admin setup root`
    #[command(hide = true)]
    SetRootPassword(PasswordFlags),
}

/// The first administrator and its password.
#[derive(Debug, Args)]
pub struct Setup {
    /// admin (root is an account of the host, and refused with what to do instead)
    name: String,
    #[command(flatten)]
    password: PasswordFlags,
}

/// Where the password comes from, when it is not typed.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("from"))]
pub struct PasswordFlags {
    /// Read the password from the first line of standard input
    #[arg(long, group = "from")]
    password_stdin: bool,
    /// Read the password from the first line of an open descriptor
    #[arg(long, value_name = "N", group = "from")]
    password_fd: Option<u32>,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::HasRootPassword => {
                warn("has-root-password", "roster admin status");
                status(session).await
            }
            Self::SetRootPassword(password) => {
                warn("set-root-password", "roster admin setup NAME");
                Setup { name: "root".to_owned(), password }.run(session).await
            }
            Self::Status => status(session).await,
            Self::Setup(setup) => setup.run(session).await,
        }
    }
}

fn warn(old: &str, new: &str) {
    eprintln!("roster: warning: {old} is an old name that will go: use {new}");
}

async fn status(session: &Session) -> Result<Answer, Error> {
    let set_up: bool = session.call_on(ADMINISTRATION, "HasLocalAdministratorSetUp", &()).await?;
    let line = if set_up {
        "A local administrator is set up."
    } else {
        "No local administrator is set up: roster admin setup admin"
    };
    Ok(Answer::lines(json!({ "local_administrator_set_up": set_up }), &[line]))
}

impl Setup {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let source = match self.password.password_fd {
            Some(number) => Source::Descriptor(number),
            None if self.password.password_stdin => Source::Stdin,
            None => Source::prompt_or("--password-stdin or --password-fd N")?,
        };
        let password = to_descriptor(&source.new_password(&self.name)?)?;
        let body = (self.name.as_str(), password);
        let admin = session.call_on(ADMINISTRATION, "SetUpLocalAdministrator", &body).await?;
        let mut admin = serde_json::Value::Object(to_record(&admin)?);
        crate::user::record::complete(&mut admin);
        let said = format!(
            "Set up {}, an administrator of Roster.\nFor root's commands: roster sudo grant {} ALL",
            self.name, self.name
        );
        let said: Vec<_> = said.lines().collect();
        Ok(Answer::lines(admin, &said))
    }
}
