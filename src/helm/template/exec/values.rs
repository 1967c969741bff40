//! The methods of Helm's `common.Values`: `.Values` itself, the sections of subcharts, and the dot of a file.
//!
//! `Encode` and `PathValue` are not here: the one needs a Go writer, the other no chart is known to call.

use crate::helm::template::function::Parameter;
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::{Map, MapKind, Value};
use crate::helm::yaml;

/// A method of `common.Values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    AsMap,
    Table,
    Yaml,
}

/// The method of a name, if the map has one; a method comes before a key.
pub(super) fn method(map: &Map, name: &str) -> Option<Method> {
    if map.kind != MapKind::Values {
        return None;
    }
    match name {
        "AsMap" => Some(Method::AsMap),
        "Table" => Some(Method::Table),
        "YAML" => Some(Method::Yaml),
        _ => None,
    }
}

impl Method {
    pub(super) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::AsMap | Self::Yaml => &[],
            Self::Table => &[Parameter::Str],
        }
    }

    pub(super) fn call(self, map: &Map, arguments: &[Value]) -> Result<Value, String> {
        match (self, arguments.first()) {
            (Self::AsMap, _) => Ok(Value::Map(map.clone().with_kind(MapKind::Any))),
            (Self::Table, Some(Value::Str(path))) => table(map, path),
            (Self::Table, _) => Ok(Value::Map(map.clone())),
            (Self::Yaml, _) => Ok(Value::from(yaml::write(&Value::Map(map.clone()).to_json()?))),
        }
    }
}

fn table(map: &Map, path: &Text) -> Result<Value, String> {
    let step = |map: Map, key: &[u8]| match map.get(key) {
        Some(Value::Map(map)) => Ok(map.with_kind(MapKind::Values)),
        _ => Err(format!("{} is not a table", print::quote(key, false))),
    };
    path.bytes().split(|byte| *byte == b'.').try_fold(map.clone(), step).map(Value::Map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn methods_of_values_and_of_nothing_else() {
        let Value::Map(map) = Value::from(&json!({"a": {"b": {"c": 1.0}}})) else { panic!() };
        assert_eq!(method(&map, "YAML"), None);
        let values = map.with_kind(MapKind::Values);
        assert_eq!(method(&values, "a"), None);
        let call = |name: &str, argument: &str| {
            let value = method(&values, name).unwrap().call(&values, &[Value::from(argument)]);
            value.map(|value| format!("{} {}", value.type_name(), print::display(&value).lossy()))
        };
        assert_eq!(call("AsMap", "").unwrap(), "map[string]interface {} map[a:map[b:map[c:1]]]");
        assert_eq!(call("Table", "a.b").unwrap(), "common.Values map[c:1]");
        assert_eq!(call("Table", "a.x").unwrap_err(), "\"x\" is not a table");
        assert_eq!(call("YAML", "").unwrap(), "string a:\n  b:\n    c: 1\n");
    }
}
