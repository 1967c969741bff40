//! Which dependencies are enabled, under which names, and what they export into their parents.
//!
//! Helm does this once before it renders: aliases, tags, conditions, then import-values from the charts'
//! defaults.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Values;
use super::coalesce::{CoalesceError, coalesce, merge_defaults, merge_tables};
use super::go_text::plain;
use crate::helm::chart::{Chart, Dependency};
use crate::helm::semver::{Constraint, Version};

/// Leaves only what is enabled in the chart, under its alias, and imports values. What is skipped is said in
/// `warnings`.
pub fn process(chart: &mut Chart, user: &Values, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    enable(chart, user, "", warnings)?;
    import_all(chart, warnings)
}

/// Whether a version satisfies a constraint; what is neither satisfies nothing.
pub fn is_compatible(constraint: &str, version: &str) -> bool {
    let (Ok(constraint), Ok(version)) = (constraint.parse::<Constraint>(), version.parse::<Version>()) else {
        return false;
    };
    constraint.matches(&version)
}

fn enable(
    chart: &mut Chart,
    user: &Values,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<(), CoalesceError> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    bind(chart);
    // The user's values of the whole release, also for a chart deep inside: the path says where its own are.
    let values = coalesce(chart, user.clone(), warnings)?;
    for dependency in &mut chart.metadata.dependencies {
        dependency.enabled = by_tags(dependency, &values, warnings);
        if let Some(enabled) = by_condition(dependency, &values, path, warnings) {
            dependency.enabled = enabled;
        }
    }
    let disabled: HashSet<String> = chart
        .metadata
        .dependencies
        .iter()
        .filter(|dependency| !dependency.enabled)
        .map(|dependency| dependency.name.clone())
        .collect();
    chart.dependencies.retain(|subchart| !disabled.contains(&subchart.metadata.name));
    chart.metadata.dependencies.retain(|dependency| !disabled.contains(&dependency.name));
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.metadata.name);
        enable(subchart, &values, &path, warnings)?;
    }
    Ok(())
}

/// Every declared dependency gets the first chart that fits it, under its alias; charts that fit none stay in
/// front of them.
fn bind(chart: &mut Chart) {
    let fits = |subchart: &Chart, dependency: &Dependency| {
        subchart.metadata.name == dependency.name
            && is_compatible(&dependency.version, &subchart.metadata.version)
    };
    let declared = &mut chart.metadata.dependencies;
    let loaded = std::mem::take(&mut chart.dependencies);
    let bound: Vec<Option<usize>> = declared
        .iter()
        .map(|dependency| loaded.iter().position(|subchart| fits(subchart, dependency)))
        .collect();
    let free: Vec<bool> =
        loaded.iter().map(|subchart| !declared.iter().any(|dependency| fits(subchart, dependency))).collect();
    let mut loaded: Vec<Option<Chart>> = loaded.into_iter().map(Some).collect();
    chart.dependencies = loaded
        .iter_mut()
        .zip(free)
        .filter(|(_, free)| *free)
        .filter_map(|(subchart, _)| subchart.take())
        .collect();
    for (index, dependency) in declared.iter_mut().enumerate() {
        let again = bound[index + 1..].contains(&bound[index]);
        let subchart =
            bound[index].and_then(|place| if again { loaded[place].clone() } else { loaded[place].take() });
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        if let Some(mut subchart) = subchart {
            if !dependency.alias.is_empty() {
                subchart.metadata.name.clone_from(&dependency.alias);
            }
            chart.dependencies.push(subchart);
        }
    }
}

/// One true tag enables; one false tag and none that is true disables.
fn by_tags(dependency: &Dependency, values: &Values, warnings: &mut Vec<String>) -> bool {
    let mut seen = [false; 2];
    for tag in &dependency.tags {
        match values.get("tags").and_then(|tags| tags.get(tag)) {
            None => {}
            Some(Value::Bool(enabled)) => seen[usize::from(*enabled)] = true,
            Some(_) => warnings.push(format!("returned non-bool value tag={tag} chart={}", dependency.name)),
        }
    }
    seen[1] || !seen[0]
}

/// The first path that leads to a bool decides. Blanks around the commas count, as in Helm.
fn by_condition(
    dependency: &Dependency,
    values: &Values,
    path: &str,
    warnings: &mut Vec<String>,
) -> Option<bool> {
    for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
        match lookup(values, &format!("{path}{condition}")) {
            None | Some(Value::Object(_)) => {}
            Some(Value::Bool(enabled)) => return Some(*enabled),
            Some(_) => {
                warnings.push(format!("returned non-bool value path={condition} chart={}", dependency.name));
            }
        }
    }
    None
}

fn lookup<'v>(values: &'v Values, path: &str) -> Option<&'v Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (values.get(first)?, rest) {
        (value, None) => Some(value),
        (Value::Object(inner), Some(rest)) => lookup(inner, rest),
        (_, Some(_)) => None,
    }
}

fn import_all(chart: &mut Chart, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    chart.dependencies.iter_mut().try_for_each(|subchart| import_all(subchart, warnings))?;
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    // The chart's defaults now hold those of its subcharts, too: a stored release has no other place for
    // them.
    let mut defaults = merge_defaults(chart, Values::new(), warnings)?;
    let mut imports = Imports::default();
    for dependency in &mut chart.metadata.dependencies {
        let wanted: Vec<Import> = dependency.import_values.iter().filter_map(Import::read).collect();
        for import in &wanted {
            imports.take(import, &dependency.name, &mut defaults, warnings);
        }
        dependency.import_values = wanted
            .into_iter()
            .map(|import| json!({"child": import.child, "parent": import.parent}))
            .collect();
    }
    merge_tables(&mut defaults, &imports.values, warnings);
    chart.defaults = defaults;
    Ok(())
}

/// A table of a dependency's values, and where it goes in the parent's; `.` is the root.
struct Import {
    child: String,
    parent: String,
}

impl Import {
    fn read(declared: &Value) -> Option<Self> {
        match declared {
            Value::String(name) => Some(Self { child: format!("exports.{name}"), parent: ".".to_owned() }),
            Value::Object(record) => {
                let text = |key: &str| plain(record.get(key).unwrap_or(&Value::Null));
                Some(Self { child: text("child"), parent: text("parent") })
            }
            _ => None,
        }
    }
}

/// What is imported into a chart.
#[derive(Default)]
struct Imports {
    values: Values,
    /// Tables that are not copies: the place here, and in the chart's defaults. What a later import adds to
    /// one is added in both places.
    shared: Vec<(Vec<String>, Vec<String>)>,
}

impl Imports {
    /// What was imported before wins.
    fn take(&mut self, import: &Import, dependency: &str, defaults: &mut Values, warnings: &mut Vec<String>) {
        let origin = words(&format!("{dependency}.{}", import.child));
        let Some(Value::Object(table)) = at(defaults, &origin) else {
            let path = origin.join(".");
            warnings
                .push(format!("ImportValues missing table from chart {dependency}: {path} is not a table"));
            return;
        };
        let place = if import.parent == "." { Vec::new() } else { words(&import.parent) };
        self.share(table, &place, &origin);
        let nested = place.iter().rev().fold(Value::Object(table.clone()), |inner, key| json!({key: inner}));
        if let Value::Object(nested) = nested {
            merge_tables(&mut self.values, &nested, warnings);
        }
        for (place, origin) in &self.shared {
            if let (Some(grown), Some(table)) = (at(&self.values, place), at_mut(defaults, origin)) {
                table.clone_from(grown);
            }
        }
    }

    /// Remembers which tables come in as they are, because there is nothing at their place yet.
    fn share(&mut self, table: &Values, place: &[String], origin: &[String]) {
        match at(&self.values, place) {
            None if !place.is_empty() => self.shared.push((place.to_vec(), origin.to_vec())),
            None | Some(Value::Object(_)) => {
                let tables = table.iter().filter_map(|(key, value)| Some((key, value.as_object()?)));
                let below = |path: &[String], key: &str| [path, &[key.to_owned()]].concat();
                tables.for_each(|(key, inner)| self.share(inner, &below(place, key), &below(origin, key)));
            }
            Some(_) => {}
        }
    }
}

fn words(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// The value at a path; nothing for the root.
fn at<'v>(values: &'v Values, path: &[String]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(first)?, |value, key| value.as_object()?.get(key))
}

fn at_mut<'v>(values: &'v mut Values, path: &[String]) -> Option<&'v mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get_mut(first)?, |value, key| value.as_object_mut()?.get_mut(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::File;

    fn chart(files: &[(&str, &str)]) -> Chart {
        Chart::from_files(files.iter().map(|(name, text)| File::new(*name, *text)).collect()).unwrap()
    }

    fn processed(files: &[(&str, &str)], user: Value) -> (Chart, Vec<String>) {
        let Value::Object(user) = user else { panic!("a map is needed") };
        let mut chart = chart(files);
        let mut warnings = Vec::new();
        process(&mut chart, &user, &mut warnings).unwrap();
        (chart, warnings)
    }

    fn names(chart: &Chart) -> Vec<&str> {
        chart.dependencies.iter().map(|subchart| &*subchart.metadata.name).collect()
    }

    const A: (&str, &str) = ("charts/a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.2.3\n");
    const B: (&str, &str) = ("charts/b/Chart.yaml", "apiVersion: v2\nname: b\nversion: 1.0.0\n");

    fn top(dependencies: &str) -> String {
        format!("apiVersion: v2\nname: top\nversion: 1.0.0\ndependencies:\n{dependencies}\n")
    }

    #[test]
    fn tags_conditions_and_aliases() {
        let top = top(
            "- {name: a, version: 1.x, condition: a.on, tags: [back]}\n- {name: a, version: '>=1', alias: two, condition: ' two.on,x.on'}",
        );
        let with = |user: Value| processed(&[("Chart.yaml", &top), A, B], user).0;
        assert_eq!(names(&with(json!({}))), ["b", "a", "two"]);
        assert_eq!(names(&with(json!({"tags": {"back": false}}))), ["b", "two"]);
        assert_eq!(names(&with(json!({"tags": {"back": false}, "a": {"on": true}}))), ["b", "a", "two"]);
        assert_eq!(
            names(&with(json!({"tags": {"back": true}, "a": {"on": false}, "x": {"on": false}}))),
            ["b"]
        );
        let chart = with(json!({"two": {"on": false}}));
        assert_eq!(
            chart.metadata.dependencies.iter().map(|one| (&*one.name, one.enabled)).collect::<Vec<_>>(),
            [("a", true)]
        );
    }

    #[test]
    fn a_chart_that_fits_no_entry_stays_and_an_entry_without_chart_is_nothing() {
        let top = top("- {name: a, version: ^2}\n- {name: b, version: '*'}");
        assert_eq!(names(&processed(&[("Chart.yaml", &top), A, B], json!({})).0), ["a", "b"]);
    }

    #[test]
    fn what_is_no_bool_is_skipped_with_a_warning() {
        let top = top("- {name: a, version: '*', condition: 'a.n,a.t,a.on', tags: [t]}");
        let (chart, warnings) = processed(
            &[("Chart.yaml", &top), A],
            json!({"a": {"n": 1, "t": {}, "on": false}, "tags": {"t": "x"}}),
        );
        assert!(names(&chart).is_empty());
        assert_eq!(
            warnings,
            ["returned non-bool value tag=t chart=a", "returned non-bool value path=a.n chart=a"]
        );
    }

    #[test]
    fn conditions_of_inner_charts_start_at_their_own_section() {
        let top = top("- {name: a, version: '*', alias: x}");
        let inner = "apiVersion: v2\nname: a\nversion: 1.2.3\ndependencies: [{name: c, version: '*', condition: c.on}]\n";
        let files = [
            ("Chart.yaml", &*top),
            ("charts/a/Chart.yaml", inner),
            ("charts/a/charts/c/Chart.yaml", "name: c\nversion: 1.0.0"),
        ];
        let inner_names = |user: Value| processed(&files, user).0.dependencies[0].dependencies.len();
        assert_eq!(inner_names(json!({"c": {"on": false}})), 1);
        assert_eq!(inner_names(json!({"x": {"c": {"on": false}}})), 0);
    }

    #[test]
    fn imports_come_from_defaults_and_the_parent_wins() {
        let top = top(
            "- name: a\n  version: '*'\n  import-values: [data, {child: t.u, parent: p.q}, {child: none, parent: .}]",
        );
        let files = [
            ("Chart.yaml", &*top),
            ("values.yaml", "mine: 1\nk: parent\n"),
            A,
            ("charts/a/values.yaml", "exports: {data: {k: child, m: 2}}\nt: {u: {v: null}}\n"),
        ];
        let (chart, warnings) = processed(&files, json!({"a": {"exports": {"data": {"m": 9}}}}));
        let mut defaults = Value::Object(chart.defaults.clone());
        defaults.as_object_mut().unwrap().remove("a");
        assert_eq!(defaults, json!({"mine": 1.0, "k": "parent", "m": 2.0, "p": {"q": {"v": null}}}));
        assert_eq!(chart.defaults["a"]["global"], json!({}));
        assert_eq!(
            chart.metadata.dependencies[0].import_values[0],
            json!({"child": "exports.data", "parent": "."})
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn a_table_that_two_imports_meet_in_is_the_one_that_came_first() {
        let top =
            top("- {name: a, version: '*', import-values: [{child: x, parent: p}, {child: w, parent: p}]}");
        let files =
            [("Chart.yaml", &*top), A, ("charts/a/values.yaml", "x: {k: 1}\nz: 1\nexports: {}\nw: {m: 2}\n")];
        let (chart, _) = processed(&files, json!({}));
        assert_eq!(chart.defaults["p"], json!({"k": 1.0, "m": 2.0}));
        assert_eq!(
            (&chart.defaults["a"]["x"], &chart.defaults["a"]["w"]),
            (&json!({"k": 1.0, "m": 2.0}), &json!({"m": 2.0}))
        );
    }
}
