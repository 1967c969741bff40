//! `include`, `tpl`, `required`, `fail` and `lookup`: the functions that need who executes the template.

use super::function::{Arguments, Function, FunctionError, Host, Parameter};
use super::text::Text;
use super::value::Value;

type Answer = Result<Value, FunctionError>;

/// All of them.
pub(super) static ALL: [Function; 5] = [
    function("include", &[Parameter::Str, Parameter::Any], include),
    function("tpl", &[Parameter::Str, Parameter::Any], tpl),
    function("required", &[Parameter::Str, Parameter::Any], required),
    function("fail", &[Parameter::Str], fail),
    function("lookup", &[Parameter::Str; 4], lookup),
];

const fn function(
    name: &'static str,
    parameters: &'static [Parameter],
    run: fn(&mut dyn Host, Arguments<'_>) -> Answer,
) -> Function {
    Function { name, parameters, variadic: None, run }
}

fn include(host: &mut dyn Host, arguments: Arguments<'_>) -> Answer {
    host.include(&text(arguments, 0), arguments.value(1).clone()).map(Value::Str)
}

fn tpl(host: &mut dyn Host, arguments: Arguments<'_>) -> Answer {
    host.tpl(&text(arguments, 0), arguments.value(1).clone()).map(Value::Str)
}

/// Refuses nil and the empty string only.
fn required(_: &mut dyn Host, arguments: Arguments<'_>) -> Answer {
    let value = arguments.value(1);
    let missing = match value {
        Value::Nil => true,
        Value::Str(text) => text.bytes().is_empty(),
        _ => false,
    };
    if missing { Err(refused(arguments)) } else { Ok(value.clone()) }
}

fn fail(_: &mut dyn Host, arguments: Arguments<'_>) -> Answer {
    Err(refused(arguments))
}

fn lookup(host: &mut dyn Host, arguments: Arguments<'_>) -> Answer {
    let words = [0, 1, 2, 3].map(|index| text(arguments, index).lossy().into_owned());
    let [api_version, kind, namespace, name] = &words;
    host.lookup(api_version, kind, namespace, name)
}

fn text(arguments: Arguments<'_>, index: usize) -> Text {
    match arguments.value(index) {
        Value::Str(text) => text.clone(),
        _ => Text::from(""),
    }
}

fn refused(arguments: Arguments<'_>) -> FunctionError {
    FunctionError::Refused(text(arguments, 0).lossy().into_owned())
}
