//! The names that `--allow` takes. They are read only when one is given or asked for: every start builds the command
//! line, and the file of rules is large.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::rule::CLASSES;
use crate::config::nearest;
use crate::failure::Failure;
use crate::plan::preflight;

/// Takes any name, since `release.yaml` may name files with rules of the user's own; [`known`] refuses those that
/// nobody has. Offers the names of the program itself to a shell.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckName;

impl TypedValueParser for CheckName {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        NonEmptyStringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(names(&Knowledge::built_in()).into_iter().map(PossibleValue::new)))
    }
}

/// Nothing, or a refusal of the first name that is neither a check, nor a rule on versions, nor a class of them.
/// `knowledge`: what is known of this chart, read already.
pub(super) fn known(allowed: &[String], knowledge: Option<&Knowledge>) -> Result<(), Failure> {
    if allowed.is_empty() {
        return Ok(());
    }
    let names = knowledge.map_or_else(|| names(&Knowledge::built_in()), names);
    let Some(unknown) = allowed.iter().find(|name| !names.contains(*name)) else { return Ok(()) };
    let near = nearest(unknown, names.iter().map(String::as_str));
    let hint = near.map_or_else(
        || "`release explain` lists them".to_owned(),
        |near| format!("did you mean `{near}`? `release explain` lists them"),
    );
    Err(Failure::refused(format!("there is no check `{unknown}` that --allow could override")).hint(hint))
}

fn names(known: &Knowledge) -> BTreeSet<String> {
    let rules = known.rules().iter().map(|rule| rule.id.clone());
    preflight::CHECKS.into_iter().chain(CLASSES).map(ToOwned::to_owned).chain(rules).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_is_refused_with_the_nearest() {
        let check = |name: &str| known(&[name.to_owned()], None);
        assert!(check("unhealthy").is_ok() && check("slow-ca").is_ok() && check("upgrade-notes").is_ok());
        let refused = check("unhealty").unwrap_err();
        assert_eq!(refused.hints(), ["did you mean `unhealthy`? `release explain` lists them"]);
    }
}
