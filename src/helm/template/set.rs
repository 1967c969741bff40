//! The templates that know each other by name. A text that `tpl` renders may lay its own over them.

use std::collections::HashMap;
use std::rc::Rc;

use super::callable::Functions;
use super::parse::{self, tree::Definition};
use super::stack::Stack;
use super::text::Text;

/// Templates by name.
#[derive(Debug)]
pub struct Set {
    functions: Rc<Functions>,
    definitions: HashMap<Text, Rc<Definition>>,
    under: Option<Rc<Set>>,
}

impl Set {
    /// No templates yet; these are the functions that they may call.
    pub fn new(functions: Functions) -> Self {
        Self { functions: Rc::new(functions), definitions: HashMap::new(), under: None }
    }

    /// Reads a text under a name, with the definitions in it. The error is Go's text.
    pub fn parse(&mut self, name: &Text, text: Text, stack: Stack) -> Result<(), String> {
        let definitions = parse::parse(name, text, &self.functions, stack)?;
        self.add(definitions);
        Ok(())
    }

    /// Reads a text without adding anything.
    pub(super) fn read(&self, name: &Text, text: Text, stack: Stack) -> Result<Vec<Rc<Definition>>, String> {
        parse::parse(name, text, &self.functions, stack)
    }

    /// The same templates under others.
    pub(super) fn overlay(self: &Rc<Self>, definitions: Vec<Rc<Definition>>) -> Self {
        let mut set = Self {
            functions: Rc::clone(&self.functions),
            definitions: HashMap::new(),
            under: Some(Rc::clone(self)),
        };
        set.add(definitions);
        set
    }

    /// A later definition replaces an earlier one, unless it is empty.
    fn add(&mut self, definitions: Vec<Rc<Definition>>) {
        for definition in definitions {
            if self.get(&definition.name).is_none() || !definition.is_empty() {
                self.definitions.insert(definition.name.clone(), definition);
            }
        }
    }

    /// The template of a name.
    pub(super) fn get(&self, name: &Text) -> Option<&Rc<Definition>> {
        self.definitions.get(name).or_else(|| self.under.as_ref()?.get(name))
    }
}
