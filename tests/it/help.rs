//! The whole help as one document: the reference of the command line, which cannot be out of date.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};
use insta::assert_snapshot;
use release::cli::Cli;

use crate::support::world::World;

#[test]
fn the_reference_of_the_command_line_is_current() {
    let mut text = String::from("# The command line\n");
    let mut program = Cli::command().term_width(110);
    // The global flags reach the commands only now.
    program.build();
    describe(&program, "release", &mut text);
    assert_snapshot!("cli-reference", text);
}

fn describe(command: &Command, path: &str, text: &mut String) {
    let help = command.clone().bin_name(path).term_width(110).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(text, "\n## `{path}`\n```text\n{}\n```", help.join("\n")).expect("write to a text");
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        describe(sub, &format!("{path} {}", sub.get_name()), text);
    }
}

#[test]
fn every_argument_and_command_says_what_it_is() {
    fn silent(command: &Command, path: &str, found: &mut Vec<String>) {
        let nameless = |arg: &&clap::Arg| {
            arg.get_help().is_none() && arg.get_long_help().is_none() && !arg.is_hide_set()
        };
        found.extend(command.get_arguments().filter(nameless).map(|arg| format!("{path} {}", arg.get_id())));
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            if sub.get_about().is_none() {
                found.push(path.clone());
            }
            silent(sub, &path, found);
        }
    }
    let mut found = Vec::new();
    silent(&Cli::command(), "release", &mut found);
    assert!(found.is_empty(), "without a text in the help: {found:#?}");
}

#[test]
fn every_shell_has_a_completion_script() {
    for (shell, sign) in [
        ("bash", "complete -F _release"),
        ("zsh", "#compdef release"),
        ("fish", "complete -c release"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let ran = World::new().release(["completions", shell]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout.contains(sign), "{shell}: {ran}");
        assert!(ran.stdout.contains("on-failure"), "{shell} does not know the flags: {ran}");
    }
}

#[test]
fn the_version_of_the_program() {
    let version = format!("release {}\n", env!("CARGO_PKG_VERSION"));
    for args in [["version"], ["-V"], ["--version"]] {
        let ran = World::new().release(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), version.as_str()), "{ran}");
    }
    assert_eq!(
        World::new().release(["version", "-o", "json"]).stdout,
        format!("{{\"version\":\"{}\"}}\n", env!("CARGO_PKG_VERSION"))
    );
}
