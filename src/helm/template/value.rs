//! A value as a Go template has it: numbers that keep their Go type, strings of any bytes, maps that are
//! shared and can be changed.
//!
//! Cloning a map clones a reference, as in Go: a chart's `set` is seen wherever the map is. Never reads YAML
//! and never executes anything.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::function::{FunctionError, Parameter};
use super::text::Text;

/// A value of the template language.
#[derive(Clone, Debug)]
pub enum Value {
    /// Go's untyped nil: what is absent, and what is null in YAML.
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int`: a literal in a template, a length, what `int` gives.
    Int(i64),
    /// `int64`: a number from `--set`, what `int64` and `add` give.
    Int64(i64),
    /// `float64`: every number of YAML and JSON.
    Float(f64),
    /// `string`: any bytes.
    Str(Text),
    /// `[]byte`.
    Bytes(Text),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A Go struct, or another type with fields and methods of its own.
    Object(Rc<dyn Object>),
}

/// A slice. Functions of templates never change one in place, so it is shared and constant; the maps in it
/// are not constant.
#[derive(Clone, Debug)]
pub struct List {
    /// The items.
    pub items: Rc<Vec<Value>>,
    /// What Go calls its type.
    pub kind: ListKind,
}

/// The Go types of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `[]interface {}`.
    Any,
    /// `[]string`.
    Strings,
    /// `[]int`.
    Ints,
    /// `[]map[string]interface {}`.
    Maps,
    /// `[][]interface {}`.
    Lists,
    /// `[]interface {}` without an array behind it: empty, but toJson writes `null`.
    Nil,
    /// `[]string` without an array behind it.
    NilStrings,
}

/// A map with string keys, iterated in byte order of its keys. A clone is the same map.
#[derive(Clone)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Text, Value>>>,
    /// What Go calls its type.
    pub kind: MapKind,
}

/// The Go types of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `map[string]interface {}`.
    Any,
    /// `map[string]string`.
    Strings,
    /// Helm's `common.Values`: `.Values` itself.
    Values,
    /// `map[string]interface {}` that is nil: it reads as an empty one, toJson writes `null`, and setting a
    /// key fails.
    Nil,
    /// `map[string]string` that is nil.
    NilStrings,
}

/// A Go value with fields and methods: `.Files`, `.Capabilities`, a time, a semantic version, a certificate.
pub trait Object: fmt::Debug {
    /// What `%T` prints, for example `*semver.Version`.
    fn type_name(&self) -> &str;

    /// What `kindOf` gives: `struct`, `ptr`, `map`, `slice` …
    fn kind(&self) -> &'static str;

    /// A field; `None` when the type has none of this name.
    fn field(&self, name: &str) -> Option<Value>;

    /// The parameters of a method, against which the arguments are checked; `None` leaves all checking to
    /// [`Object::call`].
    fn parameters(&self, _method: &str) -> Option<&'static [Parameter]> {
        None
    }

    /// Calls a method; `None` when the type has none of this name.
    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>>;

    /// What `%v` prints.
    fn print(&self) -> Text;

    /// What `{{ }}` writes, where Go finds a `String` method there that functions do not find.
    fn in_braces(&self) -> Text {
        self.print()
    }

    /// What toYaml, toJson and the comparison functions see: maps, lists and scalars only.
    fn plain(&self) -> Value;

    /// What `range` visits, in order, and what `index` finds; `None` for a type that cannot be ranged over.
    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// For functions that need the concrete type back.
    fn as_any(&self) -> &dyn Any;
}

impl Value {
    /// What `%T` prints.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => list.kind.type_name(),
            Self::Map(map) => map.kind.type_name(),
            Self::Object(object) => object.type_name(),
        }
    }

    /// Go's truth: not zero, not empty, not nil. What `if` and `with` ask.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) | Self::Bytes(text) => !text.bytes().is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.entries().is_none_or(|entries| !entries.is_empty()),
        }
    }

    /// What Go's reflection calls its kind, `invalid` for nil.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) | Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(object) => object.kind(),
        }
    }
}

impl ListKind {
    /// What `%T` prints.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any | Self::Nil => "[]interface {}",
            Self::Strings | Self::NilStrings => "[]string",
            Self::Ints => "[]int",
            Self::Maps => "[]map[string]interface {}",
            Self::Lists => "[][]interface {}",
        }
    }
}

impl MapKind {
    /// What `%T` prints.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any | Self::Nil => "map[string]interface {}",
            Self::Strings | Self::NilStrings => "map[string]string",
            Self::Values => "common.Values",
        }
    }

    /// Whether there is no map behind it: toJson writes `null`.
    pub fn is_nil(self) -> bool {
        matches!(self, Self::Nil | Self::NilStrings)
    }
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self { items: Rc::new(items), kind: ListKind::Any }
    }

    /// The same items under another Go type.
    #[must_use]
    pub fn with_kind(self, kind: ListKind) -> Self {
        Self { kind, ..self }
    }

    /// A `[]string`.
    pub fn strings(items: impl IntoIterator<Item = Text>) -> Self {
        Self { items: Rc::new(items.into_iter().map(Value::Str).collect()), kind: ListKind::Strings }
    }
}

impl Map {
    /// A new `map[string]interface {}`.
    pub fn new(entries: BTreeMap<Text, Value>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), kind: MapKind::Any }
    }

    /// The same entries under another Go type.
    #[must_use]
    pub fn with_kind(self, kind: MapKind) -> Self {
        Self { kind, ..self }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Whether the key is there, be its value nil.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.entries.borrow().contains_key(key)
    }

    /// Sets a key, for everybody who shares the map.
    pub fn set(&self, key: Text, value: Value) {
        self.entries.borrow_mut().insert(key, value);
    }

    /// Removes a key, for everybody who shares the map.
    pub fn remove(&self, key: &[u8]) {
        self.entries.borrow_mut().remove(key);
    }

    /// The entries as they are now, in byte order of the keys. A copy: the map may change while they are
    /// visited.
    pub fn entries(&self) -> Vec<(Text, Value)> {
        self.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are one and the same map.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

/// Shallow, because a map may hold itself.
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.borrow().keys()).finish()
    }
}

impl FromIterator<(Text, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(entries: I) -> Self {
        Self::new(entries.into_iter().collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}
