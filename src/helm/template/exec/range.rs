//! `{{range}}` over whole numbers, slices, maps and objects that have entries.

use super::run::{Flow, Run};
use crate::helm::template::error::TemplateError;
use crate::helm::template::parse::tree::{Node, Pipe};
use crate::helm::template::print;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// A `{{range}}`.
#[derive(Clone, Copy)]
struct Loop<'t> {
    pipe: &'t Pipe,
    body: &'t [Node],
    /// How many variables there are before those of the body.
    mark: usize,
}

impl<'t> Run<'t, '_, '_> {
    pub(super) fn range(
        &mut self,
        dot: &Typed,
        pipe: &'t Pipe,
        body: &'t [Node],
        otherwise: &'t [Node],
    ) -> Result<Flow, TemplateError> {
        let outer = self.variables.len();
        let over = self.pipeline(dot, pipe)?.value;
        let each = Loop { pipe, body, mark: self.variables.len() };
        let visited = self.visit(each, &over)?;
        let flow = if visited { Flow::Done } else { self.walk(dot, otherwise)? };
        self.variables.truncate(outer);
        Ok(flow)
    }

    /// Whether there was anything to visit.
    fn visit(&mut self, each: Loop<'t>, over: &Value) -> Result<bool, TemplateError> {
        match over {
            Value::Nil => Ok(false),
            Value::Int(count) => self.visit_all(
                each,
                (0..*count).map(|number| (None, Typed::concrete(Value::Int(number)))),
                over,
            ),
            Value::Int64(count) => self.visit_all(
                each,
                (0..*count).map(|number| (None, Typed::concrete(Value::Int64(number)))),
                over,
            ),
            Value::List(list) => {
                let items = list.items.iter().map(|item| Typed::in_list(item.clone(), list.kind));
                self.visit_all(each, counted(items), over)
            }
            Value::Bytes(bytes) => {
                let items = bytes.bytes().iter().map(|byte| Typed::concrete(Value::Int(i64::from(*byte))));
                self.visit_all(each, counted(items), over)
            }
            Value::Map(map) => {
                let entries = map.entries().into_iter();
                let entries =
                    entries.map(|(key, value)| (Some(Value::Str(key)), Typed::in_map(value, map.kind)));
                self.visit_all(each, entries, over)
            }
            Value::Object(object) => match object.entries() {
                Some(entries) => {
                    let entries = entries.into_iter().map(|(key, value)| (Some(key), Typed::concrete(value)));
                    self.visit_all(each, entries, over)
                }
                None => Err(self.error(format!("range can't iterate over {}", print::display(over).lossy()))),
            },
            Value::Bool(_) | Value::Float(_) | Value::Str(_) => {
                Err(self.error(format!("range can't iterate over {}", print::display(over).lossy())))
            }
        }
    }

    fn visit_all(
        &mut self,
        each: Loop<'t>,
        items: impl Iterator<Item = (Option<Value>, Typed)>,
        over: &Value,
    ) -> Result<bool, TemplateError> {
        let mut visited = false;
        for (key, item) in items {
            if key.is_none() && each.pipe.variables.len() > 1 {
                let shown = print::display(over);
                return Err(
                    self.error(format!("can't use {} to iterate over more than one variable", shown.lossy()))
                );
            }
            visited = true;
            self.step()?;
            self.set_loop_variables(each, key, &item)?;
            let flow = self.walk(&item, each.body)?;
            self.variables.truncate(each.mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(visited)
    }

    /// One variable gets the element, of two the first gets the key.
    fn set_loop_variables(
        &mut self,
        each: Loop<'t>,
        key: Option<Value>,
        item: &Typed,
    ) -> Result<(), TemplateError> {
        let key = Typed::concrete(key.unwrap_or(Value::Nil));
        let values = match each.pipe.variables.as_slice() {
            [] => return Ok(()),
            [_] => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        let first = each.mark.saturating_sub(values.len());
        for (index, (name, value)) in each.pipe.variables.iter().zip(values).enumerate() {
            if each.pipe.assign {
                self.assign(name, value)?;
            } else if let Some(variable) = self.variables.get_mut(first + index) {
                variable.value = value;
            }
        }
        Ok(())
    }
}

fn counted(items: impl Iterator<Item = Typed>) -> impl Iterator<Item = (Option<Value>, Typed)> {
    (0..).map(|index| Some(Value::Int(index))).zip(items)
}

#[cfg(test)]
mod tests {
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn everything_that_can_be_ranged_over() {
        let cases = [
            ("{{ range .list }}[{{ . }}]{{ end }}", "[x][1][<no value>][map[k:v]]"),
            (
                "{{ range $i, $v := .list }}[{{ $i }}={{ $v }}]{{ end }}",
                "[0=x][1=1][2=<no value>][3=map[k:v]]",
            ),
            ("{{ range $k, $v := .map }}[{{ $k }}={{ $v }}]{{ end }}", "[a=two][none=<no value>][z=1]"),
            ("{{ range $v := .map }}[{{ $v }}]{{ end }}", "[two][<no value>][1]"),
            ("{{ range 3 }}{{ . }}{{ end }}{{ range $i := .set }}{{ $i }}{{ end }}", "012012"),
            (
                "{{ range 0 }}a{{ else }}b{{ end }}{{ range .none }}a{{ else }}b{{ end }}{{ range .empty }}a{{ else }}b{{ end }}",
                "bbb",
            ),
            ("{{ range .numbers }}{{ if eq . 2.0 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "13"),
            ("{{ range .numbers }}{{ if eq . 2.0 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1"),
            ("{{ range .numbers }}{{ range $.numbers }}{{ break }}{{ end }}{{ . }}{{ end }}", "123"),
            ("{{ $x := 0 }}{{ range .numbers }}{{ $x = . }}{{ end }}{{ $x }}", "3"),
            ("{{ $i := 0 }}{{ $v := 0 }}{{ range $i, $v = .numbers }}{{ end }}{{ $i }}{{ $v }}", "23"),
            (
                "{{ $m := dict \"a\" 1 }}{{ range $k, $v := $m }}{{ $_ := set $m \"b\" 2 }}{{ $k }}{{ end }}{{ len $m }}",
                "a2",
            ),
        ];
        for (text, out) in cases {
            assert_eq!(render(text), out, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_ranged_over() {
        assert_eq!(failure("{{ range .text }}{{ end }}"), "range can't iterate over text");
        assert_eq!(failure("{{ range .half }}{{ end }}"), "range can't iterate over 1.5");
        assert_eq!(
            failure("{{ range $i, $v := 3 }}{{ end }}"),
            "can't use 3 to iterate over more than one variable"
        );
    }
}
