//! Functions on maps. Maps are shared: `set`, `unset` and `merge` change the map for everybody who holds it.

use std::collections::BTreeMap;

use super::merge::merge;
use super::strings::string;
use super::{Answer, DEEPEST, fixed, variadic};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{self, Any, Str},
};
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, Map, MapKind, Value};

/// The family.
pub(super) const ALL: &[Function] = &[
    variadic("dict", &[], Any, |_, a| Ok(dict(a.0))),
    fixed("get", &[Parameter::Map, Str], |_, a| Ok(found(a).unwrap_or_else(|| Value::from("")))),
    fixed("set", &[Parameter::Map, Str, Any], |_, a| set(a)),
    fixed("unset", &[Parameter::Map, Str], |_, a| {
        let map = plain(a.value(0));
        map.remove(a.text(1));
        Ok(map.into())
    }),
    fixed("hasKey", &[Parameter::Map, Str], |_, a| Ok(found(a).is_some().into())),
    variadic("pluck", &[Str], Parameter::Map, |_, a| {
        let named = |map: &Value| map_of(map)?.get(a.text(0));
        Ok(List::new(a.rest(1).iter().filter_map(named).collect()).into())
    }),
    variadic("keys", &[], Parameter::Map, |_, a| {
        Ok(List::strings(a.0.iter().filter_map(map_of).flat_map(Map::entries).map(|(key, _)| key)).into())
    }),
    fixed("values", &[Parameter::Map], |_, a| {
        Ok(List::new(plain(a.value(0)).entries().into_iter().map(|(_, value)| value).collect()).into())
    }),
    variadic("pick", &[Parameter::Map], Str, |_, a| Ok(pick(a))),
    variadic("omit", &[Parameter::Map], Str, |_, a| Ok(omit(a))),
    variadic("merge", &[Parameter::Map], Parameter::Map, |_, a| merged(a, false)),
    variadic("mustMerge", &[Parameter::Map], Parameter::Map, |_, a| merged(a, false)),
    variadic("mergeOverwrite", &[Parameter::Map], Parameter::Map, |_, a| merged(a, true)),
    variadic("mustMergeOverwrite", &[Parameter::Map], Parameter::Map, |_, a| merged(a, true)),
    fixed("deepCopy", &[Any], |_, a| deep_copy(a.value(0))),
    fixed("mustDeepCopy", &[Any], |_, a| deep_copy(a.value(0))),
    variadic("dig", &[], Any, |_, a| dig(a.0)),
];

fn map_of(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// The map of a parameter: of type `map[string]interface {}`, whatever the argument's was.
fn plain(value: &Value) -> Map {
    match value {
        Value::Map(map) if map.kind == MapKind::Nil => map.clone(),
        Value::Map(map) => map.clone().with_kind(MapKind::Any),
        _ => Map::new(BTreeMap::new()).with_kind(MapKind::Nil),
    }
}

fn found(a: Arguments<'_>) -> Option<Value> {
    a.map(0)?.get(a.text(1))
}

fn dict(pairs: &[Value]) -> Value {
    let pair = |pair: &[Value]| (string(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| Value::from("")));
    Value::Map(pairs.chunks(2).map(pair).collect())
}

fn set(a: Arguments<'_>) -> Answer {
    let map = plain(a.value(0));
    if map.kind == MapKind::Nil {
        return Err(FunctionError::said("assignment to entry in nil map"));
    }
    map.set(a.text(1).into(), a.value(2).clone());
    Ok(map.into())
}

fn pick(a: Arguments<'_>) -> Value {
    let map = plain(a.value(0));
    let picked = |key: &Value| {
        let key = string(key);
        map.get(key.bytes()).map(|value| (key, value))
    };
    Value::Map(a.rest(1).iter().filter_map(picked).collect())
}

fn omit(a: Arguments<'_>) -> Value {
    let omitted: Vec<Text> = a.rest(1).iter().map(string).collect();
    Value::Map(plain(a.value(0)).entries().into_iter().filter(|(key, _)| !omitted.contains(key)).collect())
}

fn merged(a: Arguments<'_>, overwrite: bool) -> Answer {
    let mut target = plain(a.value(0));
    for source in a.rest(1).iter().filter_map(map_of) {
        if target.kind == MapKind::Nil && source.kind != MapKind::Nil {
            target = Map::new(BTreeMap::new());
        }
        merge(&target, source, overwrite)?;
    }
    Ok(target.into())
}

/// Nil itself is the one value that cannot be copied.
fn deep_copy(value: &Value) -> Answer {
    match value {
        Value::Nil => Err(FunctionError::said("reflect: call of reflect.Value.Type on zero Value")),
        value => copied(value, 0),
    }
}

/// A copy that shares no map with the original.
fn copied(value: &Value, depth: usize) -> Answer {
    if depth > DEEPEST {
        return Err(FunctionError::said(format!(
            "deepCopy error: the value is nested deeper than {DEEPEST}"
        )));
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.items.iter().map(|item| copied(item, depth + 1)).collect::<Result<_, _>>()?;
            List::new(items).with_kind(list.kind).into()
        }
        Value::Map(map) => {
            let entry = |(key, value): (Text, Value)| Ok((key, copied(&value, depth + 1)?));
            let entries =
                map.entries().into_iter().map(entry).collect::<Result<BTreeMap<_, _>, FunctionError>>()?;
            Map::new(entries).with_kind(map.kind).into()
        }
        other => other.clone(),
    })
}

/// `dig "a" "b" default map`: the value at a path, or the default where a key is missing.
fn dig(arguments: &[Value]) -> Answer {
    let [keys @ .., default, map] = arguments else { return Err(too_few()) };
    if keys.is_empty() {
        return Err(too_few());
    }
    let mut current = asserted(map, "map[string]interface {}")?.clone();
    let keys: Vec<Text> =
        keys.iter().map(|key| asserted(key, "string").map(string)).collect::<Result<_, _>>()?;
    for (index, key) in keys.iter().enumerate() {
        let Some(step) = plain(&current).get(key.bytes()) else { return Ok(default.clone()) };
        if index + 1 == keys.len() {
            return Ok(step);
        }
        current = asserted(&step, "map[string]interface {}")?.clone();
    }
    Ok(current)
}

fn too_few() -> FunctionError {
    FunctionError::said("dig needs at least three arguments")
}

/// Go's type assertion: the very type, or its error.
fn asserted<'a>(value: &'a Value, wanted: &str) -> Result<&'a Value, FunctionError> {
    if value.type_name() == wanted {
        return Ok(value);
    }
    let is = if matches!(value, Value::Nil) { "nil" } else { value.type_name() };
    Err(FunctionError::said(format!("interface conversion: interface {{}} is {is}, not {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| (Text::from(*key), value.clone())).collect())
    }

    #[test]
    fn what_is_set_is_seen_through_every_reference() {
        let shared = map(&[("a", Value::Nil)]);
        set(Arguments(&[shared.clone(), Value::from("b"), Value::Int(1)])).unwrap();
        assert!(map_of(&shared).unwrap().contains(b"b"));
    }

    #[test]
    fn a_copy_shares_nothing() {
        let shared = map(&[("inner", map(&[]))]);
        let copy = copied(&shared, 0).unwrap();
        let Some(Value::Map(inner)) = map_of(&shared).unwrap().get(b"inner") else { panic!("no map") };
        inner.set("x".into(), Value::Nil);
        let Some(Value::Map(copied)) = map_of(&copy).unwrap().get(b"inner") else { panic!("no map") };
        assert!(copied.is_empty());
    }

    #[test]
    fn a_map_that_holds_itself_is_not_copied() {
        let shared = map(&[]);
        map_of(&shared).unwrap().set("self".into(), shared.clone());
        assert!(copied(&shared, 0).is_err());
    }

    #[test]
    fn dig_asserts_types() {
        let deep = map(&[("a", map(&[("b", Value::Int(1))]))]);
        let dig = |keys: &[&str]| {
            let mut arguments: Vec<Value> = keys.iter().map(|key| Value::from(*key)).collect();
            arguments.extend([Value::from("default"), deep.clone()]);
            super::dig(&arguments)
        };
        assert!(matches!(dig(&["a", "b"]), Ok(Value::Int(1))));
        assert!(matches!(dig(&["a", "x", "y"]), Ok(Value::Str(_))));
        let Err(FunctionError::Said(text)) = dig(&["a", "b", "c"]) else { panic!("no error") };
        assert_eq!(text, "interface conversion: interface {} is int, not map[string]interface {}");
    }
}
