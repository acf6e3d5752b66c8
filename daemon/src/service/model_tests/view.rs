//! What everybody sees, as lines: from the service, the index and the sudoers file, and from the
//! model.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use accounts::Timestamp;
use snapshot::{Kind, Reader};

use super::super::testing::{Fixture, subject};
use super::model::{Model, Owner};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One line of a record; both sides go through here.
struct Record<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    groups: Vec<String>,
    full_name: &'a str,
    flags: [bool; 3],
    role: &'a str,
    expires_at: Option<i64>,
    max_age: Option<u32>,
    keys: Vec<String>,
    commands: [Vec<String>; 2],
}

impl Record<'_> {
    fn line(mut self) -> String {
        for commands in &mut self.commands {
            commands.sort();
        }
        let [locked, enabled, password] = self.flags;
        format!(
            "user {} {}:{} {:?} {:?} locked={locked} enabled={enabled} password={password} {} {:?} \
             {:?} {:?} {:?}",
            self.name,
            self.uid,
            self.gid,
            self.groups,
            self.full_name,
            self.role,
            self.expires_at,
            self.max_age,
            self.keys,
            self.commands
        )
    }
}

/// What the service, the index and the sudoers file say.
pub(super) fn seen(f: &Fixture) -> Vec<String> {
    let mut lines = Vec::new();
    for user in f.service.list_users(0, 100).unwrap().items {
        assert_eq!(f.service.user(&subject(user.name.as_str())).unwrap(), user);
        let record = Record {
            name: user.name.as_str(),
            uid: user.uid,
            gid: user.gid,
            groups: user.groups.clone(),
            full_name: &user.full_name,
            flags: [user.locked, user.enabled, !user.password_disabled],
            role: user.role.as_str(),
            expires_at: user.expires_at.map(|Timestamp(at)| at),
            max_age: user.password_max_age,
            keys: user.ssh_keys.iter().map(|key| key.key.clone()).collect(),
            commands: [user.sudo_commands.clone(), user.sudo_commands_nopasswd.clone()],
        };
        lines.push(record.line());
    }
    for group in f.service.list_groups("", 0, 100).unwrap().items {
        let mut commands = [group.sudo_commands.clone(), group.sudo_commands_nopasswd.clone()];
        for commands in &mut commands {
            commands.sort();
        }
        lines.push(format!(
            "group {} {} {:?} {:?} {commands:?}",
            group.name, group.gid, group.display_name, group.members
        ));
    }
    for rule in f.service.list_sudo(None).unwrap() {
        let at = rule.expires_at.map(|Timestamp(at)| at);
        lines.push(format!("rule {} {} {} {at:?}", rule.holder, rule.command, rule.nopasswd));
    }
    published(f, &mut lines);
    lines.extend(f.sudoers().lines().filter(|line| !line.starts_with("# ")).map(str::to_owned));
    lines.sort();
    lines
}

fn open(f: &Fixture, name: &str, kind: Kind) -> Reader {
    let path = CString::new(f.path(&format!("run/{name}")).as_os_str().as_bytes()).unwrap();
    Reader::open(&path, kind, 0).unwrap()
}

/// What every process sees.
fn published(f: &Fixture, lines: &mut Vec<String>) {
    let reader = open(f, "index", Kind::Index);
    let index = reader.index();
    for user in index.users() {
        let name = text(user.name());
        assert_eq!(index.user_by_name(user.name()).unwrap().uid(), user.uid());
        assert_eq!(index.user_by_uid(user.uid()).unwrap().name(), user.name());
        lines.push(format!(
            "passwd {name}:{}:{}:{}:{} locked={} {:?} {:?}",
            user.uid(),
            user.gid(),
            text(user.gecos()),
            text(user.home()),
            user.locked(),
            user.expires_at(),
            user.keys().map(|key| text(key.line)).collect::<Vec<_>>(),
        ));
        let mut gids: Vec<u32> = index.groups_of(user.name()).unwrap().collect();
        gids.sort_unstable();
        lines.push(format!("initgroups {name} {gids:?}"));
    }
    for group in index.groups() {
        let mut members: Vec<String> = group.members().map(text).collect();
        members.sort();
        assert_eq!(index.group_by_name(group.name()).unwrap().gid(), group.gid());
        assert_eq!(index.group_by_gid(group.gid()).unwrap().name(), group.name());
        if !group.is_external() || !members.is_empty() {
            lines.push(format!("getent {}:{}:{members:?}", text(group.name()), group.gid()));
        }
    }
    let reader = open(f, "shadow", Kind::Shadow);
    for shadow in reader.index().shadows() {
        let (last, max, end) = (shadow.last_change(), shadow.max(), shadow.expire());
        let name = text(shadow.name());
        lines.push(format!("shadow {name} locked={} {last} {max} {end}", shadow.locked()));
    }
}

/// What they should say.
pub(super) fn meant(model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    let name_of = |uid: &u32| {
        let user = model.users.iter().find(|user| user.uid == *uid);
        user.expect("a member that exists").name.clone()
    };
    let commands_of = |owner: Owner| {
        [false, true].map(|nopasswd| {
            let rules = model.rules.iter();
            let rules = rules.filter(|rule| rule.owner == owner && rule.nopasswd == nopasswd);
            let mut commands: Vec<_> = rules.map(|rule| rule.command.to_owned()).collect();
            commands.sort();
            commands
        })
    };
    let day = |at: i64| at.div_euclid(86_400);
    for user in &model.users {
        let record = Record {
            name: &user.name,
            uid: user.uid,
            gid: user.gid,
            groups: model.groups_of(user.uid).into_iter().collect(),
            full_name: &user.full_name,
            flags: [user.locked, user.enabled, user.password.is_some()],
            role: user.role,
            expires_at: user.expires_at,
            max_age: user.max_age,
            keys: user.keys.iter().map(|key| (*key).to_owned()).collect(),
            commands: commands_of(Owner::User(user.uid)),
        };
        lines.push(record.line());
        let locked = user.locked || !user.enabled;
        lines.push(format!(
            "passwd {}:{}:{}:{}:{} locked={locked} {:?} {:?}",
            user.name, user.uid, user.gid, user.full_name, user.home, user.expires_at, user.keys
        ));
        // Everybody is in roster-users.
        let mut gids = vec![980];
        for name in model.groups_of(user.uid) {
            gids.push(model.gid(model.group(&name).unwrap()));
        }
        gids.sort_unstable();
        lines.push(format!("initgroups {} {gids:?}", user.name));
        let last = user.password.map_or(-1, |(at, must)| if must { 0 } else { day(at) });
        let max = user.max_age.map_or(-1, i64::from);
        let end = user.expires_at.map_or(-1, day);
        lines.push(format!("shadow {} locked={locked} {last} {max} {end}", user.name));
    }
    for group in &model.groups {
        let mut members: Vec<String> = group.members.iter().map(name_of).collect();
        members.extend(group.local.iter().cloned());
        members.sort();
        let commands = commands_of(Owner::Group(group.gid));
        lines.push(format!(
            "group {} {} {:?} {members:?} {commands:?}",
            group.name, group.gid, group.display_name
        ));
        lines.push(format!("getent {}:{}:{members:?}", group.name, group.gid));
    }
    let mut everybody: Vec<String> = model.users.iter().map(|user| user.name.clone()).collect();
    everybody.sort();
    if !everybody.is_empty() {
        lines.push(format!("getent roster-users:980:{everybody:?}"));
    }
    for (name, members) in model.host_members.iter().filter(|(_, members)| !members.is_empty()) {
        let mut members: Vec<String> = members.iter().map(name_of).collect();
        members.sort();
        let gid = model.gid(model.group(name).unwrap());
        lines.push(format!("getent {name}:{gid}:{members:?}"));
    }
    rules(model, &mut lines);
    lines.sort();
    lines
}

fn rules(model: &Model, lines: &mut Vec<String>) {
    for rule in &model.rules {
        let (holder, who, active) = match rule.owner {
            Owner::User(uid) => {
                let user = model.users.iter().find(|user| user.uid == uid).unwrap();
                (user.name.clone(), format!("#{uid}"), user.is_active(model.now))
            }
            Owner::Group(gid) => {
                let ours = model.groups.iter().find(|group| group.gid == gid);
                let host = super::model::HOST_GROUPS.iter().find(|(_, known)| *known == gid);
                let name = ours.map(|group| group.name.as_str()).or(host.map(|(name, _)| *name));
                (format!("%{}", name.unwrap()), format!("%#{gid}"), true)
            }
        };
        lines.push(format!(
            "rule {holder} {} {} {:?}",
            rule.command, rule.nopasswd, rule.expires_at
        ));
        if active {
            let until = rule.expires_at.map(|at| {
                let digits = Timestamp(at).to_string();
                let digits: String =
                    digits.chars().filter(|c| c.is_ascii_digit() || *c == 'Z').collect();
                format!("NOTAFTER={digits} ")
            });
            let tag = if rule.nopasswd { "NOPASSWD" } else { "PASSWD" };
            let until = until.unwrap_or_default();
            lines.push(format!("{who} ALL=(root) {until}{tag}: {}", rule.command));
        }
    }
}
