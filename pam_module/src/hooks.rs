//! One function per PAM function. Each finds out whether the user is ours, and if so lets the
//! daemon lead.

use std::ffi::CStr;
use std::path::Path;

use auth_protocol::{Phase, SOCKET, Secret, Timeouts};
use pam::constants::{PAM_SILENT, PamFlag, PamResultCode};
use pam::items::{AuthTok, OldAuthTok};
use pam::module::{PamHandle, PamHooks};

use crate::arguments::Arguments;
use crate::drive::{Daemon, Earlier, Outcome, converse, converse_once};
use crate::person::Applicant;
use crate::{ffi, ours, request};

/// What a refused guess costs at least, in microseconds: the same as with `pam_unix`.
const REFUSAL_DELAY: u32 = 2_000_000;

/// The module, as pam-bindings wants to see it.
pub(crate) struct Roster;

impl PamHooks for Roster {
    fn sm_authenticate(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        if Arguments::parse(&words).unknown {
            return turn_away(handle, flags);
        }
        let outcome = match run(handle, Phase::Authenticate, &words, flags) {
            Ok(outcome) => outcome,
            Err(code) => return code,
        };
        if outcome.refused {
            ffi::fail_delay(handle, REFUSAL_DELAY);
        }
        if let Some(password) = &outcome.password {
            ffi::set_authtok(handle, password);
        }
        outcome.code
    }

    /// Our users have no credentials beside their ids, which the application sets.
    fn sm_setcred(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        match user_of_ours(handle) {
            Ok(_) => PamResultCode::PAM_SUCCESS,
            Err(PamResultCode::PAM_AUTHINFO_UNAVAIL) => PamResultCode::PAM_CRED_UNAVAIL,
            Err(code) => code,
        }
    }

    fn acct_mgmt(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        run(handle, Phase::Account, &words, flags).map_or_else(|code| code, |outcome| outcome.code)
    }

    fn sm_chauthtok(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        let phase = if flags & ffi::PAM_PRELIM_CHECK != 0 {
            Phase::CheckPasswordChange
        } else if flags & ffi::PAM_UPDATE_AUTHTOK != 0 {
            Phase::ChangePassword
        } else {
            return PamResultCode::PAM_SERVICE_ERR;
        };
        let outcome = match run(handle, phase, &words, flags) {
            Ok(outcome) => outcome,
            Err(code) => return code,
        };
        if let Some(password) = &outcome.password {
            ffi::set_authtok(handle, password);
        }
        if let Some(password) = &outcome.old_password {
            ffi::set_old_authtok(handle, password);
        }
        outcome.code
    }

    fn sm_open_session(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        run(handle, Phase::OpenSession, &words, flags)
            .map_or_else(|code| code, |outcome| outcome.code)
    }

    /// Nothing of ours ends with a session.
    fn sm_close_session(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        match user_of_ours(handle) {
            Ok(_) => PamResultCode::PAM_SUCCESS,
            Err(code) => code,
        }
    }
}

fn user_of_ours(handle: &mut PamHandle) -> Result<Vec<u8>, PamResultCode> {
    let user = request::user(handle)?;
    ours::check(&user)?;
    Ok(user)
}

/// The end of the stack, for a name that nobody has: what a user of ours with a wrong password
/// would have been put through, so that strangers cannot tell the two apart. Never success.
fn turn_away(handle: &mut PamHandle, flags: PamFlag) -> PamResultCode {
    let user = match request::user(handle) {
        Ok(user) => user,
        Err(code) => return code,
    };
    if let Err(code) = ours::check_nobody(&user, |user| ffi::is_known(handle, user)) {
        return code;
    }
    ffi::fail_delay(handle, REFUSAL_DELAY);
    let arguments = Arguments { try_first: true, ..Arguments::default() };
    let start = request::start(handle, Phase::Authenticate, &user, flags);
    let earlier = earlier(handle, arguments);
    let daemon = Daemon { socket: Path::new(SOCKET), timeouts: Timeouts::default() };
    // Texts of ours are for our users.
    let mut person = Applicant::new(handle, true);
    converse_once(&daemon, &start, arguments, earlier, &mut person);
    PamResultCode::PAM_AUTH_ERR
}

fn run(
    handle: &mut PamHandle,
    phase: Phase,
    words: &[&CStr],
    flags: PamFlag,
) -> Result<Outcome, PamResultCode> {
    let user = user_of_ours(handle)?;
    let arguments = Arguments::parse(words);
    let start = request::start(handle, phase, &user, flags);
    let earlier = earlier(handle, arguments);
    let daemon = Daemon { socket: Path::new(SOCKET), timeouts: Timeouts::default() };
    let mut person = Applicant::new(handle, flags & PAM_SILENT != 0);
    Ok(converse(&daemon, &start, arguments, earlier, &mut person))
}

/// What modules before us have asked for, if the stack wants us to use it.
fn earlier(handle: &PamHandle, arguments: Arguments) -> Earlier {
    if !arguments.wants_first() {
        return Earlier::default();
    }
    let password = handle.get_item::<AuthTok>().ok().flatten();
    let old_password = handle.get_item::<OldAuthTok>().ok().flatten();
    Earlier {
        password: password.map(|token| Secret::new(token.as_bytes().to_vec())),
        old_password: old_password.map(|token| Secret::new(token.as_bytes().to_vec())),
    }
}
