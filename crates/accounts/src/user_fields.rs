//! The fields a caller gives to create or update a user, each parsed into its type.

use serde_json::{Map, Value};

use crate::field_error::{Code, FieldErrors, Refused};
use crate::fields::Fields;
use crate::{
    DisplayText, Email, GroupRef, HomeMode, HomePath, Role, ShellPath, SshPublicKey, SudoCommand,
    Tag, Timestamp, Uid, UserName,
};

/// What a caller wants a record to hold; a field that was not given is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "each is the record's field of that name, see User")]
pub struct UserFields {
    pub name: Option<UserName>,
    pub uid: Option<Uid>,
    pub group: Option<GroupRef>,
    /// Make a group named as the user (the default when no group is given).
    pub group_create: Option<bool>,
    pub groups: Option<Vec<GroupRef>>,
    /// Make supplementary groups that do not exist.
    pub create_groups: Option<bool>,
    pub full_name: Option<DisplayText>,
    pub first_name: Option<DisplayText>,
    pub last_name: Option<DisplayText>,
    pub email: Option<Option<Email>>,
    pub home: Option<HomePath>,
    pub home_mode: Option<HomeMode>,
    /// Make the directory now.
    pub home_create: Option<bool>,
    /// Take a directory that is there and belongs to the uid.
    pub home_adopt: Option<bool>,
    pub shell: Option<ShellPath>,
    pub password_disabled: Option<bool>,
    pub locked: Option<bool>,
    pub ssh_password_enabled: Option<bool>,
    pub smb: Option<bool>,
    pub sudo_commands: Option<Vec<SudoCommand>>,
    pub sudo_commands_nopasswd: Option<Vec<SudoCommand>>,
    pub ssh_keys: Option<Vec<SshPublicKey>>,
    pub expires_at: Option<Option<Timestamp>>,
    pub password_max_age: Option<Option<u32>>,
    pub password_min_age: Option<Option<u32>>,
    pub password_warn: Option<Option<u32>>,
    pub password_inactive: Option<Option<u32>>,
    pub role: Option<Role>,
    pub tags: Option<Vec<Tag>>,
    pub attributes: Option<Map<String, Value>>,
}

/// Fields of the record that nobody can set by hand.
const READ_ONLY: &[&str] = &[
    "id",
    "gid",
    "enabled",
    "email_verified",
    "created_at",
    "updated_at",
    "generation",
    "builtin",
    "immutable",
    "local",
    "twofactor_auth_configured",
    "last_login",
    "first_login",
    "failed_logins",
    "password_changed_at",
    "tokens",
    "sid",
    "nt_name",
    "settings",
    "profile",
];

impl UserFields {
    /// Fields a plain user may change in the own record.
    pub const OWN: &[&str] = &["full_name", "first_name", "last_name", "shell"];

    /// Parses a request.
    ///
    /// # Errors
    /// Every field that is wrong, unknown or read only.
    pub fn parse(map: &Map<String, Value>) -> Result<Self, FieldErrors> {
        let (fields, errors) = Self::read(map);
        errors.into_result().map(|()| fields)
    }

    /// Parses a request as far as it goes: the fields that are right, and every one that is
    /// wrong, so that the caller can add what else it finds before refusing.
    #[must_use]
    pub fn read(map: &Map<String, Value>) -> (Self, FieldErrors) {
        let mut f = Fields::new(map);
        let fields = Self::take(&mut f);
        let mut errors = f.finish();
        for error in &mut errors.0 {
            if error.code == Code::UnknownField && READ_ONLY.contains(&error.field.as_str()) {
                error.code = Code::Immutable;
                error.message = "cannot be set by hand".to_owned();
            }
        }
        fields.check_together(&mut errors);
        (fields, errors)
    }

    /// The names of the fields that a request may hold.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let none = Map::new();
        let mut f = Fields::new(&none);
        let _ = Self::take(&mut f);
        f.into_names()
    }

    /// The names of the record's fields that no request may hold.
    #[must_use]
    pub const fn read_only() -> &'static [&'static str] {
        READ_ONLY
    }

    fn take(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.text("name", UserName::parse),
            uid: f.number("uid", Uid::parse),
            group: f.text("group", GroupRef::parse),
            group_create: f.flag("group_create"),
            groups: f.list("groups", 1024, GroupRef::parse),
            create_groups: f.flag("create_groups"),
            full_name: f.text("full_name", DisplayText::parse),
            first_name: f.text("first_name", DisplayText::parse),
            last_name: f.text("last_name", DisplayText::parse),
            email: f.optional_text("email", Email::parse),
            home: f.text("home", HomePath::parse),
            home_mode: f.text("home_mode", HomeMode::parse),
            home_create: f.flag("home_create"),
            home_adopt: f.flag("home_adopt"),
            shell: f.text("shell", ShellPath::parse),
            password_disabled: f.flag("password_disabled"),
            locked: f.flag("locked"),
            ssh_password_enabled: f.flag("ssh_password_enabled"),
            smb: f.flag("smb"),
            sudo_commands: f.list("sudo_commands", 256, SudoCommand::parse),
            sudo_commands_nopasswd: f.list("sudo_commands_nopasswd", 256, SudoCommand::parse),
            ssh_keys: f.list("ssh_keys", 64, SshPublicKey::parse),
            expires_at: f.optional_text("expires_at", Timestamp::parse),
            password_max_age: f.optional_days("password_max_age"),
            password_min_age: f.optional_days("password_min_age"),
            password_warn: f.optional_days("password_warn"),
            password_inactive: f.optional_days("password_inactive"),
            role: f.text("role", Role::parse),
            tags: f.list("tags", 64, Tag::parse),
            attributes: f.object("attributes", 64 * 1024),
        }
    }

    /// Rules that need more than one field.
    fn check_together(&self, errors: &mut FieldErrors) {
        if self.group.is_some() && self.group_create == Some(true) {
            errors.add("group_create", Code::Conflict, "give either group or group_create");
        }
        for (field, commands) in [
            ("sudo_commands", &self.sudo_commands),
            ("sudo_commands_nopasswd", &self.sudo_commands_nopasswd),
        ] {
            if let Some(commands) = commands
                && let Err(refused) = check_sudo_list(commands)
            {
                errors.add(field, refused.code, refused.message);
            }
        }
        if self.home_create == Some(true) && self.home.as_ref().is_some_and(HomePath::is_none) {
            errors.add("home_create", Code::Conflict, "that home says that there is none");
        }
    }
}

/// `ALL` stands alone.
///
/// # Errors
/// When it does not.
pub(crate) fn check_sudo_list(commands: &[SudoCommand]) -> Result<(), Refused> {
    if commands.len() > 1 && commands.contains(&SudoCommand::All) {
        return Err(Refused::new(Code::Conflict, "ALL stands alone: it covers the others"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<UserFields, FieldErrors> {
        let Value::Object(map) = value else { panic!("an object") };
        UserFields::parse(&map)
    }

    fn wrong(value: Value) -> Vec<(String, Code)> {
        parse(value).unwrap_err().0.into_iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut found = wrong(json!({
            "name": "ALL", "uid": 0, "home": "/", "shell": "bash", "email": "x", "locked": "yes",
            "home_mode": "777", "nonsense": 1, "created_at": "now", "groups": ["a", 1],
            "sudo_commands": ["ALL", "/bin/id"], "full_name": "a:b",
        }));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("created_at", Code::Immutable),
            ("email", Code::Invalid),
            ("full_name", Code::Invalid),
            ("groups", Code::WrongType),
            ("home", Code::Reserved),
            ("home_mode", Code::Invalid),
            ("locked", Code::WrongType),
            ("name", Code::Invalid),
            ("nonsense", Code::UnknownField),
            ("shell", Code::Invalid),
            ("sudo_commands", Code::Conflict),
            ("uid", Code::Reserved),
        ];
        assert_eq!(found, expected.map(|(f, c)| (f.to_owned(), c)));
    }

    #[test]
    fn none_can_be_said() {
        let fields =
            parse(json!({"email": null, "expires_at": "", "password_max_age": null})).unwrap();
        assert_eq!(fields.email, Some(None));
        assert_eq!(fields.expires_at, Some(None));
        assert_eq!(fields.password_max_age, Some(None));
        assert_eq!(fields.tags, None);
    }

    #[test]
    fn hostile_keys_are_escaped_and_cut() {
        let key = format!("a\u{1b}[31m\n{}", "x".repeat(1000));
        let errors = parse(json!({ key: 1 })).unwrap_err();
        assert!(errors.0[0].field.len() < 200 && !errors.0[0].field.contains('\u{1b}'));
    }

    #[test]
    fn duplicates_and_oversized_lists_are_refused() {
        assert_eq!(wrong(json!({"tags": ["a", "a"]})), [("tags".to_owned(), Code::Conflict)]);
        let many: Vec<_> = (0..65).map(|i| format!("t{i}")).collect();
        assert_eq!(wrong(json!({ "tags": many })), [("tags".to_owned(), Code::TooLong)]);
        let big = json!({ "attributes": { "x": "y".repeat(70_000) } });
        assert_eq!(wrong(big), [("attributes".to_owned(), Code::TooLong)]);
    }
}
