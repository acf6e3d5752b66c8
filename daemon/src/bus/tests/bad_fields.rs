//! Bad input, field by field: everything that a field of a user or a group does not take is refused
//! by that field's name, nothing is written, and the daemon goes on.
//!
//! Names are ASCII, so that none looks like another; free text takes any script, but nothing that is
//! invisible or reorders what stands beside it. NUL cannot stand in a text of D-Bus at all: the bus
//! closes the connection of who tries. Of a key that comes twice in a dictionary the last one counts,
//! for what is asked of polkit and for what is done.

use accounts::{GroupFields, UserFields};
use bus::ErrorName;
use serde_json::json;
use zbus::{OwnedVariant, Structure, Variant};

use super::client::{Answer, Call, Client, secret, text};
use super::private_bus::{PrivateBus, ROOT, dictionary};

/// What a field takes, as far as what it does not take is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, a path, a choice: no text of the table.
    Token,
    /// A list of such.
    Tokens,
    /// What people write: other scripts, and nothing at all.
    Free,
    /// A list of what people write.
    FreeList,
    /// A token, or the empty text for none.
    Optional,
    Flag,
    Number,
    /// A number of days, or a negative one for none.
    Days,
    Object,
}

/// Every field of a user. One that is new belongs here.
const USER: &[(&str, Kind)] = &[
    ("name", Kind::Token),
    ("uid", Kind::Number),
    ("group", Kind::Token),
    ("group_create", Kind::Flag),
    ("groups", Kind::Tokens),
    ("create_groups", Kind::Flag),
    ("full_name", Kind::Free),
    ("first_name", Kind::Free),
    ("last_name", Kind::Free),
    ("email", Kind::Optional),
    ("home", Kind::Token),
    ("home_mode", Kind::Token),
    ("home_create", Kind::Flag),
    ("home_adopt", Kind::Flag),
    ("shell", Kind::Token),
    ("password_disabled", Kind::Flag),
    ("locked", Kind::Flag),
    ("ssh_password_enabled", Kind::Flag),
    ("smb", Kind::Flag),
    ("sudo_commands", Kind::Tokens),
    ("sudo_commands_nopasswd", Kind::Tokens),
    ("ssh_keys", Kind::Tokens),
    ("expires_at", Kind::Optional),
    ("password_max_age", Kind::Days),
    ("password_min_age", Kind::Days),
    ("password_warn", Kind::Days),
    ("password_inactive", Kind::Days),
    ("role", Kind::Token),
    ("tags", Kind::FreeList),
    ("attributes", Kind::Object),
];

/// Every field of a group.
const GROUP: &[(&str, Kind)] = &[
    ("name", Kind::Token),
    ("gid", Kind::Number),
    ("display_name", Kind::Free),
    ("members", Kind::Tokens),
    ("sudo_commands", Kind::Tokens),
    ("sudo_commands_nopasswd", Kind::Tokens),
];

/// Text that is wrong wherever it is not said otherwise.
const OTHER_SCRIPT: &str = "\u{430}lice";

pub(super) fn texts() -> Vec<String> {
    vec![
        String::new(),
        " ".to_owned(),
        "x".repeat(100_000),
        "a\u{1b}[2Jb".to_owned(),
        "a\nb".to_owned(),
        "a\rb".to_owned(),
        "a\tb".to_owned(),
        "a\u{7f}b".to_owned(),
        "a\u{85}b".to_owned(),
        "a:b".to_owned(),
        "a\u{202e}b".to_owned(),
        "a\u{2066}b".to_owned(),
        "a\u{200b}b".to_owned(),
        "a\u{feff}b".to_owned(),
        OTHER_SCRIPT.to_owned(),
    ]
}

fn strings(list: Vec<String>) -> Variant<'static> {
    Variant::new(list)
}

/// A text in thirty variants.
pub(super) fn wrapped() -> Variant<'static> {
    (0..30).fold(text("deep"), |inner, _| Variant::Variant(Box::new(inner)))
}

/// A dictionary in eighteen dictionaries: of more, D-Bus itself would not hear.
pub(super) fn nested() -> Variant<'static> {
    (0..18).fold(text("deep"), |inner, _| {
        let inner: OwnedVariant = inner.try_into_owned().unwrap();
        Variant::new(std::collections::HashMap::from([("k".to_owned(), inner)]))
    })
}

/// What a field of that kind does not take, with what it is called in failures.
fn bad(kind: Kind) -> Vec<(String, Variant<'static>)> {
    let mut bad: Vec<(String, Variant<'static>)> = Vec::new();
    let mut add = |name: &str, value: Variant<'static>| bad.push((name.to_owned(), value));
    // No field takes these.
    add("descriptor", secret("x"));
    let structure = Structure::builder().add_field(1u8).add_field("x").build().unwrap();
    add("structure", Variant::Structure(structure));
    add("signature", Variant::Signature(zbus::wire::Signature::U8));
    add("variants in variants", wrapped());
    add("dictionaries in dictionaries", nested());
    add("bytes", Variant::new(vec![7u8; 100_000]));
    add("not a number", Variant::F64(f64::NAN));
    let scalars = [
        ("number", Variant::I64(7)),
        ("fraction", Variant::F64(1.5)),
        ("truth", Variant::Bool(true)),
        ("text", text("true")),
        ("list of texts", strings(vec!["a".to_owned()])),
        ("dictionary", Variant::new(dictionary(json!({"a": 1})))),
    ];
    for (name, value) in scalars {
        let takes = match kind {
            Kind::Token | Kind::Free | Kind::Optional => name == "text",
            Kind::Tokens | Kind::FreeList => name == "list of texts",
            Kind::Flag => name == "truth",
            Kind::Number | Kind::Days => name == "number",
            Kind::Object => name == "dictionary",
        };
        if !takes {
            add(name, value);
        }
    }
    match kind {
        Kind::Token | Kind::Free | Kind::Optional => {
            for wrong in texts() {
                let shown = format!("{:.20?}", wrong.chars().take(12).collect::<String>());
                let fine = match kind {
                    Kind::Free => wrong.trim().is_empty() || wrong == OTHER_SCRIPT,
                    Kind::Optional => wrong.is_empty(),
                    _ => false,
                };
                if !fine {
                    add(&shown, text(&wrong));
                }
            }
        }
        Kind::Tokens | Kind::FreeList => {
            for wrong in texts() {
                let shown = format!("[{:.20?}]", wrong.chars().take(12).collect::<String>());
                // Tags may hold colons: they stand in no line.
                let fine = kind == Kind::FreeList && (wrong == OTHER_SCRIPT || wrong == "a:b");
                if !fine {
                    add(&shown, strings(vec![wrong]));
                }
            }
            let many = (0..20_000).map(|n| format!("t{n}")).collect();
            add("many texts", strings(many));
            let twice = vec!["users".to_owned(), "users".to_owned()];
            add("the same text twice", strings(twice));
            add("a number in a list", Variant::new(vec![7i64]));
        }
        Kind::Number => {
            for number in [-1, i64::MIN, i64::MAX, 0, 65534, 65535, 4_294_967_295, 500, 1_000_000] {
                add(&number.to_string(), Variant::I64(number));
            }
            add("the largest", Variant::U64(u64::MAX));
        }
        Kind::Days => {
            add("100000", Variant::I64(100_000));
            add("the largest", Variant::U64(u64::MAX));
        }
        Kind::Object => {
            let large = json!({"k": "x".repeat(70_000)});
            add("too large", Variant::new(dictionary(large)));
        }
        Kind::Flag => {}
    }
    bad
}

/// What is called with the fields; a value that is wrong must be refused by its field's name.
struct Matrix {
    bus: PrivateBus,
    root: Client,
    before: Vec<String>,
    /// What went otherwise.
    wrong: Vec<String>,
    tried: usize,
}

impl Matrix {
    fn new() -> Self {
        let bus = PrivateBus::new();
        bus.create(json!({"name": "alice"}));
        let dev = dictionary(json!({"name": "dev"}));
        bus.accounts_as(ROOT, |a| async move { a.create_group(&dev).await }).unwrap();
        let (root, before) = (Client::new(&bus, ROOT), bus.service.dump());
        Self { bus, root, before, wrong: Vec::new(), tried: 0 }
    }

    fn call(&self, interface: &str, method: &str, arguments: Vec<Variant<'static>>) -> Answer {
        self.root.call(Call {
            path: "/org/roster/Accounts1".to_owned(),
            interface: interface.to_owned(),
            method: method.to_owned(),
            arguments,
            interactive: false,
        })
    }

    /// Gives the fields to that method, and expects to hear that one of them is refused.
    fn refuses(
        &mut self,
        method: &str,
        fields: Vec<(&str, Variant<'static>)>,
        field: &str,
        what: &str,
    ) {
        let fields = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.try_into_owned().unwrap()));
        let fields = Variant::new(fields.collect::<bus::Dictionary>());
        let none = || Variant::new(bus::Dictionary::new());
        let accounts = "org.roster.Accounts1";
        let answer = match method {
            "CreateUser" => self.call(accounts, method, vec![fields, none()]),
            "UpdateUser" => self.call(accounts, method, vec![text("alice"), fields, none()]),
            "CreateGroup" => self.call(accounts, method, vec![fields]),
            _ => {
                self.call("org.roster.Accounts1.Administration", method, vec![text("dev"), fields])
            }
        };
        self.tried += 1;
        let complaint = match &answer {
            Answer::Refused(error) if error.name == ErrorName::InvalidField => {
                let named = error.fields.0.iter().find(|refused| refused.field == field);
                match named {
                    None => Some(format!("does not name the field: {error:?}")),
                    Some(named) if named.message.is_empty() || named.message.len() > 1000 => {
                        Some(format!("says {:?}", named.message))
                    }
                    Some(named) if named.message.chars().any(char::is_control) => {
                        Some(format!("repeats control characters: {:?}", named.message))
                    }
                    Some(_) => None,
                }
            }
            Answer::Refused(error) => Some(format!("{:?}: {}", error.name, error.message)),
            Answer::Other(error) => Some(format!("no error of ours: {error}")),
            Answer::Done(_) => Some("takes it".to_owned()),
        };
        let after = self.bus.service.dump();
        if after != self.before {
            self.wrong.push(format!("{method} {field} {what}: the store has changed"));
            self.before = after;
        }
        if let Some(complaint) = complaint {
            self.wrong.push(format!("{method} {field} {what}: {complaint:.300}"));
        }
    }

    fn finish(self, least: usize) {
        let alive = self.bus.accounts_as(ROOT, |a| async move { a.get_user("alice").await });
        alive.unwrap();
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert!(self.tried >= least, "{}", self.tried);
    }
}

/// What a request needs beside the field that is tried.
fn with<'a>(
    method: &str,
    field: &'a str,
    value: Variant<'static>,
) -> Vec<(&'a str, Variant<'static>)> {
    let mut fields = vec![(field, value)];
    if method.starts_with("Create") && field != "name" {
        fields.push(("name", text("fresh")));
    }
    fields
}

#[test]
fn every_field_refuses_what_it_does_not_take_by_name() {
    let mut matrix = Matrix::new();
    for (methods, fields) in
        [(["CreateUser", "UpdateUser"], USER), (["CreateGroup", "UpdateGroup"], GROUP)]
    {
        for method in methods {
            for (field, kind) in fields {
                for (what, value) in bad(*kind) {
                    matrix.refuses(method, with(method, field, value), field, &what);
                }
            }
        }
    }
    matrix.finish(1000);
}

#[test]
fn every_field_there_is_is_tried() {
    let names = |table: &[(&'static str, Kind)]| {
        let mut names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    };
    let (mut user, mut group) = (UserFields::names(), GroupFields::names());
    user.sort_unstable();
    group.sort_unstable();
    assert_eq!(names(USER), user, "a line in USER for each field");
    assert_eq!(names(GROUP), group, "a line in GROUP for each field");
}

#[test]
fn fields_that_are_unknown_read_only_or_contradict_each_other_are_refused_by_name() {
    let mut matrix = Matrix::new();
    for method in ["CreateUser", "UpdateUser", "CreateGroup", "UpdateGroup"] {
        for key in ["nonsense", "Name", " name", "name ", "", "n\u{430}me", "sudo", "password"] {
            matrix.refuses(method, with(method, key, text("x")), key, "unknown");
        }
        let hidden = with(method, "a\u{1b}[2J\u{202e}", text("x"));
        matrix.refuses(method, hidden, "a\\u{1b}[2J\\u{202e}", "unknown");
    }
    for method in ["CreateUser", "UpdateUser"] {
        for key in UserFields::read_only() {
            matrix.refuses(method, with(method, key, text("x")), key, "read only");
        }
        let flag = || Variant::Bool(true);
        let both =
            vec![("group", text("users")), ("group_create", flag()), ("name", text("fresh"))];
        matrix.refuses(method, both, "group_create", "with group");
        let commands = strings(vec!["ALL".to_owned(), "/usr/bin/id".to_owned()]);
        let both = with(method, "sudo_commands", commands);
        matrix.refuses(method, both, "sudo_commands", "ALL with others");
        let none =
            vec![("home", text("/var/empty")), ("home_create", flag()), ("name", text("fresh"))];
        matrix.refuses(method, none, "home_create", "without a home");
        let shell = vec![
            ("shell", text("/usr/sbin/nologin")),
            ("ssh_password_enabled", flag()),
            ("name", text("fresh")),
        ];
        matrix.refuses(method, shell, "ssh_password_enabled", "without a login shell");
    }
    matrix.refuses("CreateUser", vec![], "name", "missing");
    matrix.refuses("CreateGroup", vec![], "name", "missing");
    matrix.finish(80);
}
