//! Random sequences of commands against a simple model: after each one `getent`, `id`, `roster user
//! list`, the sudoers file and the model agree.
//!
//! `ROSTER_MODEL_SEED` makes another run, `ROSTER_MODEL_STEPS` a longer one.

use std::collections::{BTreeMap, BTreeSet};

use roster_tests::Machine;
use serde_json::Value;

const USERS: [&str; 4] = ["mia", "max", "moe", "may"];
const GROUPS: [&str; 3] = ["mdev", "mops", "mia"];
const COMMANDS: [&str; 3] = ["/usr/bin/id", "/usr/bin/whoami", "ALL"];
const TEXTS: [&str; 3] = ["Mia Farr", "Ünal Ço", "m m"];
const SHELLS: [&str; 2] = ["/bin/sh", "/bin/bash"];

#[derive(Clone)]
struct User {
    uid: u32,
    gid: u32,
    full_name: String,
    shell: String,
    home: String,
    locked: bool,
    enabled: bool,
}

#[derive(Clone, Default)]
struct Group {
    gid: u32,
    members: BTreeSet<u32>,
}

/// A rule: whose, what, and whether without a password.
type Rule = (u32, String, bool);

#[derive(Clone, Default)]
struct Model {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    rules: BTreeSet<Rule>,
    used_uids: BTreeSet<u32>,
    used_gids: BTreeSet<u32>,
}

/// A small generator (Knuth's MMIX constants): the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.below(from.len())].to_owned()
    }
}

fn free(used: &BTreeSet<u32>, wanted: Option<u32>) -> u32 {
    match wanted {
        Some(number) if !used.contains(&number) => number,
        _ => (3000..).find(|number| !used.contains(number)).unwrap(),
    }
}

const NO_SUCH: i32 = 6;
const TAKEN: i32 = 9;
const REFUSED: i32 = 1;

impl Model {
    fn group_of(&self, gid: u32) -> Option<&String> {
        self.groups.iter().find(|(_, group)| group.gid == gid).map(|(name, _)| name)
    }

    /// A random command, and the status that it should end with; 0 when it is done here, too.
    fn step(&mut self, random: &mut Random) -> (Vec<String>, i32) {
        let name = random.pick(&USERS);
        let group = random.pick(&GROUPS);
        let line = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match random.below(14) {
            0..=2 => {
                let (full_name, shell) = (random.pick(&TEXTS), random.pick(&SHELLS));
                let words = line(&[
                    "user",
                    "create",
                    &name,
                    "--full-name",
                    &full_name,
                    "--shell",
                    &shell,
                    "--password-disabled",
                ]);
                (words, self.create(&name, full_name, shell))
            }
            3 => {
                let full_name = random.pick(&TEXTS);
                let words = line(&["user", "update", &name, "--full-name", &full_name]);
                let Some(user) = self.users.get_mut(&name) else { return (words, NO_SUCH) };
                user.full_name = full_name;
                (words, 0)
            }
            4 => {
                let new = random.pick(&USERS);
                let words = line(&["user", "update", &name, "--name", &new]);
                let status = match (self.users.contains_key(&name), self.users.contains_key(&new)) {
                    (false, _) => NO_SUCH,
                    (true, true) if name != new => TAKEN,
                    _ => 0,
                };
                if status == 0 {
                    let user = self.users.remove(&name).unwrap();
                    self.users.insert(new, user);
                }
                (words, status)
            }
            5 => (line(&["user", "delete", &name, "--yes"]), self.delete(&name)),
            6 | 7 => {
                let on = random.below(2) == 0;
                let locks = random.below(2) == 0;
                let verb = match (locks, on) {
                    (true, true) => "lock",
                    (true, false) => "unlock",
                    (false, true) => "enable",
                    (false, false) => "disable",
                };
                let words = line(&["user", verb, &name]);
                let Some(user) = self.users.get_mut(&name) else { return (words, NO_SUCH) };
                let state = if locks { &mut user.locked } else { &mut user.enabled };
                let status = if *state == on { REFUSED } else { 0 };
                *state = on;
                (words, status)
            }
            8 => (line(&["group", "create", &group]), self.create_group(&group)),
            9 => (line(&["group", "delete", &group]), self.delete_group(&group)),
            10 | 11 => {
                let on = random.below(3) > 0;
                let verb = if on { "add-member" } else { "remove-member" };
                let words = line(&["group", verb, &group, &name]);
                let Some(known) = self.groups.get_mut(&group) else { return (words, NO_SUCH) };
                let Some(user) = self.users.get(&name) else { return (words, NO_SUCH) };
                let changed = if on {
                    known.members.insert(user.uid)
                } else {
                    known.members.remove(&user.uid)
                };
                (words, if changed { 0 } else { REFUSED })
            }
            12 => {
                let (command, nopasswd) = (random.pick(&COMMANDS), random.below(2) == 0);
                let mut words = line(&["sudo", "grant", &name, &command]);
                if nopasswd {
                    words.push("--nopasswd".to_owned());
                }
                let Some(user) = self.users.get(&name) else { return (words, NO_SUCH) };
                let new = self.rules.insert((user.uid, command, nopasswd));
                (words, if new { 0 } else { REFUSED })
            }
            _ => {
                let words = line(&["sudo", "revoke", &name, "--all"]);
                let Some(user) = self.users.get(&name) else { return (words, NO_SUCH) };
                let before = self.rules.len();
                self.rules.retain(|(uid, ..)| *uid != user.uid);
                (words, if self.rules.len() < before { 0 } else { REFUSED })
            }
        }
    }

    fn create(&mut self, name: &str, full_name: String, shell: String) -> i32 {
        if self.users.contains_key(name) {
            return TAKEN;
        }
        let home = format!("/home/{name}");
        if self.groups.contains_key(name) || self.users.values().any(|user| user.home == home) {
            return REFUSED;
        }
        let uid = free(&self.used_uids, None);
        let gid = free(&self.used_gids, Some(uid));
        self.used_uids.insert(uid);
        self.used_gids.insert(gid);
        self.groups.insert(name.to_owned(), Group { gid, members: BTreeSet::new() });
        let user = User { uid, gid, full_name, shell, home, locked: false, enabled: true };
        self.users.insert(name.to_owned(), user);
        0
    }

    fn delete(&mut self, name: &str) -> i32 {
        let Some(user) = self.users.remove(name) else { return NO_SUCH };
        for group in self.groups.values_mut() {
            group.members.remove(&user.uid);
        }
        self.rules.retain(|(uid, ..)| *uid != user.uid);
        let shared = self.users.values().any(|other| other.gid == user.gid);
        if let Some(own) = self.group_of(user.gid).cloned()
            && !shared
            && self.groups[&own].members.is_empty()
        {
            self.groups.remove(&own);
        }
        0
    }

    fn create_group(&mut self, name: &str) -> i32 {
        if self.groups.contains_key(name) || self.users.contains_key(name) {
            return TAKEN;
        }
        let gid = free(&self.used_gids, None);
        self.used_gids.insert(gid);
        self.groups.insert(name.to_owned(), Group { gid, members: BTreeSet::new() });
        0
    }

    fn delete_group(&mut self, name: &str) -> i32 {
        let Some(group) = self.groups.get(name) else { return NO_SUCH };
        if self.users.values().any(|user| user.gid == group.gid) {
            return REFUSED;
        }
        self.groups.remove(name);
        0
    }

    /// What everybody should see, as lines.
    fn meant(&self) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for (name, user) in &self.users {
            let User { uid, gid, full_name, shell, home, locked, enabled } = user;
            lines.insert(format!("{name}:x:{uid}:{gid}:{full_name}:{home}:{shell}"));
            let mut groups = BTreeSet::from(["roster-users".to_owned()]);
            groups.extend(self.group_of(*gid).cloned());
            let joined = self.groups.iter().filter(|(_, group)| group.members.contains(uid));
            groups.extend(joined.map(|(name, _)| name.clone()));
            lines.insert(format!("id {name} {groups:?}"));
            lines.insert(format!("list {name} {uid} {full_name} {locked} {enabled}"));
        }
        for (name, group) in &self.groups {
            let is = |(_, user): &(&String, &User)| group.members.contains(&user.uid);
            let members: BTreeSet<_> = self.users.iter().filter(is).map(|(name, _)| name).collect();
            lines.insert(format!("group {name} {} {members:?}", group.gid));
        }
        for (uid, command, nopasswd) in &self.rules {
            let holder = self.users.values().find(|user| user.uid == *uid).unwrap();
            if holder.enabled && !holder.locked {
                lines.insert(format!("sudo {uid} {command} {nopasswd}"));
            }
        }
        lines
    }
}

/// What the system says, as the same lines.
fn seen(m: &Machine) -> BTreeSet<String> {
    let names = USERS.join(" ");
    let groups: BTreeSet<&str> = GROUPS.into_iter().chain(USERS).collect();
    let groups = groups.into_iter().collect::<Vec<_>>().join(" ");
    let script = format!(
        "getent passwd {names}; echo --; getent group {groups}; echo --; \
         for n in {names}; do getent passwd $n >/dev/null && echo \"$n $(id -Gn $n)\"; done; echo --; \
         roster user list --json | tr -d '\\n'; echo; echo --; \
         if [ -e /etc/sudoers.d/50-roster ]; then cvtsudoers -f json /etc/sudoers.d/50-roster; fi; true"
    );
    let out = m.sh(&script).ok().stdout;
    let parts: Vec<&str> = out.split("--\n").collect();
    assert_eq!(parts.len(), 5, "{out}");
    let mut lines: BTreeSet<String> = parts[0].lines().map(str::to_owned).collect();
    for line in parts[1].lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let members: BTreeSet<&str> =
            fields[3].split(',').filter(|name| !name.is_empty()).collect();
        lines.insert(format!("group {} {} {members:?}", fields[0], fields[2]));
    }
    for line in parts[2].lines() {
        let (name, groups) = line.split_once(' ').unwrap();
        let groups: BTreeSet<&str> = groups.split(' ').collect();
        lines.insert(format!("id {name} {groups:?}"));
    }
    let list: Value = serde_json::from_str(parts[3]).unwrap();
    for user in list["users"].as_array().unwrap() {
        let text = |field: &str| user[field].as_str().unwrap().to_owned();
        let (name, uid, full_name) = (text("name"), &user["uid"], text("full_name"));
        lines.insert(format!(
            "list {name} {uid} {full_name} {} {}",
            user["locked"], user["enabled"]
        ));
    }
    if !parts[4].trim().is_empty() {
        let file: Value = serde_json::from_str(parts[4]).unwrap();
        for spec in file["User_Specs"].as_array().into_iter().flatten() {
            let uid = &spec["User_List"][0]["userid"];
            for commands in spec["Cmnd_Specs"].as_array().unwrap() {
                let options = commands["Options"].as_array().unwrap();
                let asks = options.iter().find_map(|option| option["authenticate"].as_bool());
                for command in commands["Commands"].as_array().unwrap() {
                    let command = command["command"].as_str().unwrap();
                    lines.insert(format!("sudo {uid} {command} {}", !asks.unwrap()));
                }
            }
        }
    }
    lines
}

#[test]
fn commands_do_what_the_model_says() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (seed, steps) = (number("ROSTER_MODEL_SEED", 42), number("ROSTER_MODEL_STEPS", 80));
    eprintln!("ROSTER_MODEL_SEED={seed} ROSTER_MODEL_STEPS={steps}");
    let m = Machine::boot("model").unwrap();
    let (mut random, mut model) = (Random(seed), Model::default());
    let mut done: Vec<String> = Vec::new();
    for _ in 0..steps {
        let mut next = model.clone();
        let (words, status) = next.step(&mut random);
        done.push(format!("roster {}", words.join(" ")));
        let outcome = m.roster(words.iter().map(String::as_str)).run();
        let told = format!("seed {seed}:\n{}\n{}", done.join("\n"), outcome.all());
        assert_eq!(outcome.status, status, "{told}");
        if status == 0 {
            model = next;
        }
        let (seen, meant) = (seen(&m), model.meant());
        let surplus: Vec<_> = seen.difference(&meant).collect();
        let missing: Vec<_> = meant.difference(&seen).collect();
        assert!(surplus.is_empty() && missing.is_empty(), "+{surplus:#?}\n-{missing:#?}\n{told}");
    }
}
