//! The arrows between the modules only go down the list in the crate's documentation, and modules in one
//! brace do not use each other.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the top to the bottom, each with its modules.
type Layers = Vec<Vec<String>>;

/// One module of the crate that a file names.
#[derive(Debug, PartialEq, Eq)]
struct Mention {
    line: usize,
    module: String,
}

#[test]
fn arrows_only_go_down() {
    let layers = layers(&read("src/lib.rs"));
    let mut wrong = String::new();
    for path in files(Path::new("src")) {
        let inside = modules_of(&path);
        let Some(from) = inside.first().and_then(|module| rank(&layers, module)) else { continue };
        for mention in mentions(&read(&path), inside.len()) {
            let to = rank(&layers, &mention.module);
            if mention.module != inside[0] && to.is_none_or(|to| to <= from) {
                writeln!(
                    wrong,
                    "{}:{}: {} must not use {}",
                    path.display(),
                    mention.line,
                    inside[0],
                    mention.module
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "the list in src/lib.rs has the directions\n{wrong}");
}

#[test]
fn the_list_names_every_module_once() {
    let text = read("src/lib.rs");
    let mut listed: Vec<String> = layers(&text).concat();
    let mut declared: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect();
    listed.sort();
    declared.sort();
    assert_eq!(listed, declared);
}

#[test]
fn a_mention_is_found_however_it_is_written() {
    let text = "
        use crate::helm::chart; // not crate::nothing
        use crate::{gate::{Verdict, deep::crate_like},
            plan};
        fn f() -> crate::config::Config { super::super::rollout::go(); super::near() }
        /// [`crate::only_text`]
        $crate::not_ours::x
        mod tests { use super::super::sibling; use super::super::super::report; }
    ";
    let found: Vec<(usize, String)> =
        mentions(text, 2).into_iter().map(|mention| (mention.line, mention.module)).collect();
    let expected = [(2, "helm"), (3, "gate"), (3, "plan"), (5, "config"), (5, "rollout"), (8, "report")];
    assert_eq!(found, expected.map(|(line, module)| (line, module.to_owned())));
}

/// The list of the crate's documentation: `` //! `cli → … → {action, evidence} → …` ``.
fn layers(lib: &str) -> Layers {
    let line = lib
        .lines()
        .find_map(|line| line.strip_prefix("//! `cli → "))
        .expect("the list of layers in src/lib.rs");
    let list = format!("cli → {}", line.split('`').next().unwrap());
    let words = |layer: &str| layer.trim_matches(['{', '}']).split(", ").map(str::to_owned).collect();
    list.split(" → ").map(words).collect()
}

/// The place of a module in the list; a larger one is further down.
fn rank(layers: &Layers, module: &str) -> Option<usize> {
    layers.iter().position(|layer| layer.iter().any(|name| name == module))
}

/// The modules that a file is in, outermost first; none for `lib.rs` and `main.rs`, which are above the list.
fn modules_of(path: &Path) -> Vec<String> {
    let inner = path.strip_prefix("src").unwrap().with_extension("");
    let names = inner.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| !["mod", "lib", "main"].contains(&name.as_str())).collect()
}

/// Every module at the root of the crate that the text names, by `crate::` or by enough `super::`; `depth` is
/// the file's own depth.
fn mentions(text: &str, depth: usize) -> Vec<Mention> {
    let code = text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let tests = code.find("mod tests {").unwrap_or(code.len());
    let (own, inner) = ("super::".repeat(depth), "super::".repeat(depth + 1));
    let mut found = after(&code, "crate::");
    found.extend(after(&code, &own).into_iter().filter(|(at, _)| *at < tests));
    found.extend(after(&code, &inner).into_iter().filter(|(at, _)| *at > tests));
    found.sort();
    found.into_iter().map(|(at, module)| Mention { line: code[..at].lines().count(), module }).collect()
}

/// The first names after each occurrence of a prefix that is not itself the end of a longer path, with the
/// places of the prefix.
pub(crate) fn after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let starts = code.match_indices(prefix).filter(|(at, _)| {
        let before = code[..*at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && !"_$:".contains(before)
    });
    starts
        .flat_map(|(at, _)| first_names(&code[at + prefix.len()..]).into_iter().map(move |name| (at, name)))
        .collect()
}

/// `gate::Verdict` begins with `gate`; `{gate::{A, B}, plan}` begins with `gate` and with `plan`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut level = 0;
    let ends = |c: char| {
        level += i32::from(c == '{') - i32::from(c == '}');
        level < 0
    };
    let group = group.split(ends).next().unwrap();
    let mut level = 0;
    let between = |c: char| {
        level += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && level == 0
    };
    group.split(between).map(name).filter(|name| !name.is_empty()).collect()
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("read a directory of the sources") {
        let path = entry.expect("read an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("read a source file")
}
