//! `roster user update`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::password::{Chosen, GivenPassword};
use super::record::complete;
use super::record_flags::{RecordFlags, number};
use crate::error::Error;
use crate::form::{Form, USER_UPDATE, check_user};
use crate::output::{Answer, printable};
use crate::session::{Options, Session, to_dictionary};

/// The fields to change; lists and attributes are replaced as a whole.
#[derive(Debug, Args)]
pub struct Update {
    /// The account: alice, uid:3000 or id:UUID
    #[arg(value_name = "NAME")]
    subject: String,
    /// Rename the account; id, uid and keys stay
    #[arg(long, value_name = "NEW")]
    name: Option<String>,
    /// Refused: a uid never changes. Here so that the refusal says so
    #[arg(long, value_name = "N", hide = true, value_parser = number, allow_negative_numbers = true)]
    uid: Option<Value>,
    #[command(flatten)]
    record: RecordFlags,
    #[command(flatten)]
    clear: ClearFlags,
    /// Take no password at any login from now on
    #[arg(long, conflicts_with = "password_enabled")]
    password_disabled: bool,
    /// Take passwords again; there must be one
    #[arg(long)]
    password_enabled: bool,
    #[command(flatten)]
    password: GivenPassword,
    /// Change the fields in a form, in $VISUAL or $EDITOR
    #[arg(long)]
    edit: bool,
    /// Change nothing if the record's generation is no longer N
    #[arg(long, value_name = "N")]
    expect_generation: Option<u64>,
}

/// Flags that empty a field, each the opposite of one of [`RecordFlags`].
#[derive(Debug, Args)]
struct ClearFlags {
    /// Forget the mail address
    #[arg(long, conflicts_with = "email")]
    no_email: bool,
    /// Leave all supplementary groups
    #[arg(long, conflicts_with = "groups")]
    no_groups: bool,
    /// Let Samba forget the account
    #[arg(long, conflicts_with = "smb")]
    no_smb: bool,
    /// Let sshd take keys only
    #[arg(long, conflicts_with = "ssh_password")]
    no_ssh_password: bool,
    /// Remove all SSH keys
    #[arg(long, conflicts_with = "ssh_keys")]
    no_ssh_keys: bool,
    /// Remove all sudo rules that ask for the password
    #[arg(long, conflicts_with = "sudo")]
    no_sudo: bool,
    /// Remove all sudo rules that ask for none
    #[arg(long, conflicts_with = "sudo_nopasswd")]
    no_sudo_nopasswd: bool,
    /// Remove all tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// Remove all attributes
    #[arg(long, conflicts_with = "attributes")]
    no_attributes: bool,
    /// Let the account never end
    #[arg(long, conflicts_with = "expires")]
    no_expires: bool,
}

impl ClearFlags {
    /// The fields to empty; an empty text clears an optional one.
    fn fields(self) -> impl Iterator<Item = (String, Value)> {
        [
            (self.no_email, "email", json!("")),
            (self.no_groups, "groups", json!([])),
            (self.no_smb, "smb", json!(false)),
            (self.no_ssh_password, "ssh_password_enabled", json!(false)),
            (self.no_ssh_keys, "ssh_keys", json!([])),
            (self.no_sudo, "sudo_commands", json!([])),
            (self.no_sudo_nopasswd, "sudo_commands_nopasswd", json!([])),
            (self.no_tags, "tags", json!([])),
            (self.no_attributes, "attributes", json!({})),
            (self.no_expires, "expires_at", json!("")),
        ]
        .into_iter()
        .filter(|(given, ..)| *given)
        .map(|(_, name, value)| (name.to_owned(), value))
    }
}

impl Update {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let subject = self.subject.clone();
        let (edit, expected) = (self.edit, self.expect_generation);
        let password = self.password.read(&subject)?;
        let fields = self.fields();
        if edit {
            return self::edit(&subject, fields, expected, password.as_ref(), session).await;
        }
        if fields.is_empty() {
            return Err(Error::Usage(
                "nothing to change: name a field; see `roster user update --help`".to_owned(),
            ));
        }
        send(&subject, &fields, expected, password.as_ref(), session).await
    }

    /// The record's fields, as UpdateUser takes them.
    fn fields(self) -> Map<String, Value> {
        let mut fields = self.record.fields();
        fields.extend(self.clear.fields());
        if let Some(name) = self.name {
            fields.insert("name".to_owned(), name.into());
        }
        if let Some(uid) = self.uid {
            fields.insert("uid".to_owned(), uid);
        }
        if self.password_disabled || self.password_enabled {
            fields.insert("password_disabled".to_owned(), self.password_disabled.into());
        }
        fields
    }
}

/// Changes the fields, if the record is still of that generation.
async fn send(
    subject: &str,
    fields: &Map<String, Value>,
    expected: Option<u64>,
    password: Option<&Chosen>,
    session: &Session,
) -> Result<Answer, Error> {
    let mut options = Options::new();
    if let Some(generation) = expected {
        options.insert("expect_generation", generation.into());
    }
    if let Some(password) = password {
        password.put_into(&mut options)?;
    }
    let body = (subject, to_dictionary(fields)?, options);
    let mut user = Value::Object(session.record("UpdateUser", &body).await?);
    complete(&mut user);
    let name = user["name"].as_str().unwrap_or(subject).to_owned();
    let changed: Vec<_> = fields.keys().map(|field| field.replace('_', " ")).collect();
    Ok(Answer::lines(user, &[&format!("Changed {name}: {}.", changed.join(", "))]))
}

/// Shows the record as a form, with the fields that were given as flags in it, and changes what
/// differs afterwards; refused when somebody else has changed the record meanwhile.
async fn edit(
    subject: &str,
    given: Map<String, Value>,
    expected: Option<u64>,
    password: Option<&Chosen>,
    session: &Session,
) -> Result<Answer, Error> {
    let record = session.record("GetUser", &(subject,)).await?;
    let generation = record.get("generation").and_then(Value::as_u64);
    let before = settable(record);
    let name = before.get("name").and_then(Value::as_str).unwrap_or(subject).to_owned();
    let mut values = before.clone();
    values.extend(given);
    let preface = format!(
        "The account {}. A field stays as it is where its line begins with # or is gone; \"\" and [] \
         empty one.\nLeave the form as it is to give up.",
        printable(&name)
    );
    let form = Form {
        name: &name,
        preface: &preface,
        fields: USER_UPDATE,
        values: &values,
        before: Some(&before),
        check: check_user,
    };
    let expected = expected.or(generation);
    form.fill(async |changed| send(subject, changed, expected, password, session).await).await
}

/// A record's fields as a request holds them.
fn settable(record: Map<String, Value>) -> Map<String, Value> {
    let mut fields: Map<String, Value> = record
        .into_iter()
        .filter(|(name, value)| {
            !value.is_null() && USER_UPDATE.iter().any(|field| field.name == name)
        })
        .collect();
    if let Some(keys) = fields.get_mut("ssh_keys").and_then(Value::as_array_mut) {
        for key in keys {
            *key = key["key"].take();
        }
    }
    fields
}
