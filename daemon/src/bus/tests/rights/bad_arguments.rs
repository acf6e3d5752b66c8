//! Bad input, argument by argument: each argument of each method is replaced by what it does not
//! take. The rest of the call is right, and the caller may do everything.

use std::os::fd::OwnedFd;

use bus::{BusError, Dictionary, ErrorName};
use zbus::{Structure, Variant};

use super::super::bad_fields::{nested, texts, wrapped};
use super::super::client::{Answer, Call, secret, text};
use super::super::private_bus::ROOT;
use super::arguments;
use super::methods::{METHODS, Method};
use super::people::Site;
use super::table::{Caller, Outcome};

/// Text that is as good as any other there: method, argument, which.
fn is_fine(method: &Method, at: usize, value: &str) -> bool {
    let blank = value.trim().is_empty();
    let visible = !blank && value.len() < 1000 && !value.chars().any(is_hidden);
    match (method.name, at) {
        // Whatever it is called: nothing hidden.
        ("CreateToken", 1) => visible && value.len() <= 64,
        // Every holder's rules, and every name's.
        ("ListSudo", 0) => value.is_empty(),
        // What is looked for may be anything, and is then not found.
        ("SearchUsers", 0) => true,
        // Keys and values of people and programs: any script, nothing hidden.
        ("SetSetting", 1 | 2) | ("SetAttribute", 1) => visible,
        // What cannot be set is not there: the answer is no.
        ("DeleteSetting", 1 | 2) | ("PopAttribute", 1) => true,
        ("SetSetting", 3) | ("SetProfile", 2) => visible || blank,
        _ => false,
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control() || ('\u{200b}'..='\u{206f}').contains(&c) || c == '\u{feff}'
}

/// What an argument of that type does not take.
fn bad(argument: &Variant<'static>) -> Vec<(String, Variant<'static>)> {
    let structure = Structure::builder().add_field(1u8).add_field("x").build().unwrap();
    let mut bad: Vec<(String, Variant<'static>)> = vec![
        ("a structure".to_owned(), Variant::Structure(structure)),
        ("a byte".to_owned(), Variant::U8(7)),
        ("texts".to_owned(), Variant::new(vec!["a"; 30_000])),
    ];
    let dictionary = |key: &str, value: Variant<'static>| {
        Variant::new(Dictionary::from([(key.to_owned(), value.try_into_owned().unwrap())]))
    };
    match argument {
        Variant::Str(_) => bad.extend(texts().into_iter().map(|value| {
            let shown: String = value.chars().take(12).collect();
            (format!("{shown:?}"), text(&value))
        })),
        Variant::I64(_) => {
            let numbers = [i64::MIN, -1, i64::MAX].into_iter();
            bad.extend(numbers.map(|number| (number.to_string(), Variant::I64(number))));
        }
        Variant::Dict(_) => {
            for (what, key, value) in [
                ("an unknown key", "nonsense", Variant::U8(1)),
                ("a hidden key", "a\u{1b}[2J", Variant::U8(1)),
                ("a descriptor", "limit", secret("x")),
                ("variants in variants", "name", wrapped()),
                ("dictionaries in dictionaries", "name", nested()),
            ] {
                bad.push((what.to_owned(), dictionary(key, value)));
            }
            let many = (0..20_000).map(|n| (format!("key{n}"), 1u8.into()));
            bad.push(("many keys".to_owned(), Variant::new(many.collect::<Dictionary>())));
            bad.push(("a text".to_owned(), text("x")));
        }
        Variant::Fd(_) => {
            let open = |path: &str| OwnedFd::from(std::fs::File::open(path).unwrap());
            for path in ["/dev/null", "/dev/zero", "/"] {
                bad.push((path.to_owned(), Variant::Fd(open(path).into())));
            }
            let (_, writer) = std::io::pipe().unwrap();
            bad.push(("a pipe's other end".to_owned(), Variant::Fd(OwnedFd::from(writer).into())));
            bad.push(("control characters".to_owned(), secret("correct\u{1b}[2J horse")));
            bad.push(("NUL".to_owned(), secret("correct\0horse battery")));
            bad.push(("too long".to_owned(), secret(&"x".repeat(2000))));
            bad.push(("a text".to_owned(), text("x")));
        }
        Variant::Variant(_) => {
            let inside = |value: Variant<'static>| Variant::Variant(Box::new(value));
            bad.push(("a descriptor".to_owned(), inside(secret("x"))));
            bad.push(("variants in variants".to_owned(), inside(wrapped())));
            bad.push(("dictionaries in dictionaries".to_owned(), inside(nested())));
            bad.push(("too large".to_owned(), inside(text(&"x".repeat(70_000)))));
        }
        Variant::Array(_) => {
            for value in texts() {
                let shown: String = value.chars().take(12).collect();
                bad.push((format!("[{shown:?}]"), Variant::new(vec![value])));
            }
            bad.push(("a number in a list".to_owned(), Variant::new(vec![1_u32])));
        }
        // Whatever else is no truth has another type.
        Variant::Bool(_) => bad.push(("a text".to_owned(), text("true"))),
        other => panic!("no bad values for {other:?}"),
    }
    bad
}

/// What is wrong with that refusal, if anything.
fn complaint(error: &BusError) -> Option<String> {
    let refusal = format!("{:?}: {:.300}", error.name, error.message);
    match error.name {
        ErrorName::InvalidField if error.fields.0.is_empty() => {
            Some(format!("no field: {refusal}"))
        }
        ErrorName::InvalidField
        | ErrorName::NoSuchUser
        | ErrorName::NoSuchGroup
        | ErrorName::NoSuchKey
        | ErrorName::NoSuchRule
        | ErrorName::NoSuchToken
        | ErrorName::InvalidToken
        | ErrorName::LoginRefused
        | ErrorName::PasswordPolicy
        | ErrorName::WrongPassword
        | ErrorName::WrongCode
        | ErrorName::NotEnrolled
        | ErrorName::RateLimited => {
            let hidden =
                error.message.chars().any(char::is_control) || error.message.len() > 10_000;
            hidden.then(|| format!("repeats what it was given: {refusal}"))
        }
        _ => Some(refusal),
    }
}

#[test]
fn every_argument_refuses_what_it_does_not_take() {
    let mut site = Site::new();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for method in METHODS.iter().filter(|method| method.way.is_empty()) {
        let letter = if method.right.about_nobody() { 'n' } else { 'p' };
        let mut about = site.account(Caller::Root, letter).unwrap();
        // Who changes the own password has to have one.
        let caller = if method.name == "ChangePassword" { site.uid(Caller::User) } else { ROOT };
        if method.interface.ends_with("User") || method.interface.ends_with("Group") {
            site.prepare(method, &mut about);
        }
        let count = arguments::call(method, &about).arguments.len();
        for at in 0..count {
            let mut before = site.bus.service.dump();
            for (what, value) in bad(&arguments::call(method, &about).arguments[at]) {
                let mut call: Call = arguments::call(method, &about);
                let fine = matches!(&value, Variant::Str(text) if is_fine(method, at, text));
                call.arguments[at] = value;
                let answer = site.call(caller, call);
                let after = site.bus.service.dump();
                tried += 1;
                let complaint = match &answer {
                    Answer::Refused(error)
                        if method.outcome == Outcome::Already
                            && error.name == ErrorName::AlreadyInState =>
                    {
                        None
                    }
                    Answer::Refused(error) => complaint(error),
                    Answer::Done(_) if fine => None,
                    Answer::Done(_) => Some("takes it".to_owned()),
                    // A signature that is none of the method's is told by the bus library.
                    Answer::Other(error) if error.contains("InvalidArgs") => None,
                    Answer::Other(error) => Some(format!("no error of ours: {error:.300}")),
                };
                let throttled = matches!(
                    method.name,
                    "VerifyTotp" | "ConfirmTotp" | "ChangePassword" | "LogIn"
                );
                let complaint = complaint.or_else(|| {
                    let changed = before != after && !fine && !throttled;
                    changed.then(|| "the store has changed".to_owned())
                });
                if let Some(complaint) = complaint {
                    let way = format!("{}.{} argument {at}", method.interface, method.name);
                    wrong.push(format!("{way}, {what}: {complaint}"));
                }
                if before != after {
                    site = Site::new();
                    // Its uid stays; its object has to be there again.
                    if method.interface.ends_with("User") || method.interface.ends_with("Group") {
                        site.prepare(method, &mut about);
                    }
                    before = site.bus.service.dump();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 1000, "{tried}");
}
