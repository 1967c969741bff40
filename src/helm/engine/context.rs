//! The charts of a tree with what each of their templates sees. Maps are shared: a subchart's `.Values` is
//! the parent's `.Values.<name>`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::objects::{CapabilitiesObject, Files, chart_map};
use super::request::{ReleaseContext, Render};
use crate::helm::chart::Chart;
use crate::helm::template::{Map, MapKind, Text, Value};

/// A file that may be executed.
pub(super) struct Template<'c> {
    /// The text.
    pub(super) data: &'c [u8],
    /// What it sees as `.`; all templates of a chart share it.
    pub(super) context: Map,
    /// What it sees as `.Template.BasePath`.
    pub(super) base_path: String,
}

/// The templates of a tree by their full paths.
pub(super) type Templates<'c> = BTreeMap<String, Template<'c>>;

/// All templates of a chart and its subcharts.
pub(super) fn templates<'c>(request: &Render<'c>) -> Templates<'c> {
    let capabilities = Value::Object(Rc::new(CapabilitiesObject::new(request.capabilities)));
    let shared = Shared { capabilities, release: Value::Map(release_map(request.release)) };
    let mut templates = Templates::new();
    let values = Map::from(request.values).with_kind(MapKind::Values);
    shared.add(request.chart, None, &values, &mut templates);
    templates
}

/// What all charts of a tree see alike.
struct Shared {
    capabilities: Value,
    release: Value,
}

impl Shared {
    /// Adds the templates of a chart below its parent's path, and gives its context.
    fn add<'c>(
        &self,
        chart: &'c Chart,
        parent: Option<&str>,
        values: &Map,
        templates: &mut Templates<'c>,
    ) -> Map {
        let name = &chart.metadata.name;
        let path = parent.map_or_else(|| name.clone(), |parent| format!("{parent}/charts/{name}"));
        let subcharts = Map::default();
        let context: Map = [
            ("Chart", Value::Map(chart_map(&chart.metadata, parent.is_none()))),
            ("Files", Value::Object(Rc::new(Files::new(&chart.files)))),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", Value::Map(values.clone())),
            ("Subcharts", Value::Map(subcharts.clone())),
        ]
        .into_iter()
        .map(|(key, value)| (Text::from(key), value))
        .collect();
        for child in &chart.dependencies {
            let child_context = self.add(child, Some(&path), &table(values, &child.metadata.name), templates);
            subcharts.set(child.metadata.name.as_str().into(), Value::Map(child_context));
        }
        for file in chart.templates.iter().filter(|file| is_used(chart, &file.name)) {
            let template = Template {
                data: &file.data,
                context: context.clone(),
                base_path: format!("{path}/templates"),
            };
            templates.insert(format!("{path}/{}", file.name), template);
        }
        context
    }
}

/// A library chart gives its partials only.
fn is_used(chart: &Chart, name: &str) -> bool {
    !chart.metadata.chart_type.eq_ignore_ascii_case("library") || is_partial(name)
}

/// Whether a file is only read, not executed.
pub(super) fn is_partial(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

/// The section of a subchart, or an empty one. A point in a name is a step, as everywhere in Helm.
fn table(values: &Map, name: &str) -> Map {
    let step = |map: Map, key: &str| match map.get(key.as_bytes()) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    };
    name.split('.').try_fold(values.clone(), step).unwrap_or_default().with_kind(MapKind::Values)
}

fn release_map(release: &ReleaseContext) -> Map {
    let fields = [
        ("Name", Value::from(release.name.as_str())),
        ("Namespace", Value::from(release.namespace.as_str())),
        ("Revision", Value::Int(release.revision)),
        ("IsInstall", Value::Bool(release.is_install)),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("Service", Value::from("Helm")),
    ];
    fields.into_iter().map(|(key, value)| (Text::from(key), value)).collect()
}
