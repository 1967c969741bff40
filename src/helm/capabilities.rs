//! What a chart may ask of the cluster it is rendered for: the Kubernetes version and the API versions.
//!
//! Never talks to a cluster; who does fills in what the cluster says.

/// What charts see as `.Capabilities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: KubeVersion,
    /// Group versions (`apps/v1`) and, from a cluster, kinds (`apps/v1/Deployment`), in the order that charts
    /// see; repeats are kept.
    pub api_versions: Vec<String>,
    /// The Helm that this program stands for.
    pub helm_version: HelmVersion,
}

/// A version of Kubernetes as charts see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As the cluster or the user says it, with a leading `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without any suffix: `v1.33.4`. It is what `{{ .Capabilities.KubeVersion }}` prints and what a chart's
    /// `kubeVersion` is compared with.
    pub normalized: String,
    /// `1`.
    pub major: String,
    /// `33`.
    pub minor: String,
}

/// The Helm that charts believe to be rendered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelmVersion {
    /// `v4.3.1`, as the released program says; one that is built from its module says `v4.3`.
    pub version: &'static str,
    /// Git's name of the commit; empty when the build does not know.
    pub git_commit: &'static str,
    /// `clean` or `dirty`; empty when the build does not know.
    pub git_tree_state: &'static str,
    /// The Go that Helm was built with.
    pub go_version: &'static str,
    /// The Kubernetes that Helm's client libraries belong to.
    pub kube_client_version: &'static str,
}

/// The Helm whose behaviour this program has.
const HELM: HelmVersion = HelmVersion {
    version: "v4.3.1",
    git_commit: "",
    git_tree_state: "",
    go_version: "go1.27.3",
    kube_client_version: "v1.37",
};

/// Text that is no Kubernetes version. The words are those of Kubernetes' own parser, which Helm prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeVersionError {
    /// Does not start with a number.
    #[error("could not parse {0:?} as version")]
    NotAVersion(String),
    /// Only one number.
    #[error("illegal version string {0:?}")]
    TooShort(String),
    /// `01.30`.
    #[error("illegal zero-prefixed version component {component:?} in {text:?}")]
    LeadingZero {
        /// The number.
        component: String,
        /// The whole text.
        text: String,
    },
    /// A number beyond 64 bits.
    #[error(
        "illegal non-numeric version component {component:?} in {text:?}: strconv.ParseUint: parsing {component:?}: value out of range"
    )]
    OutOfRange {
        /// The number.
        component: String,
        /// The whole text.
        text: String,
    },
}

impl Capabilities {
    /// What Helm 4.3.1 assumes without a cluster: Kubernetes 1.37 and the group versions that its client
    /// library knows, without kinds.
    pub fn without_cluster() -> Self {
        let version = "v1.37.0".to_owned();
        Self {
            kube_version: KubeVersion {
                normalized: version.clone(),
                version,
                major: "1".to_owned(),
                minor: "37".to_owned(),
            },
            api_versions: KNOWN_API_VERSIONS.iter().map(|&version| version.to_owned()).collect(),
            helm_version: HELM,
        }
    }

    /// What a cluster says it has.
    pub fn of_cluster(kube_version: KubeVersion, api_versions: Vec<String>) -> Self {
        Self { kube_version, api_versions, helm_version: HELM }
    }

    /// Whether a group version, or a kind of one, is there.
    pub fn has(&self, api_version: &str) -> bool {
        self.api_versions.iter().any(|known| known == api_version)
    }
}

impl std::str::FromStr for KubeVersion {
    type Err = KubeVersionError;

    /// Reads `--kube-version`: two numbers or more, anything may follow them.
    fn from_str(text: &str) -> Result<Self, KubeVersionError> {
        let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        let body = trimmed.strip_prefix('v').unwrap_or(trimmed);
        // What follows the numbers stays on their line.
        let numbers = leading_numbers(body);
        if numbers.is_empty() || body[numbers.len()..].contains('\n') {
            return Err(KubeVersionError::NotAVersion(text.to_owned()));
        }
        let components: Vec<&str> = numbers.split('.').collect();
        if components.len() < 2 {
            return Err(KubeVersionError::TooShort(text.to_owned()));
        }
        if components[0].len() > 1 && components[0].starts_with('0') {
            return Err(KubeVersionError::LeadingZero {
                component: components[0].to_owned(),
                text: text.to_owned(),
            });
        }
        let numbers =
            components.iter().map(|component| number(component, text)).collect::<Result<Vec<_>, _>>()?;
        let version = if text.starts_with('v') { text.to_owned() } else { format!("v{text}") };
        let normalized = format!("v{}", numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("."));
        Ok(Self { version, normalized, major: numbers[0].to_string(), minor: numbers[1].to_string() })
    }
}

/// The longest start of the form `1.2.3`.
fn leading_numbers(text: &str) -> &str {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(text);
    while end > 0 && text[end..].starts_with('.') {
        match digits(&text[end + 1..]) {
            0 => break,
            more => end += 1 + more,
        }
    }
    &text[..end]
}

fn number(component: &str, text: &str) -> Result<u64, KubeVersionError> {
    component
        .parse()
        .map_err(|_| KubeVersionError::OutOfRange { component: component.to_owned(), text: text.to_owned() })
}

/// Measured with Helm 4.3.1, in its order.
const KNOWN_API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_versions_as_kubernetes_reads_them() {
        for (text, version, normalized, major, minor) in [
            ("1.30", "v1.30", "v1.30", "1", "30"),
            ("v1.33.4-gke.1+b5", "v1.33.4-gke.1+b5", "v1.33.4", "1", "33"),
            ("1.2.3.4", "v1.2.3.4", "v1.2.3.4", "1", "2"),
            ("1.30.", "v1.30.", "v1.30", "1", "30"),
            ("1.030x", "v1.030x", "v1.30", "1", "30"),
        ] {
            let read: KubeVersion = text.parse().unwrap();
            assert_eq!(
                (&*read.version, &*read.normalized, &*read.major, &*read.minor),
                (version, normalized, major, minor)
            );
        }
    }

    #[test]
    fn what_is_no_kube_version_is_refused_in_kubernetes_words() {
        for (text, problem) in [
            ("1", "illegal version string \"1\""),
            ("banana", "could not parse \"banana\" as version"),
            ("", "could not parse \"\" as version"),
            ("01.30", "illegal zero-prefixed version component \"01\" in \"01.30\""),
        ] {
            assert_eq!(text.parse::<KubeVersion>().unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn without_a_cluster_there_are_versions_but_no_kinds() {
        let capabilities = Capabilities::without_cluster();
        assert!(
            capabilities.has("networking.k8s.io/v1") && !capabilities.has("networking.k8s.io/v1/Ingress")
        );
        assert_eq!((capabilities.api_versions.len(), &*capabilities.kube_version.version), (57, "v1.37.0"));
    }
}
