//! Laying the user's values over a chart's defaults and those of its subcharts, by Helm 4's rules about nulls
//! and globals.

use std::mem;

use serde_json::Value;

use super::Values;
use super::go_text::{plain, truth};
use crate::helm::chart::Chart;

/// A subchart's section that is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("type mismatch on {subchart}: {found}")]
pub struct CoalesceError {
    /// The subchart.
    pub subchart: String,
    /// What stands there, as Helm prints it.
    pub found: String,
}

/// What becomes of nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// They stay, for a later coalescing.
    Keep,
    /// The user's null deletes a default; null defaults count as absent.
    Apply,
    /// The user's null deletes a default; null defaults are values like others.
    ApplyUsers,
}

const GLOBAL: &str = "global";

/// The values that a chart is rendered with. What is skipped is said in `warnings`.
pub fn coalesce(chart: &Chart, user: Values, warnings: &mut Vec<String>) -> Result<Values, CoalesceError> {
    Layer { warnings, nulls: Nulls::Apply }.over(chart, user, "")
}

/// The same with all nulls kept: what import-values and a stored release work with.
pub fn merge_defaults(
    chart: &Chart,
    user: Values,
    warnings: &mut Vec<String>,
) -> Result<Values, CoalesceError> {
    Layer { warnings, nulls: Nulls::Keep }.over(chart, user, "")
}

/// Fills a map from another: what it has wins, its nulls delete. This is how `--reuse-values` lays new values
/// over the old release's.
pub fn coalesce_tables(values: &mut Values, defaults: &Values, warnings: &mut Vec<String>) {
    Layer { warnings, nulls: Nulls::ApplyUsers }.tables(values, defaults, "");
}

/// Fills a map from another: what it has wins, nulls too.
pub fn merge_tables(values: &mut Values, defaults: &Values, warnings: &mut Vec<String>) {
    Layer { warnings, nulls: Nulls::Keep }.tables(values, defaults, "");
}

struct Layer<'w> {
    warnings: &'w mut Vec<String>,
    nulls: Nulls,
}

impl Layer<'_> {
    fn over(&mut self, chart: &Chart, mut values: Values, prefix: &str) -> Result<Values, CoalesceError> {
        self.defaults(chart, &mut values, prefix);
        self.subcharts(chart, &mut values, prefix)?;
        Ok(values)
    }

    fn with(&mut self, nulls: Nulls) -> Layer<'_> {
        Layer { warnings: self.warnings, nulls }
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The chart's own defaults.
    fn defaults(&mut self, chart: &Chart, values: &mut Values, prefix: &str) {
        let prefix = joined(prefix, &chart.metadata.name);
        for (key, default) in &chart.defaults {
            match (values.get_mut(key), default) {
                (None, default) => self.copy(values, key, default),
                (Some(Value::Null), _) if self.nulls != Nulls::Keep => {
                    values.shift_remove(key);
                }
                (Some(Value::Object(table)), Value::Object(default)) => {
                    // A subchart's nulls are for the subchart to apply.
                    let is_subchart =
                        chart.dependencies.iter().any(|subchart| subchart.metadata.name == *key);
                    let nulls = if is_subchart { Nulls::Keep } else { self.nulls };
                    self.with(nulls).tables(table, default, &joined(&prefix, key));
                }
                (Some(Value::Object(_)), default) if !default.is_null() => {
                    self.warn(format!("skipped value for {prefix}.{key}: Not a table."));
                }
                (Some(_), _) => {}
            }
        }
    }

    fn copy(&self, values: &mut Values, key: &str, default: &Value) {
        if self.nulls != Nulls::Apply {
            values.insert(key.to_owned(), default.clone());
        } else if !default.is_null() {
            values.insert(key.to_owned(), without_nulls(default));
        }
    }

    fn tables(&mut self, values: &mut Values, defaults: &Values, prefix: &str) {
        for (key, default) in defaults {
            let absent = default.is_null() && self.nulls == Nulls::Apply;
            match (values.get_mut(key), default) {
                (None, default) => self.copy(values, key, default),
                (Some(Value::Null), default) => {
                    if self.nulls != Nulls::Keep && !absent && !default.is_null() {
                        values.shift_remove(key);
                    }
                }
                (Some(Value::Object(table)), Value::Object(default)) => {
                    self.tables(table, default, &joined(prefix, key));
                }
                (Some(Value::Object(_)), default) if !default.is_null() => {
                    let key = joined(prefix, key);
                    self.warn(format!(
                        "destination for {key} is a table. Ignoring non-table value ({})",
                        plain(default)
                    ));
                }
                (Some(_), Value::Object(_)) => {
                    let key = joined(prefix, key);
                    self.warn(format!(
                        "cannot overwrite table with non table for {key} ({})",
                        plain(default)
                    ));
                }
                (Some(_), _) => {}
            }
        }
    }

    fn subcharts(&mut self, chart: &Chart, values: &mut Values, prefix: &str) -> Result<(), CoalesceError> {
        let prefix = joined(prefix, &chart.metadata.name);
        for subchart in &chart.dependencies {
            let name = &subchart.metadata.name;
            let mut section = match values.get_mut(name) {
                None => Values::new(),
                Some(Value::Object(section)) => mem::take(section),
                Some(other) => return Err(CoalesceError { subchart: name.clone(), found: truth(other) }),
            };
            self.globals(&mut section, values.get(GLOBAL), &prefix);
            let section = self.over(subchart, section, &prefix)?;
            share_upwards(values, &section);
            values.insert(name.clone(), Value::Object(section));
        }
        share_downwards(chart, values);
        Ok(())
    }

    /// The parent's globals go into a subchart's, and win.
    fn globals(&mut self, section: &mut Values, parent: Option<&Value>, prefix: &str) {
        if !section.get(GLOBAL).is_none_or(Value::is_object) {
            return self.warn(format!("skipping globals because destination {GLOBAL} is not a table."));
        }
        if !parent.is_none_or(Value::is_object) {
            return self.warn(format!("skipping globals because source {GLOBAL} is not a table."));
        }
        let Value::Object(globals) = section.entry(GLOBAL).or_insert_with(|| Value::Object(Values::new()))
        else {
            return;
        };
        for (key, value) in parent.and_then(Value::as_object).into_iter().flatten() {
            match (globals.get_mut(key), value) {
                (Some(Value::Object(below)), Value::Object(above)) => {
                    let below = mem::replace(below, above.clone());
                    let Some(Value::Object(above)) = globals.get_mut(key) else { continue };
                    self.with(Nulls::Keep).tables(above, &below, &joined(prefix, key));
                }
                (Some(_), Value::Object(_)) => {
                    self.warn(format!("Conflict: cannot merge map onto non-map for {key:?}. Skipping."));
                }
                (Some(Value::Object(_)), _) => self.warn(format!("key {key} is table. Skipping")),
                (_, value) => {
                    globals.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// The maps inside the tables of the parent's globals. A subchart gets these very maps, not copies: what it
/// adds is the parent's, too.
fn shared(values: &mut Values) -> impl Iterator<Item = (&String, &String, &mut Value)> {
    let tables = values.get_mut(GLOBAL).and_then(Value::as_object_mut).into_iter().flatten();
    tables.filter_map(|(table, value)| Some((table, value.as_object_mut()?))).flat_map(|(table, entries)| {
        entries.iter_mut().filter(|(_, value)| value.is_object()).map(move |(key, value)| (table, key, value))
    })
}

fn share_upwards(values: &mut Values, section: &Values) {
    for (table, key, value) in shared(values) {
        if let Some(grown) = section
            .get(GLOBAL)
            .and_then(|global| global.get(table)?.get(key))
            .filter(|grown| grown.is_object())
        {
            value.clone_from(grown);
        }
    }
}

fn share_downwards(chart: &Chart, values: &mut Values) {
    if chart.dependencies.is_empty() {
        return;
    }
    let shared: Vec<(String, String, Value)> =
        shared(values).map(|(table, key, value)| (table.clone(), key.clone(), value.clone())).collect();
    for subchart in chart.dependencies.iter().filter(|_| !shared.is_empty()) {
        let Some(Value::Object(section)) = values.get_mut(&subchart.metadata.name) else { continue };
        for (table, key, value) in &shared {
            let place = section.get_mut(GLOBAL).and_then(|global| global.get_mut(table)?.get_mut(key));
            if let Some(place) = place.filter(|place| place.is_object()) {
                place.clone_from(value);
            }
        }
        share_downwards(subchart, section);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::helm::chart::File;

    fn map(value: Value) -> Values {
        let Value::Object(map) = value else { panic!("a map is needed") };
        map
    }

    fn chart(defaults: Value, subcharts: &[(&str, Value)]) -> Chart {
        let with = |name: &str, defaults: Value| {
            let text = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
            let mut chart = Chart::from_files(vec![File::new("Chart.yaml", text)]).unwrap();
            chart.defaults = map(defaults);
            chart
        };
        let mut chart = with("top", defaults);
        chart.dependencies = subcharts.iter().map(|(name, defaults)| with(name, defaults.clone())).collect();
        chart
    }

    fn of(chart: &Chart, user: Value) -> (Value, Vec<String>) {
        let mut warnings = Vec::new();
        let values = coalesce(chart, map(user), &mut warnings).unwrap();
        (Value::Object(values), warnings)
    }

    #[test]
    fn nulls_delete_defaults_and_null_defaults_are_absent() {
        let chart =
            chart(json!({"a": 1, "b": null, "c": {"d": 1, "e": null, "f": {"g": null}}, "l": [null]}), &[]);
        assert_eq!(of(&chart, json!({})).0, json!({"a": 1, "c": {"d": 1, "f": {}}, "l": [null]}));
        let user = json!({"a": null, "b": null, "x": null, "c": {"d": null, "e": null, "y": null}});
        assert_eq!(of(&chart, user).0, json!({"x": null, "c": {"e": null, "y": null, "f": {}}, "l": [null]}));
        let merged = merge_defaults(&chart, map(json!({"c": {"d": null}})), &mut vec![]).unwrap();
        assert_eq!(merged["c"], json!({"d": null, "e": null, "f": {"g": null}}));
    }

    #[test]
    fn tables_and_scalars_do_not_mix() {
        let chart = chart(json!({"t": {"x": {"y": 1}, "s": 1}, "s": 5}), &[]);
        let (values, warnings) = of(&chart, json!({"t": {"x": 2, "s": {"z": 1}}, "s": {"a": 1}}));
        assert_eq!(values, json!({"t": {"x": 2, "s": {"z": 1}}, "s": {"a": 1}}));
        assert_eq!(
            warnings,
            [
                "cannot overwrite table with non table for top.t.x (map[y:1])",
                "destination for top.t.s is a table. Ignoring non-table value (1)",
                "skipped value for top.s: Not a table.",
            ]
        );
        assert_eq!(of(&chart, json!({"t": 5})).0, json!({"t": 5, "s": 5}));
    }

    #[test]
    fn subcharts_get_their_section_and_the_globals() {
        let chart = chart(
            json!({"global": {"g": 1, "m": {"deep": {"p": 1}}}, "sub": {"a": 9, "n": 1}}),
            &[
                (
                    "sub",
                    json!({"a": 1, "b": 2, "n": 2, "global": {"g": 5, "own": 1, "m": {"deep": {"c": 2}, "x": 1}}}),
                ),
                ("other", json!({})),
            ],
        );
        let (values, _) = of(&chart, json!({"sub": {"b": null, "n": null}}));
        assert_eq!(values["sub"]["a"], 9);
        assert!(values["sub"].get("b").is_none() && values["sub"].get("n").is_none());
        assert_eq!(
            values["sub"]["global"],
            json!({"g": 1, "own": 1, "m": {"deep": {"p": 1, "c": 2}, "x": 1}})
        );
        // The inner map is one map for all.
        assert_eq!(values["global"], json!({"g": 1, "m": {"deep": {"p": 1, "c": 2}}}));
        assert_eq!(values["other"], json!({"global": {"g": 1, "m": {"deep": {"p": 1, "c": 2}}}}));
        let error = coalesce(&chart, map(json!({"sub": [1, "x"]})), &mut vec![]).unwrap_err();
        assert_eq!(error.to_string(), "type mismatch on sub: [%!t(int64=1) %!t(string=x)]");
    }

    #[test]
    fn reused_values_lose_what_is_set_to_null() {
        let mut new = map(json!({"a": null, "b": {"c": 1}, "n": null}));
        coalesce_tables(&mut new, &map(json!({"a": 1, "b": {"d": 2, "e": null}, "x": null})), &mut vec![]);
        assert_eq!(Value::Object(new), json!({"b": {"c": 1, "d": 2, "e": null}, "n": null, "x": null}));
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1.0)), Just(json!("x")), Just(json!(true)), Just(json!([1.0]))];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| json!(map))
        })
    }

    fn table() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-d]", tree(), 0..5).prop_map(|map| json!(map))
    }

    /// Every scalar of `part` is in `whole` at the same place.
    fn holds(whole: &Value, part: &Value) -> bool {
        match (whole, part) {
            (Value::Object(whole), Value::Object(part)) => {
                part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| holds(whole, part)))
            }
            (whole, part) => whole == part,
        }
    }

    proptest! {
        #[test]
        fn the_user_wins_and_twice_is_once(defaults in table(), sub in table(), user in table()) {
            let alone = chart(defaults.clone(), &[]);
            let (values, _) = of(&alone, user.clone());
            prop_assert!(holds(&values, &user));
            prop_assert_eq!(&of(&alone, values.clone()).0, &values);
            let with_sub = chart(defaults, &[("sub", sub)]);
            let (values, _) = of(&with_sub, user.clone());
            prop_assert!(holds(&values, &user));
            prop_assert_eq!(&of(&with_sub, values.clone()).0, &values);
        }
    }
}
