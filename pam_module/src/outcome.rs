//! Verdicts as PAM codes: the one place where the two meet.

use auth_protocol::{Code, Phase};
use pam::constants::PamResultCode;

/// The PAM code for a verdict of this phase.
pub(crate) fn of_verdict(phase: Phase, code: Code) -> PamResultCode {
    match (phase, code) {
        (_, Code::Success) => PamResultCode::PAM_SUCCESS,
        (Phase::OpenSession, _) => PamResultCode::PAM_SESSION_ERR,
        // The index has the user, or the daemon would not have been asked: the store and the index
        // disagree. Handing such a user on to the next module (PAM_USER_UNKNOWN) would let
        // pam_unix judge a deleted account, and it finds nothing wrong with it.
        (_, Code::UserUnknown) => unavailable(phase),
        (_, Code::AuthenticationFailed) => PamResultCode::PAM_AUTH_ERR,
        (_, Code::PermissionDenied) => PamResultCode::PAM_PERM_DENIED,
        (_, Code::AccountExpired) => PamResultCode::PAM_ACCT_EXPIRED,
        (_, Code::NewPasswordRequired) => PamResultCode::PAM_NEW_AUTHTOK_REQD,
        (_, Code::PasswordExpired) => PamResultCode::PAM_AUTHTOK_EXPIRED,
        (_, Code::PasswordUnchanged) => PamResultCode::PAM_AUTHTOK_ERR,
        (_, Code::Unavailable) => unavailable(phase),
    }
}

/// The PAM code when nobody could say anything about the user.
pub(crate) fn unavailable(phase: Phase) -> PamResultCode {
    match phase {
        Phase::OpenSession => PamResultCode::PAM_SESSION_ERR,
        _ => PamResultCode::PAM_AUTHINFO_UNAVAIL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_success() {
        let phases = [
            Phase::Authenticate,
            Phase::Account,
            Phase::CheckPasswordChange,
            Phase::ChangePassword,
            Phase::OpenSession,
        ];
        let others = [
            Code::AuthenticationFailed,
            Code::PermissionDenied,
            Code::AccountExpired,
            Code::NewPasswordRequired,
            Code::PasswordExpired,
            Code::Unavailable,
            Code::UserUnknown,
            Code::PasswordUnchanged,
        ];
        for phase in phases {
            assert_eq!(of_verdict(phase, Code::Success), PamResultCode::PAM_SUCCESS);
            for code in others {
                let result = of_verdict(phase, code);
                assert_ne!(result, PamResultCode::PAM_SUCCESS, "{phase:?} {code:?}");
                assert_ne!(result, PamResultCode::PAM_IGNORE, "{phase:?} {code:?}");
                // Nothing that the daemon says hands a user of ours on to other modules.
                assert_ne!(result, PamResultCode::PAM_USER_UNKNOWN, "{phase:?} {code:?}");
            }
            assert_ne!(unavailable(phase), PamResultCode::PAM_SUCCESS);
            assert_ne!(unavailable(phase), PamResultCode::PAM_IGNORE);
        }
    }
}
