//! Reads a template into trees: one for the text itself and one for each `define` and `block` in it. Executes
//! nothing.

mod control;
mod expression;
mod lex;
mod number;
mod token;
pub(super) mod tree;
mod unquote;

use std::rc::Rc;

use lex::Lexer;
use token::{Kind, Token};
use tree::{Definition, Node, Source};

use super::callable::Functions;
use super::stack::Stack;
use super::text::Text;

/// Reads a text; the definitions in it are in the order in which Go would have added them. The error is Go's
/// own text.
pub(super) fn parse(
    name: &Text,
    text: Text,
    functions: &Functions,
    stack: Stack,
) -> Result<Vec<Rc<Definition>>, String> {
    let source = Rc::new(Source { name: name.clone(), text });
    let bytes = source.text.clone();
    let mut parser = Parser {
        source,
        functions,
        stack,
        lexer: Lexer::new(bytes.bytes()),
        scope: Scope::default(),
        definitions: Vec::new(),
    };
    let body = parser.file()?;
    parser.add(name.clone(), body)?;
    Ok(parser.definitions)
}

struct Parser<'s> {
    source: Rc<Source>,
    functions: &'s Functions,
    stack: Stack,
    lexer: Lexer<'s>,
    scope: Scope<'s>,
    definitions: Vec<Rc<Definition>>,
}

/// What every definition has of its own.
struct Scope<'s> {
    /// Tokens that were looked at and given back; the last one read is the first.
    tokens: [Token<'s>; 3],
    /// How many were given back.
    given_back: usize,
    variables: Vec<Rc<str>>,
    /// The line of the action that is being read, 0 outside.
    action_line: usize,
    ranges: usize,
}

impl Default for Scope<'_> {
    fn default() -> Self {
        let nothing = Token { kind: Kind::Eof, text: b"", position: 0, line: 0 };
        Self { tokens: [nothing; 3], given_back: 0, variables: vec!["$".into()], action_line: 0, ranges: 0 }
    }
}

impl<'s> Parser<'s> {
    fn next(&mut self) -> Token<'s> {
        let scope = &mut self.scope;
        if scope.given_back > 0 {
            scope.given_back -= 1;
        } else {
            scope.tokens[0] = self.lexer.next();
        }
        scope.tokens[scope.given_back]
    }

    fn give_back(&mut self) {
        self.scope.given_back += 1;
    }

    /// Gives back a token that was read before the last one.
    fn give_back_two(&mut self, first: Token<'s>) {
        self.scope.tokens[1] = first;
        self.scope.given_back = 2;
    }

    /// Gives back two tokens that were read before the last one.
    fn give_back_three(&mut self, first: Token<'s>, second: Token<'s>) {
        self.scope.tokens[1] = second;
        self.scope.tokens[2] = first;
        self.scope.given_back = 3;
    }

    fn peek(&mut self) -> Token<'s> {
        let token = self.next();
        self.give_back();
        token
    }

    fn next_past_space(&mut self) -> Token<'s> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_past_space(&mut self) -> Token<'s> {
        let token = self.next_past_space();
        self.give_back();
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'s>, String> {
        let token = self.next_past_space();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(&token, context)) }
    }

    /// An error at the last token that was read.
    fn error(&self, message: impl AsRef<str>) -> String {
        format!("template: {}:{}: {}", self.source.name.lossy(), self.scope.tokens[0].line, message.as_ref())
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> String {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.describe()));
        }
        let message = &self.lexer.error;
        let started = self.scope.action_line;
        if started == 0 || started == token.line {
            return self.error(message);
        }
        let in_action = if message.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{message}{in_action} started at {}:{started}", self.source.name.lossy()))
    }

    fn check_stack(&self) -> Result<(), String> {
        if self.stack.is_full() { Err(self.error("max expression depth exceeded")) } else { Ok(()) }
    }

    /// Adds a definition; of two with one name and something in them Go accepts neither.
    fn add(&mut self, name: Text, body: Vec<Node>) -> Result<(), String> {
        let definition = Definition { name, source: Rc::clone(&self.source), body };
        match self.definitions.iter().position(|other| other.name == definition.name) {
            None => self.definitions.push(Rc::new(definition)),
            Some(index) if self.definitions[index].is_empty() => {
                self.definitions[index] = Rc::new(definition);
            }
            Some(_) if definition.is_empty() => {}
            Some(_) => {
                let name = super::print::quote(definition.name.bytes(), false);
                return Err(self.error(format!("template: multiple definition of template {name}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::tree::Node;
    use super::*;
    use crate::helm::template::stack;

    /// The actions of a text and of its definitions as Go's errors would quote them, or the error.
    fn read(text: &str) -> Result<String, String> {
        stack::with_room(|stack| {
            let definitions = parse(&"f".into(), text.into(), &Functions::new([]), stack)?;
            let shown = |definition: &Rc<Definition>| {
                let actions: Vec<String> = definition.body.iter().filter_map(shown).collect();
                format!("{}: {}", definition.name.lossy(), actions.join("; "))
            };
            Ok(definitions.iter().map(shown).collect::<Vec<_>>().join(" / "))
        })
        .unwrap()
    }

    fn shown(node: &Node) -> Option<String> {
        match node {
            Node::Action(pipe) | Node::Branch { pipe, .. } | Node::Range { pipe, .. } => {
                Some(format!("{}@{pipe}", pipe.position))
            }
            Node::Template(call) => Some(format!("{}@{call}", call.position)),
            Node::Text { .. } | Node::Break | Node::Continue => None,
        }
    }

    #[test]
    fn trees_know_their_places_and_write_themselves() {
        let cases = [
            ("{{ .a.b | print \"x\" }}", "f: 3@.a.b | print \"x\""),
            ("{{ $x, $y := 1 }}", "template: f:1: too many declarations in command"),
            ("{{ $x := (print 1).a.b }}{{ $x.y.z }}", "f: 3@$x := (print 1).a.b; 28@$x.y.z"),
            ("{{ range $k, $v := . }}{{ end }}", "f: 9@$k, $v := ."),
            (
                "{{ define \"d\" }}{{ 1 }}{{ end }}{{ template \"d\" nil }}",
                "d: 19@1 / f: 44@{{template \"d\" nil}}",
            ),
            ("{{ block \"d\" . }}{{ print `a` }}{{ end }}", "d: 20@print `a` / f: 9@{{template \"d\" .}}"),
            ("a{{- if not true -}}\n{{ end }}", "f: 8@not true"),
        ];
        for (text, tree) in cases {
            let read = read(text);
            assert_eq!(read.unwrap_or_else(|error| error), tree, "{text}");
        }
    }

    #[test]
    fn what_go_refuses_and_where() {
        let cases = [
            ("\n{{ foo }}", "2: function \"foo\" not defined"),
            ("{{ $x }}", "1: undefined variable \"$x\""),
            ("{{ if 1 }}{{ $x := 1 }}{{ end }}{{ $x }}", "1: undefined variable \"$x\""),
            ("{{ end }}", "1: unexpected {{end}}"),
            ("{{ if }}{{ end }}", "1: missing value for if"),
            ("{{ if 1 }}\n", "2: unexpected EOF"),
            ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "1: expected end; found {{else}}"),
            ("{{ break }}", "1: {{break}} outside {{range}}"),
            ("{{ 1 | 2 }}", "1: non executable command in pipeline stage 2"),
            ("{{ | print }}", "1: unexpected \"|\" in command"),
            ("{{ \"x\".y }}", "1: unexpected . after term \"\\\"x\\\"\""),
            ("{{ \"\\q\" }}", "1: invalid syntax"),
            ("{{ template 1 }}", "1: unexpected \"1\" in template clause"),
            ("{{ range $a, 1 }}{{ end }}", "1: range can only initialize variables"),
            ("{{ range $a, $b, $c := . }}{{ end }}", "1: too many declarations in range"),
            ("{{ if 1 }}{{ define \"x\" }}{{ end }}{{ end }}", "1: unexpected <define> in command"),
            (
                "{{ define \"x\" }}1{{ end }}{{ define \"x\" }}2{{ end }}",
                "1: template: multiple definition of template \"x\"",
            ),
            ("{{ print\n.x", "2: unclosed action started at f:1"),
            ("{{ (print\n}}", "2: unclosed left paren in action started at f:1"),
            ("{{ print \"some long text\" @ }}", "1: unexpected \"@\" in operand"),
        ];
        for (text, error) in cases {
            assert_eq!(read(text).unwrap_err(), format!("template: f:{error}"), "{text}");
        }
    }

    #[test]
    fn a_later_definition_with_nothing_in_it_replaces_none() {
        assert_eq!(
            read("{{ define \"x\" }}{{ 1 }}{{ end }}{{ define \"x\" }} {{ end }}").unwrap(),
            "x: 19@1 / f: "
        );
    }
}
