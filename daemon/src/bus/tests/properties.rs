//! A user's object: who reads its properties, and what everybody hears of their changes.

use futures_util::StreamExt;
use serde_json::json;
use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::{Connection, fdo};

use super::answers::refused;
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary, record};
use crate::authorize::{Action, Decision, decide};
use crate::bus::objects::Shown;
use crate::bus::user_object::UserObject;
use crate::service::testing::subject;

const PATH: &str = "/org/roster/Accounts1/user/3000";
const INTERFACE: &str = "org.roster.Accounts1.User";

async fn proxy(connection: &Connection) -> PropertiesProxy<'static> {
    let builder = PropertiesProxy::builder(connection).destination("org.roster.Accounts1");
    builder.path(PATH).build().await.unwrap()
}

fn interface() -> InterfaceName<'static> {
    InterfaceName::from_static_str_unchecked(INTERFACE)
}

fn with_alice() -> PrivateBus {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "email": "alice@example.org"}));
    let find = bus.accounts_as(ALICE, |a| async move { a.find_user("alice").await });
    assert_eq!(find.unwrap().as_str(), PATH);
    bus
}

#[test]
fn properties_are_read_by_those_who_may_read_the_record() {
    let bus = with_alice();
    for uid in [ROOT, ALICE] {
        let all = bus.call_as(uid, |connection| async move {
            proxy(&connection).await.get_all(interface()).await.unwrap()
        });
        assert_eq!(all.len(), 17);
        assert_eq!(<&str>::try_from(&all["Email"]).unwrap(), "alice@example.org");
        assert_eq!(u32::try_from(&all["Uid"]).unwrap(), ALICE);
    }
    bus.create(json!({"name": "bob"}));
    for uid in [STRANGER, ALICE + 1] {
        let (all, one) = bus.call_as(uid, |connection| async move {
            let proxy = proxy(&connection).await;
            (proxy.get_all(interface()).await, proxy.get(interface(), "Email").await)
        });
        assert!(matches!(all, Err(fdo::Error::AccessDenied(_))), "{all:?}");
        let error = format!("{:?}", one.unwrap_err());
        assert!(error.contains("org.roster.Accounts1.Error.NotAuthorized"), "{error}");
    }
}

#[test]
fn changes_are_signalled_without_what_is_private() {
    let bus = with_alice();
    let service = std::sync::Arc::clone(&bus.service);
    let (ready, listening) = std::sync::mpsc::channel();
    // A thread of root's: the listener's is a stranger's, and so are those that it starts.
    let change = std::thread::spawn(move || {
        listening.recv().unwrap();
        let caller = service.caller(ROOT).unwrap();
        let target = service.target(&subject("alice")).unwrap();
        let Decision::Allow(grant) = decide(&caller, Action::UserUpdate, Some(&target)) else {
            panic!("root may");
        };
        let fields = json!({"shell": "/bin/sh", "email": "other@example.org"});
        let fields = fields.as_object().unwrap().clone();
        service.update_user(&grant, &subject("alice"), &fields, None).unwrap();
    });
    let (values, hidden) = bus.call_as(STRANGER, |connection| async move {
        let proxy = proxy(&connection).await;
        let mut signals = proxy.receive_properties_changed().await.unwrap();
        ready.send(()).unwrap();
        let signal = signals.next().await.unwrap();
        let args = signal.args().unwrap();
        let values: Vec<(String, String)> = args
            .changed_properties()
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect();
        let hidden: Vec<String> =
            args.invalidated_properties().iter().map(|name| (*name).to_owned()).collect();
        (values, hidden)
    });
    change.join().unwrap();
    assert_eq!(values, [("Shell".to_owned(), "\"/bin/sh\"".to_owned())]);
    assert_eq!(hidden, ["Email", "Generation"]);
}

#[test]
fn users_come_and_go_with_signals_and_their_objects() {
    let bus = with_alice();
    let heard = bus.call_as(ROOT, |connection| async move {
        let accounts = bus::AccountsProxy::new(&connection).await.unwrap();
        let mut added = accounts.receive_user_added().await.unwrap();
        let mut removed = accounts.receive_user_removed().await.unwrap();
        let bob = dictionary(json!({"name": "bob"}));
        accounts.create_user(&bob, [].into()).await.unwrap();
        accounts.delete_user("alice", [].into()).await.unwrap();
        let added = added.next().await.unwrap();
        let removed = removed.next().await.unwrap();
        let gone = proxy(&connection).await.get(interface(), "Name").await;
        let names =
            (added.args().unwrap().name().to_string(), removed.args().unwrap().path().to_string());
        (names, gone)
    });
    assert_eq!(heard.0, ("bob".to_owned(), PATH.to_owned()));
    assert!(matches!(heard.1, Err(fdo::Error::UnknownObject(_))), "{:?}", heard.1);
}

#[test]
fn what_is_signalled_with_its_value_is_what_the_xml_says() {
    let bus = with_alice();
    let user = bus.service.user(&subject("alice")).unwrap();
    let xml = include_str!("../../../../packaging/dbus/org.roster.Accounts1.User.xml");
    for property in UserObject::properties(&user) {
        let declared = format!("<property name=\"{}\"", property.name);
        let rest = xml.split_once(&declared).expect("declared").1;
        let element = rest.split_once('>').unwrap().0;
        assert_eq!(element.ends_with('/'), property.public, "{}", property.name);
        let kind = format!("type=\"{}\"", property.value.value_signature());
        assert!(element.contains(&kind), "{}", property.name);
    }
}

#[test]
fn of_two_who_change_what_they_have_read_one_wins_and_everybody_hears_of_it() {
    let bus = with_alice();
    bus.call_as(ROOT, |connection| async move {
        let accounts = bus::AccountsProxy::new(&connection).await.unwrap();
        let mut changed = accounts.receive_user_changed().await.unwrap();
        let read = record(&accounts.get_user("alice").await.unwrap());
        let generation = read["generation"].as_u64().unwrap();
        let change = |name: &str| {
            let fields = dictionary(json!({ "full_name": name }));
            let options = [("expect_generation", zbus::Variant::U64(generation))];
            let accounts = accounts.clone();
            async move { accounts.update_user("alice", &fields, options.into()).await }
        };
        let (one, other) = tokio::join!(change("One"), change("Other"));
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        let won = record(&won.unwrap());
        assert_eq!(won["generation"].as_u64().unwrap(), generation + 1);
        assert_eq!(refused(lost).name, bus::ErrorName::StaleGeneration);
        assert_eq!(record(&accounts.get_user("alice").await.unwrap()), won);
        let signal = changed.next().await.unwrap();
        let args = signal.args().unwrap();
        assert_eq!((args.path().as_str(), *args.name()), (PATH, "alice"));
    });
}
