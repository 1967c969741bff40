//! Renders the templates of a chart and its subcharts, as Helm's engine does. Knows no cluster: who does answers [`Lookup`].

mod context;
mod objects;
mod outside;
mod request;

use std::cmp::Reverse;

use context::{Template, Templates};
use outside::World;
pub use request::{Lookup, NoCluster, ReleaseContext, Render, Rendered};

use super::template::{self, Executor, Functions, Set, Stack, TemplateError, Text, Value};

/// Renders every template of a chart and its subcharts; partials (`_helpers.tpl`) are read but not executed.
/// The error has the text that Helm 4 prints.
pub fn render(request: &Render<'_>, lookup: &mut dyn Lookup) -> Result<Rendered, TemplateError> {
    let rendered = template::with_room(|stack| render_with(request, lookup, stack));
    rendered.map_err(|error| TemplateError::new(format!("cannot start a thread to render the templates: {error}")))?
}

fn render_with(request: &Render<'_>, lookup: &mut dyn Lookup, stack: Stack) -> Result<Rendered, TemplateError> {
    let templates = context::templates(request);
    let order = order(&templates);
    let mut set = Set::new(Functions::new(template::functions::all()));
    for (path, template) in &order {
        set.parse(&Text::from(*path), Text::from(template.data), stack).map_err(TemplateError::parse)?;
    }
    let mut world = World::new(request, lookup);
    let mut executor = Executor::new(set, &mut world, stack);
    let mut rendered = Rendered::default();
    for (path, template) in order.into_iter().filter(|(path, _)| !context::is_partial(path)) {
        rendered.files.insert(path.to_owned(), execute(&mut executor, path, template)?);
    }
    Ok(rendered)
}

/// The order in which files are read and executed: the deepest first, and backwards within a depth. What is read later replaces
/// definitions of what was read before, so the shallowest and first file wins.
fn order<'t, 'c>(templates: &'t Templates<'c>) -> Vec<(&'t str, &'t Template<'c>)> {
    let mut order: Vec<_> = templates.iter().map(|(path, template)| (path.as_str(), template)).collect();
    order.sort_by_key(|(path, _)| Reverse((path.matches('/').count(), *path)));
    order
}

fn execute(executor: &mut Executor<'_>, path: &str, template: &Template<'_>) -> Result<String, TemplateError> {
    let named = [("Name", path), ("BasePath", &template.base_path)];
    let about = named.into_iter().map(|(key, text)| (Text::from(key), Value::from(text))).collect::<template::Map>();
    template.context.set("Template".into(), Value::Map(about.with_kind(template::MapKind::Values)));
    let mut out = Vec::new();
    let dot = template.context.clone().with_kind(template::MapKind::Values);
    executor.execute(&Text::from(path), Value::Map(dot), &mut out)?;
    String::from_utf8(template::without_no_value(out)).or_else(|error| text_of_bytes(path, &error))
}

/// Notes are shown as well as can be; a manifest that is no text is what Helm's YAML reader refuses.
fn text_of_bytes(path: &str, error: &std::string::FromUtf8Error) -> Result<String, TemplateError> {
    if path.ends_with("NOTES.txt") {
        return Ok(String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
    let what = "error converting YAML to JSON: yaml: invalid leading UTF-8 octet";
    Err(TemplateError::new(format!("YAML parse error on {path}: {what}")))
}
