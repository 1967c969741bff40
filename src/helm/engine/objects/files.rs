//! `.Files`: the chart's other files, bytes unchanged.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::glob::Glob;
use crate::helm::chart::File;
use crate::helm::template::{FunctionError, List, Map, Object, Parameter, Text, Value, print};
use crate::helm::yaml;

/// The files of a chart that are neither templates nor read by Helm itself.
#[derive(Debug)]
pub(in crate::helm::engine) struct Files(BTreeMap<String, Text>);

impl Files {
    /// The files of a chart; of two with one name the later counts.
    pub(in crate::helm::engine) fn new(files: &[File]) -> Self {
        Self(files.iter().map(|file| (file.name.clone(), Text::from(file.data.as_slice()))).collect())
    }

    fn get(&self, name: &str) -> Text {
        self.0.get(name).cloned().unwrap_or_else(|| Text::from(""))
    }

    /// The files that fit a pattern; a broken pattern fits all.
    fn glob(&self, pattern: &str) -> Self {
        let fits = |name: &str| Glob::read(pattern).is_none_or(|glob| glob.fits(name));
        Self(
            self.0
                .iter()
                .filter(|(name, _)| fits(name))
                .map(|(name, data)| (name.clone(), data.clone()))
                .collect(),
        )
    }

    /// Lines without their ends; the last one may have an end or not.
    fn lines(&self, name: &str) -> List {
        let data = self.get(name);
        let bytes = data.bytes();
        if bytes.is_empty() {
            return List::strings([]);
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        List::strings(bytes.split(|byte| *byte == b'\n').map(Text::from))
    }

    /// A YAML map by the files' own names, without their folders.
    fn as_yaml(&self, value: impl Fn(&Text) -> String) -> Text {
        let entry = |(name, data): (&String, &Text)| {
            let base = name.rsplit('/').next().unwrap_or(name);
            (base.to_owned(), Json::String(value(data)))
        };
        let written = yaml::write(&Json::Object(self.0.iter().map(entry).collect()));
        Text::from(written.strip_suffix('\n').unwrap_or(&written))
    }
}

fn text(arguments: &[Value]) -> String {
    match arguments.first() {
        Some(Value::Str(text)) => text.lossy().into_owned(),
        _ => String::new(),
    }
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> &'static str {
        "map"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::Bytes(self.get(name)))
    }

    fn parameters(&self, method: &str) -> Option<&'static [Parameter]> {
        match method {
            "Get" | "GetBytes" | "Glob" | "Lines" => Some(&[Parameter::Str]),
            "AsConfig" | "AsSecrets" => Some(&[]),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        Some(Ok(match name {
            "Get" => Value::Str(self.get(&text(arguments))),
            "GetBytes" => Value::Bytes(self.get(&text(arguments))),
            "Glob" => Value::Object(Rc::new(self.glob(&text(arguments)))),
            "Lines" => Value::List(self.lines(&text(arguments))),
            "AsConfig" => Value::Str(self.as_yaml(|data| data.lossy().into_owned())),
            "AsSecrets" => Value::Str(self.as_yaml(|data| STANDARD.encode(data.bytes()))),
            _ => return None,
        }))
    }

    fn print(&self) -> Text {
        print::display(&self.plain())
    }

    fn plain(&self) -> Value {
        Value::Map(
            self.0
                .iter()
                .map(|(name, data)| (Text::from(name.as_str()), Value::Bytes(data.clone())))
                .collect::<Map>(),
        )
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        Some(
            self.0
                .iter()
                .map(|(name, data)| (Value::from(name.as_str()), Value::Bytes(data.clone())))
                .collect(),
        )
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        Files::new(&[
            File::new("a.txt", "one\ntwo\n"),
            File::new("conf/b.yaml", "x: 1"),
            File::new("conf/key.bin", [0xff, 0]),
            File::new("empty", ""),
        ])
    }

    fn call(name: &str, argument: &str) -> String {
        let files = files();
        let value = files.call(name, &[Value::from(argument)]).unwrap().unwrap();
        print::display(&value).lossy().into_owned()
    }

    #[test]
    fn methods() {
        let cases = [
            ("Get", "conf/b.yaml", "x: 1"),
            ("Get", "nope", ""),
            ("GetBytes", "conf/key.bin", "[255 0]"),
            ("Lines", "a.txt", "[one two]"),
            ("Lines", "empty", "[]"),
            ("Lines", "nope", "[]"),
            ("Glob", "conf/*", "map[conf/b.yaml:[120 58 32 49] conf/key.bin:[255 0]]"),
            ("AsSecrets", "", "a.txt: b25lCnR3bwo=\nb.yaml: eDogMQ==\nempty: \"\"\nkey.bin: /wA="),
        ];
        for (name, argument, text) in cases {
            assert_eq!(call(name, argument), text, "{name} {argument}");
        }
    }

    #[test]
    fn configs_are_yaml_by_base_name() {
        let config = files().glob("{a.txt,conf/b*}").call("AsConfig", &[]).unwrap().unwrap();
        insta::assert_snapshot!(print::display(&config).lossy(), @r"
        a.txt: |
          one
          two
        b.yaml: 'x: 1'
        ");
    }
}
