//! The flags for fields of the record that creating and updating share.

use std::convert::Infallible;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};
use serde_json::{Map, Value};

use crate::key::public_only;

/// Fields of the record. What is not given is not sent.
#[derive(Debug, Clone, Default, Args)]
pub struct RecordFlags {
    /// Full name [default: first and last name]
    #[arg(long, value_name = "TEXT")]
    pub full_name: Option<String>,
    /// First name
    #[arg(long, value_name = "TEXT")]
    pub first_name: Option<String>,
    /// Last name
    #[arg(long, value_name = "TEXT")]
    pub last_name: Option<String>,
    /// Mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Primary group, by name or number
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Supplementary groups, by name or number
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub groups: Option<Vec<String>>,
    /// Create the supplementary groups that do not exist
    #[arg(long, requires = "groups")]
    pub create_groups: bool,
    /// Home directory [default: /home/NAME; /var/empty for none]
    #[arg(long, value_name = "PATH")]
    pub home: Option<String>,
    /// Home directory's mode, octal
    #[arg(long, value_name = "MODE")]
    pub home_mode: Option<String>,
    /// Create the home directory now, not at the first login
    #[arg(long)]
    pub home_create: bool,
    /// Take a home directory that is there already and belongs to the uid
    #[arg(long)]
    pub home_adopt: bool,
    /// Login shell, one of `roster user shells`
    #[arg(long, value_name = "PATH")]
    pub shell: Option<String>,
    /// Let Samba know the account, and its password: give one in the same call
    #[arg(long)]
    pub smb: bool,
    /// Let sshd take the password, not only keys
    #[arg(long)]
    pub ssh_password: bool,
    /// Public SSH key, as in id_ed25519.pub; may be given again
    // Dashes: a private key given by mistake starts with them, and must not end up in clap's error.
    #[arg(long = "ssh-key", value_name = "KEY", allow_hyphen_values = true)]
    pub ssh_keys: Option<Vec<String>>,
    /// What sudo may run with the password: ALL, a path, or a path and its arguments; may be given again
    #[arg(long, value_name = "COMMAND")]
    pub sudo: Option<Vec<String>>,
    /// What sudo may run without the password; may be given again
    #[arg(long, value_name = "COMMAND")]
    pub sudo_nopasswd: Option<Vec<String>>,
    /// What the account may do to others
    #[arg(long, value_parser = Known(&["user", "auditor", "helpdesk", "admin"]))]
    pub role: Option<String>,
    /// Label; may be given again
    #[arg(long = "tag", value_name = "TEXT")]
    pub tags: Option<Vec<String>>,
    /// Free attribute, its value in JSON; may be given again
    #[arg(long = "attribute", value_name = "KEY=JSON", value_parser = attribute)]
    pub attributes: Option<Vec<(String, Value)>>,
    /// When the account ends: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    pub expires: Option<String>,
    /// Days until a password must be changed; none for never
    #[arg(long, value_name = "DAYS", value_parser = days, allow_negative_numbers = true)]
    pub password_max_age: Option<Value>,
    /// Days before a password may be changed again; none for no such limit
    #[arg(long, value_name = "DAYS", value_parser = days, allow_negative_numbers = true)]
    pub password_min_age: Option<Value>,
    /// Days of warning before the password must be changed; none for no warning
    #[arg(long, value_name = "DAYS", value_parser = days, allow_negative_numbers = true)]
    pub password_warn: Option<Value>,
    /// Days after which a password that was not changed is no longer taken; none for never
    #[arg(long, value_name = "DAYS", value_parser = days, allow_negative_numbers = true)]
    pub password_inactive: Option<Value>,
}

impl RecordFlags {
    /// Whether no field was given.
    pub fn is_empty(&self) -> bool {
        self.clone().fields().is_empty()
    }

    /// The fields that were given, under the record's names.
    pub fn fields(self) -> Map<String, Value> {
        // Destructured, so that a new flag cannot be forgotten here.
        let Self {
            full_name,
            first_name,
            last_name,
            email,
            group,
            groups,
            create_groups,
            home,
            home_mode,
            home_create,
            home_adopt,
            shell,
            smb,
            ssh_password,
            ssh_keys,
            sudo,
            sudo_nopasswd,
            role,
            tags,
            attributes,
            expires,
            password_max_age,
            password_min_age,
            password_warn,
            password_inactive,
        } = self;
        let mut fields = Map::new();
        for (name, text) in [
            ("full_name", full_name),
            ("first_name", first_name),
            ("last_name", last_name),
            ("email", email),
            ("group", group),
            ("home", home),
            ("home_mode", home_mode),
            ("shell", shell),
            ("role", role),
            ("expires_at", expires),
        ] {
            if let Some(text) = text {
                fields.insert(name.to_owned(), text.into());
            }
        }
        for (name, days) in [
            ("password_max_age", password_max_age),
            ("password_min_age", password_min_age),
            ("password_warn", password_warn),
            ("password_inactive", password_inactive),
        ] {
            if let Some(days) = days {
                fields.insert(name.to_owned(), days);
            }
        }
        for (name, given) in [
            ("create_groups", create_groups),
            ("home_create", home_create),
            ("home_adopt", home_adopt),
            ("smb", smb),
            ("ssh_password_enabled", ssh_password),
        ] {
            if given {
                fields.insert(name.to_owned(), true.into());
            }
        }
        for (name, list) in [
            ("groups", groups),
            ("ssh_keys", ssh_keys.map(|keys| keys.into_iter().map(public_only).collect())),
            ("sudo_commands", sudo),
            ("sudo_commands_nopasswd", sudo_nopasswd),
            ("tags", tags),
        ] {
            if let Some(mut list) = list {
                // `--groups ''` names none.
                list.retain(|entry| !entry.is_empty());
                fields.insert(name.to_owned(), list.into());
            }
        }
        if let Some(attributes) = attributes {
            fields.insert("attributes".to_owned(), Value::Object(attributes.into_iter().collect()));
        }
        fields
    }
}

/// Words that are offered and shown in the help. Any other passes too: it is refused by field, beside
/// everything else that is wrong, which clap would not get to see.
#[derive(Debug, Clone, Copy)]
pub struct Known(pub &'static [&'static str]);

impl TypedValueParser for Known {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

/// A number, or else the text, which is refused by field.
pub fn number(text: &str) -> Result<Value, Infallible> {
    Ok(text.parse::<i64>().map_or_else(|_| text.into(), Value::from))
}

/// Days; the bus says -1 for none.
fn days(text: &str) -> Result<Value, Infallible> {
    if text == "none" { Ok(Value::from(-1)) } else { number(text) }
}

fn attribute(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("an attribute is written as key=json")?;
    let value = serde_json::from_str(value)
        .map_err(|_| format!("the value is no JSON; a text stands in quotes: {key}='\"text\"'"))?;
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_are_json() {
        assert_eq!(attribute("a={\"b\":[1]}"), Ok(("a".to_owned(), json!({"b": [1]}))));
        assert_eq!(attribute("a=\"x=y\""), Ok(("a".to_owned(), json!("x=y"))));
        assert!(attribute("a").is_err());
        assert!(attribute("a=text").is_err_and(|message| message.contains("a='\"text\"'")));
    }

    #[test]
    fn what_is_no_number_is_left_for_the_rules_to_refuse() {
        assert_eq!(number("3000"), Ok(json!(3000)));
        assert_eq!(number("-1"), Ok(json!(-1)));
        assert_eq!(number("x"), Ok(json!("x")));
        assert_eq!(number("99999999999999999999"), Ok(json!("99999999999999999999")));
        assert_eq!((days("none"), days("90")), (Ok(json!(-1)), Ok(json!(90))));
    }

    #[test]
    fn what_is_not_given_is_not_sent() {
        assert!(RecordFlags::default().fields().is_empty());
        let flags = RecordFlags { groups: Some(vec![String::new()]), ..RecordFlags::default() };
        assert_eq!(Value::Object(flags.fields()), json!({"groups": []}));
    }
}
