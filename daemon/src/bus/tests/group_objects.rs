//! A group's object: its properties, what everybody hears of their changes, and its end.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use serde_json::json;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::message::{Message, Type};
use zbus::names::InterfaceName;
use zbus::{Connection, MessageStream};

use super::client::{Answer, Call, Client, text};
use super::private_bus::{PrivateBus, ROOT, STRANGER, dictionary, record};
use crate::bus::group_object::GroupObject;
use crate::bus::objects::Shown;
use crate::service::testing::subject;

const PATH: &str = "/org/roster/Accounts1/group/4000";
const INTERFACE: &str = "org.roster.Accounts1.Group";
const XML: &str = include_str!("../../../../packaging/dbus/org.roster.Accounts1.Group.xml");

fn with_group() -> PrivateBus {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let fields = dictionary(json!({"name": "dev", "gid": 4000, "display_name": "Engineers"}));
    bus.accounts_as(ROOT, |a| async move { a.create_group(&fields).await }).unwrap();
    let found = Client::new(&bus, ROOT).call(Call {
        path: "/org/roster/Accounts1".to_owned(),
        interface: "org.roster.Accounts1.Groups".to_owned(),
        method: "FindGroup".to_owned(),
        arguments: vec![text("dev")],
        interactive: false,
    });
    assert!(matches!(found, Answer::Done(_)), "{found:?}");
    bus
}

fn call(method: &str, arguments: Vec<zbus::Variant<'static>>) -> Call {
    Call {
        path: PATH.to_owned(),
        interface: INTERFACE.to_owned(),
        method: method.to_owned(),
        arguments,
        interactive: false,
    }
}

#[test]
fn the_object_shows_the_record_and_follows_it() {
    let bus = with_group();
    let root = Client::new(&bus, ROOT);
    let joined = root.call(call("AddMember", vec![text("alice")]));
    assert!(matches!(joined, Answer::Done(_)), "{joined:?}");
    let again = root.call(call("AddMember", vec![text("alice")]));
    assert!(matches!(again, Answer::Refused(_)), "{again:?}");
    let renamed =
        root.call(call("Update", vec![zbus::Variant::new(dictionary(json!({"name": "eng"})))]));
    assert!(matches!(renamed, Answer::Done(_)), "{renamed:?}");
    let all = bus.call_as(ROOT, |connection| async move {
        let builder = PropertiesProxy::builder(&connection).destination("org.roster.Accounts1");
        let proxy = builder.path(PATH).build().await.unwrap();
        proxy.get_all(InterfaceName::from_static_str_unchecked(INTERFACE)).await.unwrap()
    });
    let shown = record(&all);
    assert_eq!(shown["Name"], "eng");
    assert_eq!((&shown["Gid"], &shown["Members"]), (&json!(4000), &json!(["alice"])));
    assert_eq!((&shown["DisplayName"], &shown["Builtin"]), (&json!("Engineers"), &json!(false)));
    assert_eq!(shown.as_object().unwrap().len(), 8);
    let gone = root.call(call("Delete", vec![]));
    assert!(matches!(gone, Answer::Done(_)), "{gone:?}");
    // The object goes once its removal was signalled.
    while !matches!(root.call(call("Get", vec![])), Answer::Other(_)) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The path and name that a signal about a group carries.
fn names(signal: &Message) -> (String, String) {
    let (path, name): (zbus::OwnedObjectPath, String) = signal.body().deserialize().unwrap();
    (path.to_string(), name)
}

/// The signals of ours until the group was removed.
async fn heard(connection: &Connection, act: impl Future<Output = ()>) -> Vec<Message> {
    let rule = "type='signal',sender='org.roster.Accounts1'";
    DBusProxy::new(connection)
        .await
        .unwrap()
        .add_match_rule(rule.try_into().unwrap())
        .await
        .unwrap();
    let mut stream = MessageStream::from(connection);
    act.await;
    let mut signals = Vec::new();
    loop {
        let message = stream.next().await.unwrap().unwrap();
        if message.message_type() != Type::Signal {
            continue;
        }
        let header = message.header();
        let member = header.member().unwrap().to_string();
        let ours = header.interface().is_some_and(|interface| interface.starts_with("org.roster"));
        if ours || member == "PropertiesChanged" {
            signals.push(message);
        }
        let last = signals.last().filter(|_| member == "GroupRemoved");
        if last.is_some_and(|signal| names(signal).0 == PATH) {
            return signals;
        }
    }
}

#[test]
fn everybody_hears_of_groups_without_what_is_private() {
    let bus = with_group();
    let (ready, listening) = std::sync::mpsc::channel();
    let signals = std::thread::scope(|scope| {
        let root = Client::new(&bus, ROOT);
        let manager = |method: &str, arguments| Call {
            path: "/org/roster/Accounts1".to_owned(),
            interface: "org.roster.Accounts1".to_owned(),
            method: method.to_owned(),
            arguments,
            interactive: false,
        };
        let act = move || {
            listening.recv().unwrap();
            let none = || zbus::Variant::new(dictionary(json!({})));
            let fields = |value| zbus::Variant::new(dictionary(value));
            for step in [
                // A user that joins, is renamed and leaves changes what the group shows.
                manager(
                    "UpdateUser",
                    vec![text("alice"), fields(json!({"groups": ["dev"]})), none()],
                ),
                manager(
                    "UpdateUser",
                    vec![text("alice"), fields(json!({"name": "alicia"})), none()],
                ),
                manager("DeleteUser", vec![text("alicia"), none()]),
                manager("GrantSudo", vec![text("%dev"), text("/usr/bin/id"), none()]),
                call("Update", vec![fields(json!({"display_name": "New"}))]),
                call("Delete", vec![]),
            ] {
                let method = step.method.clone();
                let answer = root.call(step);
                assert!(matches!(answer, Answer::Done(_)), "{method}: {answer:?}");
            }
        };
        scope.spawn(act);
        bus.call_as(STRANGER, |connection| async move {
            heard(&connection, async { ready.send(()).unwrap() }).await
        })
    });
    let mut changes: Vec<(BTreeMap<String, String>, Vec<String>)> = Vec::new();
    let mut told = Vec::new();
    for signal in &signals {
        let header = signal.header();
        let member = header.member().unwrap().to_string();
        let path = header.path().unwrap().to_string();
        if member == "PropertiesChanged" && path == PATH {
            let (_, values, hidden): (String, bus::Dictionary, Vec<String>) =
                signal.body().deserialize().unwrap();
            let values = values.iter().map(|(key, value)| (key.clone(), value.to_string()));
            changes.push((values.collect(), hidden));
        } else if member.starts_with("Group") {
            let (path, name) = names(signal);
            told.push(format!("{member} {path} {name}"));
        }
    }
    let hidden = |name: &str| (BTreeMap::new(), vec![name.to_owned()]);
    let expected = [
        // Who is in the group may be a long list: it is read by who wants it.
        hidden("Members"),
        hidden("Members"),
        hidden("Members"),
        hidden("SudoCommands"),
        hidden("DisplayName"),
    ];
    assert_eq!(changes, expected);
    let changed = format!("GroupChanged {PATH} dev");
    assert_eq!(told.iter().filter(|line| **line == changed).count(), 5, "{told:#?}");
    let own = "GroupRemoved /org/roster/Accounts1/group/3000 alice".to_owned();
    assert!(told.contains(&own), "{told:#?}");
}

#[test]
fn what_is_signalled_with_its_value_is_what_the_xml_says() {
    let bus = with_group();
    let group = bus.service.group(&subject("dev")).unwrap();
    for property in GroupObject::properties(&group) {
        let declared = format!("<property name=\"{}\"", property.name);
        let element = XML.split_once(&declared).expect("declared").1.split_once('>').unwrap().0;
        assert_eq!(element.ends_with('/'), property.public, "{}", property.name);
        let kind = format!("type=\"{}\"", property.value.value_signature());
        assert!(element.contains(&kind), "{}", property.name);
    }
    for name in GroupObject::UNREAD {
        let declared = format!("<property name=\"{name}\" type=\"as\" access=\"read\">");
        let annotation = XML.split_once(&declared).expect("declared").1.split_once("/>").unwrap().0;
        assert!(annotation.contains("EmitsChangedSignal\" value=\"invalidates\""), "{name}");
    }
}
