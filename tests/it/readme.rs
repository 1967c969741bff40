//! What the README promises about the program is what the program has.

use super::support::world::World;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The commands that a help lists; none of them is an error, since then nothing would be compared.
fn commands(help: &str) -> Vec<&str> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What belongs to a command is indented further than its name.
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.filter(|name| !["", "help"].contains(name)).collect();
    assert!(!names.is_empty(), "the help lists no commands:\n{help}");
    names
}

#[test]
fn every_command_is_in_the_readme() {
    let help = World::new().release(["--help"]).stdout;
    let (commands, readme) = (commands(&help), readme());
    for known in ["rollback", "gate", "config"] {
        assert!(commands.contains(&known), "{known} is not among {commands:?}");
    }
    for command in commands {
        assert!(
            readme.contains(&format!("release {command}")),
            "the README does not show `release {command}`"
        );
    }
}

/// Code and meaning of every row of the README's table.
fn codes_of_the_readme(readme: &str) -> Vec<(String, String)> {
    let table = readme.split("## Exit codes\n").nth(1).expect("a chapter about exit codes");
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| row.trim_matches(['|', ' ']).split_once(" | ").expect("two cells"));
    cells.map(|(code, meaning)| (code.to_owned(), plain(meaning))).collect()
}

/// Code and meaning of every line of the help's list.
fn codes_of_the_help(help: &str) -> Vec<(String, String)> {
    let list = help.split("Exit codes:\n").nth(1).expect("a list of exit codes");
    let lines = list.lines().map_while(|line| line.strip_prefix("  ")?.split_once("  "));
    lines.map(|(code, meaning)| (code.to_owned(), plain(meaning))).collect()
}

/// The words alone: a table and a list are punctuated differently.
fn plain(text: &str) -> String {
    let words = text.split([' ', ',', ';', '`', '(', ')']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let (help, readme) =
        (codes_of_the_help(&World::new().release(["--help"]).stdout), codes_of_the_readme(&readme()));
    let codes = |table: &[(String, String)]| table.iter().map(|row| row.0.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&help), ["0", "1", "2", "3", "4", "5", "6", "130, 143"]);
    assert_eq!(codes(&readme), codes(&help));
    for ((code, short), (_, long)) in help.into_iter().zip(readme) {
        assert!(long.starts_with(&short), "exit code {code}: the help says {short:?}, the README {long:?}");
    }
}

#[test]
fn the_rules_of_a_user_in_the_readme_are_taken() {
    let world = World::new();
    let readme = readme();
    let rules = readme.split("```yaml\n").find(|block| block.starts_with("rules:")).unwrap();
    world.write("ours.yaml", rules.split("```").next().unwrap());
    let fleet = include_str!("../fixtures/fleet/release.yaml");
    world.write("release.yaml", format!("{fleet}preflight: {{ advice: [ours.yaml] }}\n"));
    let ran = world.release(["explain", "new-labels"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("tell the platform team"), "{ran}");
}

#[test]
fn the_first_configuration_of_the_readme_is_one() {
    let world = World::new();
    let readme = readme();
    let block = readme.split("```sh\n").find(|block| block.starts_with("release init")).unwrap();
    let command = block.split("release config check").next().unwrap().replace("\\\n", " ");
    let ran = world.release(command.split_whitespace().skip(1));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(world.release(["config", "check"]).code, Some(0));
}
