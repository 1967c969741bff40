//! What is wrong with a `--set` argument, in Helm's words.

use serde_json::Value;

use crate::helm::values::go_type;

/// An argument that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The text ends within a key.
    #[error("key {0:?} has no value")]
    NoValue(String),
    /// A comma within a key.
    #[error("key {0:?} has no value (cannot end with ,)")]
    Comma(String),
    /// Nothing was set below a key.
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    /// More than 30 dots.
    #[error("value name nested level is greater than maximum supported nested level of 30")]
    TooNested,
    /// More lists within lists than anybody needs.
    #[error("lists are nested deeper than 500")]
    TooManyLists,
    /// An index that is no number.
    #[error("error parsing index: strconv.Atoi: parsing {text:?}: {problem}")]
    Index {
        /// What stands between the brackets.
        text: String,
        /// `invalid syntax` or `value out of range`.
        problem: &'static str,
    },
    /// An index below 0.
    #[error("negative {0} index not allowed")]
    Negative(i64),
    /// An index that would make a huge list.
    #[error("index of {0} is greater than maximum supported index of 65536")]
    TooFar(i64),
    /// Text between `]` and what must follow.
    #[error("unexpected data at end of array index: [{}]", runes(.0))]
    AfterIndex(String),
    /// A `{` without its `}`.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// A value of an earlier argument or file stands where a map or list is needed.
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")]
    Conversion {
        /// The Go type that stands there.
        found: &'static str,
        /// The Go type that is needed.
        wanted: &'static str,
    },
    /// Not JSON.
    #[error("invalid JSON")]
    Json,
    /// The file of `--set-file` cannot be read.
    #[error("{0}")]
    File(String),
}

impl SetError {
    pub(super) fn conversion(found: &Value, wanted: &'static str) -> Self {
        Self::Conversion { found: go_type(found), wanted }
    }
}

/// Go's `%q` of a slice of characters.
fn runes(text: &str) -> String {
    text.chars().map(|character| format!("{character:?}")).collect::<Vec<_>>().join(" ")
}
