//! What a Pod says of its containers, init containers first. Asks nobody.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The status of every container that has one.
pub(crate) fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().chain(main).flatten()
}
