//! What holds for all functions.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::helm::template::function::{Arguments, Host};
use crate::helm::template::value::{List, Map};

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = all().map(|function| function.name).collect();
    assert_eq!(names.len(), all().count());
    assert!(names.iter().all(|name| find(name).is_some()));
}

/// Nobody to ask.
struct Alone;

impl Host for Alone {
    fn include(&mut self, _: &Text, _: Value) -> Result<Text, FunctionError> {
        Err(FunctionError::said("nothing is rendered here"))
    }

    fn tpl(&mut self, _: &Text, _: Value) -> Result<Text, FunctionError> {
        Err(FunctionError::said("nothing is rendered here"))
    }

    fn lookup(&mut self, _: &str, _: &str, _: &str, _: &str) -> Answer {
        Ok(Value::Nil)
    }

    fn host_by_name(&mut self, _: &str) -> Text {
        Text::from("")
    }
}

/// Texts that look like what functions read, and any bytes.
fn text_value() -> impl Strategy<Value = Vec<u8>> {
    let written = prop::sample::select(vec![
        "",
        " ",
        "a,b",
        "a.b.c",
        "1.2.3",
        "v1",
        ">=1.2 <2",
        "[a-z]+(b)?",
        "(",
        "$1",
        "2006-01-02",
        "2024-02-29",
        "1h30m",
        "-0",
        "0x1f",
        "1e400",
        "{\"a\": [1]}",
        "a: [1, {b: c}]",
        "- x\n- y",
        "a = 1",
        "http://u:p@[::1]:80/x?y#z",
        "YWJj",
        "=",
        "Local",
        "\n\n",
        "héllo",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
    ]);
    prop_oneof![
        written.prop_map(|text| text.as_bytes().to_vec()),
        any::<Vec<u8>>(),
        ".{0,12}".prop_map(String::into_bytes)
    ]
}

fn whole() -> impl Strategy<Value = i64> {
    prop_oneof![-3..20_i64, any::<i64>(), prop::sample::select(vec![i64::MIN, i64::MAX, 1_000_000_000])]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), prop::sample::select(vec![0.0, 1.5, -2.0, 1e300, f64::NAN, f64::INFINITY])]
}

fn value() -> impl Strategy<Value = Value> {
    let text = || text_value().prop_map(Text::from);
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        whole().prop_map(Value::Int),
        whole().prop_map(Value::Int64),
        float().prop_map(Value::Float),
        text().prop_map(Value::Str),
        text().prop_map(Value::Bytes),
        prop::sample::select(vec!["1h", "2.5s"]).prop_map(|text| called("mustToDuration", &[text.into()])),
        Just(called("semver", &["1.2.3".into()])),
        Just(called("toDate", &["2006-01-02".into(), "2024-02-29".into()])),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| List::new(items).into()),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
        ]
    })
}

fn called(name: &str, arguments: &[Value]) -> Value {
    (find(name).unwrap().run)(&mut Alone, Arguments(arguments)).unwrap()
}

fn argument(parameter: Parameter) -> BoxedStrategy<Value> {
    match parameter {
        Parameter::Any => value().boxed(),
        Parameter::Str => text_value().prop_map(|text| Value::Str(text.into())).boxed(),
        Parameter::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Parameter::Int | Parameter::Uint32 => whole().prop_map(Value::Int).boxed(),
        Parameter::Int64 => whole().prop_map(Value::Int64).boxed(),
        Parameter::Float => float().prop_map(Value::Float).boxed(),
        Parameter::Map => prop::collection::vec((text_value(), value()), 0..4)
            .prop_map(|entries| {
                Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>())
            })
            .boxed(),
        Parameter::List => {
            prop::collection::vec(value(), 0..4).prop_map(|items| List::new(items).into()).boxed()
        }
        Parameter::Strings => Just(List::strings([Text::from("a")]).into()).boxed(),
        Parameter::Named("time.Time") => {
            Just(called("toDate", &["2006-01-02".into(), "2024-02-29".into()])).boxed()
        }
        Parameter::Named(_) => Just(Value::Nil).boxed(),
    }
}

/// A function that answers at once, with arguments of its types.
fn call() -> impl Strategy<Value = (&'static Function, Vec<Value>)> {
    let slow = [
        "bcrypt",
        "htpasswd",
        "derivePassword",
        "genCA",
        "genSelfSignedCert",
        "genSignedCert",
        "genPrivateKey",
    ];
    let quick: Vec<_> = all().filter(|function| !slow.contains(&function.name)).collect();
    prop::sample::select(quick).prop_flat_map(|function| {
        let given: Vec<_> = function.parameters.iter().map(|parameter| argument(*parameter)).collect();
        let further = function.variadic.map_or_else(
            || Just(Vec::new()).boxed(),
            |parameter| prop::collection::vec(argument(parameter), 0..4).boxed(),
        );
        (given, further).prop_map(move |(given, further)| (function, [given, further].concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_function_panics((function, arguments) in call()) {
        let _ = (function.run)(&mut Alone, Arguments(&arguments));
    }
}
