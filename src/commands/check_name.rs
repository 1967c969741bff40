//! The names that `--allow` takes. They are read only when one is given or asked for: every start builds the command
//! line, and the file of rules is large.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::rule::CLASSES;
use crate::plan::preflight;

/// Takes the name of a preflight check, of a rule on versions, or of a class of such rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckName;

impl TypedValueParser for CheckName {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        PossibleValuesParser::new(names()).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(names().into_iter().map(PossibleValue::new)))
    }
}

fn names() -> BTreeSet<String> {
    let known = Knowledge::built_in();
    let rules = known.rules().iter().map(|rule| rule.id.clone());
    preflight::CHECKS.into_iter().chain(CLASSES).map(ToOwned::to_owned).chain(rules).collect()
}
