//! The fields of the forms, each with its rule and its default.

/// A field of a form.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The record's name for it.
    pub name: &'static str,
    /// Its rule, for people.
    pub rule: &'static str,
    /// What it is when its line says nothing; shown behind `#`.
    pub default: &'static str,
}

macro_rules! fields {
    ($($name:ident: $default:literal, $rule:literal;)*) => {
        &[$(Field { name: stringify!($name), rule: $rule, default: $default }),*]
    };
}

/// A new user.
pub const USER_CREATE: &[Field] = fields! {
    name: r#""""#, "Login name: a-z 0-9 _ . -, starting with a letter or _, 32 at most";
    uid: "3000", "Number; the next free one when not given";
    full_name: r#""""#, "Full name: no colon; first and last name when not given";
    first_name: r#""""#, "First name";
    last_name: r#""""#, "Last name";
    email: r#""""#, "Mail address";
    group: r#""""#, "Primary group, by name or number; a new one named as the user when not given";
    groups: "[]", "Supplementary groups, by name or number";
    create_groups: "false", "Create the supplementary groups that do not exist";
    home: r#""/home/NAME""#, "Home directory; /var/empty for none";
    home_mode: r#""0700""#, "Its mode, octal; no writing for group and others";
    home_create: "false", "Create it now, not at the first login";
    home_adopt: "false", "Take one that is there already and belongs to the uid";
    shell: r#""/bin/bash""#, "Login shell, one of `roster user shells`";
    password_disabled: "false", "No password: keys only";
    locked: "false", "Lock the account at once";
    ssh_password_enabled: "false", "Whether sshd takes the password, not only keys";
    smb: "false", "Whether Samba knows the account";
    ssh_keys: "[]", "Public SSH keys, each as in id_ed25519.pub";
    sudo_commands: "[]", "What sudo may run with the password: ALL, a path, or a path and its arguments";
    sudo_commands_nopasswd: "[]", "What sudo may run without the password";
    role: r#""user""#, "What the account may do to others: user, auditor, helpdesk or admin";
    tags: "[]", "Labels";
    attributes: "'{}'", "Free attributes: a JSON object, as text";
    expires_at: r#""2030-01-31""#, "When the account ends; never when not given";
    password_max_age: "-1", "Days after which the password must be changed; -1 for never";
    password_min_age: "-1", "Days before which it may not be changed again; -1 for none";
    password_warn: "-1", "Days of warning before it is due; -1 for none";
    password_inactive: "-1", "Days after it was due until the account is refused; -1 for never";
};

/// A user that is there.
pub const USER_UPDATE: &[Field] = fields! {
    name: r#""""#, "Login name: a-z 0-9 _ . -, starting with a letter or _, 32 at most";
    full_name: r#""""#, "Full name: no colon";
    first_name: r#""""#, "First name";
    last_name: r#""""#, "Last name";
    email: r#""""#, "Mail address";
    group: r#""""#, "Primary group, by name or number";
    groups: "[]", "Supplementary groups, by name or number";
    create_groups: "false", "Create the supplementary groups that do not exist";
    home: r#""""#, "Home directory; /var/empty for none";
    home_mode: r#""0700""#, "Its mode, octal; no writing for group and others";
    home_create: "false", "Create it now, not at the next login";
    home_adopt: "false", "Take one that is there already and belongs to the uid";
    shell: r#""/bin/bash""#, "Login shell, one of `roster user shells`";
    password_disabled: "false", "No password: keys only";
    ssh_password_enabled: "false", "Whether sshd takes the password, not only keys";
    smb: "false", "Whether Samba knows the account";
    ssh_keys: "[]", "Public SSH keys, each as in id_ed25519.pub";
    sudo_commands: "[]", "What sudo may run with the password: ALL, a path, or a path and its arguments";
    sudo_commands_nopasswd: "[]", "What sudo may run without the password";
    role: r#""user""#, "What the account may do to others: user, auditor, helpdesk or admin";
    tags: "[]", "Labels";
    attributes: "'{}'", "Free attributes: a JSON object, as text";
    expires_at: r#""2030-01-31""#, "When the account ends; an empty text for never";
    password_max_age: "-1", "Days after which the password must be changed; -1 for never";
    password_min_age: "-1", "Days before which it may not be changed again; -1 for none";
    password_warn: "-1", "Days of warning before it is due; -1 for none";
    password_inactive: "-1", "Days after it was due until the account is refused; -1 for never";
};

/// A new group.
pub const GROUP_CREATE: &[Field] = fields! {
    name: r#""""#, "Name: a-z 0-9 _ . -, starting with a letter or _, 32 at most";
    gid: "3000", "Number; the next free one when not given";
    display_name: r#""""#, "What people call it";
    members: "[]", "Its members: users of Roster, or of /etc/passwd";
    sudo_commands: "[]", "What sudo lets members run with the password: ALL, a path, or a path and its arguments";
    sudo_commands_nopasswd: "[]", "What sudo lets members run without the password";
};

/// A group that is there.
pub const GROUP_UPDATE: &[Field] = fields! {
    name: r#""""#, "Name: a-z 0-9 _ . -, starting with a letter or _, 32 at most";
    display_name: r#""""#, "What people call it; an empty text for nothing";
    members: "[]", "Its members: users of Roster, or of /etc/passwd";
    sudo_commands: "[]", "What sudo lets members run with the password: ALL, a path, or a path and its arguments";
    sudo_commands_nopasswd: "[]", "What sudo lets members run without the password";
};

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of the record that has no line in a form cannot be set there.
    #[test]
    fn the_forms_have_every_field_that_can_be_set() {
        let has = |form: &[Field], name: &str| form.iter().any(|field| field.name == name);
        for name in crate::user::record::ALL {
            let request =
                serde_json::Map::from_iter([((*name).to_owned(), serde_json::json!(null))]);
            let (_, errors) = accounts::UserFields::read(&request);
            let can_be_set = !errors.0.iter().any(|error| {
                matches!(error.code, accounts::Code::Immutable | accounts::Code::UnknownField)
            });
            assert_eq!(has(USER_CREATE, name), can_be_set, "{name}");
            let later = can_be_set && !["uid", "locked"].contains(name);
            assert_eq!(has(USER_UPDATE, name), later, "{name}");
        }
    }
}
