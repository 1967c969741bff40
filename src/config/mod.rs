//! What is wished: `release.yaml`, read once and resolved into [`Settings`]. No cluster, no network.
//!
//! [`Config`] is the file as written, [`Selection`] is what was typed, [`Settings`] is both with every name
//! resolved.
//! Only [`Config::load`] reads the file, and only [`ClusterSettings::read_values`] the values files that it
//! names; secrets stay names until [`RepositorySettings::credentials`] or [`SecretRef::read`] is called by the
//! one place that sends them.

pub mod advice_files;
pub mod canary;
pub mod credentials;
pub mod document;
pub mod duration;
pub mod error;
pub mod expression;
pub mod file;
pub mod issuer;
pub mod logs;
pub mod probe;
pub mod rule;
pub mod secret;
pub mod selection;
pub mod settings;
pub mod shape;
pub mod source;
pub mod values;

mod structure;
mod validate;

pub use canary::{CanaryIngress, CanarySettings};
pub use credentials::Credentials;
pub use error::{ConfigError, nearest};
pub use file::{
    ChartConfig, ClusterConfig, Config, GateSettings, IngressGate, KubeTarget, KubernetesMatrix, LogsGate,
    MetricsGate, OnFailure, OnReissue, PreflightSettings, Profile, ReleaseId, RepositoryConfig, WaveSettings,
};
pub use issuer::{IssuerKind, IssuerRef};
pub use logs::{LogFields, LogStoreKind, LogStoreSettings};
pub use probe::{
    HostAddress, ProbeDuty, ProbeSettings, SecretName, TlsExpectation, TlsProbe, TlsSource, TlsTrust,
};
pub use rule::{RuleBaseline, RuleCause, RuleSettings, WatchedKind};
pub use secret::{Credential, SecretError, SecretRef};
pub use selection::Selection;
pub use settings::{ChartSettings, ClusterSettings, RepositorySettings, Settings};
pub use shape::CertificateShape;
pub use source::{ArchiveSource, DirectorySource, GitSource, Source, SourceConfig};
pub use validate::same_address;
pub use values::{ValuesFile, ValuesList};
