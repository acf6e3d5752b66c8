//! The group record, and the fields a caller gives for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::field_error::FieldErrors;
use crate::fields::Fields;
use crate::user_fields::check_sudo_list;
use crate::{DisplayText, Gid, GroupId, GroupName, Subject, SudoCommand};

/// A group, in the field names of the published record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Immutable identifier.
    pub id: GroupId,
    /// Name.
    pub name: GroupName,
    /// Group number, immutable.
    pub gid: u32,
    /// What people call it.
    pub display_name: String,
    /// Names of its members, sorted; they may be users of /etc/passwd.
    pub members: Vec<String>,
    /// What sudo lets members run with their password.
    pub sudo_commands: Vec<String>,
    /// What sudo lets members run without their password.
    pub sudo_commands_nopasswd: Vec<String>,
    /// Made by Roster itself.
    pub builtin: bool,
}

/// What a caller wants a group to hold; a field that was not given is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the record's field of that name, see Group")]
pub struct GroupFields {
    pub name: Option<GroupName>,
    pub gid: Option<Gid>,
    pub display_name: Option<DisplayText>,
    pub members: Option<Vec<Subject>>,
    pub sudo_commands: Option<Vec<SudoCommand>>,
    pub sudo_commands_nopasswd: Option<Vec<SudoCommand>>,
}

/// Most members that one request may name. Others are added one by one.
const MOST_MEMBERS: usize = 10_000;

impl GroupFields {
    /// Parses a request.
    ///
    /// # Errors
    /// Every field that is wrong or unknown.
    pub fn parse(map: &Map<String, Value>) -> Result<Self, FieldErrors> {
        let mut f = Fields::new(map);
        let fields = Self::take(&mut f);
        let mut errors = f.finish();
        for (field, commands) in [
            ("sudo_commands", &fields.sudo_commands),
            ("sudo_commands_nopasswd", &fields.sudo_commands_nopasswd),
        ] {
            if let Some(Err(refused)) = commands.as_deref().map(check_sudo_list) {
                errors.add(field, refused.code, refused.message);
            }
        }
        errors.into_result().map(|()| fields)
    }

    /// The names of the fields that a request may hold.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let none = Map::new();
        let mut f = Fields::new(&none);
        let _ = Self::take(&mut f);
        f.into_names()
    }

    fn take(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.text("name", GroupName::parse),
            gid: f.number("gid", Gid::parse),
            display_name: f.text("display_name", DisplayText::parse),
            members: f.list("members", MOST_MEMBERS, Subject::parse),
            sudo_commands: f.list("sudo_commands", 256, SudoCommand::parse),
            sudo_commands_nopasswd: f.list("sudo_commands_nopasswd", 256, SudoCommand::parse),
        }
    }
}
