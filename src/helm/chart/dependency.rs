//! A dependency as `Chart.yaml` and `Chart.lock` declare it.

use serde_json::{Map, Value, json};

use super::decode::{FieldError, boolean, entries, list, sanitize, text, texts};
use super::metadata::MetadataError;

/// A chart that another chart depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// A version constraint; in a lock, the version.
    pub version: String,
    /// The URL of its repository; may be empty.
    pub repository: String,
    /// Paths in the values that enable it.
    pub condition: String,
    /// Tags that enable it.
    pub tags: Vec<String>,
    /// Set by Helm while it processes dependencies.
    pub enabled: bool,
    /// Values to import into the parent: texts or `{child, parent}` maps.
    pub import_values: Vec<Value>,
    /// The name that it goes by in the parent.
    pub alias: String,
}

impl Dependency {
    pub(super) fn decode(field: &str, value: &Value) -> Result<Self, FieldError> {
        let mut dependency = Self::default();
        for (key, value) in entries(field, value)? {
            dependency.set(&key, value).map_err(|error| error.within(field))?;
        }
        Ok(dependency)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), FieldError> {
        match key {
            "name" => text(&mut self.name, key, value),
            "version" => text(&mut self.version, key, value),
            "repository" => text(&mut self.repository, key, value),
            "condition" => text(&mut self.condition, key, value),
            "tags" => texts(key, value).map(|tags| self.tags = tags),
            "enabled" => boolean(&mut self.enabled, key, value),
            "import-values" => list(key, value).map(|values| self.import_values = values.to_vec()),
            "alias" => text(&mut self.alias, key, value),
            _ => Ok(()),
        }
    }

    /// Cleans the texts and checks the alias.
    pub(super) fn validate(&mut self) -> Result<(), MetadataError> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition]
            .into_iter()
            .chain(&mut self.tags)
        {
            sanitize(text);
        }
        if self.alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
            Ok(())
        } else {
            Err(MetadataError::Alias(self.name.clone()))
        }
    }

    /// As Helm writes it: `repository` always, other empty fields never.
    pub(super) fn encode(&self) -> Value {
        let mut record = Map::new();
        record.insert("name".to_owned(), json!(self.name));
        record.insert("repository".to_owned(), json!(self.repository));
        for (key, text) in
            [("version", &self.version), ("condition", &self.condition), ("alias", &self.alias)]
        {
            if !text.is_empty() {
                record.insert(key.to_owned(), json!(text));
            }
        }
        if !self.tags.is_empty() {
            record.insert("tags".to_owned(), json!(self.tags));
        }
        if self.enabled {
            record.insert("enabled".to_owned(), json!(true));
        }
        if !self.import_values.is_empty() {
            record.insert("import-values".to_owned(), json!(self.import_values));
        }
        Value::Object(record)
    }
}

/// A list of dependencies; null entries are refused.
pub(super) fn decode_all(field: &str, value: &Value) -> Result<Vec<Dependency>, FieldError> {
    let decode = |item: &Value| {
        if item.is_null() {
            return Err(FieldError::new(field, "without empty or null nodes", item));
        }
        Dependency::decode(field, item)
    };
    list(field, value)?.iter().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_of_the_written_form() {
        let value = json!({"Name": "sub", "version": 1.10, "tags": ["a", 1], "import-values": ["data", {"child": "a", "parent": "b"}], "unknown": 1});
        let dependency = Dependency::decode("dependencies", &value).unwrap();
        assert_eq!(
            dependency.encode(),
            json!({"name": "sub", "repository": "", "version": "1.1", "tags": ["a", "1"], "import-values": ["data", {"child": "a", "parent": "b"}]})
        );
    }

    #[test]
    fn an_alias_is_a_plain_word() {
        let mut dependency =
            Dependency { name: "sub".to_owned(), alias: "a.b".to_owned(), ..Dependency::default() };
        assert_eq!(
            dependency.validate().unwrap_err().to_string(),
            "validation: dependency \"sub\" has disallowed characters in the alias"
        );
        dependency.alias = "a_b-1".to_owned();
        assert!(dependency.validate().is_ok());
    }

    #[test]
    fn null_entries_are_refused() {
        let error = decode_all("dependencies", &json!([null])).unwrap_err();
        assert_eq!(error.to_string(), "`dependencies` must be without empty or null nodes, not null");
    }
}
