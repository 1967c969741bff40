//! The files of `preflight.advice`: named without being read, and read as documents that know their lines.

use std::sync::Arc;

use super::document::Document;
use super::error::{ConfigError, Problem};

/// The files, with the `release.yaml` that names them.
#[derive(Debug, Clone, Default)]
pub struct AdviceFiles {
    document: Arc<Document>,
    names: Vec<String>,
}

impl AdviceFiles {
    pub(super) fn of(document: Arc<Document>, names: &[String]) -> Self {
        Self { document, names: names.to_vec() }
    }

    /// Reads the files in their order; the error names every one that cannot be read with its line in
    /// `release.yaml`, or the place where one stops being YAML.
    pub fn read(&self) -> Result<Vec<Document>, ConfigError> {
        let (mut texts, mut problems) = (Vec::new(), Vec::new());
        for (index, name) in self.names.iter().enumerate() {
            let path = self.document.base_dir().join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => texts.push((path, text)),
                Err(error) => {
                    let location = self.document.location(&["preflight", "advice", &index.to_string()]);
                    let message = format!("read the file of advice `{name}`: {error}");
                    problems.push(Problem { location, message });
                }
            }
        }
        self.document.refuse(problems)?;
        texts.iter().map(|(path, text)| Document::parse(path, text)).collect()
    }
}
