//! Second factors of everybody: who must have one, the end of a kind, the key. What the methods mean
//! is in packaging/dbus/org.roster.Accounts1.TwoFactor.xml.

use std::sync::Arc;

use accounts::{Code, Subject, Timestamp};
use bus::{BusError, Dictionary};
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::door::Door;
use super::errors::invalid;
use super::gate::Guarded;
use super::options::Options;
use super::records::{record, subject};
use super::two_factor;
use super::verb::Verb;
use crate::service::{Deadline, Provider, Service, WantedPolicy};

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Enforcement {
    door: Arc<Door>,
}

impl Enforcement {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Enforcement {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.TwoFactor", introspection_docs = false)]
impl Enforcement {
    #[zbus(out_args("enrolment"))]
    async fn get_provisioning_uri(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        two_factor::pending(&self.door, &call, self::subject(subject)?).await
    }

    #[zbus(out_args("policy"))]
    async fn get_two_factor_policy(
        &self,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        self.door.grant(&call, Verb::GetTwoFactorPolicy, None).await?;
        record(&self.door.run(Service::two_factor_policy).await?)
    }

    #[zbus(out_args("policy"))]
    async fn set_two_factor_policy(
        &self,
        enforced: bool,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let wanted = wanted(enforced, options)?;
        let grant = self.door.grant(&call, Verb::SetTwoFactorPolicy, None).await?;
        let set = move |service: &Service| service.set_two_factor_policy(&grant, &wanted);
        record(&self.door.run(set).await?)
    }

    #[zbus(out_args("users"))]
    async fn cleanup_two_factor(
        &self,
        provider: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<u64, BusError> {
        let provider = Provider::parse(provider)
            .ok_or_else(|| invalid("provider", "a provider is totp or recovery"))?;
        let mut options = Options::new(options);
        let force = options.flag("force");
        options.finish()?;
        let grant = self.door.grant(&call, Verb::CleanupTwoFactor, None).await?;
        self.door.run(move |service| service.cleanup_two_factor(&grant, provider, force)).await
    }

    #[zbus(out_args("secrets"))]
    async fn rotate_totp_key(&self, #[zbus(header)] call: Header<'_>) -> Result<u64, BusError> {
        let grant = self.door.grant_key_rotation(&call).await?;
        self.door.run(move |service| service.rotate_totp_key(&grant)).await
    }
}

fn wanted(enforced: bool, options: Dictionary) -> Result<WantedPolicy, BusError> {
    let mut options = Options::new(options);
    let groups = options.texts("groups").unwrap_or_default();
    let excluded = options.texts("excluded").unwrap_or_default();
    let (at, within) = (options.text("due_at"), options.number("due_in"));
    let at = at.and_then(|text| match Timestamp::parse(&text) {
        Ok(at) => Some(Deadline::At(at)),
        Err(refused) => {
            options.refuse("due_at", refused.code, &refused.message);
            None
        }
    });
    if at.is_some() && within.is_some() {
        options.refuse("due_in", Code::Conflict, "says when it is due as due_at does");
    }
    options.finish()?;
    Ok(WantedPolicy { enforced, groups, excluded, deadline: at.or(within.map(Deadline::In)) })
}
