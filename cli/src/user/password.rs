//! `roster user password`, and the first password of a new account.

use std::io::IsTerminal;

use bus::Dictionary;
use bus::names::PASSWORDS;
use clap::{ArgGroup, Args};
use serde_json::json;
use zbus::wire::OwnedFd;

use super::own;
use crate::error::Error;
use crate::output::{Answer, printable};
use crate::secret::{Lines, Secret, Source};
use crate::session::{Options, Session, from_descriptor, to_descriptor, to_record};

const FLAGS: &str = "--password-stdin, --password-fd N or --generate-password";

/// The ways a password comes in.
#[derive(Debug, Clone, Copy, Args)]
pub struct PasswordFlags {
    /// Read the password from the first line of standard input
    #[arg(long, group = "from")]
    password_stdin: bool,
    /// Read the password from the first line of an open descriptor
    #[arg(long, value_name = "N", group = "from")]
    password_fd: Option<u32>,
    /// Take the password from ROSTER_PASSWORD; other programs may read it there
    #[arg(long, group = "from")]
    password_from_env: bool,
    /// Let the daemon make a password, and show it once
    #[arg(long, group = "from")]
    generate_password: bool,
}

impl PasswordFlags {
    fn source(self) -> Option<Source> {
        match self.password_fd {
            Some(number) => Some(Source::Descriptor(number)),
            None if self.password_stdin => Some(Source::Stdin),
            None if self.password_from_env => Some(Source::Environment),
            None => None,
        }
    }
}

/// A password on its way to the daemon among a call's options.
#[derive(Debug)]
pub struct Chosen {
    secret: Secret,
    /// Whatever the rules for passwords say.
    imposed: bool,
}

impl Chosen {
    /// Adds it to a call's options.
    pub fn put_into(&self, options: &mut Options<'_>) -> Result<(), Error> {
        let pipe = to_descriptor(&self.secret)?;
        options.insert("password", zbus::Variant::Fd(std::os::fd::OwnedFd::from(pipe).into()));
        if self.imposed {
            options.insert("override_policy", true.into());
        }
        Ok(())
    }
}

/// A password beside other changes, where one is needed: turning `smb` on.
#[derive(Debug, Clone, Copy, Args)]
pub struct GivenPassword {
    /// Set the password too, read from the first line of standard input: --smb needs one
    #[arg(long, conflicts_with_all = ["password_fd", "password_disabled"])]
    password_stdin: bool,
    /// Set the password too, read from the first line of an open descriptor
    #[arg(long, value_name = "N", conflicts_with = "password_disabled")]
    password_fd: Option<u32>,
    /// Set the password even if the rules for passwords refuse it
    #[arg(long, conflicts_with = "password_disabled")]
    override_policy: bool,
}

impl GivenPassword {
    /// The password, if one is given.
    pub fn read(self, name: &str) -> Result<Option<Chosen>, Error> {
        let source = match self.password_fd {
            Some(number) => Source::Descriptor(number),
            None if self.password_stdin => Source::Stdin,
            None => return Ok(None),
        };
        let secret = source.new_password(name)?;
        Ok(Some(Chosen { secret, imposed: self.override_policy }))
    }
}

/// How a new account gets its password.
#[derive(Debug, Clone, Copy, Args)]
#[command(group = ArgGroup::new("from"))]
pub struct FirstPassword {
    #[command(flatten)]
    flags: PasswordFlags,
    /// Let nobody log in with a password: keys only
    #[arg(long, group = "from")]
    password_disabled: bool,
    /// Set the password even if the rules for passwords refuse it
    #[arg(long, conflicts_with_all = ["password_disabled", "generate_password"])]
    override_policy: bool,
}

/// What was chosen for a new account's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Given { source: Source, imposed: bool },
    Generated,
    Disabled,
}

impl FirstPassword {
    pub fn is_disabled(self) -> bool {
        self.password_disabled
    }

    /// Whether nothing was said about a password.
    pub fn is_not_given(self) -> bool {
        !self.password_disabled && !self.flags.generate_password && self.flags.source().is_none()
    }

    /// What was chosen. Where nothing was, a password is asked for on a terminal, and there is none
    /// otherwise: a script that creates accounts for keys alone needs no flag.
    pub fn plan(self) -> Result<Plan, Error> {
        if self.password_disabled {
            return Ok(Plan::Disabled);
        }
        if self.flags.generate_password {
            return Ok(Plan::Generated);
        }
        let source = match self.flags.source() {
            Some(source) => source,
            None if std::io::stdin().is_terminal() => Source::Prompt,
            None => {
                eprintln!("no password was given ({FLAGS}): password login is disabled");
                return Ok(Plan::Disabled);
            }
        };
        Ok(Plan::Given { source, imposed: self.override_policy })
    }
}

impl Plan {
    pub fn is_generated(self) -> bool {
        self == Self::Generated
    }

    /// Whether somebody types it.
    pub fn is_typed(self) -> bool {
        matches!(self, Self::Given { source: Source::Prompt, .. })
    }

    /// The password, if one is given.
    pub fn read(self, name: &str) -> Result<Option<Chosen>, Error> {
        match self {
            Self::Given { source, imposed } => {
                Ok(Some(Chosen { secret: source.new_password(name)?, imposed }))
            }
            Self::Generated | Self::Disabled => Ok(None),
        }
    }
}

/// Whose password, and which.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("from"))]
pub struct Password {
    /// The account [default: the own, which needs the old password; read first, on a line of its own]
    name: Option<String>,
    /// Where a password does not belong
    #[arg(hide = true)]
    misplaced: Option<std::ffi::OsString>,
    #[command(flatten)]
    flags: PasswordFlags,
    /// Take the password away: password login is disabled, never empty
    #[arg(long, group = "from", conflicts_with = "expire")]
    clear: bool,
    /// Take over a hashed password: a line of shadow(5) from standard input, or its hash alone, with
    /// its lock and ages; it becomes argon2id at the first login
    #[arg(long, group = "from", conflicts_with = "expire")]
    shadow_stdin: bool,
    /// Set it even if the rules for passwords refuse it
    #[arg(long, conflicts_with_all = ["generate_password", "clear", "shadow_stdin"])]
    override_policy: bool,
    /// Have it changed at the next login
    #[arg(long)]
    expire: bool,
}

impl Password {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        if self.misplaced.is_some() {
            return Err(Error::Usage(format!(
                "a password on the command line is seen by every user of this host and stays in \
                 the shell's history: use {FLAGS}, or type it when asked"
            )));
        }
        let managed = self.clear
            || self.expire
            || self.shadow_stdin
            || self.override_policy
            || self.flags.generate_password;
        if !managed && own::is_own(self.name.as_deref()) {
            return self.change_own(session).await;
        }
        let name = self.name.clone().or_else(own_name).ok_or_else(|| {
            Error::Usage("name the account: roster user password NAME".to_owned())
        })?;
        if self.clear {
            session.call::<_, ()>("ClearPassword", &(name.as_str(),)).await?;
            return Ok(Answer::done(&format!("{name} has no password now.")));
        }
        if self.shadow_stdin {
            return import(&name, session).await;
        }
        let mut options = Options::new();
        if self.expire {
            options.insert("expire", true.into());
        }
        if self.override_policy {
            options.insert("override_policy", true.into());
        }
        if self.flags.generate_password {
            let generated: OwnedFd =
                session.call("GeneratePassword", &(name.as_str(), options)).await?;
            let generated = from_descriptor(generated)?;
            let said = zeroize::Zeroizing::new(format!(
                "New password of {}, shown only now: {}",
                printable(&name),
                printable(&generated)
            ));
            return Ok(Answer::lines(json!({"password": generated.as_str()}), &[&said]));
        }
        let source = match self.flags.source() {
            Some(source) => source,
            None => Source::prompt_or(&format!("{FLAGS} or --clear"))?,
        };
        let password = to_descriptor(&source.new_password(&name)?)?;
        session.call::<_, ()>("SetPassword", &(name.as_str(), password, options)).await?;
        Ok(Answer::done(&format!("Set the password of {name}.")))
    }

    async fn change_own(self, session: &Session) -> Result<Answer, Error> {
        let source = match self.flags.source() {
            Some(source) => source,
            None => Source::prompt_or("--password-stdin or --password-fd N")?,
        };
        let name = own::name().unwrap_or_else(|| "your account".to_owned());
        let (old, new) = source.old_and_new_password(&name)?;
        let body = (to_descriptor(&old)?, to_descriptor(&new)?);
        session.call::<_, ()>("ChangePassword", &body).await?;
        Ok(Answer::done("Your password is changed."))
    }
}

/// Takes over what stands in another system's shadow(5).
async fn import(name: &str, session: &Session) -> Result<Answer, Error> {
    let entry = to_descriptor(&Lines::stdin()?.next("entry")?)?;
    let body = (name, entry);
    let imported: Dictionary = session.call_on(PASSWORDS, "ImportPassword", &body).await?;
    let imported = to_record(&imported)?;
    let said = match imported["hash"].as_str().unwrap_or_default() {
        "" => format!("No password fits that entry: password login of {name} is disabled."),
        kind => {
            format!("Took over the {kind} hash of {name}; it becomes argon2id at the next login.")
        }
    };
    let locked = imported["locked"].as_bool().unwrap_or_default();
    let lock = if locked { " The account is locked, as it was there." } else { "" };
    Ok(Answer::done(&format!("{said}{lock}")))
}

/// The caller's name, when a verb without one can mean nobody else.
fn own_name() -> Option<String> {
    own::is_own(None).then(own::name).flatten()
}
