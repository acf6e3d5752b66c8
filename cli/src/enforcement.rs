//! `roster 2fa enforce`, `cleanup` and `rotate-key`: second factors of everybody.

use accounts::Timestamp;
use bus::Dictionary;
use bus::names::TWO_FACTOR;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use crate::duration;
use crate::error::Error;
use crate::output::Answer;
use crate::secret::confirm;
use crate::session::{Options, Session, to_record};
use crate::two_factor::Provider;
use crate::user::record::fill;

/// Whether a second factor is required, of whom, from when on.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("switch").args(["on", "off"]))]
pub struct Enforce {
    /// Require one: of everybody, or as the other flags say; replaces an earlier policy as a whole
    #[arg(long)]
    on: bool,
    /// Require none
    #[arg(long)]
    off: bool,
    /// Only of this group's members; may be given again
    #[arg(long = "group", value_name = "GROUP", requires = "on")]
    groups: Vec<String>,
    /// Not of this group's members; may be given again
    #[arg(long = "exclude", value_name = "GROUP", requires = "on")]
    excluded: Vec<String>,
    /// From then on: 2026-01-31, 2026-01-31T12:00:00Z, or in so long: 14d; until then users are told
    #[arg(long, value_name = "TIME", requires = "on", value_parser = deadline)]
    deadline: Option<Deadline>,
}

#[derive(Debug, Clone, Copy)]
enum Deadline {
    At(Timestamp),
    In(u64),
}

fn deadline(text: &str) -> Result<Deadline, String> {
    match Timestamp::parse(text) {
        Ok(at) => Ok(Deadline::At(at)),
        Err(_) => duration::parse(text).map(Deadline::In).map_err(|_| {
            "a deadline is a date such as 2026-01-31 or 2026-01-31T12:00:00Z, or a time from now \
             such as 14d or 12h"
                .to_owned()
        }),
    }
}

/// Which kind of second factor goes.
#[derive(Debug, Args)]
pub struct Cleanup {
    /// Which one
    #[arg(value_enum)]
    provider: Provider,
    /// Also while a second factor is enforced: at the next login, whoever knows a password sets up a new one
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Enforce {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let Self { on, off, groups, excluded, deadline } = self;
        let policy: Dictionary = if on || off {
            let mut options = Options::new();
            if !groups.is_empty() {
                options.insert("groups", groups.into());
            }
            if !excluded.is_empty() {
                options.insert("excluded", excluded.into());
            }
            match deadline {
                Some(Deadline::At(at)) => drop(options.insert("due_at", at.to_string().into())),
                Some(Deadline::In(seconds)) => drop(options.insert("due_in", seconds.into())),
                None => {}
            }
            session.call_on(TWO_FACTOR, "SetTwoFactorPolicy", &(on, options)).await?
        } else {
            session.call_on(TWO_FACTOR, "GetTwoFactorPolicy", &()).await?
        };
        let mut policy = to_record(&policy)?;
        for list in ["groups", "excluded"] {
            policy.entry(list).or_insert_with(|| json!([]));
        }
        fill(&mut policy, &["due_at"]);
        Ok(Answer::record(Value::Object(policy), &["enforced", "groups", "excluded", "due_at"]))
    }
}

impl Cleanup {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let (provider, what) = match self.provider {
            Provider::Totp => ("totp", "authenticators and recovery codes"),
            Provider::Recovery => ("recovery", "recovery codes"),
        };
        if session.must_confirm() && !self.yes {
            let question = format!("Remove the {what} of every user?");
            if !confirm(&question)? {
                return Err(Error::refused("cancelled", "nothing was removed"));
            }
        }
        let options = Options::from([("force", self.force.into())]);
        let users: u64 =
            session.call_on(TWO_FACTOR, "CleanupTwoFactor", &(provider, options)).await?;
        let said = format!("Removed the {what} of {users} users.");
        Ok(Answer::lines(json!({ "provider": provider, "users": users }), &[&said]))
    }
}

/// `roster 2fa rotate-key`.
pub async fn rotate_key(session: &Session) -> Result<Answer, Error> {
    let secrets: u64 = session.call_on(TWO_FACTOR, "RotateTotpKey", &()).await?;
    let said = format!("A new key is in use; {secrets} secrets were sealed with it.");
    Ok(Answer::lines(json!({ "secrets": secrets }), &[&said]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_deadline_is_a_date_or_a_time_from_now() {
        assert!(matches!(deadline("2026-01-31"), Ok(Deadline::At(_))));
        assert!(matches!(deadline("2026-01-31T12:00:00Z"), Ok(Deadline::At(_))));
        assert!(matches!(deadline("14d"), Ok(Deadline::In(1_209_600))));
        for wrong in ["", "soon", "2026-02-31", "14", "0d"] {
            assert!(deadline(wrong).unwrap_err().contains("a deadline is"), "{wrong}");
        }
    }
}
