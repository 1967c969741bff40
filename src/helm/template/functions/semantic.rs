//! Semantic versions, by Masterminds' rules.

use std::any::Any as AnyType;
use std::rc::Rc;

use super::{Answer, fixed};
use crate::helm::semver::{Constraint, Version};
use crate::helm::template::function::{Function, FunctionError, Parameter::Str};
use crate::helm::template::text::Text;
use crate::helm::template::value::{Object, Value};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("semver", &[Str], |_, a| Ok(object(parse(a.text(0))?))),
    fixed("semverCompare", &[Str, Str], |_, a| {
        let constraint: Constraint = String::from_utf8_lossy(a.text(0)).parse().map_err(said)?;
        Ok(constraint.matches(&parse(a.text(1))?).into())
    }),
];

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn said(error: impl ToString) -> FunctionError {
    FunctionError::said(error.to_string())
}

fn parse(bytes: &[u8]) -> Result<Version, FunctionError> {
    String::from_utf8_lossy(bytes).parse().map_err(said)
}

fn object(version: Version) -> Value {
    Value::Object(Rc::new(SemanticVersion { version, pointer: true }))
}

/// Go's `semver.Version`, or a pointer to one.
#[derive(Debug)]
struct SemanticVersion {
    version: Version,
    pointer: bool,
}

impl SemanticVersion {
    /// The next version: the numbers after the one that grows are 0, and nothing follows them.
    fn next(&self, numbers: [u64; 3]) -> Answer {
        let v = if self.version.original().starts_with('v') { "v" } else { "" };
        let [major, minor, patch] = numbers;
        changed(&format!("{v}{major}.{minor}.{patch}"))
    }

    /// A patch release of a prerelease is the release.
    fn next_patch(&self) -> Answer {
        let version = &self.version;
        let is_release = !version.is_prerelease() && version.metadata.is_empty();
        self.next([version.major, version.minor, version.patch + u64::from(is_release)])
    }

    /// The same version with another prerelease or other metadata.
    fn with(&self, prerelease: &str, metadata: &str) -> Answer {
        let version = &self.version;
        let mut text = format!(
            "{}{}.{}.{}",
            if version.original().starts_with('v') { "v" } else { "" },
            version.major,
            version.minor,
            version.patch
        );
        for (mark, part) in [('-', prerelease), ('+', metadata)] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        changed(&text)
    }
}

/// What a method makes of a version is no pointer.
fn changed(text: &str) -> Answer {
    Ok(Value::Object(Rc::new(SemanticVersion { version: text.parse().map_err(said)?, pointer: false })))
}

fn other(arguments: &[Value]) -> Result<&Version, FunctionError> {
    match arguments {
        [Value::Object(object)] => {
            object.as_any().downcast_ref::<SemanticVersion>().map(|version| &version.version)
        }
        _ => None,
    }
    .ok_or_else(|| FunctionError::said("wants one *semver.Version"))
}

fn word(arguments: &[Value]) -> String {
    match arguments {
        [Value::Str(text)] => text.lossy().into_owned(),
        _ => String::new(),
    }
}

impl Object for SemanticVersion {
    fn type_name(&self) -> &'static str {
        if self.pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn kind(&self) -> &'static str {
        if self.pointer { "ptr" } else { "struct" }
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Answer> {
        let version = &self.version;
        let number = |number: u64| Ok(Value::Int64(number.cast_signed()));
        Some(match name {
            "Major" => number(version.major),
            "Minor" => number(version.minor),
            "Patch" => number(version.patch),
            "Prerelease" => Ok(Value::from(version.prerelease.as_str())),
            "Metadata" => Ok(Value::from(version.metadata.as_str())),
            "Original" => Ok(Value::from(version.original())),
            "String" => Ok(Value::from(version.to_string())),
            "Compare" => other(arguments).map(|other| Value::Int(version.cmp(other) as i64)),
            "Equal" => other(arguments).map(|other| (version == other).into()),
            "LessThan" => other(arguments).map(|other| (version < other).into()),
            "LessThanEqual" => other(arguments).map(|other| (version <= other).into()),
            "GreaterThan" => other(arguments).map(|other| (version > other).into()),
            "GreaterThanEqual" => other(arguments).map(|other| (version >= other).into()),
            "IncMajor" => self.next([version.major + 1, 0, 0]),
            "IncMinor" => self.next([version.major, version.minor + 1, 0]),
            "IncPatch" => self.next_patch(),
            "SetPrerelease" => self.with(&word(arguments), &version.metadata),
            "SetMetadata" => self.with(&version.prerelease, &word(arguments)),
            _ => return None,
        })
    }

    fn print(&self) -> Text {
        self.version.to_string().into()
    }

    fn plain(&self) -> Value {
        Value::from(self.version.to_string())
    }

    fn as_any(&self) -> &dyn AnyType {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods() {
        let version = SemanticVersion { version: "v1.2.3-rc.1+b".parse().unwrap(), pointer: true };
        let call = |name: &str, arguments: &[Value]| match version.call(name, arguments) {
            Some(Ok(value)) => crate::helm::template::print::display(&value).lossy().into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(call("Minor", &[]), "2");
        assert_eq!(call("Original", &[]), "v1.2.3-rc.1+b");
        assert_eq!(call("String", &[]), "1.2.3-rc.1+b");
        assert_eq!(call("IncPatch", &[]), "1.2.3");
        assert_eq!(call("IncMinor", &[]), "1.3.0");
        assert_eq!(call("SetPrerelease", &["beta".into()]), "1.2.3-beta+b");
        assert_eq!(call("Compare", &[object("1.2.3".parse().unwrap())]), "-1");
        assert!(version.call("Nope", &[]).is_none());
    }
}
