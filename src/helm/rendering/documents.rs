//! Rendered files to documents, sorted into hooks and the manifest.

use std::collections::BTreeMap;

use super::head::{Head, HeadError};
use crate::helm::kind_order;
use crate::helm::release::{Hook, HookRun};

/// A document of a rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'t> {
    /// The file, for example `web/templates/service.yaml`.
    pub source: &'t str,
    /// The text, without separators, its final line breaks kept.
    pub text: &'t str,
    /// Its head.
    pub head: Head,
}

/// A file with a document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {file}: {problem}")]
pub struct DocumentError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: HeadError,
}

/// What the files hold, in the order of installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted<'t> {
    /// What Helm installs and keeps.
    pub documents: Vec<Document<'t>>,
    /// What it runs at events.
    pub hooks: Vec<Hook>,
    /// The documents that Helm drops without a word, because a hook event of theirs is none.
    pub dropped: Vec<String>,
}

/// Splits the files and sorts what they hold. Files named `_…` and blank ones are passed over.
pub fn sort(files: &BTreeMap<String, String>) -> Result<Sorted<'_>, DocumentError> {
    let mut sorted = Sorted::default();
    for (file, text) in files {
        let is_partial = file.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        for text in split(text).into_iter().filter(|_| !is_partial) {
            let head = Head::read(text).map_err(|problem| DocumentError { file: file.clone(), problem })?;
            sorted.add(Document { source: file, text, head });
        }
    }
    sorted.documents.sort_by(|one, other| kind_order::install(&one.head.kind, &other.head.kind));
    sorted.hooks.sort_by(|one, other| kind_order::install(&one.kind, &other.kind));
    Ok(sorted)
}

impl<'t> Sorted<'t> {
    fn add(&mut self, document: Document<'t>) {
        let Some(events) = document.head.annotation("helm.sh/hook") else {
            return self.documents.push(document);
        };
        match words(events).map(|event| event_named(&event)).collect::<Option<Vec<String>>>() {
            Some(events) => self.hooks.push(hook(&document, events)),
            None => self.dropped.push(format!(
                "skipping {} {} of {}: unknown hook in {events:?}",
                document.head.kind, document.head.name, document.source
            )),
        }
    }
}

/// The documents of a text: a line that starts with `---` ends one, and what follows the dashes belongs to
/// the next. Blank ones are dropped.
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let text = text.trim_start();
    let (mut start, mut line) = (0, 0);
    while line < text.len() {
        if text[line..].starts_with("---") {
            documents.push(&text[start..line]);
            start =
                line + 3 + text[line + 3..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            line = start;
        }
        line = text[line..].find('\n').map_or(text.len(), |end| line + end + 1);
    }
    documents.push(&text[start..]);
    documents.into_iter().map(str::trim_start).filter(|document| !document.is_empty()).collect()
}

/// The words between commas, trimmed and in lower case.
fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|word| word.trim().to_lowercase())
}

fn event_named(word: &str) -> Option<String> {
    let known = [
        "pre-install",
        "post-install",
        "pre-delete",
        "post-delete",
        "pre-upgrade",
        "post-upgrade",
        "pre-rollback",
        "post-rollback",
        "test",
    ];
    let word = if word == "test-success" { "test" } else { word };
    known.contains(&word).then(|| word.to_owned())
}

fn hook(document: &Document<'_>, events: Vec<String>) -> Hook {
    let policies = |annotation: &str| {
        document.head.annotation(annotation).map(|list| words(list).collect()).unwrap_or_default()
    };
    Hook {
        name: document.head.name.clone(),
        kind: document.head.kind.clone(),
        path: document.source.to_owned(),
        manifest: document.text.to_owned(),
        events,
        last_run: HookRun::default(),
        weight: document
            .head
            .annotation("helm.sh/hook-weight")
            .and_then(|weight| weight.parse().ok())
            .unwrap_or(0),
        delete_policies: policies("helm.sh/hook-delete-policy"),
        output_log_policies: policies("helm.sh/hook-output-log-policy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_helms() {
        let table: &[(&str, &[&str])] = &[
            ("a: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
            ("\n---\n\n--- \t\nkind: A\n\n\n", &["kind: A\n\n\n"]),
            ("---apiVersion: v1\nx: y", &["apiVersion: v1\nx: y"]),
            ("a\n----\nb", &["a\n", "-\nb"]),
            ("a: |\n  ---\n  x\n", &["a: |\n  ---\n  x\n"]),
            ("a\r\n---\r\nb", &["a\r\n", "b"]),
            ("# only a comment\n---\n", &["# only a comment\n"]),
            ("---", &[]),
            (" \n", &[]),
            ("", &[]),
        ];
        for (text, documents) in table {
            assert_eq!(split(text), *documents, "{text:?}");
        }
    }

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn documents_are_sorted_by_kind_and_keep_their_order_otherwise() {
        let files = files(&[
            (
                "c/templates/b.yaml",
                "kind: Service\nmetadata: {name: b}\n---\nkind: Widget\n---\nkind: Namespace\n",
            ),
            ("c/templates/a.yaml", "kind: Service\nmetadata: {name: a}\n"),
            ("c/templates/_x.yaml", "not: [yaml"),
            ("c/templates/blank.yaml", "\n \n"),
        ]);
        let sorted = sort(&files).unwrap();
        let names: Vec<String> = sorted
            .documents
            .iter()
            .map(|document| format!("{}{}", document.head.kind, document.head.name))
            .collect();
        assert_eq!(names, ["Namespace", "Servicea", "Serviceb", "Widget"]);
        let broken = self::files(&[("c/a", "a: b: c")]);
        assert!(
            sort(&broken)
                .unwrap_err()
                .to_string()
                .starts_with("YAML parse error on c/a: error converting YAML to JSON")
        );
    }

    #[test]
    fn hooks_are_taken_out_and_unknown_ones_dropped() {
        let files = files(&[(
            "c/h.yaml",
            "kind: Job\nmetadata:\n  name: j\n  annotations: {helm.sh/hook: ' Pre-Install,test-success', helm.sh/hook-weight: '-5', helm.sh/hook-delete-policy: 'Hook-Failed, hook-succeeded'}\n\
             ---\nkind: Pod\nmetadata: {name: p, annotations: {helm.sh/hook: test, helm.sh/hook-weight: x}}\n\
             ---\nkind: Pod\nmetadata: {name: gone, annotations: {helm.sh/hook: 'test,crd-install'}}\n",
        )]);
        let sorted = sort(&files).unwrap();
        let hooks: Vec<_> =
            sorted.hooks.iter().map(|hook| (&*hook.name, hook.events.join(" "), hook.weight)).collect();
        assert_eq!(hooks, [("p", "test".to_owned(), 0), ("j", "pre-install test".to_owned(), -5)]);
        assert_eq!(sorted.hooks[1].delete_policies, ["hook-failed", "hook-succeeded"]);
        assert_eq!(sorted.dropped, ["skipping Pod gone of c/h.yaml: unknown hook in \"test,crd-install\""]);
        assert!(sorted.documents.is_empty());
    }
}
