//! The user's values: files and `--set` arguments, in Helm's order.

use serde_json::Value;

use super::strvals::{ReadFile, SetError, Style, set};
use super::{Values, ValuesError, make_floats, merge, read};

/// What the user gave. The kind decides the order, not the place on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValuesOptions {
    /// `-f`: files of values, `-` for standard input.
    pub files: Vec<String>,
    /// `--set-json`.
    pub json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub strings: Vec<String>,
    /// `--set-file`.
    pub set_files: Vec<String>,
    /// `--set-literal`.
    pub literals: Vec<String>,
}

/// Values that cannot be read, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A file cannot be read.
    #[error("{0}")]
    File(String),
    /// A file holds no values.
    #[error("failed to parse {file}: {problem}")]
    Values {
        /// The file.
        file: String,
        /// Why.
        problem: ValuesError,
    },
    /// `--set-json` with a whole object that is none.
    #[error("failed parsing --set-json data JSON: {0}")]
    JsonObject(String),
    /// `--set-json` that cannot be read.
    #[error("failed parsing --set-json data {0}")]
    Json(String),
    /// One of the others.
    #[error("failed parsing --{flag} data: {problem}")]
    Set {
        /// The name of the argument.
        flag: &'static str,
        /// Why.
        problem: SetError,
    },
}

impl ValuesOptions {
    /// Reads and merges all of it. `read_file` reads a file; its error is shown as it is.
    pub fn values(
        &self,
        read_file: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Values, OptionsError> {
        let mut values = Values::new();
        for file in &self.files {
            let text = read_file(file).map_err(OptionsError::File)?;
            merge(
                &mut values,
                read(&text).map_err(|problem| OptionsError::Values { file: file.clone(), problem })?,
            );
        }
        for argument in &self.json {
            set_json(argument, &mut values)?;
        }
        let mut set_each = |flag, arguments: &[String], style: fn() -> Style<'static>| {
            arguments
                .iter()
                .try_for_each(|argument| set(argument, style(), &mut values))
                .map_err(|problem| OptionsError::Set { flag, problem })
        };
        set_each("set", &self.set, || Style::Typed)?;
        set_each("set-string", &self.strings, || Style::Text)?;
        for argument in &self.set_files {
            let mut read_text =
                |path: &str| read_file(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            set_file(argument, &mut read_text, &mut values)?;
        }
        let literal = |argument: &String| set(argument, Style::Literal, &mut values);
        self.literals
            .iter()
            .try_for_each(literal)
            .map_err(|problem| OptionsError::Set { flag: "set-literal", problem })?;
        Ok(values)
    }
}

fn set_file<'r>(argument: &str, read: &'r mut ReadFile<'r>, values: &mut Values) -> Result<(), OptionsError> {
    set(argument, Style::File(read), values)
        .map_err(|problem| OptionsError::Set { flag: "set-file", problem })
}

/// `{…}` is a whole object, anything else `key=<json>`.
fn set_json(argument: &str, values: &mut Values) -> Result<(), OptionsError> {
    let trimmed = argument.trim();
    if !trimmed.starts_with('{') {
        return set(argument, Style::Json, values).map_err(|_| OptionsError::Json(argument.to_owned()));
    }
    let mut object: Value =
        serde_json::from_str(trimmed).map_err(|_| OptionsError::JsonObject(argument.to_owned()))?;
    make_floats(&mut object);
    if let Value::Object(object) = object {
        merge(values, object);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(options: &ValuesOptions) -> Result<Value, String> {
        let mut read = |path: &str| match path {
            "a.yaml" => Ok(b"x: {w: 1, z: 2}\nl: [1, 2]".to_vec()),
            "b.yaml" => Ok(b"x: {z: null}\n---\ns: b".to_vec()),
            "broken.yaml" => Ok(b"- 1".to_vec()),
            _ => Err(format!("open {path}: no such file or directory")),
        };
        options.values(&mut read).map(Value::Object).map_err(|error| error.to_string())
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn the_kind_decides_the_order() {
        let options = ValuesOptions {
            literals: texts(&["last={a},b"]),
            set_files: texts(&["file=a.yaml,last=b.yaml"]),
            strings: texts(&["s=5"]),
            set: texts(&["s=1,n=5", "l[1]=x"]),
            json: texts(&[r#"{"s": 0, "j": [1]}"#, "n=1"]),
            files: texts(&["a.yaml", "b.yaml"]),
        };
        let expected = json!({
            "x": {"w": 1.0, "z": null}, "l": [1.0, "x"], "s": "5", "j": [1.0], "n": 5,
            "file": "x: {w: 1, z: 2}\nl: [1, 2]", "last": "{a},b"
        });
        assert_eq!(values(&options), Ok(expected));
    }

    #[test]
    fn errors_name_the_argument() {
        let of = |change: &dyn Fn(&mut ValuesOptions)| {
            let mut options = ValuesOptions::default();
            change(&mut options);
            values(&options).unwrap_err()
        };
        assert_eq!(of(&|options| options.files = texts(&["none"])), "open none: no such file or directory");
        assert!(
            of(&|options| options.files = texts(&["broken.yaml"]))
                .starts_with("failed to parse broken.yaml: cannot unmarshal yaml document: ")
        );
        assert_eq!(of(&|options| options.json = texts(&["{a"])), "failed parsing --set-json data JSON: {a");
        assert_eq!(of(&|options| options.json = texts(&["a={"])), "failed parsing --set-json data a={");
        assert_eq!(
            of(&|options| options.set = texts(&["a"])),
            "failed parsing --set data: key \"a\" has no value"
        );
        assert_eq!(
            of(&|options| options.set_files = texts(&["a=x"])),
            "failed parsing --set-file data: open x: no such file or directory"
        );
    }
}
