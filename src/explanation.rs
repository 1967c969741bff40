//! What a rule of this program means, for people who met its name: the catalogue of `release explain`.
//!
//! Every module that has rules offers an iterator of these; the command chains them. Judges nothing.

use serde::Serialize;

/// One rule in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Its name, as messages and `--allow` have it.
    pub id: String,
    /// What it looks at, in one line.
    pub what: String,
    /// Why that matters.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// Where to read more; may be empty.
    pub source: Vec<String>,
}

impl Explanation {
    /// A rule of the program itself, which needs no source.
    pub fn of(id: &str, what: &str, why: &str, remedy: &str) -> Self {
        let text = ToOwned::to_owned;
        Self { id: text(id), what: text(what), why: text(why), remedy: text(remedy), source: Vec::new() }
    }
}
