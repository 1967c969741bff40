//! Renders the templates of a chart and its subcharts, as Helm's engine does. Knows no cluster: who does answers [`Lookup`].

mod request;

use std::collections::BTreeMap;

pub use request::{Lookup, NoCluster, ReleaseContext, Render, Rendered};

use super::template::TemplateError;

/// Renders every template of a chart and its subcharts; partials (`_helpers.tpl`) are read but not executed.
pub fn render(request: &Render<'_>, _lookup: &mut dyn Lookup) -> Result<Rendered, TemplateError> {
    let mut files = BTreeMap::new();
    for file in &request.chart.templates {
        let text = String::from_utf8_lossy(&file.data).into_owned();
        if text.contains("{{") {
            return Err(TemplateError::new(format!("parse error at ({}:1): actions are not read yet", file.name)));
        }
        files.insert(format!("{}/{}", request.chart.metadata.name, file.name), text);
    }
    Ok(Rendered { files })
}
