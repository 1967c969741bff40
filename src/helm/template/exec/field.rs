//! Fields: keys of maps, fields and methods of objects.

use std::rc::Rc;

use super::call::Call;
use super::run::Run;
use crate::helm::template::error::TemplateError;
use crate::helm::template::parse::tree::Operand;
use crate::helm::template::print;
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

    fn field(&mut self, dot: &Typed, receiver: &Typed, name: &str, call: &Call<'t>) -> Result<Typed, TemplateError> {
        match &receiver.value {
            Value::Map(map) => self.entry(map, name, call),
            Value::Nil if receiver.interface => Err(self.error(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Nil if self.executor.strict => {
                Err(self.error(format!("nil data; no entry for key {}", print::quote(name.as_bytes(), false))))
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
        match map.get(name.as_bytes()) {
            Some(value) => Ok(Typed::in_map(value, map.kind)),
            None if self.executor.strict => Err(self.error(format!("map has no entry for key {}", print::quote(name.as_bytes(), false)))),
            None => Ok(Typed::absent_from(map.kind)),
        }
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
            (None, Some(value)) if call.arguments.is_empty() && call.last.is_none() => return Ok(Typed::concrete(value)),
            (None, Some(_)) if object.kind() == "map" => {
                return Err(self.error(format!("{name} is not a method but has arguments")));
            }
            (None, Some(_)) => return Err(self.error(format!("{name} has arguments but cannot be invoked as function"))),
            (None, None) => self.any_arguments(dot, call)?,
        };
        match object.call(name, &arguments) {
            Some(Ok(value)) => Ok(Typed::concrete(value)),
            Some(Err(error)) => Err(self.failed(name, call, error.into())),
            None => Err(self.no_field(receiver, name)),
        }
    }
}
