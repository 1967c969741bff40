//! The parser: one function per place in the grammar.

use std::mem;

use serde_json::{Deserializer, Value};

use super::cursor::Cursor;
use super::{SetError, Style};
use crate::helm::values::{Values, make_floats};

const MAX_DOTS: usize = 30;
const MAX_INDEX: i64 = 65536;
/// Helm has no limit here and a machine has one.
const MAX_DEPTH: usize = 500;

/// Why a step does not go on.
pub(super) enum Stop {
    /// The text is at its end. Where Helm meets it in the middle of something it stops quietly, too.
    End,
    /// An error.
    Failed(SetError),
}

impl From<SetError> for Stop {
    fn from(error: SetError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Parser<'t, 'r> {
    cursor: Cursor<'t>,
    style: Style<'r>,
    /// How many maps and lists are open.
    depth: usize,
}

impl<'t, 'r> Parser<'t, 'r> {
    pub(super) fn new(text: &'t str, style: Style<'r>) -> Self {
        Self { cursor: Cursor::new(text), style, depth: 0 }
    }

    pub(super) fn run(&mut self, values: &mut Values) -> Result<(), SetError> {
        loop {
            self.depth = 0;
            match self.key(values, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    fn escapes(&self) -> bool {
        !matches!(self.style, Style::Literal)
    }

    fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(SetError::TooManyLists.into()) } else { Ok(()) }
    }

    /// A key and what belongs to it.
    fn key(&mut self, data: &mut Values, dots: usize) -> Result<(), Stop> {
        let stops: &[char] = if self.escapes() { &['=', '[', ',', '.'] } else { &['=', '[', '.'] };
        match self.cursor.until(stops, self.escapes()) {
            (key, None) if key.is_empty() => Err(Stop::End),
            (key, None) => Err(SetError::NoValue(key).into()),
            (key, Some('=')) => self.assign(data, key),
            (key, Some('[')) => self.list(data, key, dots),
            (key, Some('.')) => self.map(data, key, dots + 1),
            (key, Some(_)) => Err(SetError::Comma(key).into()),
        }
    }

    fn assign(&mut self, data: &mut Values, key: String) -> Result<(), Stop> {
        let (value, at_end) = self.value()?;
        put(data, key, value);
        if at_end { Err(Stop::End) } else { Ok(()) }
    }

    /// `key[…`
    fn list(&mut self, data: &mut Values, key: String, dots: usize) -> Result<(), Stop> {
        let index = self.index()?;
        let mut list = match data.get_mut(&key) {
            None => Vec::new(),
            Some(Value::Array(list)) => mem::take(list),
            Some(other) => return Err(SetError::conversion(other, "[]interface {}").into()),
        };
        let outcome = self.item(&mut list, index, dots);
        put(data, key, Value::Array(list));
        outcome
    }

    /// `key.…`
    fn map(&mut self, data: &mut Values, key: String, dots: usize) -> Result<(), Stop> {
        if dots > MAX_DOTS {
            return Err(SetError::TooNested.into());
        }
        self.deeper()?;
        let mut inner = match data.get_mut(&key) {
            None => Values::new(),
            Some(Value::Object(inner)) => mem::take(inner),
            Some(other) => return Err(SetError::conversion(other, "map[string]interface {}").into()),
        };
        let outcome = self.key(&mut inner, dots);
        if outcome.is_ok() && inner.is_empty() {
            return Err(SetError::EmptyMap(key).into());
        }
        if !inner.is_empty() {
            put(data, key, Value::Object(inner));
        }
        outcome
    }

    /// The number before `]`.
    fn index(&mut self) -> Result<i64, Stop> {
        let (text, Some(_)) = self.cursor.until(&[']'], self.escapes()) else { return Err(Stop::End) };
        text.parse().map_err(|_| {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let problem = if is_number { "value out of range" } else { "invalid syntax" };
            SetError::Index { text, problem }.into()
        })
    }

    /// What follows `]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, dots: usize) -> Result<(), Stop> {
        let place = usize::try_from(index).map_err(|_| SetError::Negative(index))?;
        match self.cursor.until(&['[', '.', '='], self.escapes()) {
            (text, _) if !text.is_empty() => Err(SetError::AfterIndex(text).into()),
            (_, None) => Err(Stop::End),
            (_, Some('=')) => {
                let (value, _) = self.value()?;
                set_item(list, index, value)
            }
            (_, Some('[')) => self.nested_list(list, index, place, dots),
            (_, Some(_)) => self.nested_map(list, index, place, dots),
        }
    }

    /// `[0][…`
    fn nested_list(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        place: usize,
        dots: usize,
    ) -> Result<(), Stop> {
        self.deeper()?;
        let next = self.index()?;
        let mut inner = match list.get(place) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(inner)) => inner.clone(),
            Some(other) => return Err(SetError::conversion(other, "[]interface {}").into()),
        };
        self.item(&mut inner, next, dots)?;
        set_item(list, index, Value::Array(inner))
    }

    /// `[0].…`
    fn nested_map(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        place: usize,
        dots: usize,
    ) -> Result<(), Stop> {
        self.deeper()?;
        let Some(item) = list.get_mut(place) else {
            let mut inner = Values::new();
            self.key(&mut inner, dots)?;
            return set_item(list, index, Value::Object(inner));
        };
        if !item.is_object() {
            *item = Value::Object(Values::new());
        }
        let Value::Object(inner) = item else { return Ok(()) };
        self.key(inner, dots)
    }

    /// The value after `=`, and whether it is the empty one at the end of the text.
    fn value(&mut self) -> Result<(Value, bool), Stop> {
        if let Style::Json = self.style {
            return self.json().map(|value| (value, false));
        }
        if let Style::Literal = self.style {
            let (text, _) = self.cursor.until(&[], false);
            return Ok((Value::String(text), false));
        }
        if self.cursor.rest().is_empty() {
            return Ok((Value::String(String::new()), true));
        }
        if self.cursor.take('{') {
            return self.braces().map(|list| (Value::Array(list), false));
        }
        let (text, _) = self.cursor.until(&[','], true);
        Ok((self.read(text)?, false))
    }

    fn braces(&mut self) -> Result<Vec<Value>, Stop> {
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.cursor.until(&[',', '}'], true);
            match stop {
                None => return Err(SetError::OpenList.into()),
                Some('}') => {
                    self.cursor.take(',');
                    list.push(self.read(text)?);
                    return Ok(list);
                }
                Some(_) => list.push(self.read(text)?),
            }
        }
    }

    fn read(&mut self, text: String) -> Result<Value, Stop> {
        match &mut self.style {
            Style::File(read) => read(&text).map(Value::String).map_err(|error| SetError::File(error).into()),
            Style::Typed => Ok(typed(text)),
            Style::Text | Style::Json | Style::Literal => Ok(Value::String(text)),
        }
    }

    fn json(&mut self) -> Result<Value, Stop> {
        if self.cursor.passes_blank() {
            return Ok(Value::Null);
        }
        let mut values = Deserializer::from_str(self.cursor.rest()).into_iter::<Value>();
        let Some(Ok(mut value)) = values.next() else { return Err(SetError::Json.into()) };
        self.cursor.skip(values.byte_offset());
        self.cursor.passes_blank();
        make_floats(&mut value);
        Ok(value)
    }
}

/// An empty key sets nothing.
fn put(data: &mut Values, key: String, value: Value) {
    if !key.is_empty() || data.contains_key("") {
        data.insert(key, value);
    }
}

fn set_item(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return Err(SetError::TooFar(index).into());
    }
    let place = usize::try_from(index).map_err(|_| SetError::Negative(index))?;
    if list.len() <= place {
        list.resize(place + 1, Value::Null);
    }
    list[place] = value;
    Ok(())
}

fn typed(text: String) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return Value::Bool(is("true"));
    }
    if is("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::from(0);
    }
    match text.parse::<i64>() {
        Ok(number) if !text.starts_with('0') => Value::from(number),
        _ => Value::String(text),
    }
}
