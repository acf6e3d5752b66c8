//! Planted secrets, and every place where they must not be: files, the journal, the daemon's memory,
//! the traffic of the bus.

use roster_tests::Machine;

use crate::people::{
    ALICES, CODE_PROMPT, PASSWORD_PROMPT, add_alice, add_bob, change_own_password, ssh,
    ssh_dialogue,
};

/// What alice changes her password to.
const SECOND: &str = "eleven copper lanterns waiting";
/// What somebody types who does not know it.
const GUESS: &str = "twelve crimson ladders leaning";
const INTERVAL: &str = "5";

/// Looks for byte strings (hexadecimal, one a line, on standard input) in what its arguments name:
/// files and folders, or `pid:N`, the memory that process N can write to. Prints where they are.
const SCAN: &str = r#"
import os, re, sys
needles = [bytes.fromhex(line) for line in sys.stdin.read().split()]
def tell(where, content):
    for number, needle in enumerate(needles):
        if needle in content:
            print(f"needle {number} in {where}")
def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not found or "[vvar" in line:
                continue
            start, end = (int(text, 16) for text in found.groups())
            mem.seek(start)
            content = bytearray()
            while len(content) < end - start:
                piece = mem.read(end - start - len(content))
                if not piece:
                    break
                content += piece
            tell(f"memory: {line.strip()}", content)
def files(path):
    for folder, _, names in os.walk(path) if os.path.isdir(path) else [("", [], [path])]:
        for name in names:
            name = os.path.join(folder, name)
            if os.path.isfile(name) and not os.path.islink(name):
                with open(name, "rb") as file:
                    tell(name, file.read())
for place in sys.argv[1:]:
    if place.startswith("pid:"):
        memory(place[4:])
    else:
        files(place)
"#;

/// A secret, and in which forms it could turn up.
struct Planted(Vec<Vec<u8>>);

impl Planted {
    /// As it is typed, and as the authentication socket carries it.
    fn text(&mut self, text: &str) {
        self.0.push(text.as_bytes().to_vec());
        self.0.push(base64(text.as_bytes()).into_bytes());
    }

    fn lines(&self) -> String {
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.iter().map(hex).collect::<Vec<String>>().join("\n")
    }
}

/// RFC 4648, without what depends on the end of the text.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextet = |three: &[u8], n: usize| {
        let all = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        char::from(ALPHABET[(all >> (18 - 6 * n) & 63) as usize])
    };
    bytes.chunks_exact(3).flat_map(|three| (0..4).map(move |n| sextet(three, n))).collect()
}

/// RFC 4648, of a text without padding.
fn base32_bytes(text: &str) -> Vec<u8> {
    let value = |c: u8| u32::from(if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 });
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0);
    for c in text.bytes() {
        held = held << 5 | value(c);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

/// Tokens of carol's, each of which is used.
fn plant_tokens(m: &Machine, password: &str, planted: &mut Planted) {
    let mut plant = |answer: &serde_json::Value, field: &str| {
        let token = answer[field].as_str().unwrap().to_owned();
        planted.text(&token);
        token
    };
    m.write("/etc/pam.d/mail", "@include common-auth\n");
    let create = ["token", "create", "carol", "--name", "Mail", "--scope", "mail", "--json"];
    let app = plant(&m.roster(create).ok().json(), "token");
    m.sh("pamtester mail carol authenticate").stdin(format!("{app}\n")).ok();
    let log_in = ["login", "carol", "--password-stdin", "--json"];
    let first = m.roster(log_in).stdin(format!("{password}\n")).ok().json();
    let (_, refresh) = (plant(&first, "access_token"), plant(&first, "refresh_token"));
    let refreshed = ["refresh", "--token-stdin", "--json"];
    let second = m.roster(refreshed).stdin(format!("{refresh}\n")).ok().json();
    let (access, _) = (plant(&second, "access_token"), plant(&second, "refresh_token"));
    m.roster(["whoami", "--token-stdin"]).stdin(format!("{access}\n")).ok().says("carol");
}

fn daemon(m: &Machine) -> String {
    format!("pid:{}", m.sh("systemctl show --property MainPID --value rosterd").ok().line())
}

fn found(m: &Machine, planted: &Planted, places: &[&str]) -> String {
    let command = ["python3", "-c", SCAN].iter().chain(places).copied();
    m.command(command).stdin(planted.lines()).ok().stdout
}

#[test]
fn planted_secrets_are_found_nowhere() {
    let m = Machine::boot("planted").unwrap();
    add_bob(&m);
    for (user, program) in [("bob", "dbus-monitor --system"), ("root", "busctl monitor")] {
        m.sh(&format!(
            "install -d -o {user} /srv/{user} && \
             setpriv --reuid={user} --regid={user} --clear-groups {program} >/srv/{user}/traffic 2>&1 &"
        ))
        .ok();
    }
    m.sh("while ! grep -q . /srv/root/traffic; do busctl list >/dev/null; sleep 0.1; done").ok();

    let mut planted = Planted(Vec::new());
    add_alice(&m);
    let given = m.roster(["user", "create", "carol", "--generate-password", "--json"]).ok().json();
    planted.text(given["password"].as_str().unwrap());
    plant_tokens(&m, given["password"].as_str().unwrap(), &mut planted);
    ssh(&m, "alice", ALICES).ok();
    ssh(&m, "alice", GUESS).fails();
    change_own_password(&m, "alice", ALICES, SECOND).ok();
    [ALICES, SECOND, GUESS].iter().for_each(|password| planted.text(password));

    let enrolment =
        m.roster(["2fa", "enroll", "alice", "--interval", INTERVAL, "--json"]).ok().json();
    let secret = enrolment["secret"].as_str().unwrap();
    planted.text(secret);
    planted.0.push(base32_bytes(secret));
    let code = || {
        let tool = format!("oathtool --totp --base32 --time-step-size={INTERVAL}s -");
        m.sh(&tool).stdin(format!("{secret}\n")).ok().line().to_owned()
    };
    let confirmed = m
        .roster(["2fa", "confirm", "alice", "--code-stdin", "--json"])
        .stdin(format!("{}\n", code()))
        .ok()
        .json();
    let recovery = confirmed["recovery_codes"].as_array().unwrap();
    recovery.iter().for_each(|code| planted.text(code.as_str().unwrap()));
    m.sh("sleep 11").ok();
    let answers = [(PASSWORD_PROMPT, SECOND), (CODE_PROMPT, &code())];
    ssh_dialogue(&m, "alice", "", &answers).ok();
    let answers = [(PASSWORD_PROMPT, SECOND), (CODE_PROMPT, recovery[0].as_str().unwrap())];
    ssh_dialogue(&m, "alice", "", &answers).ok();
    m.roster(["2fa", "verify", "alice", "--code-stdin"])
        .stdin(format!("{}\n", recovery[1].as_str().unwrap()))
        .ok();

    // The key of the sealed secrets is in its file and in the daemon, and nowhere else.
    let key = Planted(vec![
        m.sh("od -An -v -tx1 /var/lib/roster/store/totp.key | tr -d ' \\n'")
            .ok()
            .line()
            .as_bytes()
            .chunks(2)
            .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
            .collect(),
    ]);
    assert_eq!(key.0[0].len(), 32);

    // The threads that compute hashes give their memory back when they have been idle.
    m.sh("sleep 7; kill $(pidof dbus-monitor busctl); cp -a /var/lib/roster /srv/backup").ok();
    m.sh("journalctl --no-pager --output=export >/srv/journal").ok();
    let places = ["/etc", "/home", "/run", "/srv", "/tmp", "/var", &daemon(&m)];
    assert_eq!(found(&m, &planted, &places), "");
    let unsealing = found(&m, &key, &["/etc", "/run", "/srv", "/var/log", "/var/lib/roster"]);
    let allowed = ["/var/lib/roster/store/totp.key", "/srv/backup/store/totp.key"];
    for line in unsealing.lines() {
        assert!(allowed.iter().any(|file| line.ends_with(file)), "{line}");
    }
    assert_eq!(unsealing.lines().count(), 2, "{unsealing}");

    // What is no secret is found in all of these places, so the search does search.
    let mut public = Planted(Vec::new());
    public.0.push(b"Alice Ng".to_vec());
    let seen = found(&m, &public, &places);
    for place in
        ["/var/lib/roster/store/roster.db", "/srv/backup/", "/run/roster/index", "memory: "]
    {
        assert!(seen.contains(place), "{place}: {seen}");
    }
    public.0[0] = b"UserAdded".to_vec();
    let seen = found(&m, &public, &["/srv"]);
    for place in ["/srv/root/traffic", "/srv/bob/traffic"] {
        assert!(seen.contains(place), "{place}: {seen}");
    }
    public.0[0] = b"login refused".to_vec();
    assert!(found(&m, &public, &["/srv"]).contains("/srv/journal"));
}

/// Freed memory begins with what malloc notes in it: of a password that was judged, the end would stay.
#[test]
fn not_even_an_end_of_a_password_stays_in_memory() {
    let m = Machine::boot("ends").unwrap();
    let mut planted = Planted(Vec::new());
    for n in 0..8 {
        let end = format!("hG3dFs6n{n}");
        m.roster(["user", "create", &format!("user{n}"), "--password-stdin"])
            .stdin(format!("xK9vQ2mZ7pLw4TjR8bNc5Y{end}\n"))
            .ok();
        planted.0.push(end.into_bytes());
    }
    m.sh("sleep 7").ok();
    assert_eq!(found(&m, &planted, &[&daemon(&m)]), "");
}

#[test]
fn the_daemon_leaves_no_core() {
    let m = Machine::boot("core").unwrap();
    m.roster(["user", "list"]).ok();
    let limits = m
        .sh("grep 'Max core file size' /proc/$(systemctl show -p MainPID --value rosterd)/limits")
        .ok();
    let numbers: Vec<&str> = limits.line().split_whitespace().skip(4).collect();
    assert_eq!(numbers, ["0", "0", "bytes"]);
    // Not dumpable: without the right to trace, not even root may look; into others it may.
    let look = "exec setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace \
                sh -c ': </proc/$1/mem' sh \"$1\"";
    let opens = |pid: &str| m.command(["sh", "-c", look, "sh", pid]).run();
    let other = m.sh("setpriv --bounding-set=-all sleep 100 >/dev/null 2>&1 & sleep 0.5; echo $!");
    assert!(opens(other.ok().line()).success());
    opens(daemon(&m).trim_start_matches("pid:")).says("Permission denied");
}
