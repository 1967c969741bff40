//! A template that stands alone, without chart, values and cluster: `--name-template`.

use serde_json::Value as Json;

use crate::helm::template::{
    self, Executor, Functions, NoCluster, Set, Stack, TemplateError, Text, Value, no_dns,
};

/// Renders a text under the name that its errors speak of.
pub fn render_text(name: &str, text: &str) -> Result<String, TemplateError> {
    render_text_of(name, text, &Json::Null)
}

/// The same, of what `.` is.
pub fn render_text_of(name: &str, text: &str, data: &Json) -> Result<String, TemplateError> {
    let rendered = template::with_room(|stack| rendered(name, text, data, stack));
    rendered.map_err(|error| {
        TemplateError::new(format!("cannot start a thread to render the template: {error}"))
    })?
}

fn rendered(name: &str, text: &str, data: &Json, stack: Stack) -> Result<String, TemplateError> {
    let name = Text::from(name);
    let mut set = Set::new(Functions::new(template::functions::all()));
    set.parse(&name, Text::from(text), stack).map_err(TemplateError::new)?;
    let mut out = Vec::new();
    Executor::new(set, &mut NoCluster, no_dns, stack).execute(&name, Value::from(data), &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_functions_and_nothing_else() {
        assert_eq!(render_text("name-template", "plain").unwrap(), "plain");
        assert_eq!(
            render_text("name-template", "{{ \"X\" | lower }}-{{ len (randAlpha 3) }}").unwrap(),
            "x-3"
        );
        assert!(
            render_text("name-template", "{{ nope }}")
                .unwrap_err()
                .to_string()
                .contains("function \"nope\" not defined")
        );
        assert!(render_text("name-template", "{{ fail \"no\" }}").is_err());
    }
}
