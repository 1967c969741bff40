//! What the README promises about the program is what the program has.

use super::support::world::World;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

#[test]
fn every_command_is_in_the_readme() {
    let help = World::new().release(["--help"]).stdout;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let readme = readme();
    for command in
        commands.filter_map(|line| line.split_whitespace().next()).filter(|command| *command != "help")
    {
        assert!(
            readme.contains(&format!("release {command}")),
            "the README does not show `release {command}`"
        );
    }
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let help = World::new().release(["--help"]).stdout;
    let readme = readme();
    for code in ["0", "1", "2", "3", "4", "5", "6", "130, 143"] {
        assert!(readme.contains(&format!("| {code} |")), "the README has no exit code {code}");
        assert!(help.contains(&format!("\n  {code}  ")), "the help has no exit code {code}");
    }
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
