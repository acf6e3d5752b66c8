//! A parsed filter: what it tests, and with what.

use regex::Regex;
use serde_json::Value;

use super::Path;

/// The comparison of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `~`: the regular expression matches somewhere in the text.
    Like,
    /// `^`: the text begins so.
    Begins,
    /// `!^`
    NotBegins,
    /// `$`: the text ends so.
    Ends,
    /// `!$`
    NotEnds,
    /// `in`: the field is one of the list.
    In,
    /// `nin`
    NotIn,
    /// `rin`: the field (a list, or a text) holds the value.
    Holds,
    /// `rnin`
    HoldsNot,
}

impl Op {
    /// Every operator with its sign.
    pub const ALL: &[(&'static str, Self)] = &[
        ("=", Self::Equal),
        ("!=", Self::NotEqual),
        (">", Self::Above),
        (">=", Self::AtLeast),
        ("<", Self::Below),
        ("<=", Self::AtMost),
        ("~", Self::Like),
        ("^", Self::Begins),
        ("!^", Self::NotBegins),
        ("$", Self::Ends),
        ("!$", Self::NotEnds),
        ("in", Self::In),
        ("nin", Self::NotIn),
        ("rin", Self::Holds),
        ("rnin", Self::HoldsNot),
    ];
}

/// What a field is compared with. Texts of a case-insensitive test are lower case already.
#[derive(Debug, Clone)]
pub enum Operand {
    /// One value.
    Value(Value),
    /// One of these.
    Values(Vec<Value>),
    /// A regular expression, which knows itself whether case matters.
    Pattern(Regex),
}

/// `[field, op, value]`.
#[derive(Debug, Clone)]
pub struct Test {
    /// The field, or the place in it.
    pub path: Path,
    /// The comparison.
    pub op: Op,
    /// Whether `A` is `a` (the prefix `C`).
    pub any_case: bool,
    /// What it is compared with.
    pub operand: Operand,
}

/// A condition on a record.
#[derive(Debug, Clone)]
pub enum Filter {
    /// `[field, op, value]`
    Test(Test),
    /// `["OR", […]]`: one of them holds.
    Any(Vec<Filter>),
    /// A list of filters inside of an `OR`: all of them hold.
    All(Vec<Filter>),
}
