//! `roster group …`.

use bus::names::{ADMINISTRATION, INTERFACE};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::form::{Form, GROUP_CREATE, GROUP_UPDATE, check_group};
use crate::output::{Answer, Column, View};
use crate::paging::Page;
use crate::secret::confirm;
use crate::session::{Session, to_dictionary, to_record};
use crate::user::number;

const FIRST: &[&str] = &["name", "gid", "id", "display_name", "members"];
const COLUMNS: &[Column] = &[
    Column::field("NAME", "name"),
    Column::field("GID", "gid"),
    Column::field("DISPLAY NAME", "display_name").rank(1),
    Column::field("MEMBERS", "members"),
];

/// The verbs of a group.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Creates a group
    Create(Create),
    /// Shows one group
    Show(Subject),
    /// Lists the groups, in order of name
    List {
        /// Only groups with this text in their name or display name
        search: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Changes fields of a group; lists are replaced as a whole, and '' empties one
    Update(Update),
    /// Deletes a group; its members stay
    Delete {
        #[command(flatten)]
        group: Subject,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Makes a user a member of a group
    AddMember(Membership),
    /// Ends a user's membership of a group
    RemoveMember(Membership),
}

/// The new group.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("fields").multiple(true))]
pub struct Create {
    /// Name: a-z 0-9 _ . -, starting with a letter or _
    name: String,
    /// Number [default: the next free one]
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    gid: Option<Value>,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[command(flatten)]
    lists: Lists,
    /// Fill in a form of every field first, in $VISUAL or $EDITOR
    #[arg(long)]
    edit: bool,
}

/// The lists of a group.
#[derive(Debug, Args)]
pub struct Lists {
    /// Its members: users of Roster, or of /etc/passwd
    #[arg(long, value_name = "A,B", value_delimiter = ',', group = "fields")]
    members: Option<Vec<String>>,
    /// What sudo lets members run with the password: ALL, a path, or a path and its arguments; may be
    /// given again
    #[arg(long, value_name = "COMMAND", group = "fields")]
    sudo: Option<Vec<String>>,
    /// What sudo lets members run without the password; may be given again
    #[arg(long, value_name = "COMMAND", group = "fields")]
    sudo_nopasswd: Option<Vec<String>>,
}

impl Lists {
    /// Those that were given, under the record's names. An empty text names none.
    fn fields(self) -> impl Iterator<Item = (String, Value)> {
        let Self { members, sudo, sudo_nopasswd } = self;
        let lists = [
            ("members", members),
            ("sudo_commands", sudo),
            ("sudo_commands_nopasswd", sudo_nopasswd),
        ];
        lists.into_iter().filter_map(|(field, list)| {
            let list: Vec<String> = list?.into_iter().filter(|entry| !entry.is_empty()).collect();
            Some((field.to_owned(), list.into()))
        })
    }
}

/// The fields to change.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("fields").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    group: Subject,
    /// New name
    #[arg(long, group = "fields")]
    name: Option<String>,
    /// What people call it; an empty text for nothing
    #[arg(long, value_name = "TEXT", group = "fields")]
    display_name: Option<String>,
    #[command(flatten)]
    lists: Lists,
    /// Change the fields in a form, in $VISUAL or $EDITOR
    #[arg(long, group = "fields")]
    edit: bool,
}

/// The group that a verb is about.
#[derive(Debug, Args)]
pub struct Subject {
    /// The group: dev, gid:3000 or id:UUID
    #[arg(value_name = "GROUP")]
    subject: String,
}

/// A group and a user.
#[derive(Debug, Args)]
pub struct Membership {
    /// The group: one of Roster, or one of /etc/group
    group: String,
    /// The user: one of Roster, or (in a group of Roster) one of /etc/passwd
    user: String,
}

impl Verb {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::Show(group) => {
                let group = session.record("GetGroup", &(group.subject.as_str(),)).await?;
                Ok(Answer::record(Value::Object(group), FIRST))
            }
            Self::List { search, page } => {
                let search = search.as_deref().map(|text| ("search", text));
                let further: Vec<_> = search.into_iter().collect();
                let part = page.collect(session, (INTERFACE, "ListGroups"), &further, |_| ());
                let rows = View::Rows { list: Some("groups"), columns: COLUMNS };
                Ok(part.await?.answer("groups", rows))
            }
            Self::Update(update) => update.run(session).await,
            Self::Delete { group, yes } => delete(&group.subject, yes, session).await,
            Self::AddMember(Membership { group, user }) => {
                session.call::<_, ()>("AddMember", &(group.as_str(), user.as_str())).await?;
                Ok(Answer::done(&format!("{user} is a member of {group} now.")))
            }
            Self::RemoveMember(Membership { group, user }) => {
                session.call::<_, ()>("RemoveMember", &(group.as_str(), user.as_str())).await?;
                Ok(Answer::done(&format!("{user} is no member of {group} any more.")))
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), self.name.into());
        if let Some(gid) = self.gid {
            fields.insert("gid".to_owned(), gid);
        }
        if let Some(display_name) = self.display_name {
            fields.insert("display_name".to_owned(), display_name.into());
        }
        fields.extend(self.lists.fields());
        let send = async |fields: &Map<String, Value>| {
            let group = session.record("CreateGroup", &(to_dictionary(fields)?,)).await?;
            Ok(Answer::record(Value::Object(group), FIRST))
        };
        if !self.edit {
            return send(&fields).await;
        }
        let form = Form {
            name: "group",
            preface: "A new group. A line that begins with # says nothing: remove the # to set its \
                field.\nLeave the form as it is to give up.",
            fields: GROUP_CREATE,
            values: &fields,
            before: None,
            check: check_group,
        };
        form.fill(send).await
    }
}

impl Update {
    async fn run(self, session: &Session) -> Result<Answer, Error> {
        let given = [("name", self.name), ("display_name", self.display_name)];
        let given = given.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text?)));
        let mut fields: Map<String, Value> =
            given.map(|(field, text)| (field, text.into())).collect();
        fields.extend(self.lists.fields());
        let subject = self.group.subject.as_str();
        let send = async |fields: &Map<String, Value>| {
            let body = (subject, to_dictionary(fields)?);
            let group = session.call_on(ADMINISTRATION, "UpdateGroup", &body).await?;
            Ok(Answer::record(Value::Object(to_record(&group)?), FIRST))
        };
        if !self.edit {
            return send(&fields).await;
        }
        let mut before = session.record("GetGroup", &(subject,)).await?;
        before.retain(|name, _| GROUP_UPDATE.iter().any(|field| field.name == name));
        let mut values = before.clone();
        values.extend(fields);
        let form = Form {
            name: "group",
            preface: "A group. A field stays as it is where its line begins with # or is gone.\n\
                Leave the form as it is to give up.",
            fields: GROUP_UPDATE,
            values: &values,
            before: Some(&before),
            check: check_group,
        };
        form.fill(send).await
    }
}

async fn delete(subject: &str, yes: bool, session: &Session) -> Result<Answer, Error> {
    if session.must_confirm() && !yes && !confirm(&format!("Delete the group {subject}?"))? {
        return Err(Error::refused("cancelled", "nothing was deleted"));
    }
    session.call::<_, ()>("DeleteGroup", &(subject,)).await?;
    Ok(Answer::done(&format!("Deleted the group {subject}.")))
}
