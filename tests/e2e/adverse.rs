//! Logins while the machine, or somebody on it, makes trouble.

use std::time::Duration;

use roster_tests::Machine;

use crate::people::{ALICES, BOB, BOBS, add_alice, add_bob, login, ssh};

/// Opens connections to the authentication socket and says nothing on them, or the beginning of an
/// opening, until it is killed. Prints how many it opened.
const FLOOD: &str = r#"
import signal, socket, sys
wanted = int(sys.argv[1])
held = []
for n in range(wanted):
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.connect("/run/roster/auth")
    try:
        door.send([b"", b'{"method":"org.roster.Auth', b"\0"][n % 3])
    except OSError:
        pass
    held.append(door)
print(len(held), flush=True)
signal.pause()
"#;

fn count(m: &Machine, what: &str) -> u32 {
    let pid = m.sh("systemctl show --property MainPID --value rosterd").ok();
    m.sh(&format!("ls /proc/{}/{what} | wc -l", pid.line())).ok().line().parse().unwrap()
}

#[test]
fn ten_thousand_half_open_conversations_keep_nobody_out() {
    let m = Machine::boot("half-open").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.write("/root/flood.py", FLOOD);
    m.sh("install -m 644 /root/flood.py /srv/flood.py; touch /srv/opened; chmod 666 /srv/opened")
        .ok();
    let (threads, descriptors) = (count(&m, "task"), count(&m, "fd"));
    m.sh("ulimit -n 10200; setpriv --reuid=bob --regid=bob --clear-groups \
         python3 /srv/flood.py 10000 >/srv/opened 2>&1 & echo $! >/srv/flood.pid")
        .ok();
    m.sh("while ! grep -q . /srv/opened; do sleep 0.1; done").timeout(Duration::from_secs(50)).ok();
    assert_eq!(m.sh("cat /srv/opened").ok().line(), "10000");

    let gets_in = || {
        ssh(&m, "alice", ALICES).ok().says("in as alice");
        ssh(&m, BOB, BOBS).ok();
        login(&m, "root", m.root_password());
        m.roster(["user", "list"]).ok().says("alice");
    };
    gets_in();
    assert!(count(&m, "fd") < descriptors + 100, "descriptors pile up");
    m.sh("kill $(cat /srv/flood.pid)").ok();
    gets_in();
    m.sh("sleep 12").ok();
    assert!(count(&m, "fd") <= descriptors + 4, "descriptors stay open");
    assert!(count(&m, "task") <= threads + 8, "threads stay");
}

/// A code that was taken while nothing could be written down would be good for a second time.
#[test]
fn on_a_full_disk_root_gets_in_and_no_code_counts_twice() {
    let m = Machine::boot("full-disk").unwrap();
    add_alice(&m);
    m.sh("systemctl stop rosterd.socket rosterd && cp -a /var/lib/roster/store /root/store && \
         mount -t tmpfs -o size=4m,mode=700 tmpfs /var/lib/roster/store && \
         cp -a /root/store/. /var/lib/roster/store/ && systemctl start rosterd.socket rosterd")
        .ok();
    m.roster(["user", "create", "carol", "--ssh-password", "--home-create", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    // Newer servers hang up on a host that failed too often.
    m.sh("! sshd -T | grep -qi persourcepenalties || \
          echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/06-site.conf; systemctl reload ssh")
        .ok();
    let enrolment = m.roster(["2fa", "enroll", "alice", "--interval", "300", "--json"]).ok().json();
    let code = |time: &str| {
        let now = format!("--now \"$(date --date '{time}' '+%F %T %Z')\"");
        m.sh(&format!("oathtool --totp --base32 --time-step-size=300s {now} -"))
            .stdin(format!("{}\n", enrolment["secret"].as_str().unwrap()))
            .ok()
            .line()
            .to_owned()
    };
    m.roster(["2fa", "confirm", "alice", "--code-stdin"]).stdin(code("now") + "\n").ok();
    // One step ahead, which the window allows: it stays good while this test runs.
    let both = format!("{ALICES}{}", code("300 seconds"));

    m.sh("! dd if=/dev/zero of=/var/lib/roster/store/fill bs=1k 2>/dev/null").ok();
    m.roster(["user", "update", "carol", "--shell", "/bin/sh"]).fails();
    let mut successes = 0;
    let mut tries = |times: usize| {
        for _ in 0..times {
            successes += usize::from(ssh(&m, "alice", &both).run().success());
        }
        successes
    };
    assert!(tries(3) <= 1);
    login(&m, "root", m.root_password());
    ssh(&m, "carol", "not the password").fails();
    m.sh("getent passwd alice carol").ok();

    m.sh("rm /var/lib/roster/store/fill").ok();
    assert_eq!(tries(3), 1);
    ssh(&m, "carol", ALICES).ok().says("in as carol");
    m.roster(["user", "update", "carol", "--shell", "/bin/sh"]).ok();
}

#[test]
fn of_the_same_code_many_times_at_once_one_gets_in() {
    let m = Machine::boot("same-code").unwrap();
    add_alice(&m);
    let enrolment = m.roster(["2fa", "enroll", "alice", "--json"]).ok().json();
    let secret = enrolment["secret"].as_str().unwrap();
    let code = |time: &str| {
        let now = format!("--now \"$(date --date '{time}' '+%F %T %Z')\"");
        m.sh(&format!("oathtool --totp --base32 {now} -"))
            .stdin(format!("{secret}\n"))
            .ok()
            .line()
            .to_owned()
    };
    m.roster(["2fa", "confirm", "alice", "--code-stdin"]).stdin(code("now") + "\n").ok();
    m.write("/etc/pam.d/many", "auth required pam_roster.so\n");
    m.write("/root/both", &format!("{ALICES}{}\n", code("30 seconds")));
    let race = "for n in $(seq 12); do \
                  (pamtester many alice authenticate </root/both >/dev/null 2>&1 && echo in) & \
                done; wait";
    let let_in = m.command(["bash", "-c", race]).ok();
    assert_eq!(let_in.stdout, "in\n");
    m.sh("pamtester many alice authenticate </root/both").fails();
}
