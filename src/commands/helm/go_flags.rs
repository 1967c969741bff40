//! Flags as helm reads them: `--flag`, `--flag=true` and `--flag=false`, in Go's words for truth.

use clap::{Arg, ArgAction, Command};

/// Lets every flag of every verb be given a value.
pub(super) fn with_values(verb: Command) -> Command {
    verb.mut_args(with_value).mut_subcommands(with_values)
}

fn with_value(flag: Arg) -> Arg {
    if !matches!(flag.get_action(), ArgAction::SetTrue) {
        return flag;
    }
    let flag = flag.action(ArgAction::Set).num_args(0..=1).require_equals(true).value_name("BOOL");
    flag.default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
        .value_parser(truth)
}

fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("it is neither `true` nor `false`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(line: &str) -> Option<bool> {
        let verb = Command::new("x").arg(Arg::new("wait").long("wait").short('w').action(ArgAction::SetTrue));
        let matches =
            with_values(verb).try_get_matches_from(std::iter::once("x").chain(line.split_whitespace()));
        matches.ok().map(|matches| matches.get_one::<bool>("wait").copied().unwrap_or_default())
    }

    #[test]
    fn a_flag_is_true_unless_it_says_otherwise() {
        let table = [
            ("", false),
            ("--wait", true),
            ("-w", true),
            ("--wait=true", true),
            ("--wait=F", false),
            ("--wait=1", true),
        ];
        for (line, expected) in table {
            assert_eq!(wait(line), Some(expected), "{line}");
        }
        assert_eq!((wait("--wait=maybe"), wait("--wait true")), (None, None));
    }
}
