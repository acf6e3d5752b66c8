//! `roster user create`.

use bus::Dictionary;
use clap::Args;
use serde_json::{Map, Value};
use zbus::wire::OwnedFd;

use super::leftovers::phrases;
use super::password::{Chosen, FirstPassword, Plan};
use super::record::complete;
use super::record_flags::{RecordFlags, number};
use crate::error::Error;
use crate::form::{Form, USER_CREATE, check_user};
use crate::output::{Answer, View, printable};
use crate::secret::confirm;
use crate::session::{Options, Session, from_descriptor, to_dictionary, to_record};

/// The new account.
#[derive(Debug, Args)]
pub struct Create {
    /// Login name: a-z 0-9 _ . -, starting with a letter or _
    name: String,
    /// Number [default: the next free one; see `roster user next-uid`]
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    uid: Option<Value>,
    #[command(flatten)]
    record: RecordFlags,
    /// Make a group of the same name the primary group (this is the default)
    #[arg(long, conflicts_with = "group")]
    group_create: bool,
    /// Lock the account at once
    #[arg(long)]
    locked: bool,
    /// Fill in a form of every field first, in $VISUAL or $EDITOR
    #[arg(long)]
    edit: bool,
    #[command(flatten)]
    password: FirstPassword,
}

impl Create {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let edit = self.edit || self.is_to_be_edited(session)?;
        let password = self.password.plan()?;
        let name = self.name.clone();
        let fields = self.fields();
        if !edit {
            let secret = password.read(&name)?;
            return send(session, &fields, password, secret.as_ref()).await;
        }
        // What comes by a pipe comes before the editor is there to take it.
        let mut secret = if password.is_typed() { None } else { password.read(&name)? };
        let form = Form {
            name: &name,
            preface: "A new account. A line that begins with # says nothing: remove the # to set its \
                field.\nLeave the form as it is to give up. The password is asked for afterwards.",
            fields: USER_CREATE,
            values: &fields,
            before: None,
            check: check_user,
        };
        form.fill(async |fields| {
            let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
            if secret.is_none() && field("password_disabled") != &Value::Bool(true) {
                secret = password.read(field("name").as_str().unwrap_or(&name))?;
            }
            send(session, fields, password, secret.as_ref()).await
        })
        .await
    }

    /// Whether somebody who gave a name and nothing else wants to say more.
    fn is_to_be_edited(&self, session: &Session) -> Result<bool, Error> {
        let nothing_else = self.password.is_not_given()
            && self.record.is_empty()
            && self.uid.is_none()
            && !self.group_create
            && !self.locked;
        if !nothing_else || !session.is_interactive() {
            return Ok(false);
        }
        confirm(&format!("Fill in a form of {}'s other fields first?", self.name))
    }

    /// The record's fields, as CreateUser takes them.
    fn fields(self) -> Map<String, Value> {
        let Self { name, uid, record, group_create, locked, password, edit: _ } = self;
        let mut fields = record.fields();
        fields.insert("name".to_owned(), name.into());
        if let Some(uid) = uid {
            fields.insert("uid".to_owned(), uid);
        }
        for (name, given) in [
            ("group_create", group_create),
            ("locked", locked),
            ("password_disabled", password.is_disabled()),
        ] {
            if given {
                fields.insert(name.to_owned(), true.into());
            }
        }
        fields
    }
}

/// Creates the account that the fields describe.
async fn send(
    session: &Session,
    fields: &Map<String, Value>,
    password: Plan,
    secret: Option<&Chosen>,
) -> Result<Answer, Error> {
    let mut options = Options::new();
    if let Some(secret) = secret {
        secret.put_into(&mut options)?;
    }
    if password.is_generated() {
        options.insert("generate_password", true.into());
    }
    let (user, mut secrets): (Dictionary, Vec<OwnedFd>) =
        session.call("CreateUser", &(to_dictionary(fields)?, options)).await?;
    let mut user = Value::Object(to_record(&user)?);
    complete(&mut user);
    let mut said = sentence(&user);
    if let Some(generated) = secrets.pop() {
        let generated = from_descriptor(generated)?;
        user["password"] = generated.as_str().into();
        said.reserve_exact(generated.len() + 64);
        said.push_str("\nPassword, shown only now: ");
        said.push_str(&printable(&generated));
    }
    let warnings = phrases(&user["warnings"], true);
    let answer = Answer::new(user, View::Text(said.into()));
    Ok(match warnings {
        Some(found) => answer.with_note(format!(
            "warning: somebody else has left under this name: {}",
            printable(&found)
        )),
        None => answer,
    })
}

fn sentence(user: &Value) -> String {
    let field = |name: &str| match &user[name] {
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    };
    format!(
        "Created {}: uid {}, group {}, home {}, shell {}.",
        field("name"),
        field("uid"),
        field("group"),
        field("home"),
        field("shell")
    )
}
