//! The value of a pipeline, a command and an argument.

use std::fmt::Display;

use super::call::Call;
use super::run::{Run, Variable};
use crate::helm::template::error::TemplateError;
use crate::helm::template::function::Parameter;
use crate::helm::template::parse::tree::{Command, Operand, Pipe, Term};
use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// What a place wants its value to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Anything, and nil stays what it is: the inside of a chain.
    Inner,
    /// Anything, with what is known of its type: an argument of a builtin.
    Typed,
    /// The type of a parameter.
    Parameter(Parameter),
}

impl<'t> Run<'t, '_, '_> {
    /// The value of a pipeline; its variables are set.
    pub(super) fn pipeline(&mut self, dot: &Typed, pipe: &'t Pipe) -> Result<Typed, TemplateError> {
        if self.executor.stack.is_full() {
            return Err(self.error("exceeded maximum template depth (100000)"));
        }
        self.at(pipe.position, pipe);
        let mut value = None;
        for command in &pipe.commands {
            let result = self.command(dot, command, value)?;
            value = Some(Typed::concrete(result.value));
        }
        let value = value.unwrap_or_else(|| Typed::concrete(Value::Nil));
        for name in &pipe.variables {
            if pipe.assign {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push(Variable { name, value: value.clone() });
            }
        }
        Ok(value)
    }

    /// Sets the innermost variable of a name.
    pub(super) fn assign(&mut self, name: &str, value: Typed) -> Result<(), TemplateError> {
        match self.variables.iter_mut().rev().find(|variable| variable.name == name) {
            Some(variable) => variable.value = value,
            None => return Err(self.error(format!("undefined variable: {name}"))),
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Result<Typed, TemplateError> {
        let found = self.variables.iter().rev().find(|variable| variable.name == name);
        found
            .map(|variable| variable.value.clone())
            .ok_or_else(|| self.error(format!("undefined variable: {name}")))
    }

    /// The value of a command; `last` is what the command before it in the pipeline gave.
    fn command(
        &mut self,
        dot: &Typed,
        command: &'t Command,
        last: Option<Typed>,
    ) -> Result<Typed, TemplateError> {
        let Some((first, arguments)) = command.operands.split_first() else {
            return Ok(Typed::concrete(Value::Nil));
        };
        match &first.term {
            Term::Function(function) => {
                self.at(first.position, first);
                self.call(
                    dot,
                    *function,
                    &Call { position: command.position, shown: command, arguments, last },
                )
            }
            Term::Field(_) | Term::Chain { .. } | Term::Variable { .. } => self.fields(
                dot,
                first,
                Some(Call { position: first.position, shown: first, arguments, last }),
            ),
            Term::Pipe(pipe) => {
                self.not_a_function(first, arguments, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            Term::Nil => {
                self.at(first.position, first);
                self.not_a_function(first, arguments, last.as_ref())?;
                Err(self.error("nil is not a command"))
            }
            Term::Dot | Term::Bool(_) | Term::Number(_) | Term::Text { .. } => {
                self.at(first.position, first);
                self.not_a_function(first, arguments, last.as_ref())?;
                self.constant(dot, first)
            }
        }
    }

    pub(super) fn not_a_function(
        &self,
        first: &dyn Display,
        arguments: &[Operand],
        last: Option<&Typed>,
    ) -> Result<(), TemplateError> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        Err(self.error(format!("can't give argument to non-function {first}")))
    }

    /// The value of a term that is not called.
    fn constant(&self, dot: &Typed, operand: &Operand) -> Result<Typed, TemplateError> {
        Ok(match &operand.term {
            Term::Dot => dot.clone(),
            Term::Bool(truth) => Typed::concrete(Value::Bool(*truth)),
            Term::Text { value, .. } => Typed::concrete(value.clone()),
            Term::Number(number) if number.is_float() => Typed::concrete(Value::Float(number.float)),
            Term::Number(number) => match number.int {
                Some(int) => Typed::concrete(Value::Int(int)),
                None => return Err(self.error(format!("{} overflows int", number.text))),
            },
            _ => {
                return Err(
                    self.error(format!("can't handle assignment of {operand} to empty interface argument"))
                );
            }
        })
    }

    /// The fields of a field, variable or chain, the last of which may be a method that gets arguments.
    fn fields(
        &mut self,
        dot: &Typed,
        operand: &'t Operand,
        call: Option<Call<'t>>,
    ) -> Result<Typed, TemplateError> {
        self.at(operand.position, operand);
        match &operand.term {
            Term::Field(fields) => self.field_chain(dot, dot.clone(), operand, fields, call),
            Term::Variable { name, fields } if fields.is_empty() => {
                let value = self.variable(name)?;
                let (arguments, last) = call.map_or((&[][..], None), |call| (call.arguments, call.last));
                self.not_a_function(operand, arguments, last.as_ref())?;
                Ok(value)
            }
            Term::Variable { name, fields } => {
                let value = self.variable(name)?;
                self.field_chain(dot, value, operand, fields, call)
            }
            Term::Chain { inner, .. } if matches!(inner.term, Term::Nil) => {
                Err(self.error(format!("indirection through explicit nil in {operand}")))
            }
            Term::Chain { inner, fields } => {
                let value = self.argument(dot, Expected::Inner, inner)?;
                self.field_chain(dot, value, operand, fields, call)
            }
            _ => self.constant(dot, operand),
        }
    }

    /// The value of an argument, checked.
    pub(super) fn argument(
        &mut self,
        dot: &Typed,
        expected: Expected,
        operand: &'t Operand,
    ) -> Result<Typed, TemplateError> {
        self.at(operand.position, operand);
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => return self.nil(expected),
            Term::Field(_) | Term::Variable { .. } | Term::Chain { .. } => self.fields(dot, operand, None)?,
            Term::Pipe(pipe) => self.pipeline(dot, pipe)?,
            Term::Function(function) => self.call(
                dot,
                *function,
                &Call { position: operand.position, shown: operand, arguments: &[], last: None },
            )?,
            Term::Bool(_) | Term::Number(_) | Term::Text { .. } => {
                return self.literal(dot, expected, operand);
            }
        };
        self.check(value, expected)
    }

    fn nil(&self, expected: Expected) -> Result<Typed, TemplateError> {
        match expected {
            Expected::Parameter(parameter) if !parameter.can_be_nil() => {
                Err(self.error(format!("cannot assign nil to {}", parameter.type_name())))
            }
            _ => Ok(Typed::concrete(Value::Nil)),
        }
    }

    /// A literal takes the type that is wanted, if it can.
    fn literal(&self, dot: &Typed, expected: Expected, operand: &Operand) -> Result<Typed, TemplateError> {
        let Expected::Parameter(parameter) = expected else { return self.constant(dot, operand) };
        let found = match (parameter, &operand.term) {
            (Parameter::Any, _) => return self.constant(dot, operand),
            (Parameter::Bool, Term::Bool(truth)) => Some(Value::Bool(*truth)),
            (Parameter::Str, Term::Text { value, .. }) => Some(value.clone()),
            (Parameter::Int, Term::Number(number)) => number.int.map(Value::Int),
            (Parameter::Int64, Term::Number(number)) => number.int.map(Value::Int64),
            (Parameter::Uint32, Term::Number(number)) if number.unsigned => number.int.map(Value::Int64),
            (Parameter::Float, Term::Number(number)) => Some(Value::Float(number.float)),
            _ => None,
        };
        let wanted = match parameter {
            Parameter::Any | Parameter::Str => "string",
            Parameter::Bool => "bool",
            Parameter::Int | Parameter::Int64 => "integer",
            Parameter::Uint32 => "unsigned integer",
            Parameter::Float => "float",
            Parameter::Map | Parameter::List | Parameter::Strings | Parameter::Named(_) => {
                return Err(
                    self.error(format!("can't handle {operand} for arg of type {}", parameter.type_name()))
                );
            }
        };
        found.map(Typed::concrete).ok_or_else(|| self.error(format!("expected {wanted}; found {operand}")))
    }

    /// Checks a value against what is wanted.
    pub(super) fn check(&self, value: Typed, expected: Expected) -> Result<Typed, TemplateError> {
        let Expected::Parameter(parameter) = expected else { return Ok(value) };
        if value.is_invalid() && !parameter.can_be_nil() {
            return Err(self.error(format!("invalid value; expected {}", parameter.type_name())));
        }
        if value.is_nil_interface() && parameter != Parameter::Any {
            return Err(self.error(format!(
                "wrong type for value; expected {}; got interface {{}}",
                parameter.type_name()
            )));
        }
        if value.is_invalid() || parameter.accepts(&value.value) {
            return Ok(Typed::concrete(value.value));
        }
        let (wanted, got) = (parameter.type_name(), value.value.type_name());
        Err(self.error(format!("wrong type for value; expected {wanted}; got {got}")))
    }
}

#[cfg(test)]
mod tests {
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn literals_and_pipelines() {
        let cases = [
            (
                "{{ 1 }} {{ 1.5 }} {{ 1e3 }} {{ 0x1F }} {{ 'a' }} {{ 017 }} {{ 1_000 }} {{ -3 }} {{ 1e6 }}",
                "1 1.5 1000 31 97 15 1000 -3 1e+06",
            ),
            ("{{ \"q\\\"x\" }} {{ `raw\\n` }} {{ true }}", "q\"x raw\\n true"),
            ("{{ \"a\" | printf \"%s-%s\" \"b\" }}", "b-a"),
            ("{{ print (1) (\"x\" | print) }}", "1x"),
            ("{{ not nil }} {{ print nil }}", "true <nil>"),
        ];
        for (text, out) in cases {
            assert_eq!(render(text), out, "{text}");
        }
    }

    #[test]
    fn arguments_have_types() {
        let cases = [
            ("{{ upper .none }}", "wrong type for value; expected string; got interface {}"),
            ("{{ .none | upper }}", "invalid value; expected string"),
            ("{{ .none | trunc 5 }}", "invalid value; expected string"),
            ("{{ upper .big }}", "wrong type for value; expected string; got float64"),
            ("{{ until .big }}", "wrong type for value; expected int; got float64"),
            ("{{ until .set }}", "wrong type for value; expected int; got int64"),
            ("{{ until \"x\" }}", "expected integer; found \"x\""),
            ("{{ upper 1 }}", "expected string; found 1"),
            ("{{ upper nil }}", "cannot assign nil to string"),
            (
                "{{ hasKey .text \"x\" }}",
                "wrong type for value; expected map[string]interface {}; got string",
            ),
            ("{{ hasKey \"s\" \"x\" }}", "can't handle \"s\" for arg of type map[string]interface {}"),
            ("{{ ternary 1 2 \"x\" }}", "expected bool; found \"x\""),
            ("{{ nil }}", "nil is not a command"),
            ("{{ .text 1 }}", "text is not a method but has arguments"),
            ("{{ 1 2 }}", "can't give argument to non-function 1"),
            ("{{ $x := 1 }}{{ $x 2 }}", "can't give argument to non-function $x"),
            ("{{ 9223372036854775808 }}", "9223372036854775808 overflows int"),
            ("{{ (nil).x }}", "nil is not a command"),
            (
                "{{ if and false ($x := 1) }}{{ end }}{{ $x := 0 }}{{ if or true ($y := 1) }}{{ $y }}{{ end }}",
                "undefined variable: $y",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(failure(text), message, "{text}");
        }
    }
}
