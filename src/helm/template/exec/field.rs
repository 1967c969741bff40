//! Fields: keys of maps, fields and methods of objects.

use std::rc::Rc;

use super::call::Call;
use super::run::Run;
use super::values::{self, Method};
use crate::helm::template::error::TemplateError;
use crate::helm::template::parse::tree::Operand;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::{Map, Object, Value};

impl<'t> Run<'t, '_, '_> {
    /// One field of another; only the last one can be a method with arguments.
    pub(super) fn field_chain(
        &mut self,
        dot: &Typed,
        receiver: Typed,
        operand: &'t Operand,
        fields: &'t [Rc<str>],
        call: Option<Call<'t>>,
    ) -> Result<Typed, TemplateError> {
        let plain = || Call { position: operand.position, shown: operand, arguments: &[], last: None };
        let Some((last, before)) = fields.split_last() else { return Ok(receiver) };
        let mut receiver = receiver;
        for field in before {
            receiver = self.field(dot, &receiver, field, &plain())?;
        }
        self.field(dot, &receiver, last, &call.unwrap_or_else(plain))
    }

    fn field(
        &mut self,
        dot: &Typed,
        receiver: &Typed,
        name: &str,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        match &receiver.value {
            Value::Map(map) => match values::method(map, name) {
                Some(method) => self.method_of_values(dot, map, name, method, call),
                None => self.entry(map, name, call),
            },
            Value::Nil if receiver.interface => {
                Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")))
            }
            Value::Nil => Ok(Typed::concrete(Value::Nil)),
            Value::Object(object) => self.field_of_object(dot, receiver, object, name, call),
            _ => Err(self.no_field(receiver, name)),
        }
    }

    fn no_field(&self, receiver: &Typed, name: &str) -> TemplateError {
        self.error(format!("can't evaluate field {name} in type {}", receiver.type_name()))
    }

    fn entry(&self, map: &Map, name: &str, call: &Call<'t>) -> Result<Typed, TemplateError> {
        if !call.arguments.is_empty() || call.last.is_some() {
            return Err(self.error(format!("{name} is not a method but has arguments")));
        }
        Ok(match map.get(name.as_bytes()) {
            Some(value) => Typed::in_map(value, map.kind),
            None => Typed::absent_from(map.kind),
        })
    }

    fn method_of_values(
        &mut self,
        dot: &Typed,
        map: &Map,
        name: &str,
        method: Method,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        let arguments = self.method_arguments(dot, name, method.parameters(), call)?;
        let result = method.call(map, &arguments);
        result.map(Typed::concrete).map_err(|text| self.failed(name, call, TemplateError::new(text)))
    }

    fn field_of_object(
        &mut self,
        dot: &Typed,
        receiver: &Typed,
        object: &Rc<dyn Object>,
        name: &str,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        let arguments = match (object.parameters(name), object.field(name)) {
            (Some(parameters), _) => self.method_arguments(dot, name, parameters, call)?,
            (None, Some(value)) if call.arguments.is_empty() && call.last.is_none() => {
                return Ok(Typed::concrete(value));
            }
            (None, Some(_)) if object.kind() == "map" => {
                return Err(self.error(format!("{name} is not a method but has arguments")));
            }
            (None, Some(_)) => {
                return Err(self.error(format!("{name} has arguments but cannot be invoked as function")));
            }
            (None, None) => self.any_arguments(dot, call)?,
        };
        match object.call(name, &arguments) {
            Some(Ok(value)) => Ok(Typed::concrete(value)),
            Some(Err(error)) => Err(self.failed(name, call, error.into())),
            None => Err(self.no_field(receiver, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn nil_is_an_error_only_where_go_knows_its_type() {
        assert_eq!(
            render("{{ .map.missing }}{{ (.missing).x.y }}{{ $x := .missing }}{{ $x.y.z }}"),
            "<no value>".repeat(3)
        );
        let cases = [
            ("{{ .missing.x }}", "nil pointer evaluating interface {}.x"),
            ("{{ .map.none.x }}", "nil pointer evaluating interface {}.x"),
            ("{{ range .list }}{{ .k }}{{ end }}", "can't evaluate field k in type interface {}"),
            ("{{ .text.x }}", "can't evaluate field x in type interface {}"),
            ("{{ (.text).x }}", "can't evaluate field x in type string"),
            ("{{ .list.x }}", "can't evaluate field x in type interface {}"),
            ("{{ (list 1).x }}", "can't evaluate field x in type []interface {}"),
        ];
        for (text, message) in cases {
            assert_eq!(failure(text), message, "{text}");
        }
    }

    #[test]
    fn the_place_is_the_second_name_of_a_chain() {
        insta::assert_snapshot!(render("a:\n  \u{e9} {{ .map.none.x }}"), @r#"
        f:2:12
          executing "f" at <.map.none.x>:
            nil pointer evaluating interface {}.x
        "#);
    }
}
