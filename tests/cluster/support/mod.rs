//! What the tests share: the sandbox, connected clusters, small charts, and real Helm.

pub(crate) mod acme_account;
pub(crate) mod cert_manager;
pub(crate) mod chart;
pub(crate) mod colleagues;
pub(crate) mod fleet;
pub(crate) mod gates;
pub(crate) mod helm;
pub(crate) mod helms;
pub(crate) mod kubeconfig;
pub(crate) mod objects;
pub(crate) mod permit;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod sandbox;
pub(crate) mod verbs;
pub(crate) mod wait;

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libtest_mimic::Trial;
use release::cluster::{Cluster, client, namespace};
use release::config::{KubeTarget, ReleaseId};
use release::failure::Failure;

pub(crate) const FIRST: &str = "eks-development-1";
pub(crate) const SECOND: &str = "eks-staging-1";
/// Where cert-manager itself is broken.
pub(crate) const THIRD: &str = "eks-production-1";

/// No test takes this long, however busy the machine is: one that does hangs.
const LIMIT: Duration = Duration::from_mins(10);

/// A test that runs on a runtime of its own; it fails by panicking, and when it hangs.
pub(crate) fn trial<F>(name: &str, test: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    let own = name.to_owned();
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        wait::within(LIMIT, &own, move || runtime.block_on(test()))
    })
}

/// A context of the sandbox's kubeconfig.
pub(crate) fn target(context: &str) -> KubeTarget {
    KubeTarget { context: context.to_owned(), server: None }
}

/// A cluster of the sandbox, as its administrator.
pub(crate) async fn cluster(name: &str) -> Cluster {
    client::connect(name, &target(name)).await.unwrap()
}

/// A release in a namespace that no other test uses and that does not exist yet.
pub(crate) fn fresh_release() -> ReleaseId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ReleaseId { name: "app".to_owned(), namespace: format!("test-{}-{number}", std::process::id()) }
}

/// The first cluster, and a release in a namespace of its own on it.
pub(crate) async fn world() -> (Cluster, ReleaseId) {
    let (cluster, release) = (cluster(FIRST).await, fresh_release());
    namespace::ensure(&cluster, &release.namespace).await.unwrap();
    (cluster, release)
}

/// An error as the program would tell it.
pub(crate) fn told(error: impl Into<Failure>) -> String {
    error.into().chain().join("\n")
}
