//! The grammar inside an action: pipelines, commands and operands.

use std::rc::Rc;

use super::Parser;
use super::number::Number;
use super::token::{Kind, Token};
use super::tree::{Command, Operand, Pipe, Term};
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::Value;

impl Parser<'_> {
    /// Commands up to `end`, perhaps after variables and `:=` or `=`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        let position = self.peek_past_space().position;
        let mut pipe = Pipe { position, variables: Vec::new(), assign: false, commands: Vec::new() };
        self.variables(&mut pipe, context)?;
        loop {
            let token = self.next_past_space();
            if token.kind == end {
                self.check(&pipe, context)?;
                return Ok(pipe);
            }
            if !token.kind.starts_operand() {
                return Err(self.unexpected(&token, context));
            }
            self.give_back();
            pipe.commands.push(self.command()?);
        }
    }

    fn variables(&mut self, pipe: &mut Pipe, context: &str) -> Result<(), String> {
        while self.peek_past_space().kind == Kind::Variable {
            let variable = self.next();
            // A space is a token, so what follows the variable may take three tokens to see.
            let after = self.peek();
            let next = self.peek_past_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assign = next.kind == Kind::Assign;
                    self.next_past_space();
                    self.declare(pipe, &variable);
                    return Ok(());
                }
                Kind::Char if next.text == b"," => {
                    self.next_past_space();
                    self.declare(pipe, &variable);
                    if context != "range" || pipe.variables.len() >= 2 {
                        return Err(self.error(format!("too many declarations in {context}")));
                    }
                    if !matches!(
                        self.peek_past_space().kind,
                        Kind::Variable | Kind::RightDelimiter | Kind::RightParen
                    ) {
                        return Err(self.error("range can only initialize variables"));
                    }
                }
                _ => {
                    if after.kind == Kind::Space {
                        self.give_back_three(variable, after);
                    } else {
                        self.give_back_two(variable);
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: &Token<'_>) {
        let name = name(variable.text);
        pipe.variables.push(Rc::clone(&name));
        self.scope.variables.push(name);
    }

    /// Only the first command of a pipeline may be something that cannot be called.
    fn check(&self, pipe: &Pipe, context: &str) -> Result<(), String> {
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        let constant = |command: &Command| {
            let first = command.operands.first().map(|operand| &operand.term);
            matches!(first, Some(Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text { .. }))
        };
        match pipe.commands.iter().skip(1).position(constant) {
            Some(index) => Err(self.error(format!("non executable command in pipeline stage {}", index + 2))),
            None => Ok(()),
        }
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut command = Command { position: self.peek_past_space().position, operands: Vec::new() };
        loop {
            self.peek_past_space();
            command.operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.give_back(),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if command.operands.is_empty() { Err(self.error("empty command")) } else { Ok(command) }
    }

    /// A term and the fields after it.
    fn operand(&mut self) -> Result<Option<Operand>, String> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(operand));
        }
        let position = self.peek().position;
        let mut added = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            added.push(name(token.text.get(1..).unwrap_or_default()));
        }
        match &mut operand.term {
            Term::Field(fields) | Term::Variable { fields, .. } => fields.extend(added),
            Term::Bool(_) | Term::Text { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                let term = print::quote(operand.to_string().as_bytes(), false);
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            Term::Function(_) | Term::Pipe(_) | Term::Chain { .. } => {
                return Ok(Some(Operand {
                    position,
                    term: Term::Chain { inner: Box::new(operand), fields: added },
                }));
            }
        }
        Ok(Some(Operand { position, ..operand }))
    }

    fn term(&mut self) -> Result<Option<Operand>, String> {
        let token = self.next_past_space();
        let text = || String::from_utf8_lossy(token.text);
        let term = match token.kind {
            Kind::Identifier => self.function(&text())?,
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => self.variable(&token)?,
            Kind::Field => Term::Field(vec![name(token.text.get(1..).unwrap_or_default())]),
            Kind::Bool => Term::Bool(token.text == b"true"),
            Kind::Number => Term::Number(Number::read(&text()).map_err(|message| self.error(message))?),
            Kind::CharConstant => {
                Term::Number(Number::read_char(token.text).map_err(|message| self.error(message))?)
            }
            Kind::Complex => return Err(self.error(format!("complex numbers are not supported: {}", text()))),
            Kind::LeftParen => {
                self.check_stack()?;
                Term::Pipe(self.pipeline("parenthesized pipeline", Kind::RightParen)?)
            }
            Kind::String | Kind::RawString => {
                Term::Text { quoted: Text::from(token.text), value: Value::Str(self.unquote(&token)?) }
            }
            _ => {
                self.give_back();
                return Ok(None);
            }
        };
        // Go places a parenthesised pipeline at its first token, behind the parenthesis.
        let position = if let Term::Pipe(pipe) = &term { pipe.position } else { token.position };
        Ok(Some(Operand { position, term }))
    }

    fn function(&self, name: &str) -> Result<Term, String> {
        let function = self.functions.get(name);
        function.map(Term::Function).ok_or_else(|| {
            self.error(format!("function {} not defined", print::quote(name.as_bytes(), false)))
        })
    }

    fn variable(&self, token: &Token<'_>) -> Result<Term, String> {
        let name = name(token.text);
        if self.scope.variables.contains(&name) {
            return Ok(Term::Variable { name, fields: Vec::new() });
        }
        Err(self.error(format!("undefined variable {}", print::quote(token.text, false))))
    }
}

fn name(text: &[u8]) -> Rc<str> {
    String::from_utf8_lossy(text).as_ref().into()
}
