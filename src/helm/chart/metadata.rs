//! `Chart.yaml`: read with Helm's coercions, validated, and written back in Helm's form.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::decode::{FieldError, boolean, entries, list, sanitize, text, texts};
use super::dependency::{self, Dependency};
use crate::helm::semver::Version;

/// What a chart says about itself. Empty text means that the field is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The chart's name.
    pub name: String,
    /// The chart's version as written, with a leading `v` if there is one.
    pub version: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// The version of the application inside.
    pub app_version: String,
    /// The Kubernetes versions that it runs on, a constraint.
    pub kube_version: String,
    /// One sentence about it.
    pub description: String,
    /// `application`, `library` or empty.
    pub chart_type: String,
    /// Its home page.
    pub home: String,
    /// The URL of its icon.
    pub icon: String,
    /// Paths in the values that enable it as a dependency.
    pub condition: String,
    /// Tags that enable it as a dependency.
    pub tags: String,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Where its source code is.
    pub sources: Vec<String>,
    /// Who keeps it.
    pub maintainers: Vec<Maintainer>,
    /// Anything else, for other programs.
    pub annotations: BTreeMap<String, String>,
    /// The charts that it depends on.
    pub dependencies: Vec<Dependency>,
}

/// Somebody who keeps a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// The name of a person or an organisation.
    pub name: String,
    /// A mail address.
    pub email: String,
    /// A web address.
    pub url: String,
}

/// What Helm does not accept in a `Chart.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A required field is missing.
    #[error("validation: chart.metadata.{0} is required")]
    Required(&'static str),
    /// A name that is not a plain file name.
    #[error("validation: chart.metadata.name {0:?} is invalid")]
    Name(String),
    /// A name that means a folder.
    #[error("validation: chart.metadata.name {0:?} is not allowed")]
    DotName(String),
    /// A version that is not one, even loosely.
    #[error("validation: chart.metadata.version {0:?} is invalid")]
    Version(String),
    /// An unknown type.
    #[error("validation: chart.metadata.type must be application or library")]
    Type,
    /// A dependency's alias with other characters than letters, digits, `_` and `-`.
    #[error("validation: dependency {0:?} has disallowed characters in the alias")]
    Alias(String),
    /// Two dependencies that go by one name.
    #[error("validation: more than one dependency with name or alias {0:?}")]
    TwiceNamed(String),
}

impl Metadata {
    /// Sets the fields that a record has, over those already set.
    pub(super) fn overlay(&mut self, value: &Value) -> Result<(), FieldError> {
        entries("Chart.yaml", value)?.into_iter().try_for_each(|(key, value)| self.set(&key, value))
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), FieldError> {
        match key {
            "name" => text(&mut self.name, "name", value),
            "version" => text(&mut self.version, "version", value),
            "apiversion" => text(&mut self.api_version, "apiVersion", value),
            "appversion" => text(&mut self.app_version, "appVersion", value),
            "kubeversion" => text(&mut self.kube_version, "kubeVersion", value),
            "description" => text(&mut self.description, "description", value),
            "type" => text(&mut self.chart_type, "type", value),
            "home" => text(&mut self.home, "home", value),
            "icon" => text(&mut self.icon, "icon", value),
            "condition" => text(&mut self.condition, "condition", value),
            "tags" => text(&mut self.tags, "tags", value),
            "deprecated" => boolean(&mut self.deprecated, "deprecated", value),
            "keywords" => texts("keywords", value).map(|keywords| self.keywords = keywords),
            "sources" => texts("sources", value).map(|sources| self.sources = sources),
            "maintainers" => maintainers(value).map(|maintainers| self.maintainers = maintainers),
            "annotations" => self.annotate(value),
            "dependencies" => dependency::decode_all("dependencies", value)
                .map(|dependencies| self.dependencies = dependencies),
            _ => Ok(()),
        }
    }

    fn annotate(&mut self, value: &Value) -> Result<(), FieldError> {
        let map = match value {
            Value::Null => return Ok(()),
            Value::Object(map) => map,
            other => return Err(FieldError::new("annotations", "a map", other)),
        };
        for (key, value) in map {
            let mut annotation = String::new();
            text(&mut annotation, key, value).map_err(|error| error.within("annotations"))?;
            self.annotations.insert(key.clone(), annotation);
        }
        Ok(())
    }

    /// Cleans the texts, then checks what Helm requires.
    pub fn validate(&mut self) -> Result<(), MetadataError> {
        self.sanitize();
        let required = [("apiVersion", &self.api_version), ("name", &self.name), ("version", &self.version)];
        if let Some((field, _)) = required.into_iter().find(|(_, text)| text.is_empty()) {
            return Err(MetadataError::Required(field));
        }
        match self.name.as_str() {
            "." | ".." => return Err(MetadataError::DotName(self.name.clone())),
            name if name.contains('/') => return Err(MetadataError::Name(self.name.clone())),
            _ => {}
        }
        if self.version.parse::<Version>().is_err() {
            return Err(MetadataError::Version(self.version.clone()));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err(MetadataError::Type);
        }
        let mut names = HashSet::new();
        for dependency in &mut self.dependencies {
            dependency.validate()?;
            let name = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !names.insert(name.clone()) {
                return Err(MetadataError::TwiceNamed(name.clone()));
            }
        }
        Ok(())
    }

    /// The version is left as it is: what is no version must not become one.
    fn sanitize(&mut self) {
        let Self {
            name,
            app_version,
            kube_version,
            description,
            home,
            icon,
            condition,
            tags,
            keywords,
            sources,
            maintainers,
            ..
        } = self;
        for text in [name, app_version, kube_version, description, home, icon, condition, tags] {
            sanitize(text);
        }
        keywords.iter_mut().chain(sources).for_each(sanitize);
        maintainers
            .iter_mut()
            .flat_map(|Maintainer { name, email, url }| [name, email, url])
            .for_each(sanitize);
    }

    /// The record that Helm writes: empty fields left out, no dependencies in a v1 chart.
    pub fn encode(&self) -> Value {
        let mut record = Map::new();
        let texts = [
            ("apiVersion", &self.api_version),
            ("appVersion", &self.app_version),
            ("condition", &self.condition),
            ("description", &self.description),
            ("home", &self.home),
            ("icon", &self.icon),
            ("kubeVersion", &self.kube_version),
            ("name", &self.name),
            ("tags", &self.tags),
            ("type", &self.chart_type),
            ("version", &self.version),
        ];
        let lists = [
            ("annotations", !self.annotations.is_empty(), json!(self.annotations)),
            (
                "dependencies",
                !self.dependencies.is_empty() && self.api_version != "v1",
                self.dependencies.iter().map(Dependency::encode).collect(),
            ),
            ("deprecated", self.deprecated, json!(true)),
            ("keywords", !self.keywords.is_empty(), json!(self.keywords)),
            (
                "maintainers",
                !self.maintainers.is_empty(),
                self.maintainers.iter().map(Maintainer::encode).collect(),
            ),
            ("sources", !self.sources.is_empty(), json!(self.sources)),
        ];
        record.extend(
            texts
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| (key.to_owned(), json!(text))),
        );
        record.extend(
            lists
                .into_iter()
                .filter(|(_, written, _)| *written)
                .map(|(key, _, value)| (key.to_owned(), value)),
        );
        Value::Object(record)
    }
}

impl Maintainer {
    fn encode(&self) -> Value {
        let fields = [("name", &self.name), ("email", &self.email), ("url", &self.url)];
        fields
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(key, text)| (key.to_owned(), json!(text)))
            .collect()
    }
}

fn maintainers(value: &Value) -> Result<Vec<Maintainer>, FieldError> {
    let decode = |item: &Value| {
        if item.is_null() {
            return Err(FieldError::new("maintainers", "without empty or null nodes", item));
        }
        let mut maintainer = Maintainer::default();
        for (key, value) in entries("maintainers", item)? {
            let target = match key.as_str() {
                "name" => &mut maintainer.name,
                "email" => &mut maintainer.email,
                "url" => &mut maintainer.url,
                _ => continue,
            };
            text(target, &key, value).map_err(|error| error.within("maintainers"))?;
        }
        Ok(maintainer)
    };
    list("maintainers", value)?.iter().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::yaml;

    fn metadata(yaml: &str) -> Metadata {
        let mut metadata = Metadata::default();
        metadata.overlay(&yaml::read(yaml.as_bytes()).unwrap()).unwrap();
        metadata
    }

    fn refused(yaml: &str) -> String {
        metadata(yaml).validate().unwrap_err().to_string()
    }

    #[test]
    fn keys_in_any_case_and_numbers_as_text() {
        let read = metadata(
            "ApiVersion: v2\nNAME: demo\nversion: 1.10\nappversion: 010\ndeprecated: yes\nannotations: {a: 1, b: true}\nunknown: [1]\n",
        );
        assert_eq!(
            (read.api_version.as_str(), read.name.as_str(), read.version.as_str(), read.app_version.as_str()),
            ("v2", "demo", "1.1", "8")
        );
        assert!(read.deprecated);
        assert_eq!(read.annotations["a"], "1");
        assert_eq!(read.annotations["b"], "true");
    }

    #[test]
    fn what_helm_refuses() {
        assert_eq!(refused("name: x\nversion: 1"), "validation: chart.metadata.apiVersion is required");
        assert_eq!(refused("apiVersion: v2\nversion: 1"), "validation: chart.metadata.name is required");
        assert_eq!(refused("apiVersion: v2\nname: x"), "validation: chart.metadata.version is required");
        assert_eq!(
            refused("apiVersion: v2\nname: ../x\nversion: 1"),
            "validation: chart.metadata.name \"../x\" is invalid"
        );
        assert_eq!(
            refused("apiVersion: v2\nname: ..\nversion: 1"),
            "validation: chart.metadata.name \"..\" is not allowed"
        );
        assert_eq!(
            refused("apiVersion: v2\nname: x\nversion: latest"),
            "validation: chart.metadata.version \"latest\" is invalid"
        );
        assert_eq!(
            refused("apiVersion: v2\nname: x\nversion: 1\ntype: app"),
            "validation: chart.metadata.type must be application or library"
        );
        let twice = "apiVersion: v2\nname: x\nversion: 1\ndependencies: [{name: a}, {name: b, alias: a}]";
        assert_eq!(refused(twice), "validation: more than one dependency with name or alias \"a\"");
    }

    #[test]
    fn wrong_kinds_name_the_field() {
        let error = |yaml: &str| {
            Metadata::default().overlay(&yaml::read(yaml.as_bytes()).unwrap()).unwrap_err().to_string()
        };
        assert_eq!(error("name: [x]"), "`name` must be text, not a list");
        assert_eq!(error("keywords: x"), "`keywords` must be a list, not text");
        assert_eq!(error("deprecated: \"yes\""), "`deprecated` must be true or false, not text");
        assert_eq!(error("maintainers: [{name: {}}]"), "`maintainers.name` must be text, not a map");
        assert_eq!(error("- x"), "`Chart.yaml` must be a map, not a list");
    }

    #[test]
    fn written_as_helm_writes_it() {
        let mut read = metadata(
            "# a comment\nversion: v1.2.3\nname: demo\napiVersion: v2\nsources: [https://example.com]\nmaintainers: [{email: a@example.com, name: A}]\n\
             description: |\n  two\n  lines\ndependencies: [{name: sub, version: '>=1', repository: ''}]\nannotations: {b: x, a10: y, a2: z}\n",
        );
        read.validate().unwrap();
        insta::assert_snapshot!(yaml::write(&read.encode()), @r#"
        annotations:
          a2: z
          a10: "true"
          b: x
        apiVersion: v2
        dependencies:
        - name: sub
          repository: ""
          version: '>=1'
        description: 'two lines '
        maintainers:
        - email: a@example.com
          name: A
        name: demo
        sources:
        - https://example.com
        version: v1.2.3
        "#);
        read.api_version = "v1".to_owned();
        assert!(read.encode().get("dependencies").is_none());
    }
}
