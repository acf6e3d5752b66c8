//! How hard a password is to guess, as zxcvbn estimates it: by words, names, dates, keyboards and
//! what is known of its owner, not by counting kinds of characters.

use zxcvbn::{Score, zxcvbn};

/// What is judged of a password, in characters: the estimate takes time with the cube of it, and
/// what this much does not make hard to guess is no password.
const SEEN: usize = 64;
/// What is taken of all that is known of the owner: words, and characters of each.
const WORDS: (usize, usize) = (32, 64);
/// Shorter parts of names are in too many words to count against one.
const SHORTEST_WORD: usize = 3;

/// The highest strength there is.
pub const MAX_STRENGTH: u8 = 4;

/// Why a password is too easy to guess for its owner, if it is weaker than `least` (0: none is; 4:
/// only what cannot be guessed even from a stolen hash is not).
#[must_use]
pub fn weakness(password: &str, owner: &[&str], least: u8) -> Option<String> {
    if least == 0 {
        return None;
    }
    let seen = zeroize::Zeroizing::new(password.chars().take(SEEN).collect::<String>());
    let words = words(owner);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let estimate = zxcvbn(&seen, &words);
    if score(estimate.score()) >= least {
        return None;
    }
    let advice = match estimate.feedback() {
        Some(feedback) => feedback.to_string(),
        None => "Add another word or two. Uncommon words are better.".to_owned(),
    };
    Some(format!("is too easy to guess: {}", advice.trim_end_matches('.')))
}

const fn score(score: Score) -> u8 {
    match score {
        Score::Zero => 0,
        Score::One => 1,
        Score::Two => 2,
        Score::Three => 3,
        // Four, and what a later version may add above it.
        _ => MAX_STRENGTH,
    }
}

/// What an owner is known by, whole and in its parts.
fn words(owner: &[&str]) -> Vec<String> {
    let (most, longest) = WORDS;
    let mut words: Vec<String> = Vec::new();
    let parts = owner.iter().flat_map(|text| {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        std::iter::once(*text).chain(parts)
    });
    for part in parts {
        let word: String = part.chars().take(longest).collect();
        if word.chars().count() >= SHORTEST_WORD && !words.contains(&word) {
            words.push(word);
        }
        if words.len() == most {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALICE: &[&str] =
        &["alice", "Alice Wonderbaum", "Alice", "Wonderbaum", "a.w@tanzquelle.example"];

    fn strength(password: &str, owner: &[&str]) -> u8 {
        (1..=MAX_STRENGTH)
            .take_while(|least| weakness(password, owner, *least).is_none())
            .last()
            .unwrap_or(0)
    }

    #[test]
    fn common_passwords_are_weak_and_a_few_words_are_not() {
        for weak in ["password", "Passw0rd!", "12345678", "qwertyuiop", "aaaaaaaaaaaa", "iloveyou"]
        {
            assert!(strength(weak, &[]) < 2, "{weak}");
        }
        for good in ["seven violet herons", "nine amber otters", "correct horse battery staple"] {
            assert!(strength(good, &[]) >= 3, "{good}");
        }
        assert!(weakness("password", &[], 0).is_none(), "no strength is asked for");
    }

    #[test]
    fn what_the_owner_is_known_by_is_no_password() {
        for known in ["wonderbaum", "Wonderbaum1", "w0nderbaum", "tanzquelle", "alicewonderbaum"] {
            assert!(strength(known, ALICE) < 2, "{known}");
            assert!(strength(known, ALICE) < strength(known, &["bob"]), "{known}");
        }
    }

    #[test]
    fn the_reason_says_what_to_do_and_not_what_was_typed() {
        let reason = weakness("wonderbaum1", ALICE, 3).unwrap();
        assert!(reason.contains("Add another word"), "{reason}");
        assert!(!reason.to_lowercase().contains("wonder"), "{reason}");
        assert!(!reason.ends_with('.'));
    }

    #[test]
    fn long_input_is_judged_by_its_beginning() {
        assert!(weakness(&"a".repeat(1024), &[], 2).is_some());
        let long = format!("seven violet herons dancing {}", "x".repeat(1000));
        assert!(weakness(&long, &["seven ".repeat(1000).as_str()], 3).is_none());
    }
}
