//! Asking polkit (org.freedesktop.PolicyKit1.Authority, polkit's reference manual).
//!
//! The subject is the caller's name on the bus, which nobody can take over while we ask: never a
//! process id. Whatever goes wrong — no polkit, no answer, the caller gone meanwhile — means no.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use zbus::names::BusName;
use zbus::{Connection, Variant};

use super::callers::Sender;
use crate::authorize::Target;

const SERVICE: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";
/// `AllowUserInteraction`.
const ALLOW_USER_INTERACTION: u32 = 1;
/// polkit answers from its rules, but may have to be started first.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Somebody types a password.
const INTERACTIVE_TIMEOUT: Duration = Duration::from_secs(120);

static QUESTIONS: AtomicU64 = AtomicU64::new(0);

/// Whether polkit lets the sender do what the action stands for.
pub(super) async fn authorizes(
    connection: &Connection,
    sender: &Sender,
    action_id: &str,
    target: Option<&Target>,
    interactive: bool,
) -> bool {
    let question = format!("roster-{}", QUESTIONS.fetch_add(1, Ordering::Relaxed));
    let limit = if interactive { INTERACTIVE_TIMEOUT } else { TIMEOUT };
    let asked = ask(connection, sender, action_id, target, interactive, &question);
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(authorized)) => authorized && is_there(connection, sender).await,
        Ok(Err(error)) => {
            tracing::debug!(action_id, %error, "polkit gave no answer");
            false
        }
        Err(_) => {
            tracing::info!(action_id, "polkit gave no answer in time");
            // Or an authentication dialog would stay that nobody waits for.
            let body = (question.as_str(),);
            let method = "CancelCheckAuthorization";
            let cancelled =
                connection.call_method(Some(SERVICE), PATH, Some(INTERFACE), method, &body);
            let _ = tokio::time::timeout(TIMEOUT, cancelled).await;
            false
        }
    }
}

/// Whether the caller is still on the bus: what polkit said is about nobody else.
async fn is_there(connection: &Connection, sender: &Sender) -> bool {
    let asked = async {
        let bus = zbus::fdo::DBusProxy::new(connection).await?;
        bus.name_has_owner(BusName::from(sender.name.as_ref())).await
    };
    matches!(tokio::time::timeout(TIMEOUT, asked).await, Ok(Ok(true)))
}

async fn ask(
    connection: &Connection,
    sender: &Sender,
    action_id: &str,
    target: Option<&Target>,
    interactive: bool,
    question: &str,
) -> zbus::Result<bool> {
    let name = HashMap::from([("name", Variant::new(sender.name.as_str()))]);
    let subject = ("system-bus-name", name);
    let mut details: HashMap<&str, String> = HashMap::new();
    if let Some(target) = target {
        details.insert("uid", target.uid.to_string());
        details.insert("role", target.role.as_str().to_owned());
    }
    let flags = if interactive { ALLOW_USER_INTERACTION } else { 0 };
    let body = (subject, action_id, details, flags, question);
    let reply = connection
        .call_method(Some(SERVICE), PATH, Some(INTERFACE), "CheckAuthorization", &body)
        .await?;
    let answer: (bool, bool, HashMap<String, String>) = reply.body().deserialize()?;
    Ok(answer.0)
}
