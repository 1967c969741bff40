//! What changed in a list: which items came, went, moved or changed in themselves, so that one that is inserted
//! is not told as a change of all that follow. Pure.
//!
//! Objects that have a name of their own are matched by it, and their paths say so
//! (`containers[name=cert-manager].image`). Everything else is aligned by the longest common subsequence; an
//! index is the one on the side where the item is, for an item on both sides the new one.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What Kubernetes knows items of its lists by (`patchMergeKey` of its API types), the most telling first.
const NAMES: [&str; 8] = ["name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey", "type"];

/// One item of a list before and after; an absent side is `None`.
#[derive(Debug, PartialEq)]
pub(super) struct Pair<'a> {
    /// What follows the path of the list, for example `[3]` or `[name=web]`.
    pub(super) step: String,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

/// What a list's items are compared as.
#[derive(Debug, PartialEq)]
pub(super) struct Pairs<'a> {
    /// The items that may differ.
    pub(super) items: Vec<Pair<'a>>,
    /// Items that are the same and stand elsewhere: from which step to which.
    pub(super) moved: Vec<(String, &'a Value)>,
    /// The names on both sides in their order, where the order alone differs.
    pub(super) order: Option<(Vec<String>, Vec<String>)>,
}

/// Pairs the items of a list before and after.
pub(super) fn pairs<'a>(before: &'a [Value], after: &'a [Value]) -> Pairs<'a> {
    let unique = |name: &&&str| has_unique(before, name) && has_unique(after, name);
    match NAMES.iter().find(unique) {
        Some(name) if !(before.is_empty() && after.is_empty()) => by_name(before, after, name),
        _ => by_place(before, after),
    }
}

/// Whether every item has this field, with another scalar in each.
fn has_unique(items: &[Value], name: &str) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| text(item, name).is_some_and(|text| seen.insert(text)))
}

fn text(item: &Value, name: &str) -> Option<String> {
    match item.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn by_name<'a>(before: &'a [Value], after: &'a [Value], name: &str) -> Pairs<'a> {
    let texts = |items: &[Value]| items.iter().filter_map(|item| text(item, name)).collect::<Vec<_>>();
    let (old, new) = (texts(before), texts(after));
    let step = |text: &String| {
        if text.contains([']', '"']) { format!("[{name}={text:?}]") } else { format!("[{name}={text}]") }
    };
    let gone = old.iter().zip(before).filter(|(text, _)| !new.contains(text)).map(|(text, item)| Pair {
        step: step(text),
        before: Some(item),
        after: None,
    });
    let here = new.iter().zip(after).map(|(text, item)| Pair {
        step: step(text),
        before: old.iter().position(|other| other == text).map(|index| &before[index]),
        after: Some(item),
    });
    let common = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|text| others.contains(text)).cloned().collect()
    };
    let (was, is) = (common(&old, &new), common(&new, &old));
    Pairs { items: here.chain(gone).collect(), moved: Vec::new(), order: (was != is).then_some((was, is)) }
}

fn by_place<'a>(before: &'a [Value], after: &'a [Value]) -> Pairs<'a> {
    let texts = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<_>>();
    let (mut came, mut went, mut items) = (Vec::new(), Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, &texts(before), &texts(after)) {
        let (old, new) = (op.old_range(), op.new_range());
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let both = old.len().min(new.len());
        for offset in 0..both {
            let (before, after) = (Some(&before[old.start + offset]), Some(&after[new.start + offset]));
            items.push(Pair { step: format!("[{}]", new.start + offset), before, after });
        }
        went.extend(old.skip(both));
        came.extend(new.skip(both));
    }
    let mut moved = Vec::new();
    went.retain(|&from| {
        let place = came.iter().position(|&to| after[to] == before[from]);
        if let Some(place) = place {
            moved.push((format!("[{from} moved to {}]", came.remove(place)), &before[from]));
        }
        place.is_none()
    });
    let single = |index: usize, before, after| Pair { step: format!("[{index}]"), before, after };
    items.extend(went.into_iter().map(|index| single(index, Some(&before[index]), None)));
    items.extend(came.into_iter().map(|index| single(index, None, Some(&after[index]))));
    Pairs { items, moved, order: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let pairs = pairs(before.as_array().unwrap(), after.as_array().unwrap());
        let side = |side: Option<&Value>| side.map_or_else(|| "-".to_owned(), Value::to_string);
        let items = pairs.items.iter().filter(|pair| pair.before != pair.after);
        let items = items.map(|pair| format!("{} {} {}", pair.step, side(pair.before), side(pair.after)));
        let moved = pairs.moved.iter().map(|(step, item)| format!("{step} {item}"));
        let order = pairs.order.iter().map(|(was, is)| format!("{was:?} {is:?}"));
        items.chain(moved).chain(order).collect()
    }

    #[test]
    fn texts_come_go_move_and_change() {
        for (before, after, expected) in [
            (json!(["a", "b", "c"]), json!(["x", "a", "b", "c"]), vec!["[0] - \"x\""]),
            (json!(["a", "b", "c"]), json!(["a", "c"]), vec!["[1] \"b\" -"]),
            (json!(["a", "b", "c"]), json!(["b", "c", "a"]), vec!["[0 moved to 2] \"a\""]),
            (json!(["a", "--v=2", "c"]), json!(["a", "--v=6", "c"]), vec!["[1] \"--v=2\" \"--v=6\""]),
            (json!([]), json!(["a"]), vec!["[0] - \"a\""]),
            (json!([1, 1, 2]), json!([1, 2]), vec!["[1] 1 -"]),
            (json!(["a"]), json!(["a"]), vec![]),
        ] {
            assert_eq!(told(&before, &after), expected, "{before} {after}");
        }
    }

    #[test]
    fn objects_are_matched_by_what_names_them() {
        for (before, after, expected) in [
            (
                json!([{"name": "a", "v": 1}, {"name": "b"}]),
                json!([{"name": "x"}, {"name": "a", "v": 2}, {"name": "b"}]),
                vec![
                    "[name=x] - {\"name\":\"x\"}",
                    "[name=a] {\"name\":\"a\",\"v\":1} {\"name\":\"a\",\"v\":2}",
                ],
            ),
            // The same volume is mounted twice: its name says too little.
            (
                json!([{"name": "t", "mountPath": "/a"}, {"name": "t", "mountPath": "/b"}]),
                json!([{"name": "t", "mountPath": "/b"}]),
                vec!["[mountPath=/a] {\"name\":\"t\",\"mountPath\":\"/a\"} -"],
            ),
            (
                json!([{"name": "a"}, {"name": "b"}]),
                json!([{"name": "b"}, {"name": "a"}]),
                vec!["[\"a\", \"b\"] [\"b\", \"a\"]"],
            ),
            (json!([]), json!([{"containerPort": 80}]), vec!["[containerPort=80] - {\"containerPort\":80}"]),
            // Nothing names these.
            (
                json!([{"verbs": ["get"]}]),
                json!([{"verbs": ["list"]}, {"verbs": ["get"]}]),
                vec!["[0] - {\"verbs\":[\"list\"]}"],
            ),
        ] {
            assert_eq!(told(&before, &after), expected, "{before} {after}");
        }
    }
}
