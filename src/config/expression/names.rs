//! Are the names of an expression right, and does each part result in what its place asks for? What only an
//! object can tell is let through.

use cel::Program;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::OBJECT;
use super::functions::{FUNCTIONS, MACROS, ResultType, TYPES};
use super::mistake::Mistake;

/// A walk through an expression.
pub(super) struct Names<'p> {
    program: &'p Program,
    /// The variables of the loops around, innermost last.
    scope: Vec<(&'p str, ResultType)>,
    mistakes: Vec<Mistake>,
}

impl<'p> Names<'p> {
    /// Everything that is wrong with a program that has to result in `wanted`.
    pub(super) fn check(program: &'p Program, wanted: ResultType) -> Vec<Mistake> {
        let mut names = Self { program, scope: vec![(OBJECT, ResultType::Any)], mistakes: Vec::new() };
        let form = names.form(program.expression());
        if names.mistakes.is_empty() && !form.may_be(wanted) {
            let length = program.source_info().source.chars().count();
            let message = format!("it has to result in {}, not in {}", wanted.words(), form.words());
            names.mistakes.push(Mistake::new(0, length, message));
        }
        names.mistakes
    }

    fn form(&mut self, at: &'p IdedExpr) -> ResultType {
        match &at.expr {
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Literal(literal) => of_literal(literal),
            Expr::List(list) => {
                self.walk(&list.elements);
                ResultType::List
            }
            Expr::Map(map) => {
                map.entries.iter().for_each(|entry| self.entry(&entry.expr));
                ResultType::Map
            }
            Expr::Struct(_) => {
                self.tell(at, 1, "there are no message types here");
                ResultType::Any
            }
            Expr::Unspecified => ResultType::Any,
        }
    }

    fn walk(&mut self, parts: impl IntoIterator<Item = &'p IdedExpr>) {
        for part in parts {
            self.form(part);
        }
    }

    fn entry(&mut self, entry: &'p EntryExpr) {
        if let EntryExpr::MapEntry(entry) = entry {
            self.form(&entry.key);
            self.form(&entry.value);
        }
    }

    fn name(&mut self, at: &IdedExpr, name: &str) -> ResultType {
        if let Some((_, form)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return *form;
        }
        if !TYPES.contains(&name) && name != "null_type" {
            let known = self.scope.iter().map(|(known, _)| (*known).to_owned());
            let known = known.filter(|known| !known.starts_with('@')).collect();
            let message = format!("there is no variable `{name}`, only `{OBJECT}` and what a loop names");
            self.unknown(self.place(at), name, message, known);
        }
        ResultType::Any
    }

    fn select(&mut self, select: &'p SelectExpr) -> ResultType {
        self.form(&select.operand);
        if select.test { ResultType::Bool } else { ResultType::Any }
    }

    fn call(&mut self, at: &'p IdedExpr, call: &'p CallExpr) -> ResultType {
        if !call.func_name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return self.operator(at, call);
        }
        let namespace = call.target.as_deref().and_then(|target| match &target.expr {
            Expr::Ident(name) => Some(format!("{name}.{}", call.func_name)),
            _ => None,
        });
        let named = |name: &str| FUNCTIONS.iter().find(|function| function.name == name);
        let in_namespace = namespace.as_deref().and_then(named);
        let Some(function) = in_namespace.or_else(|| named(&call.func_name)) else {
            self.unknown_function(at, &call.func_name);
            return ResultType::Any;
        };
        let target = call.target.as_deref().filter(|_| in_namespace.is_none());
        if let Some(misuse) = function.misuse(target.is_some(), call.args.len()) {
            let length = call.func_name.chars().count();
            self.mistakes.push(Mistake::new(self.start(at, length), length, misuse));
        }
        self.walk(target);
        self.walk(&call.args);
        function.result
    }

    fn operator(&mut self, at: &'p IdedExpr, call: &'p CallExpr) -> ResultType {
        let forms: Vec<ResultType> = call.args.iter().map(|argument| self.form(argument)).collect();
        match (call.func_name.as_str(), forms.as_slice()) {
            ("_&&_" | "_||_" | "!_", _) => {
                for (argument, form) in call.args.iter().zip(&forms) {
                    self.want_bool(argument, *form);
                }
                ResultType::Bool
            }
            ("_?_:_", [asked, yes, no]) => {
                self.want_bool(&call.args[0], *asked);
                if yes == no { *yes } else { ResultType::Any }
            }
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => {
                if !left.may_be(*right) {
                    let message = format!("{} is compared with {}", left.words(), right.words());
                    self.tell(at, 2, message);
                }
                ResultType::Bool
            }
            ("@in" | "@not_strictly_false", _) => ResultType::Bool,
            ("_+_", [left, right]) if left == right => *left,
            ("-_" | "_-_" | "_*_" | "_/_" | "_%_", _) => ResultType::Number,
            _ => ResultType::Any,
        }
    }

    fn want_bool(&mut self, at: &IdedExpr, form: ResultType) {
        if !form.may_be(ResultType::Bool) {
            self.tell(at, 1, format!("this has to be true or false, and is {}", form.words()));
        }
    }

    fn comprehension(&mut self, made: &'p ComprehensionExpr) -> ResultType {
        self.form(&made.iter_range);
        let accumulator = self.form(&made.accu_init);
        let around = self.scope.len();
        let variables = [Some(&made.iter_var), made.iter_var2.as_ref()].into_iter().flatten();
        self.scope.extend(variables.map(|name| (name.as_str(), ResultType::Any)));
        self.scope.push((&made.accu_var, accumulator));
        self.form(&made.loop_cond);
        self.form(&made.loop_step);
        let form = self.form(&made.result);
        self.scope.truncate(around);
        form
    }

    fn unknown_function(&mut self, at: &IdedExpr, name: &str) {
        let known = FUNCTIONS.iter().map(|function| function.name).chain(MACROS).map(str::to_owned).collect();
        let start = self.start(at, name.chars().count());
        let message = if MACROS.contains(&name) {
            format!("`{name}` is not called like this")
        } else {
            format!("there is no function `{name}`")
        };
        self.unknown(start, name, message, known);
    }

    /// Where the name of a call begins: the parser's place of one is its parenthesis.
    fn start(&self, at: &IdedExpr, name: usize) -> usize {
        self.place(at).saturating_sub(name)
    }

    fn unknown(&mut self, offset: usize, name: &str, message: String, known: Vec<String>) {
        let unknown = Some((name.to_owned(), known));
        let mistake = Mistake { unknown, ..Mistake::new(offset, name.chars().count(), message) };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn tell(&mut self, at: &IdedExpr, length: usize, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.place(at), length, message));
    }

    /// Where it stands, in characters; the parser counts bytes.
    fn place(&self, at: &IdedExpr) -> usize {
        let source = self.program.source_info();
        let (start, _) = source.offset_for(at.id).unwrap_or_default();
        source.source.get(..start as usize).unwrap_or_default().chars().count()
    }
}

fn of_literal(literal: &LiteralValue) -> ResultType {
    match literal {
        LiteralValue::Boolean(_) => ResultType::Bool,
        LiteralValue::String(_) => ResultType::Text,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => ResultType::Number,
        LiteralValue::Bytes(_) | LiteralValue::Null => ResultType::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, Purpose};

    fn told(text: &str, wanted: Purpose) -> Vec<(usize, String)> {
        let mistakes = Language::default().compile(text, wanted).err().unwrap_or_default();
        mistakes.into_iter().map(|mistake| (mistake.offset, mistake.message)).collect()
    }

    #[test]
    fn names_and_types_are_told_with_their_place() {
        let table = [
            ("object.a.exists(c, c.type == 'x') && size(object.b) > 0", None),
            ("optional.of(object).hasValue() && type(object.x) == string", None),
            ("object.a.map(x, x + 1) == [1]", None),
            ("object.a ? object.b : 'x' == 'y'", None),
            ("'ü' == obj.x", Some((7, "there is no variable `obj`, only `object` and what a loop names"))),
            ("object.a.exists(c, c.x == d.x)", Some((26, "there is no variable `d`, only `object`"))),
            ("object.a.exsts(c, c.x)", Some((9, "there is no function `exsts`"))),
            ("object.a.exists(c)", Some((9, "`exists` is not called like this"))),
            ("object.a.startswith('x')", Some((9, "there is no function `startswith`"))),
            ("size(object.a)", Some((0, "it has to result in true or false, not in a number"))),
            ("object.a && 'x'", Some((12, "this has to be true or false, and is a text"))),
            ("object.a.all(c, size(c))", Some((20, "this has to be true or false, and is a number"))),
            ("size(object.a) == '3'", Some((15, "a number is compared with a text"))),
            ("'x' ? true : false", Some((0, "this has to be true or false, and is a text"))),
            ("'ü' == 'a'.substring(1, 2, 3)", Some((11, "`substring` takes 1 or 2 arguments, not 3"))),
            ("object.a.startsWith()", Some((9, "`startsWith` takes 1 argument, not 0"))),
            ("object.a.trim(' ') == 'a'", Some((9, "`trim` takes no argument, not 1"))),
            ("object.a.replace('a') == 'a'", Some((9, "`replace` takes 2 or 3 arguments, not 1"))),
            ("size(object.a, object.b) > 0", Some((0, "`size` takes 1 argument, not 2"))),
            ("object.a.size(object.b) > 0", Some((9, "`size` takes no argument, not 1"))),
            ("startsWith(object.a, 'b')", Some((0, "`startsWith` is called as `x.startsWith(...)`"))),
            ("object.a.int() == 3", Some((9, "`int` is called as `int(x)`"))),
            ("optional.of() == object", Some((9, "`optional.of` takes 1 argument, not 0"))),
            ("Foo{a: 1} == object", Some((3, "there are no message types here"))),
        ];
        for (text, expected) in table {
            let told = told(text, Purpose::Condition);
            match expected {
                None => assert_eq!(told, [], "{text}"),
                Some((offset, words)) => {
                    assert!(
                        told.len() == 1 && told[0].0 == offset && told[0].1.starts_with(words),
                        "{text}: {told:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_message_has_to_be_a_text() {
        assert_eq!(told("'phase ' + object.status.phase", Purpose::Message), []);
        assert_eq!(told("'a' + 'b'", Purpose::Message), []);
        assert_eq!(
            told("object.a == 'b'", Purpose::Message)[0].1,
            "it has to result in a text, not in true or false"
        );
    }
}
