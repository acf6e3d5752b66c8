//! The accounts of a benchmark: the same ones in the format of every source, and the lists that the
//! measuring program reads.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use snapshot::writer::{Contents, GroupEntry, IndexWriter, UserEntry};

/// Numbers that the measuring program and the floor's module know too.
const OWN_GROUP: u32 = 2000;
const FIRST_GROUP: u32 = 3000;
const FIRST_USER: u32 = 1_000_000;
const FIRST_MISSING: u32 = 500_000_000;
/// Supplementary groups of everybody who has any, out of so many.
const GROUPS_EACH: usize = 20;
const GROUPS: usize = 200;
/// So many different names and numbers that nobody has.
const MOST_MISSING: usize = 100_000;

/// First halves of login names. None begins with z: those are the names that nobody has.
const NAMES: [&str; 16] = [
    "anna", "bjorn", "chiara", "dmitri", "elif", "farid", "grace", "hiroshi", "ines", "jamal",
    "katja", "liam", "mei", "nadia", "oskar", "priya",
];

/// `size` accounts.
pub struct Accounts {
    size: usize,
    /// All of their numbers, shuffled.
    order: Vec<usize>,
}

fn name(at: usize) -> String {
    format!("{}{at}", NAMES[at % NAMES.len()])
}

fn uid(at: usize) -> u32 {
    FIRST_USER + at as u32
}

fn gecos(at: usize) -> String {
    format!("{} Number {at},Room {},,", NAMES[at % NAMES.len()].to_uppercase(), at % 400)
}

fn group_name(group: usize) -> String {
    format!("project{group}")
}

fn gid(group: usize) -> u32 {
    FIRST_GROUP + group as u32
}

/// The supplementary groups of an account that has any.
fn groups_of(at: usize) -> impl Iterator<Item = usize> {
    (0..GROUPS_EACH).map(move |nth| (at + nth * (GROUPS / GROUPS_EACH)) % GROUPS)
}

/// Always the same sequence (xorshift64*), so that two runs ask in the same order.
fn shuffle(list: &mut [usize]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..list.len()).rev() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        list.swap(at, random as usize % (at + 1));
    }
}

fn create(path: &Path) -> io::Result<BufWriter<File>> {
    File::create(path).map(BufWriter::new)
}

impl Accounts {
    pub fn new(size: usize) -> Self {
        let mut order: Vec<usize> = (0..size).collect();
        shuffle(&mut order);
        Self { size, order }
    }

    /// Those who are in twenty groups: a tenth, and at least a thousand.
    fn members(&self) -> &[usize] {
        &self.order[..self.size.min((self.size / 10).max(1000))]
    }

    /// The members of each group.
    fn memberships(&self) -> Vec<Vec<String>> {
        let mut groups = vec![Vec::new(); GROUPS];
        for &at in self.members() {
            groups_of(at).for_each(|group| groups[group].push(name(at)));
        }
        groups
    }

    /// The lists for the measuring program: `present`, `missing` and `members`, a name and a number a
    /// line, in random order.
    pub fn write_lists(&self, folder: &Path) -> io::Result<()> {
        let list = |file: &str, lines: &mut dyn Iterator<Item = (String, u32)>| {
            let mut out = create(&folder.join(file))?;
            for (name, uid) in lines {
                writeln!(out, "{name} {uid}")?;
            }
            out.flush()
        };
        let missing = self.order.iter().take(MOST_MISSING);
        list("present", &mut self.order.iter().map(|&at| (name(at), uid(at))))?;
        list(
            "missing",
            &mut missing.map(|&at| (format!("z{}", name(at)), FIRST_MISSING + at as u32)),
        )?;
        list("members", &mut self.members().iter().map(|&at| (name(at), uid(at))))
    }

    /// `passwd` and `group`, as `files` and `extrausers` read them.
    pub fn write_files(&self, folder: &Path) -> io::Result<()> {
        let mut passwd = create(&folder.join("passwd"))?;
        for at in 0..self.size {
            let (name, uid, gecos) = (name(at), uid(at), gecos(at));
            writeln!(passwd, "{name}:x:{uid}:{OWN_GROUP}:{gecos}:/home/{name}:/bin/bash")?;
        }
        passwd.flush()?;
        let mut group = create(&folder.join("group"))?;
        writeln!(group, "everybody:x:{OWN_GROUP}:")?;
        for (at, members) in self.memberships().iter().enumerate() {
            writeln!(group, "{}:x:{}:{}", group_name(at), gid(at), members.join(","))?;
        }
        group.flush()
    }

    /// JSON user and group records and memberships, as userdbd(8) reads them from /run/userdb.
    pub fn write_userdb(&self, folder: &Path) -> io::Result<()> {
        for at in 0..self.size {
            let (name, uid, gecos) = (name(at), uid(at), gecos(at));
            let record = serde_json::json!({
                "userName": name, "uid": uid, "gid": OWN_GROUP, "realName": gecos.split(',').next(),
                "homeDirectory": format!("/home/{name}"), "shell": "/bin/bash",
                "disposition": "regular",
            });
            fs::write(folder.join(format!("{name}.user")), record.to_string())?;
            symlink(format!("{name}.user"), folder.join(format!("{uid}.user")))?;
        }
        let own = ("everybody".to_owned(), OWN_GROUP);
        let groups = (0..GROUPS).map(|at| (group_name(at), gid(at)));
        for (name, gid) in groups.chain([own]) {
            let record = serde_json::json!({ "groupName": name, "gid": gid });
            fs::write(folder.join(format!("{name}.group")), record.to_string())?;
            symlink(format!("{name}.group"), folder.join(format!("{gid}.group")))?;
        }
        for &at in self.members() {
            for group in groups_of(at) {
                let file = format!("{}:{}.membership", name(at), group_name(group));
                File::create(folder.join(file))?;
            }
        }
        Ok(())
    }

    /// The account index, published into those directories as the daemon does it.
    pub fn write_index(
        &self,
        live: &Path,
        checkpoint: &Path,
    ) -> Result<(), snapshot::writer::WriteError> {
        let user = |at| UserEntry {
            name: name(at),
            uid: uid(at),
            gid: OWN_GROUP,
            gecos: gecos(at),
            home: format!("/home/{}", name(at)),
            shell: "/bin/bash".to_owned(),
            ..UserEntry::default()
        };
        let group = |(at, members)| GroupEntry {
            name: group_name(at),
            gid: gid(at),
            members,
            external: false,
        };
        let own = GroupEntry { name: "everybody".to_owned(), gid: OWN_GROUP, ..Default::default() };
        let groups = self.memberships().into_iter().enumerate().map(group);
        IndexWriter::new(live, checkpoint).publish(&Contents {
            users: (0..self.size).map(user).collect(),
            groups: std::iter::once(own).chain(groups).collect(),
            generation: 1,
        })
    }
}
