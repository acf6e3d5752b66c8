//! `roster 2fa …`.

use bus::names::TWO_FACTOR;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zbus::wire::OwnedFd;
use zeroize::Zeroizing;

use crate::enforcement::{Cleanup, Enforce, rotate_key};
use crate::error::Error;
use crate::output::{Answer, View, printable, qr_code};
use crate::secret::CodeFlags;
use crate::session::{Options, Session, from_descriptor, to_descriptor};
use crate::user::Subject;
use crate::user::record::fill;

/// The verbs of the second factor.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a secret for an authenticator app, and shows it once; in force when confirmed
    Enroll(Enroll),
    /// Proves that the app has the secret: logins ask for a code from now on; shows recovery codes
    Confirm(Check),
    /// Checks a code, and spends it
    Verify(Check),
    /// Makes a new secret; the old one stays in force until the new one is confirmed
    Renew(Enroll),
    /// Shows a secret once more that is not confirmed yet; one that is in force is never shown
    Uri(Subject),
    /// Makes new recovery codes, shows them once; the earlier ones end
    RecoveryCodes(Subject),
    /// Shows which second factors an account has
    State(Subject),
    /// Switches a second factor on
    Enable(Switch),
    /// Switches a second factor off
    Disable(Switch),
    /// Requires a second factor, of everybody or of groups, now or from a date on; without flags, shows that
    Enforce(Enforce),
    /// Removes a kind of second factor from every user
    Cleanup(Cleanup),
    /// Exchanges the key that secrets are sealed with; for root
    RotateKey,
}

/// Whose secret, and its form.
#[derive(Debug, Args)]
pub struct Enroll {
    #[command(flatten)]
    user: Subject,
    /// Digits of a code
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(6..=8))]
    digits: Option<u32>,
    /// Seconds that a code is shown
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(5..=300))]
    interval: Option<u32>,
}

/// Whose code; it is typed when asked, unless it comes by standard input.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    user: Subject,
    /// Where a code does not belong
    #[arg(hide = true)]
    misplaced: Option<std::ffi::OsString>,
    #[command(flatten)]
    code: CodeFlags,
}

/// Whose second factor, and which.
#[derive(Debug, Args)]
pub struct Switch {
    #[command(flatten)]
    user: Subject,
    /// Which one
    #[arg(value_enum, default_value = "totp")]
    provider: Provider,
}

/// A kind of second factor.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Provider {
    /// Codes of an authenticator app
    Totp,
    /// Recovery codes
    Recovery,
}

/// What an authenticator app needs.
#[derive(Serialize, Deserialize)]
struct Enrolment {
    secret: Zeroizing<String>,
    uri: Zeroizing<String>,
    digits: u32,
    interval: u32,
}

#[derive(Serialize, Deserialize)]
struct RecoveryCodes {
    recovery_codes: Vec<Zeroizing<String>>,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Enroll(enroll) | Self::Renew(enroll) => enroll.run(session).await,
            Self::Confirm(check) => {
                let (name, code) = check.read()?;
                let codes: OwnedFd = session.call("ConfirmTotp", &(name.as_str(), code)).await?;
                let said = format!("Confirmed: logins as {name} ask for a code now.");
                recovery_codes(codes, &said)
            }
            Self::Verify(check) => {
                let (name, code) = check.read()?;
                let valid: bool = session.call("VerifyTotp", &(name.as_str(), code)).await?;
                let said = if valid { "The code is right." } else { "The code is wrong." };
                let answer = Answer::lines(json!({ "valid": valid }), &[said]);
                Ok(if valid { answer } else { answer.negative() })
            }
            Self::Uri(user) => {
                let name = user.subject;
                let enrolment =
                    session.call_on(TWO_FACTOR, "GetProvisioningUri", &(name.as_str(),)).await?;
                show_enrolment(&name, enrolment, session)
            }
            Self::RecoveryCodes(user) => {
                let codes =
                    session.call("GenerateRecoveryCodes", &(user.subject.as_str(),)).await?;
                recovery_codes(codes, "The earlier recovery codes have ended.")
            }
            Self::State(user) => {
                let mut state =
                    session.record("GetTwoFactorState", &(user.subject.as_str(),)).await?;
                fill(&mut state, &["due_at"]);
                let order = &["enabled", "enforced", "due_at", "providers", "recovery_codes_left"];
                Ok(Answer::record(Value::Object(state), order))
            }
            Self::Enable(switch) => switch.run("EnableTwoFactor", "on", session).await,
            Self::Disable(switch) => switch.run("DisableTwoFactor", "off", session).await,
            Self::Enforce(enforce) => enforce.run(session).await,
            Self::Cleanup(cleanup) => cleanup.run(session).await,
            Self::RotateKey => rotate_key(session).await,
        }
    }
}

impl Check {
    /// The name, and the code in a pipe.
    fn read(self) -> Result<(String, OwnedFd), Error> {
        if self.misplaced.is_some() {
            return Err(Error::Usage(
                "a code on the command line is seen by every user of this host: use --code-stdin, \
                 or type it when asked"
                    .to_owned(),
            ));
        }
        let name = self.user.subject;
        let code = to_descriptor(&self.code.read(&name)?)?;
        Ok((name, code))
    }
}

impl Switch {
    async fn run(
        self,
        method: &'static str,
        state: &str,
        session: &Session,
    ) -> Result<Answer, Error> {
        let (provider, words) = match self.provider {
            Provider::Totp => ("totp", "The second factor"),
            Provider::Recovery => ("recovery", "Recovery by code"),
        };
        let name = self.user.subject;
        session.call::<_, ()>(method, &(name.as_str(), provider)).await?;
        Ok(Answer::done(&format!("{words} of {name} is {state}.")))
    }
}

impl Enroll {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let mut options = Options::new();
        if let Some(digits) = self.digits {
            options.insert("digits", digits.into());
        }
        if let Some(interval) = self.interval {
            options.insert("interval", interval.into());
        }
        let name = self.user.subject;
        let enrolment: OwnedFd = session.call("EnrollTotp", &(name.as_str(), options)).await?;
        show_enrolment(&name, enrolment, session)
    }
}

fn show_enrolment(name: &str, enrolment: OwnedFd, session: &Session) -> Result<Answer, Error> {
    let enrolment: Enrolment = parse(enrolment)?;
    let text = instructions(&enrolment, session.columns());
    let value = json!({
        "secret": enrolment.secret.as_str(),
        "uri": enrolment.uri.as_str(),
        "digits": enrolment.digits,
        "interval": enrolment.interval,
    });
    let note = format!("Not in force yet. Confirm it with a code: roster 2fa confirm {name}");
    Ok(Answer::new(value, View::Text(text)).with_note(note))
}

/// The secret for a camera (on a terminal wide enough), for typing, and for programs on a phone.
fn instructions(enrolment: &Enrolment, columns: Option<usize>) -> Zeroizing<String> {
    let drawn = columns.and_then(|columns| qr_code(&enrolment.uri, columns));
    // Sized once, so that no copy stays behind.
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    if let Some(drawn) = drawn {
        text.extend([drawn.as_str(), "\n"]);
    }
    text.extend([
        "Secret, not to be shown again once confirmed: ",
        &printable(&enrolment.secret),
        "\n",
    ]);
    text.extend(["URI: ", &printable(&enrolment.uri), "\n"]);
    text.push_str(&format!(
        "Codes have {} digits and change every {} seconds.\n",
        enrolment.digits, enrolment.interval
    ));
    text
}

fn recovery_codes(codes: OwnedFd, said: &str) -> Result<Answer, Error> {
    let codes: RecoveryCodes = parse(codes)?;
    let mut text = Zeroizing::new(String::with_capacity(4 * 1024));
    text.extend([&*printable(said), "\n"]);
    text.push_str("Recovery codes, each good for one login, shown only now:\n");
    for code in &codes.recovery_codes {
        text.extend(["  ", &printable(code), "\n"]);
    }
    let shown: Vec<&str> = codes.recovery_codes.iter().map(|code| code.as_str()).collect();
    Ok(Answer::new(json!({ "recovery_codes": shown }), View::Text(text)))
}

fn parse<T: for<'d> Deserialize<'d>>(descriptor: OwnedFd) -> Result<T, Error> {
    let text = from_descriptor(descriptor)?;
    // Its message could quote the secret.
    serde_json::from_str(&text)
        .map_err(|_| Error::Local("it was done, but the answer cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_code_is_drawn_for_terminals_only() {
        let enrolment = Enrolment {
            secret: "JBSWY3DPEHPK3PXP".to_owned().into(),
            uri: "otpauth://totp/host:alice?secret=JBSWY3DPEHPK3PXP&issuer=host".to_owned().into(),
            digits: 6,
            interval: 30,
        };
        let piped = instructions(&enrolment, None);
        assert!(piped.starts_with(
            "Secret, not to be shown again once confirmed: JBSWY3DPEHPK3PXP\nURI: otpauth://"
        ));
        assert!(piped.ends_with("6 digits and change every 30 seconds.\n"));
        assert!(instructions(&enrolment, Some(100)).contains('█'));
        assert_eq!(instructions(&enrolment, Some(10)), piped);
    }
}
