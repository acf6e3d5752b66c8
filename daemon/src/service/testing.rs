//! A service on a directory of its own, for the tests of the use cases.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use mail_protocol::{Mail, Request};
use serde_json::{Map, Value};

use super::{Created, Error, NewPassword, Parts, Service};
use crate::authenticate::{Parameters, PasswordHasher, Sealer};
use crate::authorize::{Action, Caller, Decision, Grant, decide};
use crate::clock::Clock;
use crate::config::{Config, MailTransport};
use crate::publish::host::Host;
use crate::publish::mail::{MailError, Mailer};
use crate::secret::Secret;

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A mailer that keeps what it is given.
#[derive(Default)]
pub(crate) struct TestMailer {
    sent: Mutex<Vec<Request>>,
    fails: Mutex<Option<MailError>>,
}

impl TestMailer {
    /// What was sent since the last time.
    pub(crate) fn take(&self) -> Vec<Mail> {
        self.requests().into_iter().filter_map(|request| request.mail).collect()
    }

    /// What it was asked since the last time.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    /// From now on mails fail, or are taken again.
    pub(crate) fn fail(&self, error: Option<MailError>) {
        *self.fails.lock().unwrap() = error;
    }
}

impl Mailer for TestMailer {
    fn deliver(&self, request: &Request) -> Result<(), MailError> {
        match &*self.fails.lock().unwrap() {
            Some(error) => Err(error.clone()),
            None => {
                self.sent.lock().unwrap().push(request.clone());
                Ok(())
            }
        }
    }
}

pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) mailer: Arc<TestMailer>,
    pub(crate) service: Service,
}

impl Service {
    /// Everything the store holds, a line a row.
    pub(crate) fn dump(&self) -> Vec<String> {
        self.read(|db| Ok(db.dump()?)).unwrap()
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other settings.
    pub(crate) fn with(settings: impl FnOnce(&mut Config)) -> Self {
        Self::in_directory(tempfile::tempdir().unwrap(), settings)
    }

    /// For tests that make thousands of changes: in memory where that is possible, because each of
    /// them waits for the disk otherwise.
    pub(crate) fn in_memory() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::in_directory(dir.unwrap(), |_| {})
    }

    fn in_directory(dir: tempfile::TempDir, settings: impl FnOnce(&mut Config)) -> Self {
        // The effects walk from here and want every directory to be root's alone.
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for (name, text) in [
            ("passwd", "root:x:0:0:root:/root:/bin/bash\nlocal:x:1000:1000::/home/local:/bin/sh\n"),
            (
                "group",
                "root:x:0:\ndocker:x:990:\nusers:x:100:\nroster-users:x:980:\nroster-2fa:x:981:\n\
                 roster-2fa-password:x:982:\n",
            ),
            ("shells", "# shells\n/bin/sh\n/bin/bash\n/nonexistent/sh\n"),
            ("nsswitch.conf", "passwd: files roster\n"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        for name in ["home", "skel", "sudoers.d", "proc"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("/proc/self", dir.path().join("proc/self")).unwrap();
        std::fs::write(dir.path().join("skel/.profile"), "# profile\n").unwrap();
        let include = format!("@includedir {}/sudoers.d\n", dir.path().display());
        std::fs::write(dir.path().join("sudoers"), include).unwrap();
        let read_only = std::fs::Permissions::from_mode(0o440);
        std::fs::set_permissions(dir.path().join("sudoers"), read_only).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000)));
        let mut config = Config::default();
        // Many tests set the same password again; those of the history say so.
        config.passwords.history = 0;
        config.mail.transport = MailTransport::Smtp;
        config.mail.from = "roster@example.org".to_owned();
        settings(&mut config);
        let mailer = Arc::new(TestMailer::default());
        let path = dir.path().to_owned();
        let service = Self::service(path, clock.clone(), mailer.clone(), config, None);
        Self { dir, clock, mailer, service }
    }

    fn service(
        dir: PathBuf,
        clock: Arc<TestClock>,
        mailer: Arc<TestMailer>,
        mut config: Config,
        credentials: Option<&Path>,
    ) -> Service {
        config.places.store = dir.join("store");
        config.places.live = dir.join("run");
        config.places.checkpoint = dir.join("checkpoint");
        config.places.numbers = dir.join("numbers");
        config.places.journal = dir.join("journal");
        config.places.audit_record = dir.join("audit-head");
        config.places.passwd = dir.join("passwd");
        config.places.group = dir.join("group");
        config.places.shells = dir.join("shells");
        config.places.nsswitch = dir.join("nsswitch.conf");
        let mut host = Host::system();
        host.root = dir.clone();
        host.skel = "/skel".into();
        host.passwd = dir.join("passwd");
        host.smbpasswd = dir.join("smbpasswd");
        // Its mounts are seen there, and no process of the machine that runs the tests is ended.
        host.proc = dir.join("proc");
        host.loginctl = dir.join("no-loginctl");
        host.sudo.dir = dir.join("sudoers.d");
        host.sudo.main = Some(dir.join("sudoers"));
        let cheap = Parameters { memory_kib: 64, passes: 1, lanes: 1 };
        crate::store::prepare_directory(&config.places.store).unwrap();
        let sealer = Sealer::open_or_create(&config.places.store, credentials).unwrap();
        Service::start(Parts {
            config,
            clock,
            hasher: PasswordHasher::new(cheap, 1024).unwrap(),
            sealer,
            host,
            mailer,
        })
    }

    /// From now on the processes of the machine that runs the tests are seen, and ended: for
    /// numbers that nobody has there.
    pub(crate) fn see_processes(&self) {
        std::fs::remove_dir_all(self.path("proc")).unwrap();
        std::os::unix::fs::symlink("/proc", self.path("proc")).unwrap();
    }

    /// The same directory, after a restart of the daemon.
    pub(crate) fn restarted(self) -> Self {
        self.restarted_after(|| {})
    }

    /// The same directory, after a restart of the daemon with something done in between.
    pub(crate) fn restarted_after(self, meanwhile: impl FnOnce()) -> Self {
        let Self { dir, clock, mailer, service } = self;
        let config = service.config().clone();
        drop(service);
        meanwhile();
        let path = dir.path().to_owned();
        let service = Self::service(path, clock.clone(), mailer.clone(), config, None);
        Self { dir, clock, mailer, service }
    }

    /// The same directory, after a restart of the daemon with credentials.
    pub(crate) fn restarted_with_credentials(self, credentials: &Path) -> Self {
        let Self { dir, clock, mailer, service } = self;
        let config = service.config().clone();
        drop(service);
        let path = dir.path().to_owned();
        let service = Self::service(path, clock.clone(), mailer.clone(), config, Some(credentials));
        Self { dir, clock, mailer, service }
    }

    /// The service, and the directory that it lives in while that is kept.
    pub(crate) fn into_parts(self) -> (tempfile::TempDir, Service) {
        (self.dir, self.service)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What root may do.
    pub(crate) fn root(&self, action: Action, subject: Option<&str>) -> Grant {
        self.grant(0, action, subject)
    }

    /// What a caller may do without polkit.
    pub(crate) fn grant(&self, uid: u32, action: Action, subject: Option<&str>) -> Grant {
        let caller: Caller = self.service.caller(uid).unwrap();
        let subject = subject.map(|s| accounts::Subject::parse(s).unwrap());
        let target = subject.map(|s| self.service.target(&s).unwrap());
        match decide(&caller, action, target.as_ref()) {
            Decision::Allow(grant) => grant,
            other => panic!("{uid} may not {action:?}: {other:?}"),
        }
    }

    pub(crate) fn create(&self, fields: Value) -> Result<Created, Error> {
        self.create_with(fields, NewPassword::None)
    }

    pub(crate) fn create_with(
        &self,
        fields: Value,
        password: NewPassword,
    ) -> Result<Created, Error> {
        self.service.create_user(&self.root(Action::UserCreate, None), &map(fields), password)
    }

    pub(crate) fn sudoers(&self) -> String {
        std::fs::read_to_string(self.path("sudoers.d/50-roster")).unwrap_or_default()
    }
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

pub(crate) fn subject(text: &str) -> accounts::Subject {
    accounts::Subject::parse(text).unwrap()
}

/// The refused fields of an error.
pub(crate) fn fields_of<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let error = result.unwrap_err();
    let fields = error.fields().unwrap_or_else(|| panic!("no field error: {error:?}"));
    let mut names: Vec<String> = fields.0.iter().map(|error| error.field.clone()).collect();
    names.sort();
    names
}
