//! A JSON object whose members keep their order and their exact text.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The members, in order. Only members that are [`Fields::set`] are written anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The text of a member.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// Replaces a member in its place, or adds it at the end.
    pub(super) fn set(&mut self, name: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.set_raw(name, to_raw_value(value)?);
        Ok(())
    }

    /// The same with a text that is JSON already.
    pub(super) fn set_raw(&mut self, name: &str, raw: Box<RawValue>) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = raw,
            None => self.0.push((name.to_owned(), raw)),
        }
    }

    /// Replaces a member in its place, or adds it behind another one.
    pub(super) fn set_after(&mut self, name: &str, raw: Box<RawValue>, before: &str) {
        let known = self.0.iter().any(|(key, _)| key == name);
        match self.0.iter().position(|(key, _)| key == before) {
            Some(index) if !known => self.0.insert(index + 1, (name.to_owned(), raw)),
            Some(_) | None => self.set_raw(name, raw),
        }
    }

    /// Puts a member into another object as it is; one that is not there is passed over.
    pub(super) fn copy(&self, name: &str, target: &mut Self) {
        if let Some((_, raw)) = self.0.iter().find(|(key, _)| key == name) {
            target.set_raw(name, raw.clone());
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Fields(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_text_of_every_member_stay() {
        let text = r#"{"z":1e+06,"a":{"k": [1,  2]},"m":"\u003c"}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap();
        fields.set("a", &1).unwrap();
        fields.set("new", &"x").unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"z":1e+06,"a":1,"m":"\u003c","new":"x"}"#);
        assert_eq!(fields.get("z"), Some("1e+06"));
    }
}
