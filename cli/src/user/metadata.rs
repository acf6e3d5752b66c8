//! `roster user attr | setting | profile`: what is kept beside the record proper.

use bus::names::METADATA;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Subject;
use crate::error::Error;
use crate::output::Answer;
use crate::session::{Options, Session, to_dictionary, to_record};

/// Free attributes.
#[derive(Debug, Subcommand)]
pub enum Attr {
    /// Shows one attribute, or all
    Get {
        #[command(flatten)]
        user: Subject,
        /// The attribute [default: all]
        key: Option<String>,
    },
    /// Sets an attribute
    Set {
        #[command(flatten)]
        user: Subject,
        /// The attribute
        key: String,
        /// JSON; what is no JSON is taken as text
        value: String,
        /// Take the value as text even if it is JSON
        #[arg(long)]
        text: bool,
    },
    /// Removes an attribute: answers true, or false when there is none
    Pop {
        #[command(flatten)]
        user: Subject,
        /// The attribute
        key: String,
    },
}

/// Settings of programs.
#[derive(Debug, Subcommand)]
pub enum Setting {
    /// Shows one setting, those of a program, or all
    Get {
        #[command(flatten)]
        user: Subject,
        /// The program [default: all]
        app: Option<String>,
        /// The setting [default: all]
        key: Option<String>,
        /// What to show when it is not set [default: an error]
        #[arg(long, value_name = "TEXT", requires = "key")]
        default_value: Option<String>,
    },
    /// Sets a setting
    Set {
        #[command(flatten)]
        user: Subject,
        /// The program
        app: String,
        /// The setting
        key: String,
        /// The text
        value: String,
        #[command(flatten)]
        only: UpdateOnly,
    },
    /// Deletes a setting
    Delete {
        #[command(flatten)]
        user: Subject,
        /// The program
        app: String,
        /// The setting
        key: String,
        #[command(flatten)]
        strict: ErrorIfNotExists,
    },
}

/// The profile's texts.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// Shows one text of the profile, or all
    Get {
        #[command(flatten)]
        user: Subject,
        /// displayname, address, website, phone, organisation, role, … [default: all]
        key: Option<String>,
        /// What to show when it is not set [default: an error]
        #[arg(long, value_name = "TEXT", requires = "key")]
        default_value: Option<String>,
    },
    /// Sets a text of the profile
    Set {
        #[command(flatten)]
        user: Subject,
        /// displayname, address, website, phone, organisation, role, headline, biography, pronouns, …
        key: String,
        /// The text
        value: String,
        #[command(flatten)]
        only: UpdateOnly,
    },
    /// Deletes a text of the profile
    Delete {
        #[command(flatten)]
        user: Subject,
        /// The text's key
        key: String,
        #[command(flatten)]
        strict: ErrorIfNotExists,
    },
}

/// Whether a value may be new.
#[derive(Debug, Clone, Copy, Args)]
pub struct UpdateOnly {
    /// Refuse when it is not set yet
    #[arg(long)]
    update_only: bool,
}

impl UpdateOnly {
    fn options(self) -> Options<'static> {
        self.update_only.then(|| ("update_only", true.into())).into_iter().collect()
    }
}

/// Whether a value must be there.
#[derive(Debug, Clone, Copy, Args)]
pub struct ErrorIfNotExists {
    /// Refuse when it is not set
    #[arg(long)]
    error_if_not_exists: bool,
}

impl ErrorIfNotExists {
    fn answer(self, deleted: bool, what: &str, subject: &str) -> Result<Answer, Error> {
        match (deleted, self.error_if_not_exists) {
            (true, _) => Ok(Answer::done(&format!("Deleted {what} of {subject}."))),
            (false, true) => Err(not_set(what, subject)),
            (false, false) => Ok(Answer::done(&format!("{what} was not set for {subject}."))),
        }
    }
}

impl Attr {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Get { user, key } => {
                let attributes = fetch(session, &user.subject, "attributes").await?;
                match key {
                    None => Ok(Answer::record(Value::Object(attributes), &[])),
                    Some(key) => one(attributes.get(&key), None, &key, &user.subject),
                }
            }
            Self::Set { user, key, value, text } => {
                let json = if text { None } else { serde_json::from_str(&value).ok() };
                let value = json.unwrap_or(Value::String(value));
                // As an attribute, because only there a null is a value.
                let attributes = Map::from_iter([("value".to_owned(), value)]);
                let record = Map::from_iter([("attributes".to_owned(), Value::Object(attributes))]);
                let body = (user.subject.as_str(), key.as_str(), attribute(&record)?);
                truth(session.call_on(METADATA, "SetAttribute", &body).await?)
            }
            Self::Pop { user, key } => {
                let body = (user.subject.as_str(), key.as_str());
                truth(session.call_on(METADATA, "PopAttribute", &body).await?)
            }
        }
    }
}

impl Setting {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Get { user, app, key, default_value } => {
                let mut settings = fetch(session, &user.subject, "settings").await?;
                let Some(app) = app else {
                    return Ok(Answer::record(Value::Object(settings), &[]));
                };
                let of_app = settings.remove(&app).unwrap_or_else(|| json!({}));
                match key {
                    None => Ok(Answer::record(json!({ app: of_app }), &[])),
                    Some(key) => {
                        let what = format!("{app} {key}");
                        one(of_app.get(&key), default_value, &what, &user.subject)
                    }
                }
            }
            Self::Set { user, app, key, value, only } => {
                let subject = user.subject.as_str();
                let body = (subject, app.as_str(), key.as_str(), value.as_str(), only.options());
                session.call_on::<_, ()>(METADATA, "SetSetting", &body).await?;
                Ok(Answer::done(&format!("Set {app} {key} of {subject}.")))
            }
            Self::Delete { user, app, key, strict } => {
                let body = (user.subject.as_str(), app.as_str(), key.as_str());
                let deleted: bool = session.call_on(METADATA, "DeleteSetting", &body).await?;
                strict.answer(deleted, &format!("{app} {key}"), &user.subject)
            }
        }
    }
}

impl Profile {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Get { user, key, default_value } => {
                let profile = fetch(session, &user.subject, "profile").await?;
                match key {
                    None => Ok(Answer::record(Value::Object(profile), &["displayname"])),
                    Some(key) => one(profile.get(&key), default_value, &key, &user.subject),
                }
            }
            Self::Set { user, key, value, only } => {
                let subject = user.subject.as_str();
                let body = (subject, key.as_str(), value.as_str(), only.options());
                session.call_on::<_, ()>(METADATA, "SetProfile", &body).await?;
                Ok(Answer::done(&format!("Set {key} of {subject}.")))
            }
            Self::Delete { user, key, strict } => {
                let body = (user.subject.as_str(), key.as_str());
                let deleted: bool = session.call_on(METADATA, "DeleteProfile", &body).await?;
                strict.answer(deleted, &key, &user.subject)
            }
        }
    }
}

/// One of the three fields of a user.
async fn fetch(session: &Session, subject: &str, field: &str) -> Result<Map<String, Value>, Error> {
    let metadata = session.call_on(METADATA, "GetMetadata", &(subject,)).await?;
    match to_record(&metadata)?.remove(field) {
        Some(Value::Object(values)) => Ok(values),
        _ => Ok(Map::new()),
    }
}

/// An attribute's value, as the bus carries it.
fn attribute(record: &Map<String, Value>) -> Result<zbus::Variant<'static>, Error> {
    let unreadable = || Error::field("value", "invalid", "cannot be sent");
    let mut dictionary = to_dictionary(record)?;
    let attributes = dictionary.remove("attributes").ok_or_else(unreadable)?;
    let attributes = bus::Dictionary::try_from(attributes).map_err(|_| unreadable())?;
    attributes.into_values().next().map(Into::into).ok_or_else(unreadable)
}

fn one(
    value: Option<&Value>,
    default: Option<String>,
    what: &str,
    subject: &str,
) -> Result<Answer, Error> {
    let value = value.cloned().or(default.map(Value::String));
    let value = value.ok_or_else(|| not_set(what, subject))?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(Answer::lines(value, &[&text]))
}

fn truth(truth: bool) -> Result<Answer, Error> {
    Ok(Answer::lines(json!(truth), &[&truth.to_string()]))
}

fn not_set(what: &str, subject: &str) -> Error {
    Error::field("key", "not_found", &format!("{what} is not set for {subject}"))
}
