//! The form that a canary's Certificate takes on top of what it has to be. Knows the fields of a Certificate's
//! spec, and leaves their values to the API server; pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::did_you_mean;

/// Stands for a text that is new in every run.
const RUN: &str = "{run}";
/// As long as that text.
const RUN_LENGTH: usize = 27;
/// The longest common name in X.509.
const COMMON_NAME: usize = 64;

/// These make a canary what it is.
const OURS: [&str; 4] = ["secretName", "secretTemplate", "issuerRef", "dnsNames"];

/// The other fields of `Certificate.spec`.
const FIELDS: [&str; 19] = [
    "additionalOutputFormats",
    "commonName",
    "duration",
    "emailAddresses",
    "encodeUsagesInRequest",
    "ipAddresses",
    "isCA",
    "keystores",
    "literalSubject",
    "nameConstraints",
    "otherNames",
    "privateKey",
    "renewBefore",
    "renewBeforePercentage",
    "revisionHistoryLimit",
    "signatureAlgorithm",
    "subject",
    "uris",
    "usages",
];
const PRIVATE_KEY: [&str; 4] = ["algorithm", "encoding", "rotationPolicy", "size"];

/// A part of `Certificate.spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CertificateShape(Map<String, Value>);

/// A key that does not belong there, and why.
pub(super) struct Misfit {
    /// Below the shape.
    pub(super) path: Vec<String>,
    pub(super) message: String,
}

impl CertificateShape {
    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A common name is asked for.
    pub fn has_common_name(&self) -> bool {
        self.0.contains_key("commonName") || self.0.contains_key("literalSubject")
    }

    /// The shape on top of `usual`; `run` is what stands in the place of `{run}`. A private key of another
    /// algorithm has nothing of the usual one.
    pub fn on(&self, usual: Value, run: &str) -> Value {
        let mut spec = usual;
        let key = self.0.get("privateKey");
        if key.is_some_and(|key| key.get("algorithm").or(key.get("size")).is_some()) {
            spec["privateKey"] = Value::Null;
        }
        let shape = filled(&Value::Object(self.0.clone()), run);
        merge(&mut spec, shape);
        spec
    }

    /// What is wrong with it.
    pub(super) fn misfits(&self) -> Vec<Misfit> {
        let mut found: Vec<Misfit> = self.0.keys().filter_map(|key| misfit(key)).collect();
        if let Some(Value::Object(key)) = self.0.get("privateKey") {
            found.extend(key.keys().filter(|field| !PRIVATE_KEY.contains(&field.as_str())).map(|field| {
                let near = did_you_mean(field, PRIVATE_KEY);
                let path = vec!["privateKey".to_owned(), field.clone()];
                Misfit { path, message: format!("a private key has no field `{field}`{near}") }
            }));
        }
        found.extend(self.0.get("commonName").and_then(long_name));
        found
    }
}

fn misfit(key: &str) -> Option<Misfit> {
    let message = match key {
        key if OURS.contains(&key) => format!("`{key}` of a canary is not yours to set{}", instead(key)),
        key if FIELDS.contains(&key) => return None,
        key => format!("a Certificate has no field `{key}`{}", did_you_mean(key, FIELDS)),
    };
    Some(Misfit { path: vec![key.to_owned()], message })
}

fn instead(key: &str) -> &'static str {
    match key {
        "issuerRef" => "; name issuers in `canary.issuers`",
        "dnsNames" => "; write `canary.dns-name`",
        _ => "",
    }
}

fn long_name(name: &Value) -> Option<Misfit> {
    let path = vec!["commonName".to_owned()];
    let Some(name) = name.as_str() else {
        return Some(Misfit { path, message: "a common name is a text".to_owned() });
    };
    let length = name.replace(RUN, &"x".repeat(RUN_LENGTH)).len();
    let message = format!(
        "a common name has at most {COMMON_NAME} characters, this one {length} once `{RUN}` is filled in"
    );
    (length > COMMON_NAME).then_some(Misfit { path, message })
}

fn filled(value: &Value, run: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(RUN, run)),
        Value::Array(items) => items.iter().map(|item| filled(item, run)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), filled(value, run))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape(value: &Value) -> CertificateShape {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn a_shape_is_merged_deep_and_filled() {
        let usual = json!({"secretName": "s", "privateKey": {"algorithm": "ECDSA", "size": 256}});
        let table = [
            (json!({}), usual.clone()),
            (
                json!({"privateKey": {"rotationPolicy": "Always"}}),
                json!({"secretName": "s", "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}}),
            ),
            (
                json!({"privateKey": {"algorithm": "RSA"}}),
                json!({"secretName": "s", "privateKey": {"algorithm": "RSA"}}),
            ),
            (
                json!({"commonName": "{run}.x", "subject": {"organizations": ["{run}"]}, "isCA": false}),
                json!({
                    "secretName": "s", "privateKey": {"algorithm": "ECDSA", "size": 256},
                    "commonName": "r1.x", "subject": {"organizations": ["r1"]}, "isCA": false,
                }),
            ),
        ];
        for (wanted, expected) in table {
            assert_eq!(shape(&wanted).on(usual.clone(), "r1"), expected, "{wanted}");
        }
    }

    #[test]
    fn what_is_ours_unknown_or_too_long_is_told() {
        let table = [
            (json!({"commonName": "{run}.example.com", "usages": ["server auth"]}), None),
            (json!({"issuerRef": {}}), Some("name issuers in `canary.issuers`")),
            (json!({"dnsNames": []}), Some("write `canary.dns-name`")),
            (json!({"comonName": "x"}), Some("did you mean `commonName`?")),
            (json!({"privateKey": {"algoritm": "RSA"}}), Some("did you mean `algorithm`?")),
            (json!({"commonName": "{run}.a-rather-long-name.canary.example.com"}), Some("this one 65")),
            (json!({"commonName": 7}), Some("is a text")),
        ];
        for (wanted, expected) in table {
            let told: Vec<String> =
                shape(&wanted).misfits().into_iter().map(|misfit| misfit.message).collect();
            match expected {
                None => assert!(told.is_empty(), "{told:?}"),
                Some(text) => assert!(told.len() == 1 && told[0].contains(text), "{told:?}"),
            }
        }
    }
}
