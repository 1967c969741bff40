//! Reading a values file: one or more YAML documents, merged in order, as Helm 4 does.

use serde_json::Value;

use super::{Values, make_floats, merge};
use crate::helm::yaml::{self, YamlError};

/// Text that is no values file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// Not YAML.
    #[error("cannot unmarshal yaml document: {0}")]
    Yaml(YamlError),
    /// A document that is no map.
    #[error(
        "cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {0} into Go value of type map[string]interface {{}}"
    )]
    NotAMap(&'static str),
}

/// Reads the values of a file.
pub fn read(text: &[u8]) -> Result<Values, ValuesError> {
    let Ok(text) = str::from_utf8(text) else {
        // The reader says on which line the text stops being UTF-8.
        return document(text);
    };
    if !text.contains("\n---") && !text.starts_with("---") {
        return document(text.as_bytes());
    }
    let mut values = Values::new();
    for part in yaml::read::documents(text) {
        merge(&mut values, document(part.as_bytes())?);
    }
    Ok(values)
}

fn document(text: &[u8]) -> Result<Values, ValuesError> {
    let mut value = yaml::read(text).map_err(ValuesError::Yaml)?;
    make_floats(&mut value);
    match value {
        Value::Null => Ok(Values::new()),
        Value::Object(values) => Ok(values),
        Value::Array(_) => Err(ValuesError::NotAMap("array")),
        Value::String(_) => Err(ValuesError::NotAMap("string")),
        Value::Number(_) => Err(ValuesError::NotAMap("number")),
        Value::Bool(_) => Err(ValuesError::NotAMap("bool")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_merged_in_order() {
        let values = read(b"a: {x: 1, z: 2}\n---\n\n---  \na: {z: 3}\nb: null\n").unwrap();
        assert_eq!(Value::Object(values), json!({"a": {"x": 1.0, "z": 3.0}, "b": null}));
        assert!(read(b"# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn only_maps_are_values() {
        let problem = |text: &[u8]| read(text).unwrap_err().to_string();
        assert!(
            problem(b"- a").ends_with("cannot unmarshal array into Go value of type map[string]interface {}")
        );
        assert!(problem(b"a: 1\n---\ntext").contains("cannot unmarshal string"));
        assert!(
            problem(b"a: b: c")
                .starts_with("cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 1")
        );
        assert!(problem(b"a: \xff").contains("invalid UTF-8"));
    }
}
