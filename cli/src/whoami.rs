//! `roster whoami`.

use bus::Dictionary;
use bus::names::TOKENS;
use serde_json::Value;

use crate::error::Error;
use crate::login::TokenFlags;
use crate::output::Answer;
use crate::session::{Session, to_record};
use crate::user::record::{FIRST, complete};

/// The caller's own record; with a token, whose that is.
pub async fn run(token: TokenFlags, session: &Session) -> Result<Answer, Error> {
    if token.token_stdin {
        let verified: Dictionary =
            session.call_on(TOKENS, "VerifyToken", &(token.read()?,)).await?;
        let verified = Value::Object(to_record(&verified)?);
        return Ok(Answer::record(verified, &["user", "uid", "kind", "scope", "expires_at"]));
    }
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
