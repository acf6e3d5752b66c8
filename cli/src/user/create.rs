//! `roster user create`.

use bus::Dictionary;
use clap::Args;
use serde_json::{Map, Value};
use zbus::wire::OwnedFd;

use super::password::FirstPassword;
use super::record::complete;
use super::record_flags::RecordFlags;
use crate::error::Error;
use crate::output::{Answer, View, printable};
use crate::session::{Options, Session, from_descriptor, to_dictionary, to_record};

/// The new account.
#[derive(Debug, Args)]
pub struct Create {
    /// Login name: a-z 0-9 _ . -, starting with a letter or _
    name: String,
    /// Number [default: the next free one; see `roster user next-uid`]
    #[arg(long, value_name = "N")]
    uid: Option<u32>,
    #[command(flatten)]
    record: RecordFlags,
    /// Make a group of the same name the primary group (this is the default)
    #[arg(long, conflicts_with = "group")]
    group_create: bool,
    /// Lock the account at once
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    password: FirstPassword,
}

impl Create {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let password = self.password.plan()?;
        let secret = password.read(&self.name)?;
        let name = self.name.clone();
        let fields = to_dictionary(&self.fields())?;
        let mut options = Options::new();
        if let Some(secret) = &secret {
            let pipe = crate::session::to_descriptor(secret)?;
            options.insert("password", zbus::Variant::Fd(std::os::fd::OwnedFd::from(pipe).into()));
        }
        if password.is_generated() {
            options.insert("generate_password", true.into());
        }
        let (user, mut secrets): (Dictionary, Vec<OwnedFd>) =
            session.call("CreateUser", &(fields, options)).await?;
        let mut user = Value::Object(to_record(&user)?);
        complete(&mut user);
        let mut said = sentence(&name, &user);
        if let Some(generated) = secrets.pop() {
            let generated = from_descriptor(generated)?;
            user["password"] = generated.as_str().into();
            said.reserve_exact(generated.len() + 64);
            said.push_str("\nPassword, shown only now: ");
            said.push_str(&printable(&generated));
        }
        Ok(Answer::new(user, View::Text(said.into())))
    }

    /// The record's fields, as CreateUser takes them.
    fn fields(self) -> Map<String, Value> {
        let Self { name, uid, record, group_create, locked, password } = self;
        let mut fields = record.fields();
        fields.insert("name".to_owned(), name.into());
        if let Some(uid) = uid {
            fields.insert("uid".to_owned(), uid.into());
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

fn sentence(name: &str, user: &Value) -> String {
    let field = |name: &str| match &user[name] {
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    };
    format!(
        "Created {}: uid {}, group {}, home {}, shell {}.",
        printable(name),
        field("uid"),
        field("group"),
        field("home"),
        field("shell")
    )
}
