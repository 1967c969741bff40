//! The grammar of `--set` and its relatives: `a.b[0]=x,c={1,2}`.
//!
//! The rules, and the words of its errors, are those of Helm's `pkg/strvals`; what Helm accepts by accident
//! is accepted too.

mod cursor;
mod error;
mod parser;

pub use error::SetError;

use super::Values;
use parser::Parser;

/// Reads the file that a `--set-file` argument names; the error is shown as it is.
pub type ReadFile<'r> = dyn FnMut(&str) -> Result<String, String> + 'r;

/// What the text after `=` is.
pub enum Style<'r> {
    /// `--set`: true, false, null, an int64, else text.
    Typed,
    /// `--set-string`: text.
    Text,
    /// `--set-json`: JSON.
    Json,
    /// `--set-file`: the path of a file whose content is the value.
    File(&'r mut ReadFile<'r>),
    /// `--set-literal`: text up to the end, without escapes.
    Literal,
}

/// Sets what an argument says, over what is there.
pub fn set(argument: &str, style: Style<'_>, values: &mut Values) -> Result<(), SetError> {
    Parser::new(argument, style).run(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn over(base: Value, argument: &str, style: Style<'_>) -> Result<Value, String> {
        let Value::Object(mut values) = base else { panic!("a map is needed") };
        set(argument, style, &mut values).map(|()| Value::Object(values)).map_err(|error| error.to_string())
    }

    fn typed(argument: &str) -> Result<Value, String> {
        over(json!({}), argument, Style::Typed)
    }

    #[test]
    fn values_have_types() {
        for (argument, value) in [
            ("a=TRUE,b=false,c=null", json!({"a": true, "b": false, "c": null})),
            ("a=0,b=-0,c=12,d=+5", json!({"a": 0, "b": 0, "c": 12, "d": 5})),
            ("a=1.5,b=1e3,c=0x10,d=007", json!({"a": "1.5", "b": "1e3", "c": "0x10", "d": "007"})),
            ("a=9223372036854775808", json!({"a": "9223372036854775808"})),
            ("a={x,1,null},b={}", json!({"a": ["x", 1, null], "b": [""]})),
            (r"a\.b=1\,2,c=\{x}", json!({"a.b": "1,2", "c": "{x}"})),
            ("a=,b=x=y", json!({"a": "", "b": "x=y"})),
            ("a=1,", json!({"a": 1})),
            ("=5", json!({})),
            ("", json!({})),
        ] {
            assert_eq!(typed(argument), Ok(value), "{argument}");
        }
        assert_eq!(over(json!({}), "a=1,b={true}", Style::Text), Ok(json!({"a": "1", "b": ["true"]})));
    }

    #[test]
    fn lists_by_index() {
        for (argument, value) in [
            ("a[2]=x", json!({"a": [null, null, "x"]})),
            ("a[0].b=1,a[0].c=2", json!({"a": [{"b": 1, "c": 2}]})),
            ("a[0][1]=1", json!({"a": [[null, 1]]})),
            ("a[0]={x,y}", json!({"a": [["x", "y"]]})),
            ("noval[0]", json!({"noval": []})),
            ("a[0", json!({})),
            ("a[0]=", json!({"a": [""]})),
            ("a[0].b=", json!({"a": []})),
        ] {
            assert_eq!(typed(argument), Ok(value), "{argument}");
        }
        assert_eq!(over(json!({"a": [1.0, 2.0]}), "a[1]=x", Style::Typed), Ok(json!({"a": [1.0, "x"]})));
        assert_eq!(over(json!({"a": ["text"]}), "a[0].b=x", Style::Typed), Ok(json!({"a": [{"b": "x"}]})));
    }

    #[test]
    fn errors_are_helms() {
        let dots = "a.".repeat(31) + "b=1";
        for (argument, problem) in [
            ("a", "key \"a\" has no value"),
            ("a,b=1", "key \"a\" has no value (cannot end with ,)"),
            ("a=1,,b=2", "key \"\" has no value (cannot end with ,)"),
            ("a.=1", "key map \"a\" has no value"),
            (&dots, "value name nested level is greater than maximum supported nested level of 30"),
            ("a[x]=1", "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"),
            (
                "a[99999999999999999999]=1",
                "error parsing index: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            ("a[-1]=1", "negative -1 index not allowed"),
            ("a[65537]=1", "index of 65537 is greater than maximum supported index of 65536"),
            ("a[0]x=1", "unexpected data at end of array index: ['x']"),
            ("a={1,2", "list must terminate with '}'"),
            (
                "a=1,a.b=1",
                "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}",
            ),
            (
                "a=x,a[0]=1",
                "unable to parse key: interface conversion: interface {} is string, not []interface {}",
            ),
        ] {
            assert_eq!(typed(argument), Err(problem.to_owned()), "{argument}");
        }
    }

    #[test]
    fn json_values() {
        let json = |argument: &str| over(json!({}), argument, Style::Json);
        assert_eq!(
            json(r#"a={"x":[1,2.5]},b=null ,c=,d[0]="x""#),
            Ok(json!({"a": {"x": [1.0, 2.5]}, "b": null, "c": null, "d": ["x"]}))
        );
        assert_eq!(json("a=[1"), Err("invalid JSON".to_owned()));
    }

    #[test]
    fn literals_end_with_the_text() {
        let literal = |argument: &str| over(json!({}), argument, Style::Literal);
        assert_eq!(literal(r"a\.b=1,2\,{x}"), Ok(json!({r"a\": {"b": r"1,2\,{x}"}})));
        assert_eq!(literal("a,b[1].c="), Ok(json!({"a,b": [null, {"c": ""}]})));
    }

    #[test]
    fn files_are_values() {
        let mut read = |path: &str| {
            if path == "missing" {
                Err("open missing: no such file".to_owned())
            } else {
                Ok(format!("<{path}>"))
            }
        };
        assert_eq!(
            over(json!({}), "a=x,b={y,z}", Style::File(&mut read)),
            Ok(json!({"a": "<x>", "b": ["<y>", "<z>"]}))
        );
        let mut read = |_: &str| Err("open missing: no such file".to_owned());
        assert_eq!(
            over(json!({}), "a=missing", Style::File(&mut read)),
            Err("open missing: no such file".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_argument_makes_the_parser_panic(argument in "[a-c=,.{}\\[\\]\\\\0-3 \"né-]{0,40}") {
            for style in [Style::Typed, Style::Text, Style::Json, Style::Literal] {
                let _ = over(json!({"a": {"b": [1]}, "c": "x"}), &argument, style);
            }
        }

        #[test]
        fn setting_twice_is_setting_once(key in "[a-c](\\.[a-c]){0,2}(\\[[0-3]\\])?", value in "[a-z0-9]{1,5}") {
            let argument = format!("{key}={value}");
            let once = typed(&argument).unwrap();
            prop_assert_eq!(over(once.clone(), &argument, Style::Typed), Ok(once));
        }
    }
}
