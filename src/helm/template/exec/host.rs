//! What functions may ask of the executor: `include`, `tpl`, the cluster.

use std::rc::Rc;

use memchr::memmem;

use super::Executor;
use crate::helm::template::error::TemplateError;
use crate::helm::template::function::{FunctionError, Host};
use crate::helm::template::parse::tree::Definition;
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// How often a template may be included inside itself.
const MAX_NESTED_INCLUDES: usize = 1000;

impl Host for Executor<'_> {
    fn include(&mut self, name: &Text, data: Value) -> Result<Text, FunctionError> {
        let nested = self.included.entry(name.clone()).or_default();
        if *nested > MAX_NESTED_INCLUDES {
            let text = format!(
                "rendering template has a nested reference name: {}: unable to execute template",
                name.lossy()
            );
            return Err(FunctionError::Said(text));
        }
        *nested += 1;
        let mut out = Vec::new();
        let result = self.execute(name, data, &mut out);
        if let Some(nested) = self.included.get_mut(name) {
            *nested -= 1;
        }
        result.map(|()| Text::from(out)).map_err(|error| FunctionError::Template(Box::new(error)))
    }

    fn tpl(&mut self, template: &Text, data: Value) -> Result<Text, FunctionError> {
        let during = |what: &str| format!("{what} {}: ", print::quote(template.bytes(), false));
        let failed =
            |error: TemplateError, what| FunctionError::Template(Box::new(error.within(during(what))));
        let (main, others) = self
            .read_text(template)
            .map_err(|text| failed(TemplateError::new(text), "cannot parse template"))?;
        let outer = Rc::clone(&self.set);
        if !others.is_empty() {
            self.set = Rc::new(outer.overlay(others));
        }
        let mut out = Vec::new();
        let result = self.execute_definition(&main, &Typed::concrete(data), &mut out);
        self.set = outer;
        result.map_err(|error| failed(error, "error during tpl function execution for"))?;
        Ok(Text::from(without_no_value(out)))
    }

    fn lookup(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Value, FunctionError> {
        let found = self.cluster.lookup(api_version, kind, namespace, name);
        found.map(|object| Value::from(&object)).map_err(FunctionError::Said)
    }

    fn host_by_name(&mut self, name: &str) -> Text {
        (self.resolve)(name).map_or_else(|| Text::from(""), |address| Text::from(address.to_string()))
    }
}

impl Executor<'_> {
    /// The template that a text is, and those that it defines. A text is read once.
    fn read_text(&mut self, text: &Text) -> Result<(Rc<Definition>, Vec<Rc<Definition>>), String> {
        let name = Text::from("gotpl");
        if !self.read.contains_key(text) {
            let definitions = self.set.read(&name, text.clone(), self.stack)?;
            self.read.insert(text.clone(), definitions);
        }
        let definitions = self.read.get(text).map(Vec::as_slice).unwrap_or_default();
        let (main, others): (Vec<_>, Vec<_>) =
            definitions.iter().cloned().partition(|definition| definition.name == name);
        main.into_iter().next().map(|main| (main, others)).ok_or_else(|| "the text is no template".to_owned())
    }
}

/// Helm takes `<no value>` out of everything that was executed, also where the chart wrote it itself.
pub fn without_no_value(text: Vec<u8>) -> Vec<u8> {
    const NO_VALUE: &[u8] = b"<no value>";
    let mut kept = Vec::new();
    let mut rest = text.as_slice();
    while let Some(index) = memmem::find(rest, NO_VALUE) {
        kept.extend_from_slice(rest.get(..index).unwrap_or_default());
        rest = rest.get(index + NO_VALUE.len()..).unwrap_or_default();
    }
    if kept.is_empty() && rest.len() == text.len() {
        return text;
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::without_no_value;
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn includes_and_texts() {
        let cases = [
            ("{{ define \"d\" }}[{{ . }}]{{ end }}{{ include \"d\" .text | upper }}", "[TEXT]"),
            ("{{ tpl \"{{ .text }}\" . }}", "text"),
            ("{{ tpl \"{{ define \\\"in\\\" }}IN{{ end }}{{ include \\\"in\\\" . }}\" . }}", "IN"),
            (
                "{{ define \"d\" }}{{ include \"in\" . }}{{ end }}{{ tpl \"{{ define \\\"in\\\" }}IN{{ end }}{{ include \\\"d\\\" . }}\" . }}",
                "IN",
            ),
            ("{{ tpl \"<no value>{{ .none }}x\" . }}", "x"),
            ("{{ define \"d\" }}{{ .none }}{{ end }}{{ include \"d\" . | quote }}", "\"<no value>\""),
        ];
        for (text, out) in cases {
            assert_eq!(render(text), out, "{text}");
        }
    }

    #[test]
    fn what_a_text_defines_is_gone_after_it() {
        let text = "{{ tpl \"{{ define \\\"in\\\" }}IN{{ end }}\" . }}{{ include \"in\" . }}";
        assert_eq!(failure(text), "template: no template \"in\" associated with template \"gotpl\"");
    }

    #[test]
    fn errors_name_every_level() {
        insta::assert_snapshot!(render("{{ define \"d\" }}{{ .x.y }}{{ end }}\n{{ include \"d\" . }}"), @r#"
        f:2:3
          executing "f" at <include "d" .>:
            error calling include:
        f:1:21
          executing "d" at <.x.y>:
            nil pointer evaluating interface {}.y
        "#);
        insta::assert_snapshot!(render("{{ tpl \"{{ foo }}\" . }}"), @r#"template: f:1:3: executing "f" at <tpl "{{ foo }}" .>: error calling tpl: cannot parse template "{{ foo }}": template: gotpl:1: function "foo" not defined"#);
        insta::assert_snapshot!(render("{{ tpl \"{{ .x.y }}\" . }}"), @r#"template: f:1:3: executing "f" at <tpl "{{ .x.y }}" .>: error calling tpl: error during tpl function execution for "{{ .x.y }}": template: gotpl:1:5: executing "gotpl" at <.x.y>: nil pointer evaluating interface {}.y"#);
        insta::assert_snapshot!(render("{{ define \"d\" }}{{ fail \"no: way\" }}{{ end }}\n {{ include \"d\" . }}"), @"execution error at (f:2:4): no: way");
        insta::assert_snapshot!(render("{{ lookup \"v1\" \"Pod\" \"a\" \"b\" }}"), @r#"template: f:1:3: executing "f" at <lookup "v1" "Pod" "a" "b">: error calling lookup: no Pod here"#);
    }

    #[test]
    fn no_value_is_taken_out() {
        let cases = [
            ("a<no value>b<no value>", "ab"),
            ("<no <no value>value>", "<no value>"),
            ("plain", "plain"),
            ("<no value>", ""),
        ];
        for (text, kept) in cases {
            assert_eq!(without_no_value(text.as_bytes().to_vec()), kept.as_bytes());
        }
    }
}
