//! Text on its way to a terminal: nothing in it may move the cursor, reorder or hide other text.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters that a terminal acts on, or that make text look like other text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every such character written out, `\n` as `\n` and others as `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_unsafe(c) => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", c as u32);
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// JSON text with the characters that JSON itself leaves alone written as `\uXXXX`: outside of
/// strings JSON has none of them, so the meaning stays.
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let raw = |c: char| c != '\n' && is_unsafe(c);
    if !json.contains(raw) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 32);
    for c in json.chars() {
        if raw(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to so many columns, with `…` where something was cut.
#[must_use]
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let cut = head(text, columns.saturating_sub(1));
    Cow::Owned(format!("{cut}…"))
}

/// The text in parts of so many columns at most, at least one; between words where that leaves no
/// part nearly empty.
#[must_use]
pub fn fold(text: &str, columns: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while width(rest) > columns {
        let mut part = head(rest, columns);
        if part.is_empty() {
            // One character wider than the column still has to go somewhere.
            let first = rest.chars().next().map_or(rest.len(), char::len_utf8);
            part = &rest[..first];
        } else if !rest[part.len()..].starts_with(' ')
            && let Some(at) = part.rfind(' ')
            && at > part.len() / 2
        {
            part = &part[..at];
        }
        rest = rest[part.len()..].trim_start_matches(' ');
        parts.push(part.trim_end_matches(' '));
    }
    if parts.is_empty() || !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// As much of the beginning as fits into so many columns, with what combines with its last
/// character.
fn head(text: &str, columns: usize) -> &str {
    let (mut end, mut left, mut last) = (0, columns, 0);
    for (at, c) in text.char_indices() {
        // After a narrow symbol this asks for its picture, which is wide.
        let wide =
            if c == '\u{fe0f}' { 2_usize.saturating_sub(last) } else { c.width().unwrap_or(0) };
        if wide > left {
            // Nor the symbol without its picture.
            return if c == '\u{fe0f}' { &text[..end] } else { &text[..at] };
        }
        if c != '\u{fe0f}' && wide > 0 {
            (end, last) = (at, wide);
        }
        left -= wide;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(printable("Alice Ng"), "Alice Ng");
        assert_eq!(printable("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(printable("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(printable("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(printable("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(printable("李小龍"), "李小龍");
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({"a": "\u{9b}2J \u{202e} \u{e0041} \u{1b} é"});
        let text = value.to_string();
        let safe = printable_json(&text);
        assert!(!safe.contains(is_unsafe));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(value));
    }

    #[test]
    fn text_is_cut_by_columns_not_by_bytes() {
        assert_eq!(fit("alice", 5), "alice");
        assert_eq!(fit("alice", 4), "ali…");
        assert_eq!(fit("李小龍", 4), "李…");
        assert_eq!(fit("李小龍", 5), "李小…");
        assert_eq!(fit("x", 0), "…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(fit("❤\u{fe0f}❤\u{fe0f}", 2), "…");
        assert_eq!(fit("❤\u{fe0f}❤\u{fe0f}", 3), "❤\u{fe0f}…");
    }

    #[test]
    fn text_is_folded_between_words_if_it_can_be() {
        assert_eq!(fold("one, two, three", 9), ["one, two,", "three"]);
        assert_eq!(fold("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(fold("a bcdefgh", 4), ["a bc", "defg", "h"]);
        assert_eq!(fold("李小龍", 3), ["李", "小", "龍"]);
        assert_eq!(fold("李", 1), ["李"]);
        assert_eq!(fold("", 5), [""]);
    }
}
