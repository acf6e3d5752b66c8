//! What creating and updating users should do.

use super::model::{HOST_UIDS, Model, OWN_GROUPS, Owner, Place, Rule, User, is_host_user};
use super::steps::{Fields, Outcome};

/// The wrong fields of a request, each as often as it is wrong.
#[derive(Default)]
struct Wrong(Vec<(&'static str, Kind)>);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    InUse,
    IdInUse,
    Other,
}

impl Wrong {
    fn add(&mut self, field: &'static str, kind: Kind) {
        self.0.push((field, kind));
    }

    fn names(&self, field: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == field)
    }

    fn outcome(self) -> Outcome {
        let mut fields: Vec<String> = self.0.iter().map(|(field, _)| (*field).to_owned()).collect();
        fields.sort();
        fields.dedup();
        let code = match self.0.as_slice() {
            [] => return Ok(()),
            [("name", Kind::InUse)] => "user_exists",
            [("uid", Kind::IdInUse)] => "id_in_use",
            _ => "invalid_field",
        };
        Err((code.to_owned(), fields))
    }
}

/// A supplementary group to be joined.
enum Joined {
    There(Place),
    New(&'static str),
}

impl Fields {
    /// What is wrong whatever the store holds.
    fn wrong(&self) -> Wrong {
        let mut wrong = Wrong::default();
        for (field, list) in
            [("sudo_commands", &self.sudo), ("sudo_commands_nopasswd", &self.nopasswd)]
        {
            if list.as_ref().is_some_and(|list| list.len() > 1 && list.contains(&"ALL")) {
                wrong.add(field, Kind::Other);
            }
        }
        if self.full_name.is_some_and(|text| text.contains(':')) {
            wrong.add("full_name", Kind::Other);
        }
        wrong
    }
}

impl Model {
    fn find_groups(&self, fields: &Fields, wrong: &mut Wrong) -> Vec<Joined> {
        let mut found = Vec::new();
        for name in fields.groups.iter().flatten() {
            match self.group(name) {
                Some(_) if OWN_GROUPS.contains(name) => wrong.add("groups", Kind::Other),
                Some(place) => found.push(Joined::There(place)),
                None if fields.create_groups => found.push(Joined::New(name)),
                None => wrong.add("groups", Kind::Other),
            }
        }
        found
    }

    fn primary(&self, fields: &Fields, wrong: &mut Wrong) -> Option<Place> {
        let group = fields.group?;
        let found = self.group(group);
        if found.is_none() || OWN_GROUPS.contains(&group) {
            wrong.add("group", Kind::Other);
        }
        found
    }

    fn join_all(&mut self, uid: u32, groups: Vec<Joined>) {
        for joined in groups {
            let place = match joined {
                Joined::There(place) => place,
                // It may have been made as the primary group a moment ago.
                Joined::New(name) => match self.group(name) {
                    Some(place) => place,
                    None => Place::Ours(self.make_group(name, None)),
                },
            };
            self.join(place, uid);
        }
    }

    pub(super) fn create(&mut self, fields: &Fields, with_password: bool) -> Outcome {
        let mut wrong = fields.wrong();
        let name = fields.name.expect("a name");
        if self.user(name).is_some() || is_host_user(name) {
            wrong.add("name", Kind::InUse);
        }
        if with_password && fields.password_disabled == Some(true) {
            wrong.add("password_disabled", Kind::Other);
        }
        let uid = fields.uid.unwrap_or_else(|| self.next_uid());
        if self.used_uids.contains(&uid) || HOST_UIDS.contains(&uid) {
            wrong.add("uid", Kind::IdInUse);
        }
        let primary = self.primary(fields, &mut wrong);
        if fields.group.is_none() && self.group(name).is_some() && !wrong.names("name") {
            wrong.add("group", Kind::InUse);
        }
        let groups = self.find_groups(fields, &mut wrong);
        let home = format!("/home/{name}");
        if !wrong.names("name") && self.users.iter().any(|user| user.home == home) {
            wrong.add("home", Kind::InUse);
        }
        wrong.outcome()?;
        let gid = match primary {
            Some(place) => self.gid(place),
            None => {
                let own = self.make_group(name, Some(uid));
                self.groups[own].gid
            }
        };
        self.used_uids.insert(uid);
        self.users.push(User {
            uid,
            name: name.to_owned(),
            gid,
            full_name: fields.full_name.unwrap_or_default().to_owned(),
            home,
            locked: fields.locked.unwrap_or(false),
            enabled: true,
            role: fields.role.unwrap_or("user"),
            expires_at: fields.expires_at.flatten(),
            password: with_password.then_some((self.now, false)),
            max_age: fields.max_age,
            keys: fields.keys.clone().unwrap_or_default(),
        });
        self.join_all(uid, groups);
        self.set_rules(uid, fields);
        Ok(())
    }

    pub(super) fn update(&mut self, at: usize, fields: &Fields) -> Outcome {
        let mut wrong = fields.wrong();
        let uid = self.users[at].uid;
        if let Some(name) = fields.name.filter(|name| *name != self.users[at].name)
            && (self.user(name).is_some() || is_host_user(name))
        {
            wrong.add("name", Kind::InUse);
        }
        let primary = self.primary(fields, &mut wrong);
        if fields.password_disabled == Some(false) && self.users[at].password.is_none() {
            wrong.add("password_disabled", Kind::Other);
        }
        let groups = self.find_groups(fields, &mut wrong);
        wrong.outcome()?;
        let gid = primary.map(|place| self.gid(place));
        let user = &mut self.users[at];
        user.name = fields.name.map_or_else(|| user.name.clone(), str::to_owned);
        user.gid = gid.unwrap_or(user.gid);
        user.full_name = fields.full_name.map_or_else(|| user.full_name.clone(), str::to_owned);
        user.locked = fields.locked.unwrap_or(user.locked);
        user.role = fields.role.unwrap_or(user.role);
        user.expires_at = fields.expires_at.unwrap_or(user.expires_at);
        user.max_age = fields.max_age.or(user.max_age);
        if fields.password_disabled == Some(true) {
            user.password = None;
        }
        if let Some(keys) = &fields.keys {
            user.keys.retain(|key| keys.contains(key));
            let new = keys.iter().filter(|key| !user.keys.contains(key)).copied();
            let new: Vec<_> = new.collect();
            user.keys.extend(new);
        }
        if let Some(wanted) = &fields.groups {
            for name in self.groups_of(uid) {
                if !wanted.contains(&name.as_str())
                    && let Some(place) = self.group(&name)
                {
                    self.leave(place, uid);
                }
            }
            self.join_all(uid, groups);
        }
        self.set_rules(uid, fields);
        Ok(())
    }

    fn set_rules(&mut self, uid: u32, fields: &Fields) {
        let owner = Owner::User(uid);
        for (commands, nopasswd) in [(&fields.sudo, false), (&fields.nopasswd, true)] {
            let Some(commands) = commands else { continue };
            self.rules.retain(|rule| {
                rule.owner != owner || rule.nopasswd != nopasswd || commands.contains(&rule.command)
            });
            for command in commands {
                self.grant(Rule { owner, command, nopasswd, expires_at: None });
            }
        }
    }
}
