//! `roster whoami`.

use serde_json::Value;

use crate::error::Error;
use crate::output::Answer;
use crate::session::Session;
use crate::user::record::{FIRST, complete};

/// The caller's own record.
pub async fn run(session: &Session) -> Result<Answer, Error> {
    let record = session.record("WhoAmI", &()).await?;
    if record.is_empty() {
        let uid = nix::unistd::geteuid();
        let message = format!("uid {uid} is no account of Roster");
        return Err(Error::refused("no_such_user", message));
    }
    let mut record = Value::Object(record);
    complete(&mut record);
    Ok(Answer::record(record, FIRST))
}
