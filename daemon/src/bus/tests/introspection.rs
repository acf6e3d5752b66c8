//! The shipped introspection XML is what the live service answers.

use std::collections::BTreeSet;

use zbus::Connection;

use super::private_bus::{PrivateBus, ROOT};
use serde_json::json;

const ACCOUNTS: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.xml");
const ADMINISTRATION: &str =
    include_str!("../../../../packaging/dbus/org.roster.Accounts1.Administration.xml");
const IMPORT: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Import.xml");
const LIFECYCLE: &str =
    include_str!("../../../../packaging/dbus/org.roster.Accounts1.Lifecycle.xml");
const PASSWORDS: &str =
    include_str!("../../../../packaging/dbus/org.roster.Accounts1.Passwords.xml");
const AUDIT: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Audit.xml");
const MAIL: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Mail.xml");
const METADATA: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Metadata.xml");
const PLAN: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Plan.xml");
const TWO_FACTOR: &str =
    include_str!("../../../../packaging/dbus/org.roster.Accounts1.TwoFactor.xml");
const TOKENS: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Tokens.xml");
const QUERY: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Query.xml");
const GROUPS: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Groups.xml");
const GROUP: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Group.xml");
const USER: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.User.xml");

/// The members of an interface: each with its arguments and annotations, in their order.
pub(super) fn members(xml: &str, interface: &str) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    let mut inside = false;
    let mut member: Option<String> = None;
    for tag in tags(xml) {
        let (name, attributes) = tag.split_once(' ').unwrap_or((&tag, ""));
        let closed = attributes.ends_with('/') || name.ends_with('/');
        let mut attributes: Vec<&str> =
            attributes.trim_end_matches('/').split_inclusive("\" ").map(str::trim).collect();
        attributes.sort_unstable();
        match name {
            "interface" => inside = attributes == [format!("name=\"{interface}\"")],
            "/interface" => inside = false,
            "method" | "signal" | "property" if inside => {
                let text = format!("{name} {}", attributes.join(" "));
                if closed {
                    members.insert(text);
                } else {
                    member = Some(text);
                }
            }
            "arg" | "annotation" if inside => {
                let member = member.as_mut().expect("an argument belongs to a member");
                *member += &format!("; {name} {}", attributes.join(" "));
            }
            "/method" | "/signal" | "/property" if inside => {
                assert!(members.insert(member.take().expect("an open member")), "a member twice");
            }
            _ => assert!(!inside || name.starts_with('/'), "unexpected {tag:?}"),
        }
    }
    assert!(!members.is_empty(), "no interface {interface}");
    members
}

/// Interface and name of every method of ours.
pub(super) fn methods_of(xml: &str) -> BTreeSet<(String, String)> {
    let mut methods = BTreeSet::new();
    let mut interface = String::new();
    for tag in tags(xml) {
        let name = || tag.split_once("name=\"").unwrap().1.split('"').next().unwrap().to_owned();
        match tag.split([' ', '/']).next() {
            Some("interface") => interface = name(),
            Some("method") if interface.starts_with("org.roster.") => {
                methods.insert((interface.clone(), name()));
            }
            _ => {}
        }
    }
    methods
}

fn tags(xml: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end = if rest.starts_with("<!--") {
            rest.find("-->").unwrap() + 2
        } else {
            rest.find('>').unwrap()
        };
        if !rest.starts_with("<!") && !rest.starts_with("<?") {
            tags.push(rest[1..end].split_whitespace().collect::<Vec<_>>().join(" "));
        }
        rest = &rest[end + 1..];
    }
    tags
}

pub(super) async fn introspect(connection: &Connection, path: &str) -> String {
    let interface = Some("org.freedesktop.DBus.Introspectable");
    let destination = Some("org.roster.Accounts1");
    let reply = connection.call_method(destination, path, interface, "Introspect", &()).await;
    reply.unwrap().body().deserialize().unwrap()
}

#[test]
fn the_shipped_xml_is_the_live_introspection() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let (accounts, user, group) = bus.call_as(ROOT, |connection| async move {
        let proxy = bus::AccountsProxy::new(&connection).await.unwrap();
        let path = proxy.find_user("alice").await.unwrap();
        assert_eq!(path.as_str(), "/org/roster/Accounts1/user/3000");
        let accounts = introspect(&connection, "/org/roster/Accounts1").await;
        let user = introspect(&connection, &path).await;
        let to = Some("org.roster.Accounts1");
        let interface = Some("org.roster.Accounts1.Groups");
        let found = connection
            .call_method(to, "/org/roster/Accounts1", interface, "FindGroup", &("alice",))
            .await
            .unwrap();
        let path: zbus::OwnedObjectPath = found.body().deserialize().unwrap();
        assert_eq!(path.as_str(), "/org/roster/Accounts1/group/3000");
        (accounts, user, introspect(&connection, &path).await)
    });
    for (shipped, live, interface) in [
        (ACCOUNTS, &accounts, "org.roster.Accounts1"),
        (ADMINISTRATION, &accounts, "org.roster.Accounts1.Administration"),
        (IMPORT, &accounts, "org.roster.Accounts1.Import"),
        (LIFECYCLE, &accounts, "org.roster.Accounts1.Lifecycle"),
        (PASSWORDS, &accounts, "org.roster.Accounts1.Passwords"),
        (AUDIT, &accounts, "org.roster.Accounts1.Audit"),
        (MAIL, &accounts, "org.roster.Accounts1.Mail"),
        (METADATA, &accounts, "org.roster.Accounts1.Metadata"),
        (PLAN, &accounts, "org.roster.Accounts1.Plan"),
        (TWO_FACTOR, &accounts, "org.roster.Accounts1.TwoFactor"),
        (TOKENS, &accounts, "org.roster.Accounts1.Tokens"),
        (QUERY, &accounts, "org.roster.Accounts1.Query"),
        (GROUPS, &accounts, "org.roster.Accounts1.Groups"),
        (USER, &user, "org.roster.Accounts1.User"),
        (GROUP, &group, "org.roster.Accounts1.Group"),
    ] {
        let (shipped, live) = (members(shipped, interface), members(live, interface));
        let missing: Vec<_> = shipped.difference(&live).collect();
        let surplus: Vec<_> = live.difference(&shipped).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{interface}\nshipped, not live: {missing:#?}\nlive, not shipped: {surplus:#?}"
        );
    }
}

#[test]
fn a_difference_would_be_seen() {
    let interface = "org.roster.Accounts1";
    let shipped = members(ACCOUNTS, interface);
    for (from, to) in [
        ("<arg name=\"uid\" type=\"u\"", "<arg name=\"uid\" type=\"t\""),
        ("<arg name=\"holder\" type=\"s\" direction=\"in\"/>", ""),
        ("\"GetNextUid\"", "\"GetNextUID\""),
        ("value=\"const\"", "value=\"false\""),
    ] {
        assert!(ACCOUNTS.contains(from), "{from}");
        assert_ne!(members(&ACCOUNTS.replace(from, to), interface), shipped, "{from}");
    }
}
