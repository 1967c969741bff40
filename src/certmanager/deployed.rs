//! Which version of cert-manager a chart deploys, whatever the chart around it is called and numbered. Pure.

use serde_json::Value;

use super::advice::condition::LiveCrd;
use super::app_version::AppVersion;
use crate::helm::manifest::Object;

/// The chart of cert-manager itself, whose appVersion is that of cert-manager.
pub const CHART: &str = "cert-manager";

/// The CRDs of cert-manager; they may be installed apart from the chart.
pub const CRDS: [&str; 6] = [
    "certificaterequests.cert-manager.io",
    "certificates.cert-manager.io",
    "challenges.acme.cert-manager.io",
    "clusterissuers.cert-manager.io",
    "issuers.cert-manager.io",
    "orders.acme.cert-manager.io",
];

/// How the image of the controller is called, also in a mirror (cert-manager's chart, `image.repository`).
const CONTROLLER: &str = "cert-manager-controller";
const LABEL: &str = "app.kubernetes.io/version";

/// What a chart says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ChartSays<'c> {
    /// Its name.
    pub name: &'c str,
    /// Its `appVersion`.
    pub app_version: &'c str,
}

/// The version that these objects of a chart run: the tag of the controller's image, else the appVersion of
/// cert-manager's own chart, else the controller's label. The appVersion of a wrapper is its own affair.
pub fn deployed(chart: ChartSays<'_>, objects: &[Object]) -> Option<AppVersion> {
    let mut images = objects.iter().filter_map(controller_image);
    let tagged = images.find_map(|image| AppVersion::of_cert_manager(tag(image)?));
    let own = || Some(chart).filter(|chart| chart.name == CHART);
    let mut controllers = objects.iter().filter(|object| is_controller(object));
    let labelled = || controllers.find_map(|object| labelled_version(&object.value));
    tagged
        .or_else(|| own().and_then(|chart| AppVersion::of_cert_manager(chart.app_version)))
        .or_else(labelled)
}

/// The version that live CRDs are labelled with: the oldest, so that nothing on the way is left out.
pub fn of_crds(crds: &[LiveCrd]) -> Option<AppVersion> {
    crds.iter().filter_map(|crd| crd.version).min()
}

/// The version that an object is labelled with.
pub fn labelled_version(object: &Value) -> Option<AppVersion> {
    AppVersion::of_cert_manager(object["metadata"]["labels"][LABEL].as_str()?)
}

/// By its image, or by the labels of cert-manager's chart where the image has another name.
fn is_controller(object: &Object) -> bool {
    let labels = &object.value["metadata"]["labels"];
    let chart_says = labels["app.kubernetes.io/component"] == "controller"
        && labels["app.kubernetes.io/name"] == CHART
        && object.kind() == "Deployment";
    chart_says || controller_image(object).is_some()
}

fn controller_image(object: &Object) -> Option<&str> {
    let containers = object.value.pointer("/spec/template/spec/containers")?.as_array()?;
    let images = containers.iter().filter_map(|container| container["image"].as_str());
    images.into_iter().find(|image| repository(image).rsplit('/').next() == Some(CONTROLLER))
}

/// The image without its tag and digest.
fn repository(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or_default();
    tag(image).map_or(named, |tag| &named[..named.len() - tag.len() - 1])
}

/// A colon before a slash is that of the registry's port.
fn tag(image: &str) -> Option<&str> {
    let named = image.split('@').next()?;
    named.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn controller(image: &str, label: &str) -> Object {
        let (version, component) = label.split_once('+').unwrap_or((label, ""));
        let labels = json!({LABEL: version, "app.kubernetes.io/name": CHART, "app.kubernetes.io/component": component});
        let containers = json!([{"image": "x/proxy:v2.1.0"}, {"image": image}]);
        Object::new(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cm", "labels": labels},
            "spec": {"template": {"spec": {"containers": containers}}}}),
        )
    }

    #[test]
    fn the_image_tells_and_a_wrapper_is_not_believed() {
        let digest = "@sha256:0123";
        let table = [
            (
                "cert-manager",
                "v1.14.2",
                "quay.io/jetstack/cert-manager-controller:v1.14.2",
                "",
                Some("1.14.2"),
            ),
            ("platform", "1.0.0", "quay.io/jetstack/cert-manager-controller:v1.14.2", "", Some("1.14.2")),
            ("platform", "1.0.0", "r:5000/cert-manager-controller:v1.14.2@sha256:0123", "", Some("1.14.2")),
            ("platform", "1.0.0", "r:5000/cert-manager-controller", "v1.13.6", Some("1.13.6")),
            ("platform", "1.0.0", "r:5000/cert-manager-controller", "", None),
            ("cert-manager", "v1.14.2", "r:5000/cert-manager-controller", "", Some("1.14.2")),
            ("cert-manager", "v1.14.2", "ours/cert-manager-controller:2024.3", "", Some("1.14.2")),
            ("cert-manager", "v1.14.2", "ours/cm:v1.2.3", "v1.2.3", Some("1.14.2")),
            ("platform", "1.0.0", "ours/cm:v1.2.3", "v1.2.3", None),
            ("platform", "1.0.0", "ours/cm:v1.2.3", "v1.14.1+controller", Some("1.14.1")),
        ];
        for (name, app_version, image, label, expected) in table {
            let objects = [controller(image, label)];
            let found = deployed(ChartSays { name, app_version }, &objects);
            assert_eq!(found.map(|version| version.to_string()).as_deref(), expected, "{name} {image}");
        }
        let objects = [controller(&format!("r/cert-manager-controller{digest}"), "v1.12.0")];
        let found = deployed(ChartSays { name: "platform", app_version: "1.0.0" }, &objects);
        assert_eq!(found, AppVersion::parse("1.12.0"));
    }

    #[test]
    fn the_oldest_label_of_the_crds_counts() {
        let crd = |version: &str| LiveCrd { version: AppVersion::parse(version), ..LiveCrd::default() };
        assert_eq!(of_crds(&[crd("1.12.0"), crd("1.11.5"), crd("")]), AppVersion::parse("1.11.5"));
        assert_eq!(of_crds(&[crd("")]), None);
    }
}
