//! Mails, and the tokens in them.

use serde_json::json;

use crate::fake_bus::Bus;

const MAIL: &str = "org.roster.Accounts1.Mail";

#[test]
fn mails_are_asked_for_and_their_tokens_handed_in() {
    let bus = Bus::start();
    let secret = |text: &str| json!({ "secret": text });
    for (words, stdin, method, arguments, said) in [
        (
            &["welcome", "alice"][..],
            "",
            "WelcomeUser",
            vec![json!("alice"), json!({})],
            "A welcome mail to alice has left.\n",
        ),
        (
            &["welcome", "alice", "--reset-password"],
            "",
            "WelcomeUser",
            vec![json!("alice"), json!({"reset_password": true})],
            "A welcome mail to alice has left.\n",
        ),
        (
            &["forgot-password", "alice@example.org"],
            "",
            "RequestPasswordReset",
            vec![json!("alice@example.org")],
            "If accounts that may be used have this address, a mail with a link or code is on its way.\n",
        ),
        (
            &["reset-password", "--token-stdin"],
            "the token\nthe new one\n",
            "ResetPassword",
            vec![secret("the token"), secret("the new one")],
            "The new password of alice is set.\n",
        ),
        (
            &["verify-email", "alice"],
            "",
            "VerifyEmail",
            vec![json!("alice")],
            "A mail to alice's address has left: confirm it with its code.\n",
        ),
        (
            &["confirm-email", "--token-stdin"],
            "the token\n",
            "ConfirmEmail",
            vec![secret("the token")],
            "The mail address of alice is verified.\n",
        ),
    ] {
        let outcome = bus.roster(&[&["user"], words].concat(), stdin.as_bytes());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, said), "{words:?}: {outcome:?}");
        let calls = bus.calls();
        assert_eq!(calls.len(), 1, "{words:?}");
        let call = &calls[0];
        assert_eq!((call.interface.as_str(), call.method.as_str()), (MAIL, method));
        assert_eq!(call.arguments, arguments, "{words:?}");
    }
}

#[test]
fn a_token_comes_by_standard_input_and_no_other_way() {
    let bus = Bus::start();
    for words in [
        &["user", "reset-password", "--token", "roster_pr_x"][..],
        &["user", "confirm-email", "--token=roster_ev_x"],
        &["user", "confirm-email"],
    ] {
        let outcome = bus.roster(words, b"");
        assert_eq!(outcome.status, 2, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains("--token-stdin"), "{outcome:?}");
        assert!(!outcome.stderr.contains("roster_pr_x"), "{outcome:?}");
    }
    let outcome = bus.roster(&["user", "reset-password", "--token-stdin", "--json"], b"token\n");
    assert_eq!(outcome.json()["error"]["fields"][0]["field"], "password");
    assert_eq!(bus.calls(), []);
}
