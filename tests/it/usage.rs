//! What the program says when it is called wrongly: always exit code 1, because 2 means "there are changes".

use insta::assert_snapshot;

use crate::support::world::World;

#[test]
fn a_typo_is_told_with_the_nearest_right_word() {
    let world = World::new();
    assert_snapshot!(world.release(["--cluser", "eks-development-1"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: unexpected argument '--cluser' found

      tip: a similar argument exists: '--cluster'

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["confg", "check"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'confg'

      tip: a similar subcommand exists: 'config'

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["--all", "--on-failure", "rolback"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'rolback' for '--on-failure <WHAT>'
      [possible values: halt, rollback]

      tip: a similar value exists: 'rollback'

    For more information, try '--help'.
    ");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let world = World::new();
    assert_snapshot!(world.release(["--all", "--timeout", "10 minutes"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: invalid value '10 minutes' for '--timeout <DURATION>': `10 minutes` is not a duration; write it like `90s`, `10m` or `1h30m`

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["--all", "--report", "html=x"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'html=x' for '--report <KIND=FILE>': write junit=FILE or json=FILE

    For more information, try '--help'.
    ");
}

#[test]
fn arguments_that_contradict_each_other_are_refused() {
    let world = World::new();
    assert_snapshot!(world.release(["--all", "--ref", "main", "--version", "1.11.5"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the argument '--ref <REF>' cannot be used with '--version <VERSION>'

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["--all", "--cluster", "eks-development-1"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the argument '--all' cannot be used with '--cluster <NAME>'

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["--all", "--detailed-exitcode"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      --dry-run

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.release(["--cluster", "eks-development-1", "config", "check"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `--cluster` in front of `config` belongs to the main job; write it behind: release config --cluster

    Usage: release [OPTIONS] --cluster <NAME>
           release [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn nothing_at_all_prints_the_help_and_fails() {
    let ran = World::new().release(Vec::<&str>::new());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("Usage:"), "{ran}");
}
