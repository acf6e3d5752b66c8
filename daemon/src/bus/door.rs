//! The way of every call: who is calling, may they, and then the service on a thread of its own.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use accounts::Subject;
use bus::{BusError, ErrorName, SecretError};
use zbus::Connection;
use zbus::message::{Flags, Header};

use super::callers::{Admitted, Callers, Sender, Turnstile};
use super::errors::{bus_error, invalid, not_authorized};
use super::polkit;
use super::verb::Verb;
use crate::authorize::{Action, Actor, Decision, Grant, Target, decide};
use crate::secret::Secret;
use crate::service::{Error, Service};

/// The largest request, in bytes: the largest record fits several times.
const MAX_REQUEST: u32 = 512 * 1024;
/// Calls at a time, of one user and of all.
const CALLS: (usize, usize) = (32, 256);
/// Questions to polkit at a time, of one user and of all: the system bus lets a connection wait for
/// 128 answers.
const QUESTIONS: (usize, usize) = (4, 64);
/// How long a caller's descriptor may take to give its secret.
const SECRET_DEADLINE: Duration = Duration::from_secs(5);

/// What all objects on the bus share.
pub(super) struct Door {
    service: Arc<Service>,
    connection: Connection,
    callers: Arc<Callers>,
    calls: Arc<Turnstile>,
    questions: Arc<Turnstile>,
    /// Behind this door nothing can be done, only planned.
    rehearses: bool,
}

impl Door {
    pub(super) fn new(service: Arc<Service>, connection: Connection) -> Self {
        let calls = Arc::new(Turnstile::new(CALLS.0, CALLS.1));
        let questions = Arc::new(Turnstile::new(QUESTIONS.0, QUESTIONS.1));
        let callers = Arc::default();
        Self { service, connection, callers, calls, questions, rehearses: false }
    }

    /// The same door for rehearsals: every grant that it gives is for planning alone.
    pub(super) fn for_rehearsal(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            connection: self.connection.clone(),
            callers: Arc::clone(&self.callers),
            calls: Arc::clone(&self.calls),
            questions: Arc::clone(&self.questions),
            rehearses: true,
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Lets a call in before anything of it is decoded.
    pub(super) async fn admit(&self, call: &Header<'_>) -> Result<Admitted, BusError> {
        if call.primary().body_len() > MAX_REQUEST {
            let message = format!("a request is at most {} KiB", MAX_REQUEST / 1024);
            return Err(BusError::new(ErrorName::InvalidField, message));
        }
        let sender = self.callers.identify(&self.connection, call).await?;
        self.calls.admit(sender.uid)
    }

    /// Who calls.
    pub(super) async fn sender(&self, call: &Header<'_>) -> Result<Sender, BusError> {
        self.callers.identify(&self.connection, call).await
    }

    /// Runs a use case where it may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        use_case: impl FnOnce(&Service) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, BusError> {
        self.blocking(move |service| use_case(service).map_err(|error| bus_error(&error))).await
    }

    /// Runs what may block, or takes long.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service) -> Result<T, BusError> + Send + 'static,
    ) -> Result<T, BusError> {
        let service = Arc::clone(&self.service);
        tokio::task::spawn_blocking(move || work(&service)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a use case ended early");
            Err(BusError::new(ErrorName::Unavailable, "the account service failed: see its log"))
        })
    }

    /// The right to the verb on that user (`None`: on no one user), or a refusal.
    pub(super) async fn grant(
        &self,
        call: &Header<'_>,
        verb: Verb,
        subject: Option<&Subject>,
    ) -> Result<Grant, BusError> {
        let (sender, target) = self.look_up(call, subject).await?;
        self.decide(call, &sender, verb, verb.action(), target.as_ref()).await
    }

    /// The right to change those fields of a user: the own ones of a plain user need less, and what
    /// gives root needs more.
    pub(super) async fn grant_update(
        &self,
        call: &Header<'_>,
        subject: &Subject,
        own_fields_only: bool,
        gives_power: bool,
    ) -> Result<Grant, BusError> {
        let (sender, target) = self.look_up(call, Some(subject)).await?;
        let own = target.as_ref().is_some_and(|target| target.uid == sender.uid);
        let action =
            if own && own_fields_only { Action::UserUpdateOwn } else { Action::UserUpdate };
        let grant = self.decide(call, &sender, Verb::UpdateUser, action, target.as_ref()).await?;
        self.with_power(call, &sender, grant, gives_power).await
    }

    /// The right to create a user, or to fill a group, with or without what gives root.
    pub(super) async fn grant_with_power(
        &self,
        call: &Header<'_>,
        verb: Verb,
        gives_power: bool,
    ) -> Result<Grant, BusError> {
        let (sender, _) = self.look_up(call, None).await?;
        let grant = self.decide(call, &sender, verb, verb.action(), None).await?;
        self.with_power(call, &sender, grant, gives_power).await
    }

    /// The same right, with what gives root.
    pub(super) async fn and_power(
        &self,
        call: &Header<'_>,
        grant: Grant,
        gives_power: bool,
    ) -> Result<Grant, BusError> {
        let sender = self.sender(call).await?;
        self.with_power(call, &sender, grant, gives_power).await
    }

    async fn with_power(
        &self,
        call: &Header<'_>,
        sender: &Sender,
        grant: Grant,
        gives_power: bool,
    ) -> Result<Grant, BusError> {
        if !gives_power || grant.permits(Action::SudoManage, None) {
            return Ok(grant);
        }
        let power = self.decide(call, sender, Verb::GrantSudo, Action::SudoManage, None).await?;
        Ok(grant.and(power))
    }

    /// Whether the caller's role allows the verb; polkit is not asked.
    pub(super) async fn role_allows(
        &self,
        call: &Header<'_>,
        verb: Verb,
        subject: Option<&Subject>,
    ) -> Result<(), BusError> {
        let (sender, target) = self.look_up(call, subject).await?;
        let caller = self.run(move |service| service.caller(sender.uid)).await?;
        match decide(&caller, verb.action(), target.as_ref()) {
            Decision::Allow(_) => Ok(()),
            Decision::AskPolkit(_) | Decision::Deny => Err(not_authorized()),
        }
    }

    /// The right to change the own password.
    pub(super) async fn grant_own_password(&self, call: &Header<'_>) -> Result<Grant, BusError> {
        let sender = self.sender(call).await?;
        let subject = Subject::Number(sender.uid);
        let target = match self.run(move |service| service.target(&subject)).await {
            Ok(target) => target,
            Err(error) if error.name == ErrorName::NoSuchUser => return Err(not_authorized()),
            Err(error) => return Err(error),
        };
        let action = Action::PasswordChangeOwn;
        self.decide(call, &sender, Verb::SetPassword, action, Some(&target)).await
    }

    /// The right to set up the first administrator, which polkit is never asked about.
    pub(super) async fn grant_set_up(&self, call: &Header<'_>) -> Result<Grant, BusError> {
        let sender = self.sender(call).await?;
        self.decide(call, &sender, Verb::CreateUser, Action::AdministratorSetUp, None).await
    }

    /// The right to exchange the key of second factors, which polkit is never asked about.
    pub(super) async fn grant_key_rotation(&self, call: &Header<'_>) -> Result<Grant, BusError> {
        let sender = self.sender(call).await?;
        let verb = Verb::SetTwoFactorPolicy;
        self.decide(call, &sender, verb, Action::TotpKeyRotate, None).await
    }

    /// Who calls, where no right is needed.
    pub(super) async fn bearer(&self, call: &Header<'_>) -> Result<Actor, BusError> {
        let uid = self.sender(call).await?.uid;
        let caller = self.run(move |service| service.caller(uid)).await?;
        let bearer = Actor::bearer(&caller);
        Ok(if self.rehearses { bearer.for_rehearsal() } else { bearer })
    }

    async fn look_up(
        &self,
        call: &Header<'_>,
        subject: Option<&Subject>,
    ) -> Result<(Sender, Option<Target>), BusError> {
        let sender = self.sender(call).await?;
        let target = match subject.cloned() {
            Some(subject) => Some(self.run(move |service| service.target(&subject)).await?),
            None => None,
        };
        Ok((sender, target))
    }

    /// The one place here where grants come from.
    async fn decide(
        &self,
        call: &Header<'_>,
        sender: &Sender,
        verb: Verb,
        action: Action,
        target: Option<&Target>,
    ) -> Result<Grant, BusError> {
        let grant = self.ask(call, sender, verb, action, target).await?;
        Ok(if self.rehearses { grant.for_rehearsal() } else { grant })
    }

    async fn ask(
        &self,
        call: &Header<'_>,
        sender: &Sender,
        verb: Verb,
        action: Action,
        target: Option<&Target>,
    ) -> Result<Grant, BusError> {
        let uid = sender.uid;
        let caller = self.run(move |service| service.caller(uid)).await?;
        let pending = match decide(&caller, action, target) {
            Decision::Allow(grant) => return Ok(grant),
            Decision::AskPolkit(pending) => pending,
            Decision::Deny => return Err(refused(sender, verb)),
        };
        let interactive = call.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let id = verb.action_id();
        let _asking = self.questions.admit(uid)?;
        if polkit::authorizes(&self.connection, sender, id, target, interactive).await {
            Ok(pending.granted())
        } else {
            Err(refused(sender, verb))
        }
    }

    /// Reads the secret that a caller's descriptor carries.
    pub(super) async fn secret(&self, field: &str, fd: OwnedFd) -> Result<Secret, BusError> {
        let read = move |_: &Service| Ok(bus::secret_from_fd(fd, SECRET_DEADLINE));
        match self.blocking(read).await? {
            Ok(mut secret) => Ok(Secret::new(std::mem::take(&mut *secret))),
            Err(error) => Err(invalid(field, &error.to_string())),
        }
    }
}

fn refused(sender: &Sender, verb: Verb) -> BusError {
    tracing::info!(uid = sender.uid, verb = verb.action_id(), "refused: not authorised");
    not_authorized()
}

/// A secret on its way to the caller.
pub(super) fn give(secret: &[u8]) -> Result<zbus::OwnedFd, BusError> {
    bus::secret_to_fd(secret).map(zbus::OwnedFd::from).map_err(|error: SecretError| {
        tracing::error!(%error, "a secret could not be given out");
        BusError::new(ErrorName::Unavailable, "the secret could not be passed on")
    })
}
