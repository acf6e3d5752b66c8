//! The client against servers that say what they please.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use mail_protocol::{Address, Body, Subject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::connection::trust_in;

/// A certificate authority made for these tests, and what it says of `localhost`; for a hundred years.
const AUTHORITY: &[u8] = include_bytes!("testing/authority.der");
const CERTIFICATE: &[u8] = include_bytes!("testing/localhost.der");
const KEY: &[u8] = include_bytes!("testing/localhost.key.der");

const TEXT: &str = "Subject: Hello\r\n\r\n.\r\nthe token\r\n..\r\n";

/// What a server does: each line waits for a command that starts like that, and answers.
type Script = &'static [(&'static str, &'static str)];

const PLAIN: Script = &[
    ("", "220 here\r\n"),
    ("EHLO ", "250-here\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n"),
    ("MAIL FROM:<roster@example.org>", "250 ok\r\n"),
    ("RCPT TO:<layla@example.net>", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    (".", "250 taken\r\n"),
    ("QUIT", ""),
];

/// Plays a script, and answers all that was heard.
fn play(stream: &mut (impl Read + Write), script: Script) -> String {
    let mut heard = String::new();
    let mut reader = BufReader::new(stream);
    for (command, reply) in script {
        while !command.is_empty() {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return heard;
            }
            heard.push_str(&line);
            // Everything up to the dot is the mail.
            if *command != "." || line == ".\r\n" {
                assert!(line.starts_with(command), "{line:?} instead of {command:?}");
                break;
            }
        }
        let _ = reader.get_mut().write_all(reply.as_bytes());
        let _ = reader.get_mut().flush();
    }
    heard
}

fn listen(serve: impl FnOnce(TcpStream) -> String + Send + 'static) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn mail() -> Mail {
    Mail {
        from: Address::parse("roster@example.org").unwrap(),
        to: Address::parse("layla@example.net").unwrap(),
        subject: Subject::parse("Hello").unwrap(),
        body: Body::new(Zeroizing::new("Hello\n".to_owned())).unwrap(),
    }
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_slice(AUTHORITY)).unwrap();
    roots
}

fn send_to(host: &str, port: u16, tls: Tls, login: Option<&str>) -> Result<(), Failure> {
    let host = Host::parse(host).unwrap();
    let username = Username::parse("roster").unwrap();
    let password = login.map(|password| Zeroizing::new(password.as_bytes().to_vec()));
    let login = password.map(|password| Login { username: &username, password: Some(password) });
    let server = Server { host: &host, port, tls, login };
    let until = Instant::now() + Duration::from_secs(20);
    send_trusting(&server, Some((&mail(), TEXT)), until, || trust_in(roots()))
}

fn against(script: Script, tls: Tls, login: Option<&str>) -> (Result<(), Failure>, String) {
    let (port, server) = listen(move |mut stream| play(&mut stream, script));
    let sent = send_to("localhost", port, tls, login);
    (sent, server.join().unwrap())
}

fn protected(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(KEY.to_vec()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from_slice(CERTIFICATE)], key)
        .unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}

fn refused(sent: Result<(), Failure>) -> String {
    match sent.unwrap_err() {
        Failure::Refused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn unavailable(sent: Result<(), Failure>) -> String {
    match sent.unwrap_err() {
        Failure::Unavailable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_is_handed_over_dots_and_all() {
    let (sent, heard) = against(PLAIN, Tls::None, None);
    sent.unwrap();
    let content = heard.split_once("DATA\r\n").unwrap().1;
    assert_eq!(
        content, "Subject: Hello\r\n\r\n..\r\nthe token\r\n...\r\n.\r\nQUIT\r\n",
        "a line's own dot is doubled"
    );
    assert!(!heard.contains("AUTH"), "nobody logs in unasked");
}

const LOGIN_ONLY: Script = &[
    ("", "220 here\r\n"),
    ("EHLO ", "250-here\r\n250 auth login\r\n"),
    ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
    ("cm9zdGVy", "334 UGFzc3dvcmQ6\r\n"),
    ("d29yZA==", "235 welcome\r\n"),
    ("MAIL FROM:", "250 ok\r\n"),
    ("RCPT TO:", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    (".", "250 taken\r\n"),
];

const PLAIN_LOGIN: Script = &[
    ("", "220 here\r\n"),
    ("EHLO ", "250-here\r\n250 AUTH CRAM-MD5 PLAIN\r\n"),
    ("AUTH PLAIN AHJvc3RlcgB3b3Jk", "235 welcome\r\n"),
    ("MAIL FROM:", "250 ok\r\n"),
    ("RCPT TO:", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    (".", "250 taken\r\n"),
];

#[test]
fn without_a_mail_a_server_is_greeted_and_left() {
    let script: Script =
        &[("", "220 here\r\n"), ("EHLO ", "250 here\r\n"), ("QUIT", "221 bye\r\n")];
    let (port, server) = listen(move |mut stream| play(&mut stream, script));
    let host = Host::parse("127.0.0.1").unwrap();
    let server_at = Server { host: &host, port, tls: Tls::None, login: None };
    send(&server_at, None, Instant::now() + Duration::from_secs(20)).unwrap();
    assert!(server.join().unwrap().ends_with("QUIT\r\n"));
}

#[test]
fn both_ways_to_log_in_work() {
    for script in [LOGIN_ONLY, PLAIN_LOGIN] {
        against(script, Tls::None, Some("word")).0.unwrap();
    }
}

#[test]
fn a_refused_login_says_so_and_not_the_password() {
    let script: Script = &[
        ("", "220 here\r\n"),
        ("EHLO ", "250-here\r\n250 AUTH PLAIN\r\n"),
        ("AUTH PLAIN", "535 5.7.8 bad credentials\r\n"),
    ];
    let reason = refused(against(script, Tls::None, Some("word")).0);
    assert_eq!(reason, "the server answered AUTH PLAIN with 535 5.7.8 bad credentials");
    let reason = refused(against(PLAIN_WITHOUT_AUTH, Tls::None, Some("word")).0);
    assert!(reason.contains("neither AUTH PLAIN nor AUTH LOGIN"), "{reason}");
}

const PLAIN_WITHOUT_AUTH: Script = &[("", "220 here\r\n"), ("EHLO ", "250 here\r\n")];

#[test]
fn a_password_needs_protection_unless_it_stays_on_the_host() {
    let reason = refused(send_to("mail.example.org", 25, Tls::None, Some("word")));
    assert!(reason.contains("set tls"), "{reason}");
    let host = Host::parse("localhost").unwrap();
    let username = Username::parse("roster").unwrap();
    let login = Some(Login { username: &username, password: None });
    let server = Server { host: &host, port: 1, tls: Tls::Tls, login };
    let until = Instant::now() + Duration::from_secs(5);
    let reason = refused(send(&server, Some((&mail(), TEXT)), until));
    assert!(reason.contains("roster.smtp-password"), "{reason}");
}

#[test]
fn what_the_server_answers_decides() {
    let to = |reply: &'static str| -> Script {
        Box::leak(Box::new([
            ("", "220 here\r\n"),
            ("EHLO ", "250 here\r\n"),
            ("MAIL FROM:", "250 ok\r\n"),
            ("RCPT TO:", reply),
        ]))
    };
    let reason = refused(against(to("550 5.1.1 unknown\u{1b}[2J user\r\n"), Tls::None, None).0);
    assert!(reason.ends_with("with 550 5.1.1 unknown?[2J user"), "{reason}");
    assert!(unavailable(against(to("451 later\r\n"), Tls::None, None).0).contains("451"));
    assert!(refused(against(&[("", "554 no\r\n")], Tls::None, None).0).contains("554 no"));
    for nonsense in ["SSH-2.0-OpenSSH\r\n", "2\r\n", "220-a\r\n221 b\r\n", "220_\r\n", ""] {
        let script: Script = Box::leak(Box::new([("", nonsense)]));
        unavailable(against(script, Tls::None, None).0);
    }
}

#[test]
fn after_the_mail_only_the_code_is_told() {
    let script: Script = &[
        ("", "220 here\r\n"),
        ("EHLO ", "250 here\r\n"),
        ("MAIL FROM:", "250 ok\r\n"),
        ("RCPT TO:", "250 ok\r\n"),
        ("DATA", "354 go on\r\n"),
        (".", "554 I do not like: the token\r\n"),
    ];
    assert_eq!(refused(against(script, Tls::None, None).0), "the server refused the mail (554)");
}

#[test]
fn a_reply_without_an_end_is_not_waited_for() {
    let (port, _server) = listen(|mut stream| {
        while stream.write_all(&[b'2'; 1024]).is_ok() {}
        String::new()
    });
    assert!(unavailable(send_to("127.0.0.1", port, Tls::None, None)).contains("does not end"));
    let (port, _server) = listen(|mut stream| {
        while stream.write_all(b"220-more\r\n").is_ok() {}
        String::new()
    });
    unavailable(send_to("127.0.0.1", port, Tls::None, None));
}

#[test]
fn a_server_that_is_silent_is_left() {
    let (port, _server) = listen(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
        String::new()
    });
    let host = Host::parse("127.0.0.1").unwrap();
    let server = Server { host: &host, port, tls: Tls::None, login: None };
    let sent = send(&server, Some((&mail(), TEXT)), Instant::now() + Duration::from_millis(100));
    assert!(unavailable(sent).contains("in time"));
}

#[test]
fn tls_from_the_first_byte() {
    let (port, server) = listen(|stream| play(&mut protected(stream), PLAIN_LOGIN));
    send_to("localhost", port, Tls::Tls, Some("word")).unwrap();
    assert!(server.join().unwrap().contains("AUTH PLAIN"));
}

const STARTTLS: Script = &[
    ("", "220 here\r\n"),
    ("EHLO ", "250-here\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n"),
    ("STARTTLS", "220 go ahead\r\n"),
];

#[test]
fn starttls_says_nothing_in_the_clear() {
    let (port, server) = listen(|mut stream| {
        let mut heard = play(&mut stream, STARTTLS);
        heard.push_str("--\r\n");
        heard
            + &play(
                &mut protected(stream),
                &[&[("EHLO ", "250-here\r\n250 AUTH PLAIN\r\n")], &PLAIN_LOGIN[2..]]
                    .concat()
                    .leak()[..],
            )
    });
    send_to("localhost", port, Tls::Starttls, Some("word")).unwrap();
    let heard = server.join().unwrap();
    let (clear, secret) = heard.split_once("--\r\n").unwrap();
    assert!(clear.ends_with("STARTTLS\r\n") && !clear.contains("MAIL"), "{clear}");
    assert!(secret.starts_with("EHLO "), "{secret}");
}

#[test]
fn without_the_protection_that_is_asked_for_nothing_is_sent() {
    let (sent, heard) = against(PLAIN, Tls::Starttls, None);
    assert!(refused(sent).contains("STARTTLS"));
    assert!(!heard.contains("MAIL"), "{heard}");
    // A reply that came before the handshake, put there by somebody on the way.
    let injected: Script = &[
        ("", "220 here\r\n"),
        ("EHLO ", "250-here\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go ahead\r\n250 AUTH PLAIN\r\n"),
    ];
    assert!(refused(against(injected, Tls::Starttls, None).0).contains("before TLS"));
}

#[test]
fn a_certificate_must_be_of_the_host_and_of_a_known_authority() {
    let serve = |stream| play(&mut protected(stream), PLAIN);
    let (port, _server) = listen(serve);
    // The certificate is of `localhost`.
    let reason = unavailable(send_to("127.0.0.1", port, Tls::Tls, None));
    assert!(reason.contains("certificate"), "{reason}");
    let (port, _server) = listen(serve);
    let host = Host::parse("localhost").unwrap();
    let server = Server { host: &host, port, tls: Tls::Tls, login: None };
    let until = Instant::now() + Duration::from_secs(20);
    let mut others = RootCertStore::empty();
    others.add(CertificateDer::from_slice(CERTIFICATE)).ok();
    let sent = send_trusting(&server, Some((&mail(), TEXT)), until, || trust_in(others));
    let reason = unavailable(sent);
    assert!(reason.contains("certificate"), "{reason}");
}
