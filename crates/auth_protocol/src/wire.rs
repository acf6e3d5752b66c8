//! Varlink messages: calls as the daemon reads them, replies as the client reads them.
//!
//! Base64 text needs no escapes in JSON, so an answer is decoded straight from the received bytes
//! into its wiped buffer; a parser's scratch space never holds a password.

use std::borrow::Cow;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{DESCRIPTION, Error, MAX_MESSAGE, Secret, Start, Step};

/// Name of the interface.
pub const INTERFACE: &str = "org.roster.Authentication1";
const START: &str = "org.roster.Authentication1.Start";
const ANSWER: &str = "org.roster.Authentication1.Answer";
const GET_INFO: &str = "org.varlink.service.GetInfo";
const GET_DESCRIPTION: &str = "org.varlink.service.GetInterfaceDescription";

/// A call, as the daemon receives it.
#[derive(Debug)]
pub enum Call {
    /// Opens the conversation.
    Start(Box<Start>),
    /// Answers the last prompt.
    Answer(Secret),
    /// `org.varlink.service.GetInfo`.
    GetInfo,
    /// `org.varlink.service.GetInterfaceDescription` of this interface.
    GetInterfaceDescription(String),
    /// A method that we do not have, by its full name.
    Unknown(String),
    /// One of our methods with parameters that are not as declared; the parameter, if known.
    InvalidParameters,
}

/// What the daemon says to a call.
#[derive(Debug)]
pub enum Reply {
    /// The next step of the conversation.
    Step(Step),
    /// Who we are (`GetInfo`).
    Info,
    /// Our interface, or the complaint that the named one is not ours.
    Description(String),
    /// `org.varlink.service.MethodNotFound` for this method.
    MethodNotFound(String),
    /// `org.varlink.service.InvalidParameter`.
    InvalidParameters,
    /// The caller may not ask this about that user.
    NotPermitted,
    /// The call is not one that may come now.
    OutOfTurn,
}

#[derive(Deserialize)]
struct CallHead<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(default)]
    oneway: bool,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    upgrade: bool,
}

#[derive(Serialize, Deserialize)]
struct Parameters<P> {
    parameters: P,
}

#[derive(Serialize)]
struct OutgoingCall<'a, P> {
    method: &'a str,
    parameters: P,
}

#[derive(Serialize, Deserialize)]
struct AnswerParameters<'a> {
    #[serde(borrow)]
    answer: Cow<'a, str>,
}

#[derive(Deserialize)]
struct DescriptionParameters {
    interface: String,
}

/// Reads one call.
///
/// # Errors
///
/// [`Error::Malformed`] when it is no varlink call at all, or asks for more than one reply or
/// none: the connection is of no use then.
pub fn decode_call(message: &[u8]) -> Result<Call, Error> {
    let head: CallHead = serde_json::from_slice(message).map_err(|_| Error::Malformed)?;
    if head.oneway || head.more || head.upgrade {
        return Err(Error::Malformed);
    }
    Ok(match &*head.method {
        START => match parameters::<Start>(message) {
            Some(start) => Call::Start(Box::new(start)),
            None => Call::InvalidParameters,
        },
        ANSWER => match decode_answer(message) {
            Some(answer) => Call::Answer(answer),
            None => Call::InvalidParameters,
        },
        GET_INFO => Call::GetInfo,
        GET_DESCRIPTION => match parameters::<DescriptionParameters>(message) {
            Some(wanted) => Call::GetInterfaceDescription(wanted.interface),
            None => Call::InvalidParameters,
        },
        other => Call::Unknown(other.to_owned()),
    })
}

fn parameters<P: DeserializeOwned>(message: &[u8]) -> Option<P> {
    serde_json::from_slice::<Parameters<P>>(message).ok().map(|call| call.parameters)
}

fn decode_answer(message: &[u8]) -> Option<Secret> {
    let call: Parameters<AnswerParameters> = serde_json::from_slice(message).ok()?;
    let text = call.parameters.answer.as_bytes();
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    Some(Secret::new(bytes[..length].to_vec()))
}

/// Writes the opening call, NUL byte included.
///
/// # Errors
///
/// [`Error::TooLong`] when it exceeds [`MAX_MESSAGE`].
pub fn encode_start(start: &Start) -> Result<Zeroizing<Vec<u8>>, Error> {
    encode(&OutgoingCall { method: START, parameters: start }, 1024)
}

/// Writes an answer, NUL byte included.
///
/// # Errors
///
/// [`Error::TooLong`] when it exceeds [`MAX_MESSAGE`].
pub fn encode_answer(answer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    if answer.len() > MAX_MESSAGE / 2 {
        return Err(Error::TooLong);
    }
    let text = Zeroizing::new(Base64::encode_string(answer));
    let parameters = AnswerParameters { answer: Cow::Borrowed(&text) };
    encode(&OutgoingCall { method: ANSWER, parameters }, text.len() + 256)
}

/// Writes a reply, NUL byte included.
///
/// # Errors
///
/// [`Error::TooLong`] when it exceeds [`MAX_MESSAGE`].
pub fn encode_reply(reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Error> {
    use serde_json::json;
    let value = match reply {
        Reply::Step(step) => {
            let texts: usize = step.messages.iter().map(|message| message.text.len()).sum();
            // Each byte may be escaped; each text has its names around it.
            let room = 1024 + 2 * texts + 64 * step.messages.len();
            return encode(&Parameters { parameters: step }, room);
        }
        Reply::Info => json!({"parameters": {
            "vendor": "Roster",
            "product": "rosterd",
            "version": env!("CARGO_PKG_VERSION"),
            "url": "",
            "interfaces": ["org.varlink.service", INTERFACE],
        }}),
        Reply::Description(interface) if interface == INTERFACE => {
            json!({"parameters": {"description": DESCRIPTION}})
        }
        Reply::Description(interface) => json!({
            "error": "org.varlink.service.InterfaceNotFound",
            "parameters": {"interface": interface},
        }),
        Reply::MethodNotFound(method) => json!({
            "error": "org.varlink.service.MethodNotFound",
            "parameters": {"method": method},
        }),
        Reply::InvalidParameters => json!({
            "error": "org.varlink.service.InvalidParameter",
            "parameters": {"parameter": "parameters"},
        }),
        Reply::NotPermitted => {
            json!({"error": "org.roster.Authentication1.NotPermitted", "parameters": {}})
        }
        Reply::OutOfTurn => {
            json!({"error": "org.roster.Authentication1.OutOfTurn", "parameters": {}})
        }
    };
    encode(&value, 1024)
}

/// Reads what came back to a [`Start`] or an answer.
///
/// # Errors
///
/// [`Error::Refused`] for a varlink error, [`Error::Malformed`] for anything that is no [`Step`].
pub fn decode_step(message: &[u8]) -> Result<Step, Error> {
    #[derive(Deserialize)]
    struct ReplyHead {
        #[serde(default)]
        error: Option<String>,
    }
    let head: ReplyHead = serde_json::from_slice(message).map_err(|_| Error::Malformed)?;
    if let Some(error) = head.error {
        return Err(Error::Refused(error));
    }
    parameters::<Step>(message).ok_or(Error::Malformed)
}

/// `room` is as much as the message can need, so that the buffer never moves and leaves a copy.
fn encode(message: &impl Serialize, room: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *bytes, message).map_err(|_| Error::Malformed)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(Error::TooLong);
    }
    bytes.push(0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::{Code, Message, Next, Phase, Prompt, PromptKind, Style, Verdict};

    fn body(frame: &[u8]) -> &[u8] {
        frame.strip_suffix(&[0]).expect("a frame ends with NUL")
    }

    fn start() -> Start {
        Start {
            phase: Phase::Authenticate,
            user: "alice".into(),
            service: "sshd".into(),
            tty: Some("ssh".into()),
            remote_host: Some("::1".into()),
            remote_user: None,
            caller_uid: 0,
            public_key: true,
            only_expired: false,
            silent: true,
        }
    }

    #[test]
    fn a_start_survives_the_wire() {
        let frame = encode_start(&start()).unwrap();
        let Call::Start(read) = decode_call(body(&frame)).unwrap() else { panic!("not a Start") };
        assert_eq!(*read, start());
    }

    #[test]
    fn a_start_with_nothing_optional_is_enough() {
        let message = br#"{"method":"org.roster.Authentication1.Start","parameters":
            {"phase":"account","user":"alice","service":"cron","caller_uid":0}}"#;
        let Call::Start(read) = decode_call(message).unwrap() else { panic!("not a Start") };
        assert_eq!((read.phase, read.public_key, read.tty), (Phase::Account, false, None));
    }

    #[test]
    fn steps_survive_the_wire() {
        let steps = [
            Next::Prompt(Prompt {
                kind: PromptKind::Code,
                echo: true,
                text: "Verification code: ".into(),
            }),
            Next::Verdict(Verdict { code: Code::Success, password_length: Some(7) }),
            Next::Verdict(Code::AuthenticationFailed.into()),
        ];
        for next in steps {
            let messages =
                vec![Message::new(Style::Info, "a \"b\" ü"), Message::needed("seen or not at all")];
            let step = Step { messages, next };
            let frame = encode_reply(&Reply::Step(step.clone())).unwrap();
            assert_eq!(decode_step(body(&frame)).unwrap(), step);
        }
    }

    #[test]
    fn a_text_may_go_unseen_unless_it_says_otherwise() {
        let plain = br#"{"parameters":{"messages":[{"style":"info","text":"x"}],
            "verdict":{"code":"success"}}}"#;
        assert!(!decode_step(plain).unwrap().messages[0].must_show);
        let step =
            |message| Step { messages: vec![message], next: Next::Verdict(Code::Success.into()) };
        let needed = encode_reply(&Reply::Step(step(Message::needed("a secret")))).unwrap();
        assert!(String::from_utf8_lossy(&needed).contains("\"must_show\":true"));
        // What an older module reads has nothing new in it.
        let other = encode_reply(&Reply::Step(step(Message::new(Style::Info, "x")))).unwrap();
        assert!(!String::from_utf8_lossy(&other).contains("must_show"));
        assert!(!format!("{:?}", Message::needed("a secret")).contains("a secret"));
    }

    #[test]
    fn a_step_is_a_prompt_or_a_verdict_never_neither_never_both() {
        let prompt = r#""prompt":{"kind":"code","echo":true,"text":"?"}"#;
        let verdict = r#""verdict":{"code":"success"}"#;
        for content in [String::new(), format!("{prompt},{verdict}")] {
            let message = format!(r#"{{"parameters":{{{content}}}}}"#);
            assert!(matches!(decode_step(message.as_bytes()), Err(Error::Malformed)));
        }
        // And a code that this version does not know is not taken for another one.
        let message = br#"{"parameters":{"verdict":{"code":"of_course"}}}"#;
        assert!(matches!(decode_step(message), Err(Error::Malformed)));
    }

    #[test]
    fn an_error_reply_is_an_error_whatever_else_it_says() {
        let message = br#"{"error":"org.roster.Authentication1.NotPermitted",
            "parameters":{"verdict":{"code":"success"}}}"#;
        assert!(
            matches!(decode_step(message), Err(Error::Refused(name)) if name.ends_with("NotPermitted"))
        );
        for reply in [
            Reply::NotPermitted,
            Reply::OutOfTurn,
            Reply::InvalidParameters,
            Reply::MethodNotFound("x.Y".into()),
            Reply::Description("org.example".into()),
        ] {
            let frame = encode_reply(&reply).unwrap();
            assert!(matches!(decode_step(body(&frame)), Err(Error::Refused(_))));
        }
    }

    #[test]
    fn methods_that_are_not_ours_are_told_apart_from_nonsense() {
        let unknown = decode_call(br#"{"method":"org.roster.Authentication1.Skip"}"#).unwrap();
        assert!(matches!(unknown, Call::Unknown(name) if name.ends_with("Skip")));
        assert!(matches!(
            decode_call(br#"{"method":"org.varlink.service.GetInfo"}"#).unwrap(),
            Call::GetInfo
        ));
        for nonsense in [
            &b""[..],
            b"[]",
            b"{}",
            b"{\"method\":3}",
            b"\xff\xfe",
            br#"{"method":"org.roster.Authentication1.Start","oneway":true,"parameters":{}}"#,
            br#"{"method":"org.roster.Authentication1.Answer","more":true,"parameters":{"answer":""}}"#,
        ] {
            assert!(matches!(decode_call(nonsense), Err(Error::Malformed)), "{nonsense:?}");
        }
        for bad in [
            &br#"{"method":"org.roster.Authentication1.Start","parameters":{"phase":"setcred"}}"#[..],
            br#"{"method":"org.roster.Authentication1.Answer","parameters":{"answer":"%%"}}"#,
            br#"{"method":"org.roster.Authentication1.Answer"}"#,
        ] {
            assert!(matches!(decode_call(bad).unwrap(), Call::InvalidParameters));
        }
    }

    #[test]
    fn the_description_declares_the_interface_and_its_methods() {
        let frame = encode_reply(&Reply::Description(INTERFACE.into())).unwrap();
        let text = String::from_utf8(body(&frame).to_vec()).unwrap();
        for declared in ["interface org.roster.Authentication1", "method Start", "method Answer"] {
            assert!(text.contains(declared), "{declared}");
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let mut message = br#"{"method":"org.varlink.service.GetInfo","parameters":"#.to_vec();
        message.extend(std::iter::repeat_n(b'[', MAX_MESSAGE - message.len()));
        assert!(matches!(decode_call(&message), Err(Error::Malformed)));
    }

    proptest! {
        #[test]
        fn answers_of_any_bytes_survive_the_wire(answer in prop::collection::vec(any::<u8>(), 0..2000)) {
            let frame = encode_answer(&answer).unwrap();
            let Call::Answer(read) = decode_call(body(&frame)).unwrap() else { panic!("no Answer") };
            prop_assert_eq!(read.as_bytes(), &answer[..]);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode_call(&bytes);
            let _ = decode_step(&bytes);
        }

        #[test]
        fn damaged_messages_never_panic(at in 0usize..400, byte in any::<u8>()) {
            let mut message = body(&encode_start(&start()).unwrap()).to_vec();
            let at = at % message.len();
            message[at] = byte;
            let _ = decode_call(&message);
        }
    }
}
