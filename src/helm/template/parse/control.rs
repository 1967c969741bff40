//! The grammar of actions: texts, `if`, `with`, `range`, `define`, `block`, `template`, `break`, `continue`.

use super::token::{Kind, Token};
use super::tree::{Call, Node, Pipe};
use super::{Parser, unquote};
use crate::helm::template::text::Text;

/// What a list of nodes ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

/// A node, or what ends a list of them.
enum Item {
    Node(Node),
    End(End),
}

impl End {
    fn text(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

impl Parser<'_> {
    /// The whole text.
    pub(super) fn file(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelimiter {
                let delimiter = self.next();
                if self.next_past_space().kind == Kind::Define {
                    self.in_own_scope(Self::definition)?;
                    continue;
                }
                self.give_back_two(delimiter);
            }
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Err(self.error(format!("unexpected {}", end.text()))),
            }
        }
        Ok(nodes)
    }

    fn in_own_scope<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        let outer = std::mem::take(&mut self.scope);
        let result = read(self);
        self.scope = outer;
        result
    }

    fn definition(&mut self) -> Result<(), String> {
        const CONTEXT: &str = "define clause";
        let token = self.next_past_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        self.named_body(name, CONTEXT)
    }

    fn named_body(&mut self, name: Text, context: &str) -> Result<(), String> {
        match self.list()? {
            (body, End::End) => self.add(name, body),
            (_, end) => Err(self.error(format!("unexpected {} in {context}", end.text()))),
        }
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Result<Text, String> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquote(token),
            _ => Err(self.unexpected(token, context)),
        }
    }

    pub(super) fn unquote(&self, token: &Token<'_>) -> Result<Text, String> {
        unquote::string(token.text).map(Text::from).ok_or_else(|| self.error("invalid syntax"))
    }

    fn list(&mut self) -> Result<(Vec<Node>, End), String> {
        self.check_stack()?;
        let mut nodes = Vec::new();
        while self.peek_past_space().kind != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((nodes, end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn item(&mut self) -> Result<Item, String> {
        let token = self.next_past_space();
        match token.kind {
            Kind::Text => {
                Ok(Item::Node(Node::Text { start: token.position, end: token.position + token.text.len() }))
            }
            Kind::LeftDelimiter => {
                self.scope.action_line = token.line;
                let item = self.action();
                self.scope.action_line = 0;
                item
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item, String> {
        let node = match self.next_past_space().kind {
            Kind::Block => self.block()?,
            Kind::Break => self.jump("{{break}}", Node::Break)?,
            Kind::Continue => self.jump("{{continue}}", Node::Continue)?,
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => self.branch(false)?,
            Kind::Range => self.range()?,
            Kind::Template => self.template()?,
            Kind::With => self.branch(true)?,
            _ => {
                self.give_back();
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, name: &str, node: Node) -> Result<Node, String> {
        self.expect(Kind::RightDelimiter, name)?;
        if self.scope.ranges == 0 {
            Err(self.error(format!("{name} outside {{{{range}}}}")))
        } else {
            Ok(node)
        }
    }

    /// `else`; an `if` or `with` after it is left for the branch that it belongs to.
    fn otherwise(&mut self) -> Result<Item, String> {
        if !matches!(self.peek_past_space().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Item::End(End::Else))
    }

    fn branch(&mut self, with: bool) -> Result<Node, String> {
        let (context, again) = if with { ("with", Kind::With) } else { ("if", Kind::If) };
        let declared = self.scope.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelimiter)?;
        let (body, end) = self.list()?;
        let otherwise = match end {
            End::End => Vec::new(),
            End::Else if self.peek().kind == again => {
                self.next();
                self.check_stack()?;
                vec![self.branch(with)?]
            }
            End::Else => self.last_list()?,
        };
        self.scope.variables.truncate(declared);
        Ok(Node::Branch { with, pipe, body, otherwise })
    }

    fn range(&mut self) -> Result<Node, String> {
        let declared = self.scope.variables.len();
        let pipe: Pipe = self.pipeline("range", Kind::RightDelimiter)?;
        self.scope.ranges += 1;
        let (body, end) = self.list()?;
        self.scope.ranges -= 1;
        let otherwise = if end == End::End { Vec::new() } else { self.last_list()? };
        self.scope.variables.truncate(declared);
        Ok(Node::Range { pipe, body, otherwise })
    }

    fn last_list(&mut self) -> Result<Vec<Node>, String> {
        match self.list()? {
            (nodes, End::End) => Ok(nodes),
            (_, end) => Err(self.error(format!("expected end; found {}", end.text()))),
        }
    }

    fn block(&mut self) -> Result<Node, String> {
        const CONTEXT: &str = "block clause";
        let token = self.next_past_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        self.in_own_scope(|parser| parser.named_body(name.clone(), CONTEXT))?;
        Ok(Node::Template(Call { position: token.position, name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Result<Node, String> {
        const CONTEXT: &str = "template clause";
        let token = self.next_past_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_past_space().kind != Kind::RightDelimiter {
            self.give_back();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?);
        }
        Ok(Node::Template(Call { position: token.position, name, pipe }))
    }
}
