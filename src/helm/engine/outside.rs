//! What lies outside of the templates, as the executor asks for it.

use std::net::ToSocketAddrs as _;

use super::request::{Lookup, Render};
use crate::helm::template::{Map, Outside, Text, Value};

/// The cluster, the DNS and the mode of rendering.
pub(super) struct World<'w> {
    lookup: &'w mut dyn Lookup,
    strict: bool,
    lint: bool,
    dns: bool,
}

impl<'w> World<'w> {
    pub(super) fn new(request: &Render<'_>, lookup: &'w mut dyn Lookup) -> Self {
        Self { lookup, strict: request.strict, lint: request.lint, dns: request.dns }
    }
}

impl Outside for World<'_> {
    fn lookup(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Value, String> {
        if self.lint {
            return Ok(Value::Map(Map::default()));
        }
        self.lookup.lookup(api_version, kind, namespace, name).map(|object| Value::from(&object))
    }

    fn host_by_name(&mut self, name: &str) -> Text {
        let addresses = self.dns.then(|| (name, 0).to_socket_addrs().ok()).flatten();
        let first = addresses.and_then(|mut addresses| addresses.next());
        first.map_or_else(|| Text::from(""), |address| Text::from(address.ip().to_string()))
    }

    fn linting(&self) -> bool {
        self.lint
    }

    fn strict(&self) -> bool {
        self.strict
    }
}

/// Nothing lies outside: no cluster, no DNS.
pub(super) struct Nowhere;

impl Outside for Nowhere {
    fn lookup(
        &mut self,
        _api_version: &str,
        _kind: &str,
        _namespace: &str,
        _name: &str,
    ) -> Result<Value, String> {
        Ok(Value::Map(Map::default()))
    }

    fn host_by_name(&mut self, _name: &str) -> Text {
        Text::from("")
    }

    fn linting(&self) -> bool {
        false
    }

    fn strict(&self) -> bool {
        false
    }
}
