//! The fields that can be asked for: those of the published record, and no others.

/// What a field holds, which decides the operators it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, or null.
    Text,
    /// An instant, as RFC 3339 text, or null. Compared as an instant.
    Time,
    /// A file mode, as octal text.
    Mode,
    /// A whole number, or null.
    Number,
    /// True or false.
    Flag,
    /// A list of texts.
    Texts,
    /// Any JSON, which a dotted path leads into.
    Free,
}

/// A field of the user record ([`accounts::User`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name in the record.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// Every field, in the record's order.
pub const FIELDS: &[Field] = &[
    field("id", Kind::Text),
    field("name", Kind::Text),
    field("uid", Kind::Number),
    field("group", Kind::Text),
    field("gid", Kind::Number),
    field("groups", Kind::Texts),
    field("full_name", Kind::Text),
    field("first_name", Kind::Text),
    field("last_name", Kind::Text),
    field("email", Kind::Text),
    field("email_verified", Kind::Flag),
    field("home", Kind::Text),
    field("home_mode", Kind::Mode),
    field("shell", Kind::Text),
    field("password_disabled", Kind::Flag),
    field("locked", Kind::Flag),
    field("enabled", Kind::Flag),
    field("ssh_password_enabled", Kind::Flag),
    field("smb", Kind::Flag),
    field("sudo_commands", Kind::Texts),
    field("sudo_commands_nopasswd", Kind::Texts),
    field("ssh_keys", Kind::Free),
    field("expires_at", Kind::Time),
    field("password_max_age", Kind::Number),
    field("password_min_age", Kind::Number),
    field("password_warn", Kind::Number),
    field("password_inactive", Kind::Number),
    field("role", Kind::Text),
    field("tags", Kind::Texts),
    field("attributes", Kind::Free),
    field("settings", Kind::Free),
    field("profile", Kind::Free),
    field("created_at", Kind::Time),
    field("updated_at", Kind::Time),
    field("generation", Kind::Number),
    field("builtin", Kind::Flag),
    field("immutable", Kind::Flag),
    field("local", Kind::Flag),
    field("twofactor_auth_configured", Kind::Flag),
    field("last_login", Kind::Time),
    field("first_login", Kind::Time),
    field("failed_logins", Kind::Free),
    field("password_changed_at", Kind::Time),
    field("tokens", Kind::Free),
    field("sid", Kind::Text),
    field("nt_name", Kind::Text),
];

impl Field {
    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FIELDS.iter().copied().find(|field| field.name == name)
    }

    /// Whether it holds one value rather than a list or an object.
    #[must_use]
    pub const fn is_single(self) -> bool {
        !matches!(self.kind, Kind::Texts | Kind::Free)
    }
}
