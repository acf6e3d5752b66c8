//! Mails to users: the mailer, what it may, and what the tokens are good for.

use roster_tests::{Machine, Outcome};

use crate::people::{ALICES, add_alice, ssh};

/// A mail server that takes everything but mail for `refused@…`: each mail becomes a file.
const SINK: &str = r#"
import os, socket
os.makedirs("/root/mails", exist_ok=True)
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 25))
server.listen(8)
count = 0
while True:
    connection, _ = server.accept()
    stream = connection.makefile("rwb")
    def say(line):
        stream.write(line + b"\r\n")
        stream.flush()
    say(b"220 sink")
    for line in stream:
        verb = line.split(b" ")[0].strip().upper()
        if verb == b"QUIT":
            say(b"221 bye")
            break
        if verb == b"EHLO":
            say(b"250-sink")
            say(b"250 AUTH PLAIN")
        elif verb == b"AUTH":
            with open("/root/login", "wb") as file:
                file.write(line)
            say(b"235 welcome")
        elif verb == b"RCPT" and b"refused@" in line:
            say(b"550 5.1.1 nobody here")
        elif verb == b"DATA":
            say(b"354 go on")
            mail = b""
            while not mail.endswith(b"\r\n.\r\n"):
                mail += stream.readline()
            with open("/root/mails/new", "wb") as file:
                file.write(mail[:-3].replace(b"\r\n", b"\n"))
            count += 1
            os.rename("/root/mails/new", "/root/mails/%03d" % count)
            say(b"250 taken")
        else:
            say(b"250 ok")
    connection.close()
"#;

/// Has mails sent to a server on the machine itself, which keeps them in /root/mails.
pub fn with_mail(m: &Machine) {
    with_mail_and(m, "");
}

/// The same, with further settings of the section `[mail]`.
pub fn with_mail_and(m: &Machine, settings: &str) {
    m.write("/root/sink.py", SINK);
    m.sh("systemd-run --quiet --unit=sink python3 /root/sink.py; \
          for n in $(seq 100); do ss -ltn | grep -q '127.0.0.1:25 ' && exit 0; sleep 0.1; done; exit 1")
        .ok();
    let config =
        format!("[mail]\ntransport = \"smtp\"\nfrom = \"roster@example.org\"\n{settings}\n");
    m.sh("mkdir -p /etc/roster").ok();
    m.write("/etc/roster/roster.toml", &config);
    m.sh("systemctl restart rosterd.service").ok();
}

/// The mail with that number, counted from 1, when it is there.
pub fn mail(m: &Machine, number: usize) -> String {
    let file = format!("/root/mails/{number:03}");
    m.sh(&format!(
        "for n in $(seq 100); do [ -e {file} ] && exec cat {file}; sleep 0.1; done; exit 1"
    ))
    .ok()
    .stdout
}

/// How many mails there are.
fn mails(m: &Machine) -> usize {
    m.sh("ls /root/mails | wc -l").ok().line().trim().parse().unwrap()
}

/// The token of a mail.
fn token(mail: &str) -> &str {
    mail.split_whitespace().find(|word| word.starts_with("roster_")).unwrap()
}

/// Nothing that the machine keeps or tells holds the token.
fn is_kept_nowhere(m: &Machine, token: &str) {
    m.write("/root/token", token);
    m.sh("! journalctl --output=export --no-pager | grep -aF -f /root/token").ok();
    let found = m.sh(
        "grep -rlaF -f /root/token /etc /var/lib /var/log /var/spool /run /tmp 2>/dev/null; true",
    );
    assert_eq!(found.ok().line(), "");
}

fn choose_password(m: &Machine, user: &str, token: &str, password: &str) -> Outcome {
    m.run_as(user, "roster user reset-password --token-stdin")
        .stdin(format!("{token}\n{password}\n"))
        .run()
}

#[test]
fn a_welcome_lets_its_reader_in_and_its_code_works_once() {
    let m = Machine::boot("welcome").unwrap();
    add_alice(&m);
    let refused = m.roster(["user", "welcome", "alice"]).fails();
    refused.says("[mail]");
    with_mail(&m);
    m.roster(["user", "welcome", "alice"]).fails().says("roster user update alice --email");
    m.roster(["user", "update", "alice", "--email", "alice@example.net"]).ok();
    m.roster(["user", "welcome", "alice", "--reset-password", "--dry-run"])
        .ok()
        .says("mail alice@example.net welcome: sent");
    assert_eq!(mails(&m), 0);
    m.roster(["user", "welcome", "alice", "--reset-password"]).ok();
    let welcome = mail(&m, 1);
    for line in ["From: roster@example.org\n", "To: alice@example.net\n", "\nHello alice,\n"] {
        assert!(welcome.contains(line), "{line}: {welcome}");
    }
    let token = token(&welcome);
    is_kept_nowhere(&m, token);
    // Whoever holds it, whoever they are.
    m.sh("useradd --create-home bob").ok();
    let new = "eleven quiet otters resting";
    let weak = choose_password(&m, "bob", token, "x");
    assert!(weak.status == 1 && weak.stderr.contains("password"), "{weak}");
    let done = choose_password(&m, "bob", token, new);
    assert!(done.success() && done.stdout.contains("The new password of alice is set."), "{done}");
    ssh(&m, "alice", new).ok().says("in as alice");
    ssh(&m, "alice", ALICES).fails();
    let spent = choose_password(&m, "bob", token, "another one altogether");
    let unknown = choose_password(
        &m,
        "bob",
        &format!("{}AAAA", &token[..token.len() - 4]),
        "another one altogether",
    );
    assert_eq!((spent.status, &spent.stderr), (1, &unknown.stderr), "alike for whatever reason");
    ssh(&m, "alice", new).ok();
    is_kept_nowhere(&m, token);
}

#[test]
fn asking_tells_nobody_whose_address_it_is() {
    let m = Machine::boot("forgotten").unwrap();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--email", "alice@example.net"]).ok();
    with_mail_and(&m, "reset_link = \"https://accounts.example.org/reset/{token}\"");
    m.sh("useradd --create-home bob").ok();
    let ask = |address: &str| {
        let outcome = m.run_as("bob", &format!("roster user forgot-password {address}")).run();
        (outcome.status, outcome.stdout, outcome.stderr)
    };
    let unknown = ask("nobody@example.net");
    assert_eq!(unknown.0, 0, "{unknown:?}");
    assert_eq!(ask("Alice@example.net"), unknown);
    let reset = mail(&m, 1);
    assert!(reset.contains("To: alice@example.net\n") && reset.contains("User name: alice\n"));
    let link = reset.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
    let token = link.strip_prefix("https://accounts.example.org/reset/").unwrap();
    is_kept_nowhere(&m, token);
    let new = "eleven quiet otters resting";
    assert!(choose_password(&m, "bob", token, new).success());
    ssh(&m, "alice", new).ok();
    // As often as it is asked for, and then alike again.
    for address in ["nobody@example.net", "alice@example.net"] {
        let answers: Vec<_> = (0..3).map(|_| ask(address)).collect();
        assert_eq!(answers[0], unknown);
        assert!(answers[2].0 == 1 && answers[2].2.contains("too many tries"), "{answers:?}");
    }
    assert!(mail(&m, 3).contains("To: alice@example.net\n"));
    for name in ["carol", "dora"] {
        let address = format!("{name}@example.net");
        m.roster(["user", "create", name, "--email", &address, "--generate-password"]).ok();
    }
    m.roster(["user", "lock", "carol"]).ok();
    assert_eq!(ask("carol@example.net"), unknown, "locked");
    assert_eq!(ask("dora@example.net"), unknown);
    // One after the other: when dora's is there, carol's would be.
    assert!(mail(&m, 4).contains("To: dora@example.net\n"));
    assert_eq!(mails(&m), 4);
}

#[test]
fn an_address_is_proven_by_its_mail() {
    let m = Machine::boot("proof").unwrap();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--email", "alice@example.net"]).ok();
    with_mail(&m);
    m.run_as("alice", "roster user verify-email alice").ok();
    let sent = mail(&m, 1);
    m.sh("roster user confirm-email --token-stdin").stdin("roster_ev_nonsense\n").fails();
    m.sh("roster user confirm-email --token-stdin").stdin(format!("{}\n", token(&sent))).ok();
    m.roster(["user", "show", "alice", "--json"]).ok().says("\"email_verified\":true");
    m.sh("roster user confirm-email --token-stdin").stdin(format!("{}\n", token(&sent))).fails();
    // What the server says is told to whom it concerns.
    m.roster(["user", "update", "alice", "--email", "refused@example.net"]).ok();
    m.roster(["user", "verify-email", "alice"]).exits(1).says("550 5.1.1 nobody here");
    m.sh("systemctl stop sink").ok();
    m.roster(["user", "verify-email", "alice"]).exits(1).says("localhost port 25");
    m.sh("systemctl stop rosterd-mail.socket").ok();
    m.roster(["user", "welcome", "alice"]).exits(1).says("rosterd-mail.socket");
    assert_eq!(m.sh("systemctl --failed --no-legend").ok().line(), "");
}

#[test]
fn the_mail_servers_password_is_a_credential_of_the_mailers() {
    let m = Machine::boot("smtp-login").unwrap();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--email", "alice@example.net"]).ok();
    with_mail_and(&m, "username = \"roster\"");
    m.roster(["user", "welcome", "alice"]).exits(1).says("roster.smtp-password");
    m.sh("mkdir -p /etc/credstore && (umask 077; echo word >/etc/credstore/roster.smtp-password)")
        .ok();
    m.roster(["user", "welcome", "alice"]).ok();
    // RFC 4616: a NUL before the name, and one before the password.
    let login = m.sh("cut -d' ' -f3 /root/login | base64 -d | tr '\\0' '|'").ok();
    assert_eq!(login.line(), "|roster|word");
    assert!(mail(&m, 1).contains("To: alice@example.net\n"));
    // In the clear to another host, it stays here.
    m.sh("sed -i '$a host = \"192.0.2.1\"' /etc/roster/roster.toml").ok();
    m.sh("systemctl restart rosterd").fails();
    m.sh("journalctl -u rosterd --no-pager").ok().says("mail.tls");
}

#[test]
fn the_mailer_has_the_network_and_the_daemon_the_accounts() {
    let m = Machine::boot("mailer").unwrap();
    let report = m
        .sh("systemd-analyze security --offline=true --threshold=25 --no-pager \
             /usr/lib/systemd/system/rosterd-mail@.service | tail -n 3")
        .ok();
    let score: f32 = report
        .stdout
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .expect("the report ends in a score");
    assert!(score <= 2.5, "{report}");
    let show = "systemctl show -P PrivateNetwork -P RestrictAddressFamilies rosterd.service";
    assert_eq!(m.sh(show).ok().line(), "yes\nAF_UNIX");
    assert_eq!(m.sh("stat -c '%a %U' /run/roster/mail").ok().line(), "600 root");
    m.sh("useradd --create-home bob").ok();
    let connect =
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/roster/mail\")'";
    m.run_as("bob", connect).fails().says("PermissionError");

    // A sendmail program that tells who it is and what it may.
    let sendmail = "#!/usr/bin/python3\n\
        import os, socket, sys\n\
        mail = sys.stdin.read()\n\
        def may(path):\n    \
            try: open(path, 'a').close(); return True\n    \
            except OSError: return False\n\
        known = [may('/etc/x'), may('/var/lib/roster/x'), os.path.exists('/root/sink.py'), os.getuid() == 0]\n\
        peer = socket.create_connection(('127.0.0.1', 2500))\n\
        peer.sendall(repr((sys.argv[1:], known, 'roster_pr_' in mail, 'To: alice@' in mail)).encode())\n";
    m.write("/usr/sbin/sendmail", sendmail);
    m.sh("chmod 755 /usr/sbin/sendmail; mkdir -p /etc/roster").ok();
    m.write(
        "/etc/roster/roster.toml",
        "[mail]\ntransport = \"sendmail\"\nfrom = \"roster@example.org\"\n",
    );
    let listen = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 2500)); s.listen(1); \
                  c, _ = s.accept(); open('/root/told', 'wb').write(c.recv(9999))";
    m.write("/root/listen.py", listen);
    m.sh("systemctl restart rosterd; systemd-run --quiet --unit=listen python3 /root/listen.py; \
          for n in $(seq 100); do ss -ltn | grep -q '127.0.0.1:2500 ' && exit 0; sleep 0.1; done; exit 1")
        .ok();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--email", "alice@example.net"]).ok();
    m.roster(["user", "welcome", "alice", "--reset-password"]).ok();
    let told = m
        .sh("for n in $(seq 100); do [ -s /root/told ] && exec cat /root/told; sleep 0.1; done")
        .ok();
    let expected =
        "(['-t', '-i', '-f', 'roster@example.org'], [False, False, False, False], True, True)";
    assert_eq!(told.line(), expected);
    m.write("/usr/sbin/sendmail", "#!/bin/sh\nexit 75\n");
    m.roster(["user", "welcome", "alice"]).exits(1).says("sendmail failed");
}
