//! The accounts of the walk, on a bus of their own.

use bus::ErrorName;
use serde_json::json;

use super::super::client::{Answer, Call, Clients};
use super::super::private_bus::{PrivateBus, ROOT, STRANGER};
use super::arguments;
use super::methods::{METHODS, Method};
use super::table::Caller;
use crate::authorize::{Action, Actor, Decision, Grant, decide};
use crate::secret::Secret;
use crate::service::testing::{Fixture, secret, subject};
use crate::service::{NewPassword, Provider, Service};

/// The password that everybody has.
pub(super) const PASSWORD: &str = "correct horse battery";
/// A group of ours.
pub(super) const GROUPS_NAME: &str = "walkers";
/// Its number.
pub(super) const GROUPS_GID: u32 = 1_987_700_000;
/// Numbers that nobody has on the machine that runs the tests: processes of theirs are ended.
const FIRST_UID: u32 = 1_987_600_000;
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) uid: u32,
    /// The id of its key.
    pub(super) key: i64,
    /// What its authenticator shows.
    pub(super) code: String,
    /// The id of its app password.
    pub(super) token: i64,
    /// Its tokens of a login.
    pub(super) access: String,
    pub(super) refresh: String,
    /// The token that was mailed to it.
    pub(super) mailed: String,
}

/// Name, record, and whom it stands for: a caller, or a letter of `table::ACCOUNTS_OF`.
const PEOPLE: [(&str, &str, Option<Caller>, char); 11] = [
    ("boss", "admin", Some(Caller::Admin), ' '),
    ("desk", "helpdesk", Some(Caller::Helpdesk), ' '),
    ("eyes", "auditor", Some(Caller::Auditor), ' '),
    ("carol", "user", Some(Caller::User), ' '),
    ("shut", "admin", Some(Caller::Locked), ' '),
    ("plain", "user", None, 'p'),
    ("power", "user", None, 's'),
    ("eyes2", "auditor", None, 'a'),
    ("desk2", "helpdesk", None, 'h'),
    ("boss2", "admin", None, 'A'),
    // Whatever becomes of the other two, an administrator is left.
    ("boss3", "admin", None, ' '),
];

/// A bus with everybody's account behind it.
pub(super) struct Site {
    pub(super) bus: PrivateBus,
    clients: Clients,
    people: Vec<Person>,
    pub(super) pristine: Vec<String>,
}

impl Site {
    pub(super) fn new() -> Self {
        let fixture = Fixture::in_memory();
        let mut people = Vec::new();
        let mut passwd = String::new();
        for (n, (name, role, caller, letter)) in (0..).zip(PEOPLE) {
            let uid = FIRST_UID + n;
            passwd += &format!("{name}:x:{uid}:{uid}::/:/bin/sh\n");
            let sudo: &[&str] = if letter == 's' { &["/usr/bin/id"] } else { &[] };
            let fields = json!({
                "name": name, "uid": uid, "role": role, "ssh_keys": [KEY], "sudo_commands": sudo,
                "locked": caller == Some(Caller::Locked), "email": format!("{name}@example.org"),
            });
            fixture.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
            let key = fixture.service.list_keys(&subject(name)).unwrap()[0].id;
            let name = name.to_owned();
            people.push(Person { name, uid, key, ..Person::default() });
        }
        let groups = fixture.root(Action::GroupManage, None);
        let fields =
            crate::service::testing::map(json!({ "name": GROUPS_NAME, "gid": GROUPS_GID }));
        fixture.service.create_group(&groups, &fields).unwrap();
        let bus = PrivateBus::on(fixture, &passwd);
        let pristine = bus.service.dump();
        Self { bus, clients: Clients::default(), people, pristine }
    }

    /// The account that the letter stands for when that caller says it, if there is one.
    pub(super) fn account(&self, caller: Caller, letter: char) -> Option<Person> {
        let is = |(_, _, who, of): &(&str, &str, Option<Caller>, char)| match letter {
            'o' => *who == Some(caller),
            // About nobody: whoever is named beside.
            'n' => *of == 'p',
            letter => *of == letter,
        };
        PEOPLE.iter().position(is).map(|at| self.people[at].clone())
    }

    pub(super) fn uid(&self, caller: Caller) -> u32 {
        match caller {
            Caller::Root => ROOT,
            Caller::Stranger => STRANGER,
            caller => self.account(caller, 'o').expect("an account of the caller's").uid,
        }
    }

    pub(super) fn call(&mut self, uid: u32, call: Call) -> Answer {
        self.clients.call(&self.bus, uid, call)
    }

    /// Makes that the method has something to do about that account.
    pub(super) fn prepare(&mut self, method: &Method, about: &mut Person) {
        if self.needs_code(method) {
            about.code = self.second_factor(
                &about.name,
                !matches!(method.name, "ConfirmTotp" | "GetProvisioningUri"),
            );
        }
        if matches!(method.name, "RevokeToken" | "RevokeTokens") {
            self.app_password(about);
        }
        if matches!(method.name, "RefreshTokens" | "VerifyToken") {
            self.log_in(about);
        }
        about.mailed = self.mailed_token(method, &about.name);
        for (interface, name) in arguments::first(method) {
            let is = |known: &&Method| known.interface == *interface && known.name == *name;
            let first = METHODS.iter().find(is).expect("a method of the table");
            match self.call(ROOT, arguments::call(first, about)) {
                Answer::Done(_) => {}
                Answer::Refused(error) if error.name == ErrorName::AlreadyInState => {}
                other => panic!("{name} before {}: {other:?}", method.name),
            }
        }
    }

    fn app_password(&self, about: &mut Person) {
        let service = &self.bus.service;
        let grant = root(service, Action::TokenCreate, &about.name);
        let name = accounts::TokenName::parse("script").unwrap();
        let made = service.create_token(&grant, &subject(&about.name), &name, &[], None);
        about.token = made.unwrap().0;
    }

    fn log_in(&self, about: &mut Person) {
        let service = &self.bus.service;
        let caller = service.caller(ROOT).unwrap();
        let tokens = service.log_in(&caller, &about.name, &secret(PASSWORD), None).unwrap();
        about.access = tokens.access.as_str().unwrap().to_owned();
        about.refresh = tokens.refresh.as_str().unwrap().to_owned();
    }

    /// The token that the method takes, as it is mailed.
    fn mailed_token(&self, method: &Method, name: &str) -> String {
        let service = &self.bus.service;
        let id = service.user(&subject(name)).unwrap().id;
        let token = match method.name {
            "ResetPassword" => service.issue_reset_token(&Actor::daemon(), id).unwrap(),
            "ConfirmEmail" => service.issue_email_token(&Actor::daemon(), id).unwrap(),
            _ => return String::new(),
        };
        token.as_str().unwrap().to_owned()
    }

    fn needs_code(&self, method: &Method) -> bool {
        matches!(
            method.name,
            "ConfirmTotp"
                | "GetProvisioningUri"
                | "VerifyTotp"
                | "GenerateRecoveryCodes"
                | "EnableTwoFactor"
                | "DisableTwoFactor"
                | "CleanupTwoFactor"
                | "RotateTotpKey"
        )
    }

    /// Enrols the account, and answers the next code that is right.
    fn second_factor(&self, name: &str, confirmed: bool) -> String {
        let service = &self.bus.service;
        let grant = || root(service, Action::TwoFactorManage, name);
        let enrolment = service.enroll_totp(&grant(), &subject(name), 6, 30).unwrap();
        let codes = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
        let now = service.now().unsigned_abs();
        if !confirmed {
            return codes.generate(now).to_string();
        }
        let code = Secret::from(codes.generate(now).to_string());
        service.confirm_totp(&grant(), &subject(name), &code).unwrap();
        service.set_two_factor(&grant(), &subject(name), Provider::Recovery, true).ok();
        codes.generate(now + 30).to_string()
    }
}

fn root(service: &Service, action: Action, name: &str) -> Grant {
    let caller = service.caller(ROOT).unwrap();
    let target = service.target(&subject(name)).unwrap();
    match decide(&caller, action, Some(&target)) {
        Decision::Allow(grant) => grant,
        other => panic!("root may not {action:?}: {other:?}"),
    }
}
