//! Kubernetes' label selectors, as typed: `a=b,c!=d,e in (f,g),h,!i`.

use kube::core::{Expression, Selector, SelectorExt};
use thiserror::Error;

/// A text that is no selector.
#[derive(Debug, Error)]
#[error(
    "unable to parse the selector {text:?}: {part:?} is neither `key`, `!key`, `key=value`, `key!=value`, `key in (a,b)` nor `key notin (a,b)`"
)]
pub(super) struct SelectorError {
    text: String,
    part: String,
}

/// Which labels match.
pub(super) struct LabelSelector(Selector);

impl LabelSelector {
    /// Whether these labels match.
    pub(super) fn matches(&self, labels: &std::collections::BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }
}

/// Reads a selector; an empty one matches everything.
pub(super) fn parse(text: &str) -> Result<LabelSelector, SelectorError> {
    let parts = split(text).into_iter().map(str::trim).filter(|part| !part.is_empty());
    let expressions = parts.map(|part| {
        expression(part).ok_or_else(|| SelectorError { text: text.to_owned(), part: part.to_owned() })
    });
    Ok(LabelSelector(expressions.collect::<Result<Vec<_>, _>>()?.into_iter().collect()))
}

/// At commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn expression(part: &str) -> Option<Expression> {
    if let Some(key) = part.strip_prefix('!') {
        return is_word(key.trim()).then(|| Expression::DoesNotExist(key.trim().to_owned()));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return pair(key, value).map(|(key, value)| Expression::NotEqual(key, value));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return pair(key, value).map(|(key, value)| Expression::Equal(key, value));
    }
    if let Some((key, values)) = part.split_once('(') {
        let values = values.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let (key, operator) = key.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Expression::In(key.trim().to_owned(), values)),
            "notin" => Some(Expression::NotIn(key.trim().to_owned(), values)),
            _ => None,
        };
    }
    is_word(part).then(|| Expression::Exists(part.to_owned()))
}

fn pair(key: &str, value: &str) -> Option<(String, String)> {
    let (key, value) = (key.trim(), value.trim());
    (is_word(key) && !value.contains(['=', '!'])).then(|| (key.to_owned(), value.to_owned()))
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let labels = [("a".to_owned(), "1".to_owned()), ("b.io/c".to_owned(), "x".to_owned())].into();
        let table = [
            ("", true),
            ("a=1", true),
            ("a==2", false),
            ("a!=2, b.io/c", true),
            ("!a", false),
            ("a in (0, 1),z notin (q)", true),
            ("a notin (1)", false),
            ("z", false),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap().matches(&labels), expected, "{text}");
        }
        for text in ["=", "a=b=c", "a of (b)", "a in (b", "a b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
