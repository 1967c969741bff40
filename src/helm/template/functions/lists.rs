//! Functions on lists. A list of any Go type is taken; what comes out is a new list.

use std::borrow::Cow;
use std::rc::Rc;

use super::cast::to_int;
use super::defaults::is_empty;
use super::equality::deep_equal;
use super::{Answer, fixed, nil_dereference, variadic};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Any, Int},
};
use crate::helm::template::value::{List, ListKind, Value};

/// The family. Sprig's functions panic with the errors that their `must` namesakes return: the text is the
/// same.
pub(super) const ALL: &[Function] = &[
    variadic("list", &[], Any, |_, a| Ok(new(a.0.to_vec()))),
    variadic("tuple", &[], Any, |_, a| Ok(new(a.0.to_vec()))),
    fixed("append", &[Any, Any], |_, a| append(a)),
    fixed("push", &[Any, Any], |_, a| append(a)),
    fixed("mustAppend", &[Any, Any], |_, a| append(a)),
    fixed("mustPush", &[Any, Any], |_, a| append(a)),
    fixed("prepend", &[Any, Any], |_, a| prepend(a)),
    fixed("mustPrepend", &[Any, Any], |_, a| prepend(a)),
    fixed("first", &[Any], |_, a| first(a)),
    fixed("mustFirst", &[Any], |_, a| first(a)),
    fixed("last", &[Any], |_, a| last(a)),
    fixed("mustLast", &[Any], |_, a| last(a)),
    fixed("rest", &[Any], |_, a| rest(a)),
    fixed("mustRest", &[Any], |_, a| rest(a)),
    fixed("initial", &[Any], |_, a| initial(a)),
    fixed("mustInitial", &[Any], |_, a| initial(a)),
    fixed("reverse", &[Any], |_, a| reverse(a)),
    fixed("mustReverse", &[Any], |_, a| reverse(a)),
    fixed("compact", &[Any], |_, a| compact(a)),
    fixed("mustCompact", &[Any], |_, a| compact(a)),
    fixed("uniq", &[Any], |_, a| uniq(a)),
    fixed("mustUniq", &[Any], |_, a| uniq(a)),
    variadic("without", &[Any], Any, |_, a| without(a)),
    variadic("mustWithout", &[Any], Any, |_, a| without(a)),
    fixed("has", &[Any, Any], |_, a| has(a)),
    fixed("mustHas", &[Any, Any], |_, a| has(a)),
    variadic("slice", &[Any], Any, |_, a| slice(a)),
    variadic("mustSlice", &[Any], Any, |_, a| slice(a)),
    variadic("concat", &[], Any, |_, a| concat(a.0)),
    fixed("chunk", &[Int, Any], |_, a| chunk(a.int(0), a.value(1))),
    fixed("mustChunk", &[Int, Any], |_, a| chunk(a.int(0), a.value(1))),
];

/// The items of anything that Go calls a slice.
pub(super) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list.items.as_slice())),
        Value::Bytes(bytes) => Some(bytes.bytes().iter().map(|byte| Value::Int(i64::from(*byte))).collect()),
        Value::Object(object) if object.kind() == "slice" => {
            Some(object.entries().unwrap_or_default().into_iter().map(|(_, item)| item).collect())
        }
        _ => None,
    }
}

/// The items, or Go's words for what is no list.
fn listed<'a>(value: &'a Value, doing: &str) -> Result<Cow<'a, [Value]>, FunctionError> {
    match items(value) {
        Some(items) => Ok(items),
        None if matches!(value, Value::Nil) => Err(nil_dereference()),
        None => Err(FunctionError::said(format!("{doing} {}", value.kind()))),
    }
}

fn new(items: Vec<Value>) -> Value {
    List::new(items).into()
}

fn nil_list() -> Value {
    List::new(Vec::new()).with_kind(ListKind::Nil).into()
}

fn append(a: Arguments<'_>) -> Answer {
    let mut items = listed(a.value(0), "Cannot push on type")?.into_owned();
    items.push(a.value(1).clone());
    Ok(new(items))
}

fn prepend(a: Arguments<'_>) -> Answer {
    let items = listed(a.value(0), "Cannot prepend on type")?;
    Ok(new(std::iter::once(a.value(1)).chain(items.iter()).cloned().collect()))
}

fn first(a: Arguments<'_>) -> Answer {
    Ok(listed(a.value(0), "Cannot find first on type")?.first().cloned().unwrap_or(Value::Nil))
}

fn last(a: Arguments<'_>) -> Answer {
    Ok(listed(a.value(0), "Cannot find last on type")?.last().cloned().unwrap_or(Value::Nil))
}

fn rest(a: Arguments<'_>) -> Answer {
    let items = listed(a.value(0), "Cannot find rest on type")?;
    Ok(items.split_first().map_or_else(nil_list, |(_, rest)| new(rest.to_vec())))
}

fn initial(a: Arguments<'_>) -> Answer {
    let items = listed(a.value(0), "Cannot find initial on type")?;
    Ok(items.split_last().map_or_else(nil_list, |(_, initial)| new(initial.to_vec())))
}

fn reverse(a: Arguments<'_>) -> Answer {
    Ok(new(listed(a.value(0), "Cannot find reverse on type")?.iter().rev().cloned().collect()))
}

fn compact(a: Arguments<'_>) -> Answer {
    Ok(new(listed(a.value(0), "Cannot compact on type")?
        .iter()
        .filter(|item| !is_empty(item))
        .cloned()
        .collect()))
}

fn uniq(a: Arguments<'_>) -> Answer {
    let mut seen: Vec<Value> = Vec::new();
    for item in listed(a.value(0), "Cannot find uniq on type")?.iter() {
        if !contains(&seen, item) {
            seen.push(item.clone());
        }
    }
    Ok(new(seen))
}

fn without(a: Arguments<'_>) -> Answer {
    let items = listed(a.value(0), "Cannot find without on type")?;
    Ok(new(items.iter().filter(|item| !contains(a.rest(1), item)).cloned().collect()))
}

fn has(a: Arguments<'_>) -> Answer {
    if matches!(a.value(1), Value::Nil) {
        return Ok(false.into());
    }
    Ok(contains(&listed(a.value(1), "Cannot find has on type")?, a.value(0)).into())
}

fn contains(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| deep_equal(wanted, item))
}

/// The part from one position up to another, of the same type as the whole; nothing of an empty list is nil.
fn slice(a: Arguments<'_>) -> Answer {
    let whole = a.value(0);
    let items = listed(whole, "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let length = items.len();
    let start = a.rest(1).first().map_or(0, to_int);
    let end = a.rest(2).first().map_or(i64::try_from(length).unwrap_or(i64::MAX), to_int);
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(out_of_bounds());
    };
    let part = items.get(from..to).ok_or_else(out_of_bounds)?.to_vec();
    Ok(match whole {
        Value::Bytes(bytes) => Value::Bytes(bytes.bytes()[from..to].into()),
        Value::List(list) => List { items: Rc::new(part), kind: list.kind }.into(),
        _ => new(part),
    })
}

fn out_of_bounds() -> FunctionError {
    FunctionError::said("reflect.Value.Slice: slice index out of bounds")
}

fn concat(lists: &[Value]) -> Answer {
    let mut all = Vec::new();
    for list in lists {
        match items(list) {
            Some(items) => all.extend_from_slice(&items),
            None if matches!(list, Value::Nil) => return Err(nil_dereference()),
            None => return Err(FunctionError::said(format!("Cannot concat type {} as list", list.kind()))),
        }
    }
    Ok(if all.is_empty() { nil_list() } else { new(all) })
}

fn chunk(size: i64, value: &Value) -> Answer {
    let items = listed(value, "Cannot chunk type")?;
    let chunks: Vec<Value> = match usize::try_from(size) {
        Ok(size) if size > 0 => items.chunks(size).map(|chunk| new(chunk.to_vec())).collect(),
        // Go divides floats here, which gives no chunk at all for a list that is not longer than this by more
        // than one.
        Err(_) if (2..=size.unsigned_abs().saturating_add(1)).contains(&(items.len() as u64)) => Vec::new(),
        _ => return Err(FunctionError::said("runtime error: makeslice: len out of range")),
    };
    Ok(List::new(chunks).with_kind(ListKind::Lists).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_has_no_rest() {
        let empty = [new(Vec::new())];
        for function in [rest, initial] {
            let Ok(Value::List(list)) = function(Arguments(&empty)) else { panic!("no list") };
            assert_eq!(list.kind, ListKind::Nil);
        }
    }

    #[test]
    fn types_count_where_items_are_compared() {
        let ports = new(vec![Value::Float(8080.0), Value::Int(1)]);
        assert!(matches!(has(Arguments(&[Value::Int(8080), ports.clone()])), Ok(Value::Bool(false))));
        assert!(matches!(has(Arguments(&[Value::Int(1), ports])), Ok(Value::Bool(true))));
    }
}
