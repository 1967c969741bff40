//! The objects of a release go, but for what is to stay.

use std::time::Duration;

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::action::removal::{Cascade, uninstall_objects};
use release::helm::manifest::Object;
use serde_json::json;

use crate::support::chart::{config_map, crd};
use crate::support::objects::{Place, names, objects};
use crate::support::permit::Free;
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "removal::what_is_kept_foreign_or_a_crd_stays_and_is_told",
            what_is_kept_foreign_or_a_crd_stays_and_is_told,
        ),
        trial("removal::what_does_not_go_in_time_is_told", what_does_not_go_in_time_is_told),
        trial(
            "removal::the_cascade_is_the_one_that_was_asked_for",
            the_cascade_is_the_one_that_was_asked_for,
        ),
    ]
}

async fn what_is_kept_foreign_or_a_crd_stays_and_is_told() {
    let place = Place::new().await;
    let kept = config_map("kept", &[])
        .replace("metadata:", "metadata:\n  annotations: {helm.sh/resource-policy: ' Keep'}");
    let crd = crd("lasts", "Last", &format!("{}.example.com", place.release.namespace), &["size"]);
    let texts = [
        kept.clone(),
        config_map("goes", &[]),
        config_map("taken", &[]),
        config_map("missing", &[]),
        crd.clone(),
    ];
    let all = objects(&texts);
    place.apply(&[], &all).await.unwrap();
    let api = place.api(&all[1]).await;
    let taken = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
    api.patch("taken", &PatchParams::default(), &Patch::Merge(taken)).await.unwrap();
    api.delete("missing", &DeleteParams::default()).await.unwrap();
    let removed = uninstall_objects(
        &place.cluster,
        &place.kinds().await,
        &place.release,
        &all,
        Cascade::Background,
        &Free,
    )
    .await
    .unwrap();
    removed
        .gone(&place.cluster, &place.kinds().await, &place.release, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(removed.deleted.iter().map(Object::name).collect::<Vec<_>>(), ["goes"]);
    assert_eq!(
        (names(&removed.kept), names(&removed.foreign), removed.crds.len()),
        (vec!["kept"], vec!["taken"], 1)
    );
    assert!(removed.told().contains(
        "1 resource(s) were not deleted because they are not owned by this release:\n[ConfigMap] taken\n"
    ));
    for (text, stays) in [(&texts[0], true), (&texts[1], false), (&texts[2], true), (&crd, true)] {
        assert_eq!(place.live(text).await.is_some(), stays, "{text}");
    }
    let again = uninstall_objects(
        &place.cluster,
        &place.kinds().await,
        &place.release,
        &all,
        Cascade::Background,
        &Free,
    )
    .await
    .unwrap();
    assert!(again.deleted.is_empty(), "what is gone is no error");
}

async fn what_does_not_go_in_time_is_told() {
    let place = Place::new().await;
    let held = objects(&[
        config_map("held", &[]).replace("metadata:", "metadata:\n  finalizers: [example.com/held]")
    ]);
    place.apply(&[], &held).await.unwrap();
    let kinds = place.kinds().await;
    let removed =
        uninstall_objects(&place.cluster, &kinds, &place.release, &held, Cascade::Background, &Free)
            .await
            .unwrap();
    let error = removed
        .gone(&place.cluster, &kinds, &place.release, Duration::from_secs(2))
        .await
        .unwrap_err()
        .to_string();
    let expected = format!(
        "resource ConfigMap/{}/held still exists. status: Terminating, message: Resource scheduled for deletion; its finalizers are left: example.com/held\ncontext deadline exceeded",
        place.release.namespace
    );
    assert_eq!(error, expected);
    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    place.api(&held[0]).await.patch("held", &PatchParams::default(), &none).await.unwrap();
}

async fn the_cascade_is_the_one_that_was_asked_for() {
    let place = Place::new().await;
    let owner = objects(&[config_map("owner", &[])]);
    for (cascade, stays) in [(Cascade::Orphan, true), (Cascade::Foreground, false)] {
        place.apply(&[], &owner).await.unwrap();
        let uid = place.metadata(&config_map("owner", &[])).await.uid;
        let references = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "blockOwnerDeletion": true}]);
        let child = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "ownerReferences": references}});
        let api = place.api(&owner[0]).await;
        api.create(&PostParams::default(), &serde_json::from_value::<DynamicObject>(child).unwrap())
            .await
            .unwrap();
        let kinds = place.kinds().await;
        let removed =
            uninstall_objects(&place.cluster, &kinds, &place.release, &owner, cascade, &Free).await.unwrap();
        removed.gone(&place.cluster, &kinds, &place.release, Duration::from_mins(1)).await.unwrap();
        let child = api.get_opt("child").await.unwrap();
        assert_eq!(child.is_some(), stays, "{cascade:?}");
        if stays {
            assert!(child.unwrap().metadata.owner_references.is_none());
            api.delete("child", &DeleteParams::default()).await.unwrap();
        }
    }
}
