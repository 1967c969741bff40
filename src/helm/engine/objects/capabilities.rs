//! `.Capabilities`: the Kubernetes and Helm that a chart is rendered for.

use std::any::Any;
use std::rc::Rc;

use crate::helm::capabilities::{Capabilities, HelmVersion, KubeVersion};
use crate::helm::template::{FunctionError, List, Map, Object, Parameter, Text, Value};

type Called = Option<Result<Value, FunctionError>>;

/// `.Capabilities`.
#[derive(Debug)]
pub(in crate::helm::engine) struct CapabilitiesObject {
    kube_version: Rc<KubeVersionObject>,
    api_versions: Rc<VersionSet>,
    helm_version: Rc<BuildInfo>,
}

/// `.Capabilities.KubeVersion`.
#[derive(Debug)]
struct KubeVersionObject(KubeVersion);

/// `.Capabilities.APIVersions`.
#[derive(Debug)]
struct VersionSet(Vec<String>);

/// `.Capabilities.HelmVersion`.
#[derive(Debug)]
struct BuildInfo(HelmVersion);

impl CapabilitiesObject {
    /// What templates see of capabilities.
    pub(in crate::helm::engine) fn new(capabilities: &Capabilities) -> Self {
        Self {
            kube_version: Rc::new(KubeVersionObject(capabilities.kube_version.clone())),
            api_versions: Rc::new(VersionSet(capabilities.api_versions.clone())),
            helm_version: Rc::new(BuildInfo(capabilities.helm_version)),
        }
    }
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn kind(&self) -> &'static str {
        "ptr"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Rc::clone(&self.kube_version) as Rc<dyn Object>),
            "APIVersions" => Value::Object(Rc::clone(&self.api_versions) as Rc<dyn Object>),
            "HelmVersion" => Value::Object(Rc::clone(&self.helm_version) as Rc<dyn Object>),
            _ => return None,
        })
    }

    fn call(&self, _name: &str, _arguments: &[Value]) -> Called {
        None
    }

    fn print(&self) -> Text {
        let parts = [self.kube_version.print(), self.api_versions.print(), self.helm_version.print()];
        Text::from(format!("&{{{}}}", parts.map(|part| part.lossy().into_owned()).join(" ")))
    }

    fn in_braces(&self) -> Text {
        Text::from(self.print().bytes().get(1..).unwrap_or_default())
    }

    fn plain(&self) -> Value {
        map([
            ("KubeVersion", self.kube_version.plain()),
            ("APIVersions", self.api_versions.plain()),
            ("HelmVersion", self.helm_version.plain()),
        ])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for KubeVersionObject {
    fn type_name(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let text = match name {
            "Version" => &self.0.version,
            "Major" => &self.0.major,
            "Minor" => &self.0.minor,
            _ => return None,
        };
        Some(Value::from(text.as_str()))
    }

    fn parameters(&self, method: &str) -> Option<&'static [Parameter]> {
        matches!(method, "String" | "GitVersion").then_some(&[])
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Called {
        let text = match name {
            "String" => &self.0.normalized,
            "GitVersion" => &self.0.version,
            _ => return None,
        };
        Some(Ok(Value::from(text.as_str())))
    }

    fn print(&self) -> Text {
        let KubeVersion { version, normalized, major, minor } = &self.0;
        Text::from(format!("{{{version} {normalized} {major} {minor}}}"))
    }

    fn in_braces(&self) -> Text {
        Text::from(self.0.normalized.as_str())
    }

    fn plain(&self) -> Value {
        map(["Version", "Major", "Minor"].map(|name| (name, self.field(name).unwrap_or(Value::Nil))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for VersionSet {
    fn type_name(&self) -> &'static str {
        "common.VersionSet"
    }

    fn kind(&self) -> &'static str {
        "slice"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn parameters(&self, method: &str) -> Option<&'static [Parameter]> {
        (method == "Has").then_some(&[Parameter::Str])
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Called {
        let Some(Value::Str(wanted)) = arguments.first().filter(|_| name == "Has") else { return None };
        Some(Ok(Value::Bool(self.0.iter().any(|version| version.as_bytes() == wanted.bytes()))))
    }

    fn print(&self) -> Text {
        Text::from(format!("[{}]", self.0.join(" ")))
    }

    fn plain(&self) -> Value {
        Value::List(List::strings(self.0.iter().map(|version| Text::from(version.as_str()))))
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        Some((0..).map(Value::Int).zip(self.0.iter().map(|version| Value::from(version.as_str()))).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::from(match name {
            "Version" => self.0.version,
            "GitCommit" => self.0.git_commit,
            "GitTreeState" => self.0.git_tree_state,
            "GoVersion" => self.0.go_version,
            "KubeClientVersion" => self.0.kube_client_version,
            _ => return None,
        }))
    }

    fn call(&self, _name: &str, _arguments: &[Value]) -> Called {
        None
    }

    fn print(&self) -> Text {
        let HelmVersion { version, git_commit, git_tree_state, go_version, kube_client_version } = self.0;
        Text::from(format!("{{{version} {git_commit} {git_tree_state} {go_version} {kube_client_version}}}"))
    }

    fn plain(&self) -> Value {
        let fields = [
            ("version", self.0.version),
            ("git_commit", self.0.git_commit),
            ("git_tree_state", self.0.git_tree_state),
            ("go_version", self.0.go_version),
            ("kube_client_version", self.0.kube_client_version),
        ];
        let written = |(name, text): &(&str, &str)| !text.is_empty() || *name == "kube_client_version";
        map(fields.into_iter().filter(written).map(|(name, text)| (name, Value::from(text))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn map<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    Value::Map(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect::<Map>())
}
