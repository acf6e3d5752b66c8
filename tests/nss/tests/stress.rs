//! Many processes look accounts up while these change a million times: every answer must be one that
//! was true at some moment during the call.
//!
//! Each user goes through versions; what it is at each is a function of the number ([`State::of`]). The
//! writer notes in shared memory which version it begins and which it has finished. A reader takes the
//! finished one before its call and the begun one after it: the answer must be true of a version from
//! the one to the other.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use nss_tests::accounts::{user, writer};
use nss_tests::isolated_tests;
use nss_tests::module::{Answer, Module, Place, ROOMY, Record, status};
use snapshot::writer::{Edit, IndexWriter, Sizes, UserEntry};

const CHANGES: usize = 1_000_000;
const READERS: usize = 6;
const USERS: u32 = 48;
const FIRST_UID: u32 = 10_000;
/// The group of many of them, and those of every fourth.
const CROWD: u32 = 5000;
const ROLE: &str = "ROSTER_STRESS_READER";
const TRUTH: &str = "/run/truth";
const LARGE: Place = Place { length: 64 * 1024, offset: 0 };

/// What a user is at a version. `None`: there is no such user then.
struct State {
    name: String,
    groups: Vec<u32>,
}

impl State {
    /// A new name and other groups never come together: they would become visible one after the other.
    fn of(user: u32, version: u32) -> Option<Self> {
        let own = CROWD + 1 + user % 4;
        let (name, groups): (&str, &[u32]) = match version % 8 {
            0 | 7 => ("user", &[own]),
            1 => ("user", &[own, CROWD]),
            2 => ("user", &[CROWD]),
            3 => ("renamed", &[CROWD]),
            4 => ("renamed", &[CROWD, own]),
            5 => return None,
            _ => ("user", &[]),
        };
        Some(Self { name: format!("{name}{user}"), groups: groups.to_vec() })
    }

    fn entry(&self, of: u32, version: u32) -> UserEntry {
        let mut entry = user(&self.name, FIRST_UID + of);
        entry.gecos = version.to_string();
        entry.shadow.max = Some(i64::from(version));
        entry
    }
}

/// The edits from one version to the next.
fn edits(user: u32, version: u32) -> Vec<Edit> {
    let uid = FIRST_UID + user;
    let before = State::of(user, version);
    let Some(after) = State::of(user, version + 1) else { return vec![Edit::RemoveUser { uid }] };
    let was_in = before.as_ref().map(|before| before.groups.clone()).unwrap_or_default();
    let (joined, old): (Vec<u32>, Vec<u32>) = (
        after.groups.clone(),
        was_in.into_iter().filter(|gid| !after.groups.contains(gid)).collect(),
    );
    let join = joined.into_iter().map(|gid| Edit::Join { gid, name: after.name.clone() });
    let leave = old.into_iter().map(|gid| Edit::Leave { gid, name: after.name.clone() });
    let now = Edit::User(after.entry(user, version + 1));
    join.chain([now]).chain(leave).collect()
}

/// The shared memory: for each user the version that was begun and the one that was finished; then
/// the word that ends it.
struct Truth(&'static [AtomicU32]);

impl Truth {
    fn map() -> Self {
        let words = 2 * USERS as usize + 1;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(TRUTH);
        let file = file.unwrap();
        file.set_len(4 * words as u64).unwrap();
        // SAFETY: a new shared mapping of the file's length at an address of the kernel's choice; it is
        // never unmapped, the file never shortened, and any bits are a valid AtomicU32.
        let words = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let descriptor = file.as_raw_fd();
            let start = std::ptr::null_mut();
            let place = libc::mmap(start, 4 * words, protection, libc::MAP_SHARED, descriptor, 0);
            assert_ne!(place, libc::MAP_FAILED);
            std::slice::from_raw_parts(place.cast(), words)
        };
        Self(words)
    }

    fn begun(&self, user: u32) -> &AtomicU32 {
        &self.0[2 * user as usize]
    }

    fn finished(&self, user: u32) -> &AtomicU32 {
        &self.0[2 * user as usize + 1]
    }

    fn is_over(&self) -> bool {
        self.0[2 * USERS as usize].load(SeqCst) != 0
    }

    fn end(&self) {
        self.0[2 * USERS as usize].store(1, SeqCst);
    }

    /// Makes a call, and gives the versions of all users that were true during it.
    fn during<T>(&self, call: impl FnOnce() -> T) -> (T, Vec<RangeInclusive<u32>>) {
        let from: Vec<u32> = (0..USERS).map(|user| self.finished(user).load(SeqCst)).collect();
        let answer = call();
        let to = (0..USERS).map(|user| self.begun(user).load(SeqCst));
        (answer, from.into_iter().zip(to).map(|(from, to)| from..=to).collect())
    }
}

/// Makes the changes.
fn change(truth: &Truth, writer: &mut IndexWriter) {
    let mut random = Random(7);
    let (mut done, mut turn) = (0, 0_u64);
    while done < CHANGES {
        let user = random.below(USERS);
        let version = truth.finished(user).load(SeqCst);
        let edits = edits(user, version);
        done += edits.len();
        truth.begun(user).store(version + 1, SeqCst);
        writer.apply(&edits, turn).unwrap();
        truth.finished(user).store(version + 1, SeqCst);
        turn += 1;
        if turn.is_multiple_of(50_000) {
            writer.checkpoint().unwrap();
            begin(truth, writer);
        }
    }
}

/// Publishes everything as it is.
fn begin(truth: &Truth, writer: &mut IndexWriter) {
    let mut new = writer.begin(&Sizes::default()).unwrap();
    for gid in CROWD..=CROWD + 4 {
        let entry = nss_tests::accounts::group(&format!("group{gid}"), gid, &[]);
        new.group(&entry).unwrap();
    }
    for user in 0..USERS {
        let version = truth.finished(user).load(SeqCst);
        if let Some(state) = State::of(user, version) {
            new.user(&state.entry(user, version)).unwrap();
            state.groups.iter().for_each(|gid| new.member(*gid, &state.name).unwrap());
        }
    }
    writer.finish(new, 0).unwrap();
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        // xorshift64: enough to mix users and calls.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(limit)) as u32
    }
}

/// The calls of one process, checked one by one.
struct Reader {
    truth: Truth,
    module: Module,
    /// Answers during which nothing or one thing changed: those that a wrong answer cannot hide in.
    narrow: u32,
    answers: u32,
}

impl Reader {
    /// Whether some version in the range is as `is` says.
    fn some(
        versions: &RangeInclusive<u32>,
        user: u32,
        is: impl Fn(Option<&State>) -> bool,
    ) -> bool {
        // What a user is repeats after eight versions.
        versions.clone().take(8).any(|version| is(State::of(user, version).as_ref()))
    }

    fn note(&mut self, versions: &RangeInclusive<u32>) {
        self.answers += 1;
        self.narrow += u32::from(versions.end() - versions.start() <= 1);
    }

    /// Checks an entry: `version` is what it says of itself.
    fn check_found(user: u32, version: &str, name: &str, versions: &RangeInclusive<u32>) {
        let version: u32 = version.parse().unwrap();
        assert!(versions.contains(&version), "user {user}: {version} during {versions:?}");
        assert_eq!(State::of(user, version).unwrap().name, name);
    }

    fn lookup<R: Record>(
        &mut self,
        user: u32,
        asked: Option<&str>,
        call: impl FnOnce(&Module) -> Answer<R>,
        tell: impl FnOnce(&R) -> (String, String),
    ) {
        let module = self.module;
        let (answer, versions) = self.truth.during(|| call(&module));
        let versions = &versions[user as usize];
        self.note(versions);
        match &answer.record {
            Some(record) => {
                let (name, version) = tell(record);
                assert!(asked.is_none_or(|asked| asked == name));
                Self::check_found(user, &version, &name, versions);
            }
            None => {
                assert_eq!(answer.status, status::NOT_FOUND, "user {user} during {versions:?}");
                let missing = |state: Option<&State>| {
                    state.is_none_or(|state| asked.is_some_and(|asked| asked != state.name))
                };
                assert!(Self::some(versions, user, missing), "user {user} during {versions:?}");
            }
        }
    }

    fn groups_of(&mut self, user: u32, name: &str) {
        let module = self.module;
        let c_name = CString::new(name).unwrap();
        let (answer, versions) = self.truth.during(|| module.initgroups(&c_name, 0, &[], 4, -1));
        let versions = &versions[user as usize];
        self.note(versions);
        if answer.status != status::SUCCESS {
            assert_eq!(answer.status, status::NOT_FOUND);
            let other = |state: Option<&State>| state.is_none_or(|state| state.name != name);
            assert!(Self::some(versions, user, other), "{name} during {versions:?}");
            return;
        }
        for gid in CROWD..=CROWD + 4 {
            let said = answer.groups.contains(&gid);
            let so = |state: Option<&State>| {
                let is =
                    state.is_some_and(|state| state.name == name && state.groups.contains(&gid));
                is == said
            };
            assert!(Self::some(versions, user, so), "{name} in {gid}: {said} during {versions:?}");
        }
        let mut once = answer.groups.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), answer.groups.len(), "{name} is in a group twice");
    }

    fn members(&mut self, gid: u32) {
        let module = self.module;
        let (answer, versions) = self.truth.during(|| module.getgrgid(gid, LARGE));
        let members = answer.found().members;
        let mut once = members.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), members.len(), "{gid} has a member twice");
        for user in 0..USERS {
            let versions = &versions[user as usize];
            self.note(versions);
            for name in [format!("user{user}"), format!("renamed{user}")] {
                let said = members.contains(&name);
                let so = |state: Option<&State>| {
                    let is = state
                        .is_some_and(|state| state.name == name && state.groups.contains(&gid));
                    is == said
                };
                assert!(
                    Self::some(versions, user, so),
                    "{name} in {gid}: {said} during {versions:?}"
                );
            }
        }
    }

    fn enumerate(&mut self) {
        let module = self.module;
        let (all, versions) = self.truth.during(|| {
            module.set("setpwent");
            let all = module.rest(|module, place| module.getpwent(place));
            module.end("endpwent");
            all
        });
        let mut times: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in &all {
            let user = entry.uid - FIRST_UID;
            Self::check_found(user, &entry.gecos, &entry.name, &versions[user as usize]);
            *times.entry(user).or_default() += 1;
        }
        for user in 0..USERS {
            let versions = &versions[user as usize];
            self.note(versions);
            let times = times.get(&user).copied().unwrap_or(0);
            // Who goes and comes back may be met in both places, or in none.
            let stays = !Self::some(versions, user, |state| state.is_none());
            assert!(!stays || times == 1, "user {user}: {times} times during {versions:?}");
        }
    }

    fn run(mut self, seed: u64) {
        let mut random = Random(seed * 1000 + 17);
        while !self.truth.is_over() {
            let user = random.below(USERS);
            let name = format!("{}{user}", ["user", "renamed"][random.below(2) as usize]);
            let c_name = CString::new(name.as_str()).unwrap();
            match random.below(32) {
                0 => self.enumerate(),
                1..=2 => self.members(CROWD + random.below(5)),
                3..=8 => self.groups_of(user, &name),
                9..=18 => self.lookup(
                    user,
                    None,
                    |module| module.getpwuid(FIRST_UID + user, ROOMY),
                    |entry| (entry.name.clone(), entry.gecos.clone()),
                ),
                19..=22 => self.lookup(
                    user,
                    Some(&name),
                    |module| module.getspnam(&c_name, ROOMY),
                    |entry| (entry.name.clone(), entry.days[2].to_string()),
                ),
                _ => self.lookup(
                    user,
                    Some(&name),
                    |module| module.getpwnam(&c_name, ROOMY),
                    |entry| (entry.name.clone(), entry.gecos.clone()),
                ),
            }
        }
        println!("{} {}", self.answers, self.narrow);
    }
}

fn start_reader(number: usize) -> Child {
    // The writer shares the processors with them, and would get little.
    Command::new("nice")
        .args(["-n", "15"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "every_answer_was_true_during_a_million_changes", "--nocapture"])
        .env(ROLE, (number + 1).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

isolated_tests! {
    fn every_answer_was_true_during_a_million_changes() {
        let truth = Truth::map();
        if let Some(seed) = std::env::var_os(ROLE) {
            let seed = seed.to_str().unwrap().parse().unwrap();
            return Reader { truth, module: Module::shipped(), narrow: 0, answers: 0 }.run(seed);
        }
        let mut writer = writer();
        begin(&truth, &mut writer);
        let readers: Vec<Child> = (0..READERS).map(start_reader).collect();
        change(&truth, &mut writer);
        truth.end();
        for reader in readers {
            let output = reader.wait_with_output().unwrap();
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{out}\n{err}");
            let counted = out.lines().find_map(|line| {
                let mut numbers = line.split(' ').map(str::parse::<u32>);
                Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
            });
            let (answers, narrow) = counted.expect("a reader says how many answers it checked");
            assert!(answers > 1000, "{answers}");
            assert!(narrow > answers / 2, "{narrow} of {answers}");
            eprintln!("{answers} answers, of which {narrow} during one change at most");
        }
    }
}
