//! A system bus with one service behind it, on a socket of its own: it notes every call and gives
//! answers of the documented types. The command under test is the real binary.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{
    BusError, Dictionary, ErrorName, SecretError, from_dictionary, secret_from_fd, secret_to_fd,
    to_dictionary,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use zbus::DBusError as _;
use zbus::message::{Flags, Message, Type};
use zbus::wire::Structure;
use zbus::{Connection, Guid, MessageStream, Variant};

/// A call as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub interface: String,
    pub method: String,
    pub signature: String,
    pub interactive: bool,
    /// Descriptors as `{"secret": "their content"}`, and files as `{"file": "what is in them"}`.
    pub arguments: Vec<Value>,
}

/// What the command left behind.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The bus; it ends with the test's process.
pub struct Bus {
    directory: tempfile::TempDir,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Bus {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener =
            std::os::unix::net::UnixListener::bind(directory.path().join("bus")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        open(directory.path(), 0o755);
        open(&directory.path().join("bus"), 0o777);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&calls);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let stream = stream.into_std().unwrap();
                    tokio::spawn(serve(stream, Arc::clone(&noted)));
                }
            });
        });
        Self { directory, calls }
    }

    /// Runs `roster` with these words and this standard input.
    pub fn roster(&self, words: &[&str], stdin: &[u8]) -> Outcome {
        self.roster_with(words, stdin, &[])
    }

    /// The same with variables in the environment.
    pub fn roster_with(&self, words: &[&str], stdin: &[u8], variables: &[(&str, &str)]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        command.args(words).env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        command.envs(variables.iter().copied());
        finish(command, stdin)
    }

    /// Runs a command that talks to this bus.
    pub fn run(&self, mut command: Command, stdin: &[u8]) -> Outcome {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        finish(command, stdin)
    }

    /// Where the bus is.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.directory().join("bus").display())
    }

    /// A directory that every user may enter.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

fn finish(mut command: Command, stdin: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = loop {
        match command.spawn() {
            // Another test's child holds a copy that was just written, until it executes its own.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            child => break child.unwrap(),
        }
    };
    // A command that refuses its arguments ends before it reads.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn serve(stream: std::os::unix::net::UnixStream, calls: Arc<Mutex<Vec<Call>>>) {
    let connection = zbus::connection::Builder::unix_stream(stream)
        .server(Guid::generate())
        .p2p()
        .build()
        .await
        .unwrap();
    let mut messages = MessageStream::from(&connection);
    while let Some(Ok(message)) = messages.next().await {
        if message.message_type() != Type::MethodCall {
            continue;
        }
        let interface = message.header().interface().map(ToString::to_string);
        if interface.as_deref().is_some_and(|name| name.starts_with("org.roster.Accounts1")) {
            let call = note(&message);
            calls.lock().unwrap().push(call.clone());
            answer(&connection, &message, &call).await.unwrap();
        } else if message.header().member().is_some_and(|member| member == "Hello") {
            connection.reply(&message.header(), &":1.7").await.unwrap();
        } else {
            connection.reply(&message.header(), &()).await.unwrap();
        }
    }
}

fn note(message: &Message) -> Call {
    let body = message.body();
    let signature = body.signature().to_string_no_parens();
    let fields = if signature.is_empty() {
        Vec::new()
    } else {
        body.deserialize::<Structure<'_>>().unwrap().into_fields()
    };
    Call {
        interface: message.header().interface().unwrap().to_string(),
        method: message.header().member().unwrap().to_string(),
        signature,
        interactive: message.primary_header().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH),
        arguments: fields.into_iter().map(argument).collect(),
    }
}

fn argument(variant: Variant<'_>) -> Value {
    let secret = |fd: OwnedFd| match secret_from_fd(&fd, Duration::from_secs(5)) {
        Ok(secret) => json!({"secret": String::from_utf8(secret.to_vec()).unwrap()}),
        Err(SecretError::WrongKind) => {
            json!({"file": std::io::read_to_string(std::fs::File::from(fd)).unwrap()})
        }
        Err(SecretError::Io(_)) => json!("the writing end of a pipe"),
        Err(error) => panic!("{error}"),
    };
    match variant {
        Variant::Fd(fd) => secret(fd.try_into().unwrap()),
        Variant::Variant(inner) => argument(*inner),
        Variant::Dict(dict) => {
            let mut object = serde_json::Map::new();
            for (name, value) in dict.iter() {
                let Variant::Str(name) = name else { panic!("a name") };
                object.insert(name.to_string(), argument(value.try_clone().unwrap()));
            }
            object.into()
        }
        other => {
            let one = HashMap::from([("x".to_owned(), other.try_into_owned().unwrap())]);
            from_dictionary(&one).unwrap()["x"].clone()
        }
    }
}

fn dictionary(value: Value) -> Dictionary {
    to_dictionary(value.as_object().unwrap()).unwrap()
}

fn pipe(content: &str) -> zbus::wire::OwnedFd {
    secret_to_fd(content.as_bytes()).unwrap().into()
}

fn alice() -> Dictionary {
    dictionary(json!({
        "id": "0193", "name": "alice", "uid": 3000, "group": "alice", "gid": 3000,
        "groups": ["dev"], "full_name": "Alice\u{1b}[2J Ng", "home": "/home/alice",
        "shell": "/bin/bash", "role": "user", "locked": false, "enabled": true, "ssh_keys": [],
        "twofactor_auth_configured": false, "generation": 7, "attributes": {"a": {"b": null}},
    }))
}

/// Answers as the interface says; the subject `refuse-NAME` is refused with that error.
async fn answer(connection: &Connection, message: &Message, call: &Call) -> zbus::Result<()> {
    let header = message.header();
    let subject = call.arguments.first().and_then(Value::as_str).unwrap_or_default();
    if let Some(name) = subject.strip_prefix("refuse-") {
        let full = format!("org.roster.Accounts1.Error.{name}");
        let mut error = BusError::new(ErrorName::from_full(&full).unwrap(), "refused\u{1b}[2J");
        error.fields.add("home", accounts::Code::Reserved, "'/' is nobody's home");
        error.fields.add("uid", accounts::Code::Reserved, "0 is root's");
        return connection.send(&error.create_reply(&header)?).await;
    }
    if call.interface == bus::names::PLAN {
        let change = json!({"kind": "user", "name": "alice", "field": "shell", "to": "/bin/sh"});
        let plan = json!({"verb": call.method, "subject": "alice", "changes": [change],
            "effects": [], "files": [], "warnings": []});
        return connection.reply(&header, &dictionary(plan)).await;
    }
    // Every other call about it meets a daemon that is just being restarted.
    if subject == "restarting" {
        static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        if CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(2) {
            let gone = Message::error(&header, "org.freedesktop.DBus.Error.NoReply");
            return connection.send(&gone.build(&"disconnected without replying")?).await;
        }
    }
    let codes = r#"{"recovery_codes":["aaaa-bbbb","cccc-dddd"]}"#;
    match call.method.as_str() {
        "CreateUser" if call.arguments[0]["name"] == "taken" => {
            let error = BusError::new(ErrorName::UserExists, "the name taken is in use");
            connection.send(&error.create_reply(&header)?).await
        }
        "CreateUser" => {
            let generated = call.arguments[1].get("generate_password").is_some();
            let secrets = generated.then(|| pipe("made up")).into_iter().collect::<Vec<_>>();
            connection.reply(&header, &(alice(), secrets)).await
        }
        "GetUser" | "UpdateUser" | "WhoAmI" => connection.reply(&header, &alice()).await,
        "ReserveUid" => connection.reply(&header, &3002_u32).await,
        "HasLocalAdministratorSetUp" => connection.reply(&header, &true).await,
        "SetUpLocalAdministrator" => connection.reply(&header, &alice()).await,
        "GetReport" => {
            let report = json!({"total": 5, "ours": 3, "files": 2, "homes": 1, "active": 1,
                "disabled": 1, "locked": 0, "two_factor": 2});
            connection.reply(&header, &dictionary(report)).await
        }
        "GetLastSeen" => {
            let seen = json!({"name": "alice", "last_login": "2026-01-31T12:00:00Z",
                "service": "sshd", "from": "192.0.2.7"});
            connection.reply(&header, &dictionary(seen)).await
        }
        "DeleteUser" => {
            let left = json!({"leftovers": [
                {"kind": "mail", "path": "/var/mail/alice", "count": 1, "uid": 3000},
                {"kind": "temporary_files", "path": "/tmp", "count": 2, "uid": 3000},
            ]});
            connection.reply(&header, &dictionary(left)).await
        }
        "ImportUsers" => {
            let error = json!({"line": 2, "code": "user_exists", "message": "taken\u{1b}[2J",
                "fields": [{"field": "name", "code": "in_use", "message": "taken"}]});
            let failed = call.arguments[1].get("continue_on_error").is_some();
            let mut imported = json!({"records": 3, "created": 2, "skipped": 0, "failed": 0,
                "effects_failed": 0});
            if failed {
                (imported["failed"], imported["errors"]) = (json!(1), json!([error]));
            }
            connection.reply(&header, &dictionary(imported)).await
        }
        "SyncUsers" => {
            let user = json!({"name": "alice", "uid": 3000, "result": "updated",
                "changes": ["left the group ops, which is gone"],
                "problems": [{"code": "no_home", "message": "there is no home\u{1b}[2J"}]});
            connection.reply(&header, &(1_u64, vec![dictionary(user)])).await
        }
        "RestoreUser" => {
            let restored = json!({"missing_groups": ["ops\u{1b}[2J"], "left_out": [],
                "credentials_gone": ["password"], "home_state": "restored"});
            connection.reply(&header, &(alice(), dictionary(restored))).await
        }
        "ListDeletedUsers" => {
            let user = json!({"id": "0193", "name": "alice", "uid": 3000, "full_name": "",
                "deleted_at": "2026-01-31T12:00:00Z", "deleted_by": "root",
                "purge_at": "2026-03-02T12:00:00Z", "home_state": "kept", "home": "/home/alice"});
            connection.reply(&header, &(1_u64, vec![dictionary(user)])).await
        }
        "ListLastSeen" => {
            let seen = json!({"name": "alice", "last_login": "2026-01-31T12:00:00Z"});
            let page = vec![dictionary(seen), dictionary(json!({"name": "bob\u{1b}[2J"}))];
            connection.reply(&header, &(3_u64, page)).await
        }
        "ListAudit" => {
            // Five rows in all, two a page.
            let number = |name: &str| call.arguments[0].get(name).and_then(Value::as_i64);
            let ids: Vec<i64> = match number("after") {
                Some(after) => (after + 1..=5).collect(),
                None => (1..number("before").unwrap_or(6)).rev().collect(),
            };
            let shown = ids.iter().take(2.min(number("limit").unwrap() as usize)).map(|id| {
                dictionary(json!({"id": id, "at": "2026-01-31T12:00:00Z", "actor": "root",
                    "actor_uid": 0, "via": "bus", "action": "user-lock", "subject": "a\u{1b}[2J",
                    "subject_id": "", "hash": "aa",
                    "change": if *id == 5 { "{\"n\":null}" } else { "no JSON" }}))
            });
            let shown: Vec<_> = shown.collect();
            let more = shown.len() < ids.len();
            connection.reply(&header, &(shown, more)).await
        }
        "VerifyAudit" => {
            let report = match call.arguments[0].get("known") {
                None => json!({"valid": true, "rows": 5, "head": {"id": 5, "hash": "aa"},
                    "findings": []}),
                Some(_) => json!({"valid": false, "rows": 0, "findings": [{"kind": "recorded",
                    "row": 6, "count": 1, "message": "the log ends with row 0"}]}),
            };
            connection.reply(&header, &dictionary(report)).await
        }
        "GetMetadata" => {
            let metadata = json!({
                "attributes": {"desk": {"floor": [2, null]}, "color": "blue"},
                "settings": {"core": {"lang": "en"}}, "profile": {"role": "Boss\u{1b}[2J"},
            });
            connection.reply(&header, &dictionary(metadata)).await
        }
        "SetAttribute" => connection.reply(&header, &true).await,
        "PopAttribute" | "DeleteSetting" | "DeleteProfile" => {
            connection.reply(&header, &(subject == "alice")).await
        }
        "ListUsers" => {
            // A page may be shorter than asked for.
            let page = vec![alice(); call.arguments[0]["limit"].as_u64().unwrap().min(2) as usize];
            connection.reply(&header, &(5_u64, page)).await
        }
        "QueryUsers" | "SearchUsers" => {
            let options = &call.arguments[1];
            let number = |name: &str| options.get(name).and_then(Value::as_u64);
            let (limit, offset) = (number("limit").unwrap_or(500), number("offset").unwrap_or(0));
            let none = options.get("count").is_some();
            let page = if none { Vec::new() } else { vec![alice(); limit.min(2) as usize] };
            connection.reply(&header, &(5_u64, limit, offset, page)).await
        }
        "ListGroups" => {
            let group =
                dictionary(json!({"name": "dev", "gid": 3001, "members": ["alice", "bob"]}));
            connection.reply(&header, &(1_u64, vec![group])).await
        }
        "CreateGroup" | "GetGroup" | "UpdateGroup" => {
            let group = json!({"name": "dev", "gid": 3001, "members": []});
            connection.reply(&header, &dictionary(group)).await
        }
        "GetPasswdEntry" => {
            let entry = json!({"pw_name": "alice", "pw_uid": 3000, "pw_gid": 3000,
                "pw_gecos": "Alice Ng", "pw_dir": "/home/alice", "pw_shell": "/bin/bash"});
            connection.reply(&header, &dictionary(entry)).await
        }
        "ResetPassword" | "ConfirmEmail" => connection.reply(&header, &"alice").await,
        "CreateToken" => connection.reply(&header, &(4_i64, pipe("abcde-fghjk"))).await,
        "RevokeTokens" => connection.reply(&header, &2_u32).await,
        "ListTokens" => {
            let token = json!({"id": 4, "name": "Mail\u{1b}[2J", "type": "app", "scope": ["imap"],
                "created_at": "2026-01-31T12:00:00Z"});
            connection.reply(&header, &vec![dictionary(token)]).await
        }
        "LogIn" | "RefreshTokens" => {
            let tokens = r#"{"user":"alice","access_token":"roster_at_x","refresh_token":"roster_rt_x","access_expires_at":"2026-01-31T12:00:00Z","refresh_expires_at":"2026-02-01T12:00:00Z"}"#;
            connection.reply(&header, &pipe(tokens)).await
        }
        "VerifyToken" => {
            let verified = json!({"user": "alice", "uid": 3000, "kind": "access", "scope": [],
                "expires_at": "2026-01-31T12:00:00Z"});
            connection.reply(&header, &dictionary(verified)).await
        }
        "GetNextUid" => connection.reply(&header, &3001_u32).await,
        "ListShells" | "ListUserShells" => {
            connection.reply(&header, &HashMap::from([("/bin/bash", "bash")])).await
        }
        "ImportPassword" => {
            let imported = json!({"hash": "yescrypt", "locked": true, "ageing": true});
            connection.reply(&header, &dictionary(imported)).await
        }
        "GeneratePassword" => connection.reply(&header, &pipe("made up")).await,
        "EnrollTotp" | "GetProvisioningUri" => {
            let enrolment = r#"{"secret":"JBSWY3DPEHPK3PXP","uri":"otpauth://totp/h:alice?secret=JBSWY3DPEHPK3PXP","digits":6,"interval":30}"#;
            connection.reply(&header, &pipe(enrolment)).await
        }
        "ConfirmTotp" | "GenerateRecoveryCodes" => connection.reply(&header, &pipe(codes)).await,
        "VerifyTotp" => connection.reply(&header, &(subject == "alice")).await,
        "GetTwoFactorState" => {
            let state = json!({"enabled": true, "enforced": false, "recovery_codes_left": 9,
                "providers": {"totp": true, "recovery": true}});
            connection.reply(&header, &dictionary(state)).await
        }
        "GetTwoFactorPolicy" | "SetTwoFactorPolicy" => {
            let policy = json!({"enforced": true, "groups": ["dev"]});
            connection.reply(&header, &dictionary(policy)).await
        }
        "CleanupTwoFactor" | "RotateTotpKey" => connection.reply(&header, &5_u64).await,
        "AddKey" | "GrantSudo" => connection.reply(&header, &4_i64).await,
        "ListKeys" => {
            let key = json!({"id": 4, "key": "ssh-ed25519 AAAA alice@home",
                "fingerprint": "SHA256:x", "added_at": "2026-01-31T12:00:00Z"});
            connection.reply(&header, &vec![dictionary(key)]).await
        }
        "ListSudo" => {
            let rule = json!({"id": 4, "holder": "alice", "command": "/usr/bin/id",
                "nopasswd": false, "created_at": "2026-01-31T12:00:00Z"});
            connection.reply(&header, &vec![dictionary(rule)]).await
        }
        _ => connection.reply(&header, &()).await,
    }
}
