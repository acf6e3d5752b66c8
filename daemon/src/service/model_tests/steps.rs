//! The steps: verbs with arguments from small pools, so that they meet.

use accounts::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::super::testing::{Fixture, map, secret, subject};
use super::super::{DeleteOptions, Error, Holder, HomeFate, NewPassword};
use super::model::Model;
use crate::authorize::Action;

/// Names of users and of groups: some are both, one is the host's.
pub(super) const USERS: [&str; 6] = ["ann", "bob", "cy", "dee", "dev", "local"];
pub(super) const GROUPS: [&str; 6] = ["dev", "docker", "ops", "ann", "bob", "roster-2fa"];
pub(super) const COMMANDS: [&str; 3] = ["ALL", "/usr/bin/id", "/usr/bin/ls -l /"];
pub(super) const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4g c@d",
];
pub(super) const START: i64 = 1_700_000_000;
const DAY: i64 = 86_400;

/// What a record is to hold; what is `None` is not said.
#[derive(Clone, Default)]
pub(super) struct Fields {
    pub(super) name: Option<&'static str>,
    pub(super) uid: Option<u32>,
    pub(super) group: Option<&'static str>,
    pub(super) groups: Option<Vec<&'static str>>,
    pub(super) create_groups: bool,
    pub(super) sudo: Option<Vec<&'static str>>,
    pub(super) nopasswd: Option<Vec<&'static str>>,
    pub(super) locked: Option<bool>,
    pub(super) role: Option<&'static str>,
    /// Unix seconds; `Some(None)` for never.
    pub(super) expires_at: Option<Option<i64>>,
    pub(super) password_disabled: Option<bool>,
    pub(super) full_name: Option<&'static str>,
    pub(super) max_age: Option<u32>,
    pub(super) keys: Option<Vec<&'static str>>,
}

/// A step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    CreateUser(Fields, bool),
    UpdateUser(&'static str, Fields),
    DeleteUser(&'static str, bool),
    Lock(&'static str, bool),
    Enable(&'static str, bool),
    SetPassword(&'static str, bool),
    ClearPassword(&'static str),
    AddKey(&'static str, &'static str),
    /// The n-th of its keys.
    RemoveKey(&'static str, usize),
    CreateGroup(&'static str, Option<u32>),
    UpdateGroup(&'static str, Option<&'static str>, Option<&'static str>),
    DeleteGroup(&'static str),
    Member(&'static str, &'static str, bool),
    GrantSudo(String, &'static str, bool, Option<u64>),
    /// The n-th of its rules, or all.
    RevokeSudo(String, Option<usize>),
    Forward(i64),
    Restart,
    /// A crash after the commit and before the sudoers file is written.
    Crash(Box<Step>),
}

/// Users and groups that are there when a sequence starts.
pub(super) fn start() -> Vec<Step> {
    let user = |name, role| {
        let fields = Fields { name: Some(name), role: Some(role), ..Fields::default() };
        Step::CreateUser(fields, true)
    };
    vec![user("ann", "user"), user("bob", "admin"), Step::CreateGroup("dev", None)]
}

// Mostly the first ones, so that they meet.
fn user() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => select(&USERS[..3]), 1 => select(&USERS[..])]
}

fn group() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => select(&GROUPS[..4]), 1 => select(&GROUPS[..])]
}

fn fields() -> impl Strategy<Value = Fields> {
    let option = |weight| proptest::option::weighted(weight, any::<bool>());
    let names = (
        proptest::option::weighted(0.15, group()),
        proptest::option::weighted(0.3, subsequence(&GROUPS[..5], 0..3)),
        proptest::bool::weighted(0.7),
        proptest::option::weighted(0.15, select(&["Ann Lee", "Bob: not so", ""][..])),
        proptest::option::weighted(0.2, subsequence(&KEYS[..], 0..=2)),
    );
    let power = (
        proptest::option::weighted(0.2, subsequence(&COMMANDS[..], 0..3)),
        proptest::option::weighted(0.2, subsequence(&COMMANDS[..], 0..3)),
        proptest::option::weighted(0.3, select(&["user", "admin", "admin", "helpdesk"][..])),
    );
    let expiry = proptest::option::weighted(
        0.15,
        select(&[None, Some(START - DAY), Some(START + DAY), Some(START + 20 * DAY)][..]),
    );
    let max_age = proptest::option::weighted(0.1, select(&[30u32, 90][..]));
    (names, power, (option(0.1), option(0.1), expiry, max_age)).prop_map(|(names, power, rest)| {
        let (group, groups, create_groups, full_name, keys) = names;
        let (sudo, nopasswd, role) = power;
        let (locked, password_disabled, expires_at, max_age) = rest;
        Fields {
            name: None,
            uid: None,
            group,
            groups,
            create_groups,
            sudo,
            nopasswd,
            locked,
            role,
            expires_at,
            password_disabled,
            full_name,
            max_age,
            keys,
        }
    })
}

fn holder() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => user().prop_map(str::to_owned),
        1 => select(&GROUPS[..5]).prop_map(|group| format!("%{group}")),
    ]
}

/// One step.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let uid = proptest::option::weighted(0.15, select(&[1000u32, 3000, 3001, 3002, 5000][..]));
    let create = (user(), uid, fields(), proptest::bool::weighted(0.7)).prop_map(
        |(name, uid, fields, with_password)| {
            let password_disabled = fields.password_disabled.filter(|disabled| *disabled);
            let fields = Fields { name: Some(name), uid, password_disabled, ..fields };
            Step::CreateUser(fields, with_password)
        },
    );
    let rename = proptest::option::weighted(0.2, user());
    let update = (user(), fields(), rename)
        .prop_map(|(user, fields, name)| Step::UpdateUser(user, Fields { name, ..fields }));
    let gid = proptest::option::weighted(0.3, select(&[100u32, 3000, 3001, 4000][..]));
    let simple = prop_oneof![
        3 => create,
        6 => update,
        1 => (user(), any::<bool>()).prop_map(|(user, on)| Step::DeleteUser(user, on)),
        1 => (user(), any::<bool>()).prop_map(|(user, on)| Step::Lock(user, on)),
        1 => (user(), any::<bool>()).prop_map(|(user, on)| Step::Enable(user, on)),
        2 => (user(), any::<bool>()).prop_map(|(user, on)| Step::SetPassword(user, on)),
        1 => user().prop_map(Step::ClearPassword),
        1 => (user(), select(&KEYS[..])).prop_map(|(user, key)| Step::AddKey(user, key)),
        1 => (user(), 0..2usize).prop_map(|(user, n)| Step::RemoveKey(user, n)),
        1 => (group(), gid).prop_map(|(name, gid)| Step::CreateGroup(name, gid)),
        1 => (group(), proptest::option::of(group()), proptest::option::of(select(&["Devs", ""][..])))
            .prop_map(|(group, name, shown)| Step::UpdateGroup(group, name, shown)),
        1 => group().prop_map(Step::DeleteGroup),
        4 => (group(), user(), any::<bool>())
            .prop_map(|(group, user, on)| Step::Member(group, user, on)),
        3 => (
            holder(),
            select(&COMMANDS[..]),
            any::<bool>(),
            proptest::option::of(select(&[60u64, 86_400][..]))
        )
            .prop_map(|(holder, command, nopasswd, lasts)| {
                Step::GrantSudo(holder, command, nopasswd, lasts)
            }),
        1 => (holder(), proptest::option::of(0..2usize))
            .prop_map(|(holder, n)| Step::RevokeSudo(holder, n)),
    ]
    .boxed();
    prop_oneof![
        16 => simple.clone(),
        1 => select(&[30i64, 61, DAY, 30 * DAY][..]).prop_map(Step::Forward),
        1 => Just(Step::Restart),
        1 => simple.prop_map(|step| Step::Crash(Box::new(step))),
    ]
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Value::Object(self.request()))
    }
}

impl Fields {
    pub(super) fn request(&self) -> Map<String, Value> {
        let mut request = json!({});
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                request[key] = value;
            }
        };
        put("name", self.name.map(Value::from));
        put("uid", self.uid.map(Value::from));
        put("group", self.group.map(Value::from));
        put("groups", self.groups.as_ref().map(|groups| json!(groups)));
        put("create_groups", self.create_groups.then_some(json!(true)));
        put("sudo_commands", self.sudo.as_ref().map(|commands| json!(commands)));
        put("sudo_commands_nopasswd", self.nopasswd.as_ref().map(|commands| json!(commands)));
        put("locked", self.locked.map(Value::from));
        put("role", self.role.map(Value::from));
        put("expires_at", self.expires_at.map(|at| json!(at.map(Timestamp))));
        put("password_disabled", self.password_disabled.map(Value::from));
        put("full_name", self.full_name.map(Value::from));
        put("password_max_age", self.max_age.map(Value::from));
        put("ssh_keys", self.keys.as_ref().map(|keys| json!(keys)));
        map(request)
    }
}

/// What came of a step: nothing to say, or the refusal's code and its fields.
pub(super) type Outcome = Result<(), (String, Vec<String>)>;

fn outcome<T>(result: Result<T, Error>) -> Outcome {
    result.map(|_| ()).map_err(|error| {
        let fields = error.fields().map(|fields| fields.0.as_slice()).unwrap_or_default();
        let mut names: Vec<String> = fields.iter().map(|error| error.field.clone()).collect();
        names.sort();
        names.dedup();
        (error.code().to_owned(), names)
    })
}

/// Does the step as root.
pub(super) fn perform(f: Fixture, step: &Step, model: &Model) -> (Fixture, Outcome) {
    match step {
        Step::Restart => {
            let f = f.restarted();
            f.service.replay_outbox().unwrap();
            (f, Ok(()))
        }
        Step::Crash(step) => crash(f, step, model),
        Step::Forward(seconds) => {
            f.clock.forward(*seconds);
            let done = outcome(f.service.expire_sudo_rules());
            (f, done)
        }
        step => {
            let found = verb(&f, step);
            (f, found)
        }
    }
}

/// A directory where the sudoers file belongs keeps it from being written, after the commit.
fn crash(f: Fixture, step: &Step, model: &Model) -> (Fixture, Outcome) {
    let (file, aside) = (f.path("sudoers.d/50-roster"), f.path("aside"));
    let was_there = std::fs::rename(&file, &aside).is_ok();
    std::fs::create_dir(&file).unwrap();
    let (f, mut found) = perform(f, step, model);
    if matches!(&found, Err((code, _)) if code == "host_effect") {
        found = Ok(());
    }
    let f = f.restarted_after(|| {
        std::fs::remove_dir(&file).unwrap();
        if was_there {
            std::fs::rename(&aside, &file).unwrap();
        }
    });
    f.service.replay_outbox().unwrap();
    (f, found)
}

fn verb(f: &Fixture, step: &Step) -> Outcome {
    let service = &f.service;
    // Who is not there is nobody a grant is about: the service is asked all the same.
    let on = |action, user: &str| match service.user(&subject(user)) {
        Ok(_) => f.root(action, Some(user)),
        Err(_) => f.root(action, None),
    };
    match step {
        Step::CreateUser(fields, with_password) => {
            let password = match with_password {
                true => NewPassword::Given(secret("correct horse battery")),
                false => NewPassword::None,
            };
            let grant = f.root(Action::UserCreate, None);
            outcome(service.create_user(&grant, &fields.request(), password))
        }
        Step::UpdateUser(user, fields) => {
            let grant = on(Action::UserUpdate, user);
            outcome(service.update_user(&grant, &subject(user), &fields.request(), None))
        }
        Step::DeleteUser(user, delete_group) => {
            let options = DeleteOptions { delete_group: *delete_group, home: HomeFate::Keep };
            outcome(service.delete_user(&on(Action::UserDelete, user), &subject(user), options))
        }
        Step::Lock(user, true) => {
            outcome(service.lock_user(&on(Action::UserLock, user), &subject(user)))
        }
        Step::Lock(user, false) => {
            outcome(service.unlock_user(&on(Action::UserUnlock, user), &subject(user)))
        }
        Step::Enable(user, true) => {
            outcome(service.enable_user(&on(Action::UserEnable, user), &subject(user)))
        }
        Step::Enable(user, false) => {
            outcome(service.disable_user(&on(Action::UserEnable, user), &subject(user)))
        }
        Step::SetPassword(user, expire) => {
            let password = NewPassword::Given(secret("another good one"));
            let grant = on(Action::PasswordSet, user);
            outcome(service.set_password(&grant, &subject(user), password, *expire))
        }
        Step::ClearPassword(user) => {
            outcome(service.clear_password(&on(Action::PasswordSet, user), &subject(user)))
        }
        Step::AddKey(user, key) => {
            outcome(service.add_key(&on(Action::KeyManage, user), &subject(user), key, None))
        }
        Step::RemoveKey(user, n) => {
            let keys = service.list_keys(&subject(user)).unwrap_or_default();
            let id = keys.get(*n).map_or(-1, |key| key.id);
            outcome(service.remove_key(&on(Action::KeyManage, user), &subject(user), id))
        }
        Step::CreateGroup(name, gid) => {
            let mut fields = json!({ "name": name });
            if let Some(gid) = gid {
                fields["gid"] = json!(gid);
            }
            outcome(service.create_group(&f.root(Action::GroupManage, None), &map(fields)))
        }
        Step::UpdateGroup(group, name, display_name) => {
            let mut fields = json!({});
            if let Some(name) = name {
                fields["name"] = json!(name);
            }
            if let Some(display_name) = display_name {
                fields["display_name"] = json!(display_name);
            }
            let grant = f.root(Action::GroupManage, None);
            outcome(service.update_group(&grant, &subject(group), &map(fields)))
        }
        Step::DeleteGroup(group) => {
            outcome(service.delete_group(&f.root(Action::GroupManage, None), &subject(group)))
        }
        Step::Member(group, user, true) => {
            outcome(service.add_member(&f.root(Action::GroupManage, None), group, user))
        }
        Step::Member(group, user, false) => {
            outcome(service.remove_member(&f.root(Action::GroupManage, None), group, user))
        }
        Step::GrantSudo(holder, command, nopasswd, lasts) => {
            let grant = f.root(Action::SudoManage, None);
            let holder = Holder::parse(holder).unwrap();
            outcome(service.grant_sudo(&grant, &holder, command, *nopasswd, *lasts))
        }
        Step::RevokeSudo(holder, n) => {
            let grant = f.root(Action::SudoManage, None);
            let holder = Holder::parse(holder).unwrap();
            let rules = service.list_sudo(Some(&holder)).unwrap_or_default();
            let id = n.map(|n| rules.get(n).map_or(-1, |rule| rule.id));
            outcome(service.revoke_sudo(&grant, &holder, id))
        }
        Step::Forward(_) | Step::Restart | Step::Crash(_) => unreachable!("no verb"),
    }
}
