//! Calls of functions and methods: how many arguments, of which types, and what becomes of an error.

use std::fmt::Display;

use super::evaluate::Expected;
use super::run::Run;
use crate::helm::template::builtin::Builtin;
use crate::helm::template::callable::Callable;
use crate::helm::template::error::TemplateError;
use crate::helm::template::function::{Arguments, Function, Parameter};
use crate::helm::template::parse::tree::Operand;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// A call: where it is, its arguments, and what comes through the pipe.
pub(super) struct Call<'t> {
    pub(super) position: usize,
    pub(super) shown: &'t dyn Display,
    pub(super) arguments: &'t [Operand],
    pub(super) last: Option<Typed>,
}

/// How many arguments a call may have, and of which types.
#[derive(Clone, Copy)]
pub(super) struct Signature<'p> {
    fixed: &'p [Expected],
    variadic: Option<Expected>,
}

impl<'t> Run<'t, '_, '_> {
    pub(super) fn call(
        &mut self,
        dot: &Typed,
        function: Callable,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        let result = match function {
            Callable::And => self.short_circuit(dot, function, call, false),
            Callable::Or => self.short_circuit(dot, function, call, true),
            Callable::Builtin(builtin) => self.call_builtin(dot, builtin, call),
            Callable::Function(function) => self.call_function(dot, function, call),
        }?;
        self.executor
            .spend_on(&result.value)
            .map_err(|text| self.failed(function.name(), call, TemplateError::new(text)))?;
        Ok(result)
    }

    /// `and` and `or`: the first argument that decides, or the last.
    fn short_circuit(
        &mut self,
        dot: &Typed,
        function: Callable,
        call: &Call<'t>,
        decides: bool,
    ) -> Result<Typed, TemplateError> {
        let signature = Signature { fixed: &[Expected::Typed], variadic: Some(Expected::Typed) };
        self.check_count(function.name(), &signature, call)?;
        let mut value = Typed::concrete(Value::Nil);
        for argument in call.arguments {
            value = self.argument(dot, Expected::Typed, argument)?;
            if value.value.truth() == decides {
                return Ok(value);
            }
        }
        Ok(call.last.clone().unwrap_or(value))
    }

    fn call_builtin(
        &mut self,
        dot: &Typed,
        builtin: &Builtin,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        const TEXT_FIRST: [Expected; 1] = [Expected::Parameter(Parameter::Str)];
        const ANY: [Expected; 2] = [Expected::Typed; 2];
        let fixed =
            if builtin.text_first { &TEXT_FIRST[..] } else { ANY.get(..builtin.fixed).unwrap_or_default() };
        let signature = Signature { fixed, variadic: builtin.variadic.then_some(Expected::Typed) };
        self.check_count(builtin.name, &signature, call)?;
        let arguments = self.arguments(dot, &signature, call)?;
        self.spend_on_all(builtin.name, arguments.iter().map(|argument| &argument.value), call)?;
        (builtin.run)(&arguments).map_err(|text| self.failed(builtin.name, call, TemplateError::new(text)))
    }

    fn call_function(
        &mut self,
        dot: &Typed,
        function: &Function,
        call: &Call<'t>,
    ) -> Result<Typed, TemplateError> {
        let fixed: Vec<Expected> = function.parameters.iter().copied().map(Expected::Parameter).collect();
        let signature = Signature { fixed: &fixed, variadic: function.variadic.map(Expected::Parameter) };
        self.check_count(function.name, &signature, call)?;
        let arguments = values(self.arguments(dot, &signature, call)?);
        self.spend_on_all(function.name, arguments.iter(), call)?;
        let result = (function.run)(self.executor, Arguments(&arguments));
        // Helm's functions that return anything return an interface, but nothing looks at that before a
        // pipeline drops it.
        result.map(Typed::concrete).map_err(|error| self.failed(function.name, call, error.into()))
    }

    fn spend_on_all<'v>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = &'v Value>,
        call: &Call<'t>,
    ) -> Result<(), TemplateError> {
        for value in values {
            self.executor
                .spend_on(value)
                .map_err(|text| self.failed(name, call, TemplateError::new(text)))?;
        }
        Ok(())
    }

    /// Puts "error calling f" and its place before an error.
    pub(super) fn failed(&mut self, name: &str, call: &Call<'t>, error: TemplateError) -> TemplateError {
        self.at(call.position, call.shown);
        error.called_at(self.message(&format!("error calling {name}: ")))
    }

    pub(super) fn check_count(
        &self,
        name: &str,
        signature: &Signature<'_>,
        call: &Call<'t>,
    ) -> Result<(), TemplateError> {
        let (fixed, written) = (signature.fixed.len(), call.arguments.len());
        let given = written + usize::from(call.last.is_some());
        if signature.variadic.is_some() && given < fixed {
            return Err(
                self.error(format!("wrong number of args for {name}: want at least {fixed} got {written}"))
            );
        }
        if signature.variadic.is_none() && given != fixed {
            return Err(self.error(format!("wrong number of args for {name}: want {fixed} got {given}")));
        }
        Ok(())
    }

    pub(super) fn arguments(
        &mut self,
        dot: &Typed,
        signature: &Signature<'_>,
        call: &Call<'t>,
    ) -> Result<Vec<Typed>, TemplateError> {
        let expected = |index: usize| {
            signature.fixed.get(index).copied().or(signature.variadic).unwrap_or(Expected::Typed)
        };
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        for (index, argument) in call.arguments.iter().enumerate() {
            arguments.push(self.argument(dot, expected(index), argument)?);
        }
        if let Some(last) = &call.last {
            arguments.push(self.check(last.clone(), expected(call.arguments.len()))?);
        }
        Ok(arguments)
    }

    /// Calls a method whose parameters are known.
    pub(super) fn method_arguments(
        &mut self,
        dot: &Typed,
        name: &str,
        parameters: &[Parameter],
        call: &Call<'t>,
    ) -> Result<Vec<Value>, TemplateError> {
        let fixed: Vec<Expected> = parameters.iter().copied().map(Expected::Parameter).collect();
        let signature = Signature { fixed: &fixed, variadic: None };
        self.check_count(name, &signature, call)?;
        self.arguments(dot, &signature, call).map(values)
    }

    /// The arguments of a method whose parameters are not known.
    pub(super) fn any_arguments(
        &mut self,
        dot: &Typed,
        call: &Call<'t>,
    ) -> Result<Vec<Value>, TemplateError> {
        let signature = Signature { fixed: &[], variadic: Some(Expected::Parameter(Parameter::Any)) };
        self.arguments(dot, &signature, call).map(values)
    }
}

fn values(arguments: Vec<Typed>) -> Vec<Value> {
    arguments.into_iter().map(|argument| argument.value).collect()
}

#[cfg(test)]
mod tests {
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn the_first_argument_that_decides() {
        assert_eq!(
            render(
                "{{ and 1 0 (fail \"no\") }} {{ or 0 1 (fail \"no\") }} {{ or .none \"d\" }} {{ \"x\" | or \"\" }}"
            ),
            "0 1 d x"
        );
        assert_eq!(failure("{{ or }}"), "wrong number of args for or: want at least 1 got 0");
    }

    #[test]
    fn counts_of_arguments() {
        let cases = [
            ("{{ upper }}", "wrong number of args for upper: want 1 got 0"),
            ("{{ \"x\" | upper \"y\" }}", "wrong number of args for upper: want 1 got 2"),
            ("{{ ne 1 2 3 }}", "wrong number of args for ne: want 2 got 3"),
            ("{{ index }}", "wrong number of args for index: want at least 1 got 0"),
            ("{{ eq 1 }}", "error calling eq: missing argument for comparison"),
        ];
        for (text, message) in cases {
            assert_eq!(failure(text), message, "{text}");
        }
    }

    #[test]
    fn an_error_of_a_function_is_at_its_command() {
        insta::assert_snapshot!(render("a\n  {{ print (eq 1 1.5) }}"), @r#"template: f:2:12: executing "f" at <eq 1 1.5>: error calling eq: incompatible types for comparison: int and float64"#);
    }
}
