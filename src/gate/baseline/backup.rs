//! Issuers and Certificates as YAML that can be applied again.

use kube::core::DynamicObject;
use serde_json::Value;

/// Fields of `metadata` that belong to the stored object, not to what a user wrote.
const STORED: [&str; 7] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "ownerReferences",
];

/// One document for each object. Owners are left out: an owner that is gone would have the restored object
/// collected.
pub(super) fn yaml(objects: &[DynamicObject]) -> String {
    let kept = objects.iter().filter_map(|object| serde_json::to_value(object).ok()).map(without_stored);
    let documents = kept.filter_map(|object| serde_norway::to_string(&object).ok());
    documents.flat_map(|document| ["---\n".to_owned(), document]).collect()
}

fn without_stored(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in STORED {
            metadata.shift_remove(field);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backup_holds_what_a_user_wrote() {
        let issuer: DynamicObject = serde_json::from_value(serde_json::json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "ca", "namespace": "web", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}, "managedFields": []},
            "spec": {"ca": {"secretName": "root"}}, "status": {"conditions": []},
        }))
        .unwrap();
        insta::assert_snapshot!(yaml(&[issuer]), @r"
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata:
          labels:
            a: b
          name: ca
          namespace: web
        spec:
          ca:
            secretName: root
        ");
    }
}
