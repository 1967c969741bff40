//! Kubeconfig files: `KUBECONFIG` (a list, the first file to name something wins) or `~/.kube/config`.
//! Contexts by name only.

use std::ffi::OsStr;
use std::path::PathBuf;

use kube::config::{Kubeconfig, KubeconfigError};

use crate::config::{self, KubeTarget};

/// Why no usable context was found.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// None of the files exists.
    #[error("there is no kubeconfig: {} does not exist; set KUBECONFIG to the file that has the context `{context}`", list(.looked))]
    NoFile {
        /// The context that was looked for.
        context: String,
        /// The files that were looked for.
        looked: Vec<PathBuf>,
    },
    /// A file that cannot be read or is not a kubeconfig.
    #[error("read the kubeconfig {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: KubeconfigError,
    },
    /// No context is chosen.
    #[error("the kubeconfig ({}) has no current context; choose one with --kube-context or HELM_KUBECONTEXT", list(.looked))]
    NoCurrent {
        /// The files that were looked for.
        looked: Vec<PathBuf>,
    },
    /// No file has the context.
    #[error("the kubeconfig ({}) has no context `{context}`{suggestion}", list(.looked))]
    UnknownContext {
        /// The context that was looked for.
        context: String,
        /// The files that were looked for.
        looked: Vec<PathBuf>,
        /// The nearest name.
        suggestion: String,
    },
    /// The context names a cluster or user entry that no file has, or a cluster without a URL.
    #[error("the context `{context}` of the kubeconfig names the {what} `{name}`, which {problem}")]
    Dangling {
        /// The context.
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        /// The name in the context.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The context leads to another API server than `release.yaml` pins.
    #[error(
        "the context `{context}` of the kubeconfig leads to {found}, but `release.yaml` says {pinned}; correct one of the two"
    )]
    OtherServer {
        /// The context.
        context: String,
        /// The URL in the kubeconfig.
        found: String,
        /// The URL in `release.yaml`.
        pinned: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A kubeconfig in which the wanted context was found, and which leads to the pinned server.
#[derive(Debug)]
pub struct Found {
    /// All files, merged.
    pub kubeconfig: Kubeconfig,
    /// The URL of the API server.
    pub server: String,
    /// Whether the kubeconfig itself names a proxy.
    pub own_proxy: bool,
}

/// Where kubeconfigs are, from the two variables that decide it.
pub fn paths(kubeconfig: Option<&OsStr>, home: Option<&OsStr>) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = kubeconfig
        .into_iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if listed.is_empty() {
        home.map(|home| PathBuf::from(home).join(".kube").join("config")).into_iter().collect()
    } else {
        listed
    }
}

/// Reads the files, finds the context and compares the server. Sends nothing.
pub fn find(looked: Vec<PathBuf>, target: &KubeTarget) -> Result<Found, ContextError> {
    let kubeconfig = merged(&looked)?;
    let kubeconfig = kubeconfig
        .ok_or_else(|| ContextError::NoFile { context: target.context.clone(), looked: looked.clone() })?;
    let found = find_in(kubeconfig, looked, &target.context)?;
    match target.server.as_ref().filter(|pinned| !config::same_address(pinned, &found.server)) {
        Some(pinned) => Err(ContextError::OtherServer {
            context: target.context.clone(),
            found: found.server,
            pinned: pinned.clone(),
        }),
        None => Ok(found),
    }
}

/// Finds the context in a kubeconfig that was read from these files.
pub(super) fn find_in(
    kubeconfig: Kubeconfig,
    looked: Vec<PathBuf>,
    name: &str,
) -> Result<Found, ContextError> {
    let context =
        kubeconfig.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.clone());
    let Some(context) = context else {
        let known = kubeconfig.contexts.iter().map(|named| named.name.as_str());
        let suggestion = config::error::did_you_mean(name, known);
        return Err(ContextError::UnknownContext { context: name.to_owned(), looked, suggestion });
    };
    let entry = cluster_entry(&kubeconfig, name, &context.cluster)?;
    let (server, own_proxy) = (
        entry.server.clone().unwrap_or_default(),
        entry.proxy_url.as_ref().is_some_and(|proxy| !proxy.is_empty()),
    );
    check_user(&kubeconfig, name, context.user.as_deref())?;
    Ok(Found { kubeconfig, server, own_proxy })
}

/// All files as one; those that do not exist are passed over, as kubectl does.
pub(super) fn merged(looked: &[PathBuf]) -> Result<Option<Kubeconfig>, ContextError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in looked.iter().filter(|path| path.exists()) {
        let unreadable = |error| ContextError::Unreadable { path: path.clone(), error };
        let next = Kubeconfig::read_from(path).map_err(unreadable)?;
        merged = Some(merged.unwrap_or_default().merge(next).map_err(unreadable)?);
    }
    Ok(merged)
}

/// The entry that the context names; it has a server.
fn cluster_entry<'k>(
    kubeconfig: &'k Kubeconfig,
    context: &str,
    name: &str,
) -> Result<&'k kube::config::Cluster, ContextError> {
    let dangling = |problem| ContextError::Dangling {
        context: context.to_owned(),
        what: "cluster",
        name: name.to_owned(),
        problem,
    };
    let entry =
        kubeconfig.clusters.iter().find(|named| named.name == name).and_then(|named| named.cluster.as_ref());
    let entry = entry.ok_or_else(|| dangling("is not in the kubeconfig"))?;
    if entry.server.as_ref().is_none_or(String::is_empty) {
        Err(dangling("has no `server`"))
    } else {
        Ok(entry)
    }
}

/// A user that no file has would make us nobody, which fails later and elsewhere.
fn check_user(kubeconfig: &Kubeconfig, context: &str, user: Option<&str>) -> Result<(), ContextError> {
    match user
        .filter(|user| !user.is_empty() && !kubeconfig.auth_infos.iter().any(|named| named.name == *user))
    {
        Some(name) => {
            let problem = "is not in the kubeconfig";
            Err(ContextError::Dangling {
                context: context.to_owned(),
                what: "user",
                name: name.to_owned(),
                problem,
            })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "
apiVersion: v1
kind: Config
current-context: never-used
clusters:
- {name: a, cluster: {server: 'https://A.example.com:443/'}}
- {name: empty, cluster: {}}
contexts:
- {name: dev, context: {cluster: a, user: u}}
- {name: lost, context: {cluster: gone, user: u}}
- {name: no-user, context: {cluster: a, user: gone}}
- {name: no-url, context: {cluster: empty, user: u}}
users:
- {name: u, user: {token: t}}
";
    const SECOND: &str = "
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: 'https://other.example.com'}}, {name: b, cluster: {server: 'https://b.example.com'}}]
contexts: [{name: staging, context: {cluster: b}}]
";

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            std::fs::write(files.0.path().join("first"), FIRST).unwrap();
            std::fs::write(files.0.path().join("second"), SECOND).unwrap();
            files
        }

        fn find(&self, context: &str, server: Option<&str>) -> Result<Found, String> {
            let looked = ["missing", "first", "second"].map(|name| self.0.path().join(name)).to_vec();
            let target = KubeTarget { context: context.to_owned(), server: server.map(str::to_owned) };
            find(looked, &target)
                .map_err(|error| error.to_string().replace(&format!("{}/", self.0.path().display()), ""))
        }
    }

    #[test]
    fn files_are_merged_and_the_first_one_wins() {
        let files = Files::new();
        let dev = files.find("dev", None).unwrap();
        assert_eq!(dev.server, "https://A.example.com:443/");
        assert_eq!(files.find("staging", None).unwrap().server, "https://b.example.com");
    }

    #[test]
    fn the_pinned_server_is_compared_by_where_it_leads() {
        let files = Files::new();
        assert!(files.find("dev", Some("https://a.example.com")).is_ok());
        insta::assert_snapshot!(files.find("dev", Some("https://b.example.com")).unwrap_err(), @"the context `dev` of the kubeconfig leads to https://A.example.com:443/, but `release.yaml` says https://b.example.com; correct one of the two");
    }

    #[test]
    fn what_is_missing_is_named() {
        let files = Files::new();
        insta::assert_snapshot!(files.find("stagign", None).unwrap_err(), @"the kubeconfig (missing, first, second) has no context `stagign`; did you mean `staging`?");
        insta::assert_snapshot!(files.find("lost", None).unwrap_err(), @"the context `lost` of the kubeconfig names the cluster `gone`, which is not in the kubeconfig");
        insta::assert_snapshot!(files.find("no-user", None).unwrap_err(), @"the context `no-user` of the kubeconfig names the user `gone`, which is not in the kubeconfig");
        insta::assert_snapshot!(files.find("no-url", None).unwrap_err(), @"the context `no-url` of the kubeconfig names the cluster `empty`, which has no `server`");
        let none = find(vec!["nowhere/config".into()], &KubeTarget { context: "dev".into(), server: None })
            .unwrap_err();
        insta::assert_snapshot!(none, @"there is no kubeconfig: nowhere/config does not exist; set KUBECONFIG to the file that has the context `dev`");
    }

    #[test]
    fn the_variable_wins_over_the_home_directory() {
        let paths = |variable: Option<&str>| paths(variable.map(OsStr::new), Some(OsStr::new("/home/me")));
        assert_eq!(paths(None), [PathBuf::from("/home/me/.kube/config")]);
        assert_eq!(paths(Some("")), [PathBuf::from("/home/me/.kube/config")]);
        assert_eq!(paths(Some("/a::/b")), [PathBuf::from("/a"), PathBuf::from("/b")]);
    }
}
