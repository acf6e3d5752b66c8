//! The model: what the store should hold, and what each verb should do to it, as plainly as it can
//! be said. Creating and updating users is in `create`.

use std::collections::{BTreeMap, BTreeSet};

use super::steps::{Outcome, Step};

/// Groups of the host: name and number.
pub(super) const HOST_GROUPS: [(&str, u32); 6] = [
    ("root", 0),
    ("docker", 990),
    ("users", 100),
    ("roster-users", 980),
    ("roster-2fa", 981),
    ("roster-2fa-password", 982),
];
/// Groups that Roster fills itself.
pub(super) const OWN_GROUPS: [&str; 3] = ["roster-users", "roster-2fa", "roster-2fa-password"];
const HOST_USERS: [&str; 2] = ["root", "local"];
pub(super) const HOST_UIDS: [u32; 2] = [0, 1000];
const FIRST: u32 = 3000;

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) full_name: String,
    pub(super) home: String,
    pub(super) locked: bool,
    pub(super) enabled: bool,
    pub(super) role: &'static str,
    pub(super) expires_at: Option<i64>,
    /// When it was set, and whether it must be changed.
    pub(super) password: Option<(i64, bool)>,
    pub(super) max_age: Option<u32>,
    pub(super) keys: Vec<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) gid: u32,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) members: BTreeSet<u32>,
    /// Members of the host's.
    pub(super) local: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    User(u32),
    Group(u32),
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) owner: Owner,
    pub(super) command: &'static str,
    pub(super) nopasswd: bool,
    pub(super) expires_at: Option<i64>,
}

/// Where a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Ours(usize),
    Host(&'static str, u32),
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
    /// Groups of the host that have members of ours.
    pub(super) host_members: BTreeMap<&'static str, BTreeSet<u32>>,
    /// In the order they were given.
    pub(super) rules: Vec<Rule>,
    pub(super) used_uids: BTreeSet<u32>,
    pub(super) used_gids: BTreeSet<u32>,
}

pub(super) fn refuse(code: &str) -> Outcome {
    Err((code.to_owned(), vec![]))
}

pub(super) fn refuse_field(code: &str, field: &str) -> Outcome {
    Err((code.to_owned(), vec![field.to_owned()]))
}

pub(super) fn is_host_user(name: &str) -> bool {
    HOST_USERS.contains(&name)
}

impl Model {
    pub(super) fn new(now: i64) -> Self {
        Self {
            now,
            users: Vec::new(),
            groups: Vec::new(),
            host_members: BTreeMap::new(),
            rules: Vec::new(),
            used_uids: BTreeSet::new(),
            used_gids: BTreeSet::new(),
        }
    }

    /// Takes a step, or refuses it and stays what it is.
    pub(super) fn take(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Restart => return Ok(()),
            Step::Crash(step) => return self.take(step),
            Step::Forward(seconds) => {
                self.now += seconds;
                let now = self.now;
                self.rules.retain(|rule| rule.expires_at.is_none_or(|at| at > now));
                return Ok(());
            }
            _ => {}
        }
        let mut next = self.clone();
        next.verb(step)?;
        // Now, and once everything with an end has ended.
        for at in [self.now, i64::MAX] {
            if self.administrators(at) > 0 && next.administrators(at) == 0 {
                return refuse("last_administrator");
            }
        }
        *self = next;
        Ok(())
    }

    /// Administrators who can get in at that time.
    fn administrators(&self, at: i64) -> usize {
        let is = |user: &&User| {
            user.role == "admin"
                && user.is_active(at)
                && (user.password.is_some() || !user.keys.is_empty())
        };
        self.users.iter().filter(is).count()
    }

    pub(super) fn user(&self, name: &str) -> Option<usize> {
        self.users.iter().position(|user| user.name == name)
    }

    pub(super) fn group(&self, name: &str) -> Option<Place> {
        if let Some(at) = self.groups.iter().position(|group| group.name == name) {
            return Some(Place::Ours(at));
        }
        HOST_GROUPS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(name, gid)| Place::Host(name, *gid))
    }

    pub(super) fn gid(&self, place: Place) -> u32 {
        match place {
            Place::Ours(at) => self.groups[at].gid,
            Place::Host(_, gid) => gid,
        }
    }

    fn gid_is_free(&self, gid: u32) -> bool {
        !self.used_gids.contains(&gid) && HOST_GROUPS.iter().all(|(_, known)| *known != gid)
    }

    pub(super) fn next_uid(&self) -> u32 {
        let free = |uid: &u32| !self.used_uids.contains(uid) && !HOST_UIDS.contains(uid);
        (FIRST..).find(free).unwrap()
    }

    /// Makes a group, with that number when it is free.
    pub(super) fn make_group(&mut self, name: &str, number: Option<u32>) -> usize {
        let gid = match number {
            Some(gid) if self.gid_is_free(gid) => gid,
            _ => (FIRST..).find(|gid| self.gid_is_free(*gid)).unwrap(),
        };
        self.used_gids.insert(gid);
        self.groups.push(Group {
            gid,
            name: name.to_owned(),
            display_name: String::new(),
            members: BTreeSet::new(),
            local: BTreeSet::new(),
        });
        self.groups.len() - 1
    }

    /// Whether it was not in the group before.
    pub(super) fn join(&mut self, place: Place, uid: u32) -> bool {
        match place {
            Place::Ours(at) => self.groups[at].members.insert(uid),
            Place::Host(name, _) => self.host_members.entry(name).or_default().insert(uid),
        }
    }

    /// Whether it was in the group.
    pub(super) fn leave(&mut self, place: Place, uid: u32) -> bool {
        match place {
            Place::Ours(at) => self.groups[at].members.remove(&uid),
            Place::Host(name, _) => self.host_members.entry(name).or_default().remove(&uid),
        }
    }

    /// The names of a user's supplementary groups.
    pub(super) fn groups_of(&self, uid: u32) -> BTreeSet<String> {
        let ours = self.groups.iter().filter(|group| group.members.contains(&uid));
        let host = self.host_members.iter().filter(|(_, members)| members.contains(&uid));
        ours.map(|group| group.name.clone())
            .chain(host.map(|(name, _)| (*name).to_owned()))
            .collect()
    }

    /// Adds a rule; `false` when there is the same with the same end.
    pub(super) fn grant(&mut self, rule: Rule) -> bool {
        let same = self.rules.iter().position(|known| {
            (known.owner, known.command, known.nopasswd)
                == (rule.owner, rule.command, rule.nopasswd)
        });
        if let Some(at) = same {
            if self.rules[at].expires_at == rule.expires_at {
                return false;
            }
            self.rules.remove(at);
        }
        self.rules.push(rule);
        true
    }

    fn remove_group(&mut self, at: usize) {
        let group = self.groups.remove(at);
        self.rules.retain(|rule| rule.owner != Owner::Group(group.gid));
    }

    fn owner(&self, holder: &str) -> Result<Owner, (String, Vec<String>)> {
        match holder.strip_prefix('%') {
            Some(group) => match self.group(group) {
                Some(place) => Ok(Owner::Group(self.gid(place))),
                None => Err(("no_such_group".to_owned(), vec![])),
            },
            None => match self.user(holder) {
                Some(at) => Ok(Owner::User(self.users[at].uid)),
                None => Err(("no_such_user".to_owned(), vec![])),
            },
        }
    }

    fn verb(&mut self, step: &Step) -> Outcome {
        match step {
            Step::CreateUser(fields, with_password) => return self.create(fields, *with_password),
            Step::CreateGroup(name, gid) => return self.create_group(name, *gid),
            Step::UpdateGroup(group, name, shown) => {
                return self.update_group(group, *name, *shown);
            }
            Step::DeleteGroup(name) => return self.delete_group(name),
            Step::Member(group, user, true) => return self.add_member(group, user),
            Step::Member(group, user, false) => return self.remove_member(group, user),
            Step::GrantSudo(holder, command, nopasswd, lasts) => {
                let owner = self.owner(holder)?;
                let expires_at = lasts.map(|seconds| self.now + i64::try_from(seconds).unwrap());
                let rule = Rule { owner, command, nopasswd: *nopasswd, expires_at };
                return if self.grant(rule) { Ok(()) } else { refuse("already_in_state") };
            }
            Step::RevokeSudo(holder, n) => return self.revoke(holder, *n),
            Step::Forward(_) | Step::Restart | Step::Crash(_) => unreachable!("no verb"),
            _ => {}
        }
        self.about_a_user(step)
    }

    fn about_a_user(&mut self, step: &Step) -> Outcome {
        let (Step::UpdateUser(name, _)
        | Step::DeleteUser(name, _)
        | Step::Lock(name, _)
        | Step::Enable(name, _)
        | Step::SetPassword(name, _)
        | Step::ClearPassword(name)
        | Step::AddKey(name, _)
        | Step::RemoveKey(name, _)) = step
        else {
            unreachable!("about no user")
        };
        let Some(at) = self.user(name) else { return refuse("no_such_user") };
        let now = self.now;
        let user = &mut self.users[at];
        match step {
            Step::UpdateUser(_, fields) => return self.update(at, fields),
            Step::DeleteUser(_, delete_group) => self.delete(at, *delete_group),
            Step::Lock(_, on) if user.locked == *on => return refuse("already_in_state"),
            Step::Lock(_, on) => user.locked = *on,
            Step::Enable(_, on) if user.enabled == *on => return refuse("already_in_state"),
            Step::Enable(_, on) => user.enabled = *on,
            Step::SetPassword(_, expire) => user.password = Some((now, *expire)),
            Step::ClearPassword(_) if user.password.is_none() => {
                return refuse("already_in_state");
            }
            Step::ClearPassword(_) => user.password = None,
            Step::AddKey(_, key) if user.keys.contains(key) => {
                return refuse_field("invalid_field", "ssh_keys");
            }
            Step::AddKey(_, key) => user.keys.push(key),
            Step::RemoveKey(_, n) if *n >= user.keys.len() => return refuse("no_such_key"),
            Step::RemoveKey(_, n) => drop(user.keys.remove(*n)),
            _ => unreachable!("about no user"),
        }
        Ok(())
    }

    fn delete(&mut self, at: usize, delete_group: bool) {
        let user = self.users.remove(at);
        for group in &mut self.groups {
            group.members.remove(&user.uid);
        }
        for members in self.host_members.values_mut() {
            members.remove(&user.uid);
        }
        self.rules.retain(|rule| rule.owner != Owner::User(user.uid));
        let own = self.groups.iter().position(|group| {
            group.gid == user.gid && group.members.is_empty() && group.local.is_empty()
        });
        if let Some(group) = own
            && delete_group
            && self.users.iter().all(|other| other.gid != user.gid)
        {
            self.remove_group(group);
        }
    }

    fn create_group(&mut self, name: &str, gid: Option<u32>) -> Outcome {
        if gid.is_some_and(|gid| gid < 1000) {
            return refuse_field("invalid_field", "gid");
        }
        if self.group(name).is_some() || self.user(name).is_some() {
            return refuse_field("group_exists", "name");
        }
        if gid.is_some_and(|gid| !self.gid_is_free(gid)) {
            return refuse_field("id_in_use", "gid");
        }
        self.make_group(name, gid);
        Ok(())
    }

    fn update_group(
        &mut self,
        group: &str,
        name: Option<&str>,
        display_name: Option<&str>,
    ) -> Outcome {
        let Some(Place::Ours(at)) = self.group(group) else { return refuse("no_such_group") };
        if let Some(name) = name.filter(|name| *name != group) {
            let of_other =
                self.user(name).is_some_and(|of| self.users[of].gid != self.groups[at].gid);
            if of_other || self.group(name).is_some() {
                return refuse_field("group_exists", "name");
            }
            self.groups[at].name = name.to_owned();
        }
        if let Some(display_name) = display_name {
            self.groups[at].display_name = display_name.to_owned();
        }
        Ok(())
    }

    fn delete_group(&mut self, name: &str) -> Outcome {
        let at = match self.group(name) {
            Some(Place::Ours(at)) => at,
            Some(Place::Host(..)) => return refuse_field("invalid_field", "group"),
            None => return refuse("no_such_group"),
        };
        let group = &self.groups[at];
        let gives_root = name == "docker" && !(group.members.is_empty() && group.local.is_empty());
        if gives_root || self.users.iter().any(|user| user.gid == group.gid) {
            return refuse("immutable");
        }
        self.remove_group(at);
        Ok(())
    }

    fn add_member(&mut self, group: &str, user: &str) -> Outcome {
        let Some(place) = self.group(group) else { return refuse("no_such_group") };
        if OWN_GROUPS.contains(&group) {
            return refuse("immutable");
        }
        let joined = match (self.user(user), place) {
            (Some(at), place) => self.join(place, self.users[at].uid),
            (None, Place::Ours(at)) if is_host_user(user) => {
                self.groups[at].local.insert(user.to_owned())
            }
            (None, _) => return refuse("no_such_user"),
        };
        if joined { Ok(()) } else { refuse("already_in_state") }
    }

    fn remove_member(&mut self, group: &str, user: &str) -> Outcome {
        let Some(place) = self.group(group) else { return refuse("no_such_group") };
        if OWN_GROUPS.contains(&group) {
            return refuse("immutable");
        }
        let left = match (self.user(user), place) {
            (Some(at), place) => self.leave(place, self.users[at].uid),
            // A user of the host may have gone since it joined: any name is taken out.
            (None, Place::Ours(at)) if self.groups[at].local.remove(user) => true,
            (None, Place::Ours(_)) if is_host_user(user) => false,
            (None, Place::Ours(_)) => return refuse("no_such_user"),
            (None, Place::Host(..)) => return refuse("no_such_user"),
        };
        if left { Ok(()) } else { refuse("already_in_state") }
    }

    fn revoke(&mut self, holder: &str, n: Option<usize>) -> Outcome {
        let owner = self.owner(holder)?;
        let of_owner: Vec<usize> =
            (0..self.rules.len()).filter(|at| self.rules[*at].owner == owner).collect();
        match n {
            Some(n) => match of_owner.get(n) {
                Some(at) => drop(self.rules.remove(*at)),
                None => return refuse("no_such_rule"),
            },
            None if of_owner.is_empty() => return refuse("already_in_state"),
            None => self.rules.retain(|rule| rule.owner != owner),
        }
        Ok(())
    }
}

impl User {
    pub(super) fn is_active(&self, at: i64) -> bool {
        self.enabled && !self.locked && self.expires_at.is_none_or(|end| end > at)
    }
}
