use proptest::prelude::*;

use super::*;

/// What skimming says, after making sure that the full reader says the same.
fn head(text: &str) -> Option<Head> {
    let skimmed = skim(text);
    if let Some(head) = &skimmed {
        assert_eq!(Head::read_all(text).as_ref(), Ok(head), "{text}");
    }
    skimmed
}

#[test]
fn plain_documents_are_skimmed() {
    let text = "# a comment\napiVersion: apps/v1\nkind: \"Deployment\" # another\nmetadata:\n  name: web\n  labels: {}\n  annotations:\n    \
                helm.sh/hook: pre-install,post-install\n    \"helm.sh/hook-weight\": -5\n    note: |-\n      a: b\n        c\n\n      d\nspec:\n  \
                args:\n  - --flag=x\n  - name: X\n    value: 'it''s'\n  -\n    - deep\n    - [\"get\", watch]\n  text: some words\n    go on\n  \
                empty:\n  last: >\n    folded\n";
    let head = head(text).unwrap();
    assert_eq!((&*head.api_version, &*head.kind, &*head.name), ("apps/v1", "Deployment", "web"));
    assert_eq!(
        (head.annotation("helm.sh/hook"), head.annotation("helm.sh/hook-weight")),
        (Some("pre-install,post-install"), Some("-5"))
    );
}

#[test]
fn values_of_the_head_are_those_of_the_full_reader() {
    for value in ["1.10", "010", "true", "~", "null", "2020-01-01", "a b", "'x'", "\"x\"", "", "1e3", "0x1F"]
    {
        assert!(
            head(&format!(
                "kind: {value}\nmetadata:\n  name: {value}\n  annotations:\n    helm.sh/hook: {value}\n"
            ))
            .is_some(),
            "{value}"
        );
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_full_reader() {
    for text in [
        "- a",
        "a: b: c",
        "a:\n  b: c\n d: e",
        "a: b\n  c: d",
        "a: &x 1",
        "a: *x",
        "a: !!str 1",
        "<<: {a: b}",
        "a: \"\\x41\"",
        "a: \"open\n  b\"",
        "a:\tb",
        "a: .inf",
        "null: a",
        "? a\n: b",
        "kind: a\nkind: b",
        "Kind: a",
        "kind: [a]",
        "kind:\n  a: b",
        "metadata: x",
        "metadata:\n- a",
        "metadata:\n  annotations: [a]",
        "metadata:\n  annotations:\n    helm.sh/hook:\n      a: b",
        "metadata:\n  name: a\n    b",
        "a: |2\n  b",
        "a: |\n     \n  b",
        "a: |\n    b\n  c",
        "a:\n- b\n c: d",
        "a: 'x' y",
        "a: [b, {c: d}]",
        "%TAG ! x",
        "...\na: b",
        "a: {b: c}",
    ] {
        assert_eq!(skim(text), None, "{text:?}");
    }
}

fn fragment() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "annotations",
        "helm.sh/hook",
        "a",
        "b",
        "on",
        "1",
        "\"q\"",
        "'s'",
        ".x",
        "Kind",
        "null",
        "x y",
    ]);
    let values = prop::sample::select(vec![
        "",
        " v",
        " 1.0",
        " true",
        " ~",
        " \"q\"",
        " 'it''s'",
        " |",
        " |-",
        " >+",
        " |2",
        " {}",
        " []",
        " [a, \"b\"]",
        " [a",
        " -1",
        " - x",
        " #c",
        " x # c",
        " x: y",
        " x:",
        " .inf",
        " &a x",
        " *a",
        " !t x",
        " \"open",
        " 'open",
        " é",
        " a#b",
        " \"a\\nb\"",
        " \"a\" b",
        " 2020-01-01",
        " x  ",
    ]);
    let dashes = prop::sample::select(vec!["", "", "", "- ", "-", "- - ", "-  "]);
    prop_oneof![
        6 => (dashes.clone(), keys, values.clone()).prop_map(|(dash, key, value)| format!("{dash}{key}:{value}")),
        2 => (dashes, values).prop_map(|(dash, value)| format!("{dash}{}", value.trim_start())),
        1 => prop::sample::select(vec!["", "# c", "words go on", "---x", "...", "\t", "%x", "? x", "  "]).prop_map(str::to_owned),
    ]
}

fn document() -> impl Strategy<Value = String> {
    let indentation = prop::sample::select(vec![0_usize, 0, 0, 2, 2, 4, 6, 1, 3]);
    prop::collection::vec((indentation, fragment()), 0..9).prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|(indentation, line)| [" ".repeat(indentation), line, "\n".to_owned()])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn skimming_never_differs_from_reading_all(text in document()) {
        head(&text);
        head(text.trim_end());
    }
}
