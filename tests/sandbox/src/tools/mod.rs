//! The programs that a sandbox is made of: which versions, where they are, how they are built.
//!
//! Every version is pinned by a `go.mod` and a `go.sum` in `tests/sandbox/go`. What is built stays in the
//! cache and is built once.

mod build;
mod cache;
mod chart;
mod extras;
mod go;
mod installed;
mod programs;

pub use cache::Cache;
pub use extras::Extras;
pub use programs::{CertManager, Programs, helm};

/// One row of the table: what is built from one Go module graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name; with the version also the directory in the cache and in `tests/sandbox/go`.
    pub name: &'static str,
    /// Version with the leading `v`.
    pub version: &'static str,
    /// Main packages; the last part of each is the name of its program.
    pub packages: &'static [&'static str],
    /// Linker flags on top of `-s -w`: how these programs learn their version.
    pub ldflags: &'static str,
    /// How long a build from nothing takes on 2 cores.
    pub usual: &'static str,
}

impl Tool {
    /// The directory name, e.g. `etcd-v3.6.16`.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// etcd; its program is called `server` after its package.
pub const ETCD: Tool = Tool {
    name: "etcd",
    version: "v3.6.16",
    packages: &["go.etcd.io/etcd/server/v3"],
    ldflags: "",
    usual: "25 s",
};

/// API server, controller manager and scheduler.
pub const KUBERNETES: Tool = Tool {
    name: "kubernetes",
    version: "v1.36.3",
    packages: &[
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-scheduler",
    ],
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 \
              -X k8s.io/component-base/version.gitMinor=36",
    usual: "5 min",
};

/// The ACME server.
pub const PEBBLE: Tool = Tool {
    name: "pebble",
    version: "v2.10.1",
    packages: &["github.com/letsencrypt/pebble/v2/cmd/pebble"],
    ldflags: "",
    usual: "10 s",
};

/// Helm 4: the oracle of the tests, and what installs cert-manager.
pub const HELM: Tool = Tool {
    name: "helm",
    version: "v4.3.1",
    packages: &["helm.sh/helm/v4/cmd/helm"],
    ldflags: "",
    usual: "2 min",
};

/// Helm 3, an oracle of the tests.
pub const HELM_3: Tool = Tool {
    name: "helm",
    version: "v3.22.0",
    packages: &["helm.sh/helm/v3/cmd/helm"],
    ldflags: "",
    usual: "1 min",
};

const CERT_MANAGER_PACKAGES: &[&str] = &[
    "github.com/cert-manager/cert-manager/cmd/controller",
    "github.com/cert-manager/cert-manager/cmd/webhook",
    "github.com/cert-manager/cert-manager/cmd/cainjector",
    "github.com/cert-manager/cert-manager/cmd/ctl",
];

/// The version that every cluster begins with.
pub const CERT_MANAGER_OLD: Tool = Tool {
    name: "cert-manager",
    version: "v1.10.2",
    packages: CERT_MANAGER_PACKAGES,
    ldflags: "-X github.com/cert-manager/cert-manager/pkg/util.AppVersion=v1.10.2",
    usual: "2 min",
};

/// The version that it is upgraded to.
pub const CERT_MANAGER_NEW: Tool = Tool {
    name: "cert-manager",
    version: "v1.11.5",
    packages: CERT_MANAGER_PACKAGES,
    ldflags: "-X github.com/cert-manager/cert-manager/pkg/util.AppVersion=v1.11.5",
    usual: "2 min",
};

/// The whole table, the quickest first: a machine that cannot build learns it soon.
pub const TABLE: [Tool; 7] = [PEBBLE, ETCD, HELM, HELM_3, CERT_MANAGER_OLD, CERT_MANAGER_NEW, KUBERNETES];

/// What checks the GitHub workflows; not part of a sandbox.
pub const ACTIONLINT: Tool = Tool {
    name: "actionlint",
    version: "v1.7.12",
    packages: &["github.com/rhysd/actionlint/cmd/actionlint"],
    ldflags: "",
    usual: "10 s",
};

/// The program of [`ACTIONLINT`]; built when the cache has none.
pub(crate) async fn actionlint(cache: &Cache) -> anyhow::Result<std::path::PathBuf> {
    Ok(build::ensure(cache, &ACTIONLINT).await?.join("actionlint"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn rows() -> impl Iterator<Item = Tool> {
        TABLE.into_iter().chain([ACTIONLINT])
    }

    #[test]
    fn every_row_has_a_module_that_pins_its_version_and_packages() {
        for tool in rows() {
            let directory = build::modules().join(tool.directory());
            let imports = fs::read_to_string(directory.join("tools.go")).expect("tools.go");
            let pinned = fs::read_to_string(directory.join("go.mod")).expect("go.mod");
            assert!(directory.join("go.sum").exists(), "{}", tool.directory());
            assert!(pinned.contains(&format!(" {}\n", tool.version)), "{}", tool.directory());
            for package in tool.packages {
                assert!(imports.contains(&format!("_ \"{package}\"")), "{package}");
            }
        }
    }

    #[test]
    fn every_module_is_a_row() {
        for entry in fs::read_dir(build::modules()).expect("the modules") {
            let name = entry.expect("an entry").file_name();
            assert!(rows().any(|tool| *tool.directory() == *name), "{} is built by nobody", name.display());
        }
    }
}
