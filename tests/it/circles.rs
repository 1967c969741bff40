//! Files do not use each other in a circle: a reader can start at the bottom, and a file can be understood
//! with those below it alone.
//!
//! A `mod.rs` is the list of the files below it and the ground that they stand on, so between it and them
//! nothing is asked. What it re-exports is looked up where it is defined.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layers::{after, files, read};
use super::support::rust_paths::{expand, joined, paths};

/// Circles that were here before this test: each may become smaller, but not larger.
const KNOWN: &[&[&str]] = &[
    &["action/wait/status", "action/wait/workload"],
    &["config/file", "config/structure", "config/validate", "config/values"],
    &[
        "gate/canary",
        "gate/certificate",
        "gate/chain",
        "gate/order",
        "gate/reissue",
        "gate/seen",
        "gate/webhook",
    ],
    &["helm/chart/dependency", "helm/chart/metadata"],
    &["helm/release/chart_record", "helm/release/new"],
    &["helm/release/hook", "helm/release/record"],
    &["helm/rendering/head", "helm/rendering/skim"],
    // One interpreter in two files.
    &["helm/template/exec/call", "helm/template/exec/evaluate"],
    // A Go value has methods, and a function takes values.
    &["helm/template/function", "helm/template/value"],
    &["helm/template/functions/dates/format", "helm/template/functions/dates/moment"],
    &["source/git", "source/remote"],
];

#[test]
fn no_file_uses_one_that_uses_it() {
    let mut wrong = String::new();
    for circle in circles(&Tree::of_sources().uses()) {
        let known = |known: &&[&str]| circle.iter().all(|file| known.contains(&file.as_str()));
        if !KNOWN.iter().any(known) {
            writeln!(wrong, "{}", circle.into_iter().collect::<Vec<_>>().join(" <-> ")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "move what both sides need into a file below them\n{wrong}");
}

/// What each file uses, by the modules' paths.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate by their paths, as in `gate/seen`.
struct Tree(BTreeMap<String, Module>);

struct Module {
    code: String,
    /// A `mod.rs`.
    lists: bool,
    /// Where the names are that it re-exports.
    exports: BTreeMap<String, Vec<String>>,
}

impl Tree {
    fn of_sources() -> Self {
        let sources = files(std::path::Path::new("src")).into_iter().map(|path| {
            let name = path.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
            (name, read(&path))
        });
        Self::new(sources)
    }

    /// From paths below `src` and their texts; what is compiled for tests only is left out.
    fn new(sources: impl Iterator<Item = (String, String)>) -> Self {
        let mut modules = BTreeMap::new();
        let mut of_tests = BTreeSet::new();
        for (path, text) in sources.filter(|(path, _)| !["main.rs", "lib.rs"].contains(&path.as_str())) {
            let lists = path.ends_with("/mod.rs");
            let name = path.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
            let code = without_comments(&text);
            of_tests.extend(modules_of_tests(&code).map(|module| format!("{name}/{module}")));
            let code = code.split("mod tests {").next().unwrap().to_owned();
            let exports = if lists { exports(&code, &segments(&name)) } else { BTreeMap::new() };
            modules.insert(name, Module { code, lists, exports });
        }
        modules.retain(|name, _| !of_tests.contains(name));
        Self(modules)
    }

    fn uses(&self) -> Uses {
        let of = |(name, module): (&String, &Module)| {
            let used = self.mentions(name, module).into_iter().filter_map(|path| self.file_of(&path));
            let apart = |used: &String| used != name && !is_below(used, name) && !is_below(name, used);
            (name.clone(), used.filter(apart).collect())
        };
        self.0.iter().map(of).collect()
    }

    /// Every path that a file names; after an import of a module also `module::name`.
    fn mentions(&self, name: &str, module: &Module) -> Vec<Vec<String>> {
        let mut found = paths(&module.code, &segments(name));
        let lists = |path: &&Vec<String>| self.0.get(&path.join("/")).is_some_and(|module| module.lists);
        for import in found.clone().iter().filter(lists) {
            let last = import.last().map_or("", String::as_str);
            let named = after(&module.code, &format!("{last}::"));
            found.extend(named.into_iter().map(|(_, name)| joined(import, &name)));
        }
        found
    }

    /// The file that defines what a path names; none for a `mod.rs` as a whole.
    fn file_of(&self, path: &[String]) -> Option<String> {
        let mut at = Vec::new();
        for (index, segment) in path.iter().enumerate() {
            let next = joined(&at, segment);
            if self.0.contains_key(&next.join("/")) {
                at = next;
                continue;
            }
            let here = self.0.get(&at.join("/"))?;
            if let Some(export) = here.exports.get(segment) {
                return self.file_of(&[export, &path[index + 1..]].concat());
            }
            return Some(at.join("/"));
        }
        let whole = at.join("/");
        self.0.get(&whole).filter(|module| !module.lists).map(|_| whole)
    }
}

/// Whether a module is inside another one.
fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// The files that reach each other, each circle once.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|file| (file, reached(uses, file))).collect();
    let circle = |file: &&String| -> BTreeSet<String> {
        let back = |other: &&&String| reached.get(**other).is_some_and(|from| from.contains(*file));
        reached[*file].iter().filter(back).map(|other| (*other).clone()).collect()
    };
    uses.keys().map(|file| circle(&file)).filter(|circle| circle.len() > 1).collect()
}

fn reached<'u>(uses: &'u Uses, from: &str) -> BTreeSet<&'u String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = uses[from].iter().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(uses.get(file).into_iter().flatten());
        }
    }
    reached
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// `#[cfg(test)] mod tests;`
fn modules_of_tests(code: &str) -> impl Iterator<Item = &str> {
    let after = code.split("#[cfg(test)]").skip(1).filter_map(|text| text.split(';').next());
    after
        .filter_map(|item| item.split_once("mod ").map(|(_, name)| name))
        .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// `pub use seen::{Seen, Pulse as Beat};` of `gate/mod.rs`: `Seen` is `gate/seen/Seen`.
fn exports(code: &str, own: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for text in code.split(';').filter_map(|item| item[item.rfind("pub")?..].split_once(" use ")) {
        let begins = ["crate::", "super::", "self::"].iter().any(|begin| text.1.starts_with(begin));
        let mut whole = if begins { paths(text.1, own) } else { Vec::new() };
        if !begins {
            expand(text.1, own, &mut whole);
        }
        found.extend(whole.into_iter().filter_map(|path| Some((path.last()?.clone(), path))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let sources = sources.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let circles = circles(&Tree::new(sources).uses());
        circles.into_iter().map(|circle| circle.into_iter().collect::<Vec<_>>().join(" ")).collect()
    }

    const LIST: (&str, &str) =
        ("gate/mod.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod t;\npub use a::A;\npub(crate) use b::{B, f};\n");

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        for (a, b) in [
            ("use super::b::B;", "use super::a::A;"),
            ("use crate::gate::b;", "fn f() { crate::gate::a::g() }"),
            ("use super::{B, f};", "use crate::{gate::{A}, plan};"),
            ("use crate::gate;\nfn f() { gate::f() }", "use super::a::{self};"),
            ("fn f(_: super::B) {}", "use super::super::gate::A;"),
        ] {
            assert_eq!(found(&[LIST, ("gate/a.rs", a), ("gate/b.rs", b)]), ["gate/a gate/b"], "{a} {b}");
        }
    }

    #[test]
    fn a_way_through_other_folders_is_one() {
        let sources = [
            LIST,
            ("gate/a.rs", "use crate::plan::Plan;"),
            ("plan/mod.rs", "pub use p::Plan;\nmod p;"),
            ("plan/p.rs", "use crate::gate::B;"),
            ("gate/b.rs", "use super::A;"),
        ];
        assert_eq!(found(&sources), ["gate/a gate/b plan/p"]);
    }

    #[test]
    fn what_a_list_defines_itself_is_its_own() {
        let sources = [
            LIST,
            ("gate/a.rs", "use super::b::c::D; use super::Context;"),
            ("gate/b/mod.rs", "mod d;\npub struct c;\nuse super::a::A; fn f() { d::g() }"),
            ("gate/b/d.rs", "use super::c;"),
        ];
        assert_eq!(found(&sources), ["gate/a gate/b"]);
    }

    #[test]
    fn what_is_no_circle() {
        for (a, b) in [
            ("use super::B;", ""),
            ("use super::B;", "// use super::A;"),
            ("use super::B;", "mod tests { use super::super::A; }"),
            ("use super::{A, Context};", "use super::Context;"),
        ] {
            assert_eq!(found(&[LIST, ("gate/a.rs", a), ("gate/b.rs", b)]), [] as [&str; 0], "{a} {b}");
        }
        let test = [LIST, ("gate/a.rs", "use super::t::T;"), ("gate/t.rs", "use super::A;")];
        assert_eq!(found(&test), [] as [&str; 0]);
    }
}
