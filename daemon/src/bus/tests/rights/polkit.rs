//! What polkit is asked, method by method: the action of the verb, with the caller's leave to ask
//! for a password or without, and what else gives power.

use bus::ErrorName;

use super::super::client::Answer;
use super::super::polkit::Authority;
use super::arguments;
use super::methods::with_plans;
use super::people::Site;
use super::table::{Caller, Outcome};

#[test]
fn polkit_is_asked_for_the_actions_of_the_method_and_no_others() {
    let mut site = Site::new();
    let mut polkit = Authority::granting(&site.bus);
    for method in &with_plans() {
        let what = format!("{}.{} ({})", method.interface, method.name, method.way);
        let letter = if method.right.about_nobody() { 'n' } else { 'p' };
        let mut about = site.account(Caller::Stranger, letter).unwrap();
        site.prepare(method, &mut about);
        let uid = site.uid(Caller::Stranger);
        let asked = |polkit: &Authority| {
            let questions = std::mem::take(&mut *polkit.asked.lock().unwrap());
            let actions = questions.into_iter().map(|(kind, name, action, flags)| {
                assert_eq!((kind.as_str(), name.starts_with(':')), ("system-bus-name", true));
                (action.strip_prefix("org.roster.accounts1.").unwrap().to_owned(), flags)
            });
            actions.collect::<Vec<_>>()
        };
        let expected = |flags: u32| {
            method.asks.iter().map(|action| ((*action).to_owned(), flags)).collect::<Vec<_>>()
        };
        // Each action is one more that is granted; without the last, nothing happens.
        let before = site.bus.service.dump();
        for granted in 0..method.asks.len() {
            *polkit.grants.lock().unwrap() = method.asks[..granted].to_vec();
            let Answer::Refused(error) = site.call(uid, arguments::call(method, &about)) else {
                panic!("{what}: done without {}", method.asks[granted])
            };
            assert_eq!(error.name, ErrorName::NotAuthorized, "{what}");
            assert_eq!(asked(&polkit), expected(0)[..=granted], "{what}");
        }
        assert_eq!(site.bus.service.dump(), before, "{what}");
        *polkit.grants.lock().unwrap() = method.asks.to_vec();
        let mut call = arguments::call(method, &about);
        call.interactive = true;
        let answer = site.call(uid, call);
        assert_eq!(asked(&polkit), expected(1), "{what}");
        let stranger = method.right.allows(Caller::Stranger, letter);
        match answer {
            Answer::Done(_) => assert!(stranger || !method.asks.is_empty(), "{what}"),
            Answer::Refused(error) => {
                assert_eq!(error.name, ErrorName::NotAuthorized, "{what}");
                assert!(method.asks.is_empty() && !stranger, "{what}: {error}");
            }
            Answer::Other(error) => panic!("{what}: {error}"),
        }
        if method.outcome != Outcome::Reads || site.bus.service.dump() != site.pristine {
            site = Site::new();
            polkit = Authority::granting(&site.bus);
        }
    }
}
