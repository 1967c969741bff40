//! What `release migrate` does to the CRDs of a release on one cluster, as a value to show. Pure.

use serde::Serialize;

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterMigration {
    /// Its name.
    pub cluster: String,
    /// The CRDs that may have objects in another version than the one that is stored today.
    pub crds: Vec<CrdMigration>,
}

/// One CRD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CrdMigration {
    /// Its name.
    pub name: String,
    /// Its `status.storedVersions` before.
    pub stored_versions: Vec<String>,
    /// The version that objects are stored in today.
    pub storage_version: String,
    /// How many objects it has.
    pub objects: usize,
    /// All of them were written again, and the status says so.
    pub migrated: bool,
}

impl ClusterMigration {
    /// A line for each CRD.
    pub fn lines(&self) -> Vec<String> {
        if self.crds.is_empty() {
            return vec![format!(
                "{}: nothing to migrate: every CRD has stored one version only",
                self.cluster
            )];
        }
        self.crds.iter().map(|crd| format!("{}: {}", self.cluster, crd.line())).collect()
    }
}

impl CrdMigration {
    fn line(&self) -> String {
        let Self { name, stored_versions, storage_version, objects, migrated } = self;
        let stored = stored_versions.join(", ");
        let s = if *objects == 1 { "" } else { "s" };
        if *migrated {
            return format!(
                "{name}: {objects} object{s} written again as {storage_version}; storedVersions was [{stored}]"
            );
        }
        format!(
            "{name}: {objects} object{s} would be written again as {storage_version}; storedVersions is [{stored}]"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crd_is_told_in_a_line() {
        let crd = |objects, migrated| CrdMigration {
            name: "certificates.cert-manager.io".to_owned(),
            stored_versions: vec!["v1alpha2".to_owned(), "v1".to_owned()],
            storage_version: "v1".to_owned(),
            objects,
            migrated,
        };
        let told = |crds| ClusterMigration { cluster: "one".to_owned(), crds }.lines().join("\n");
        insta::assert_snapshot!(told(vec![crd(1, false), crd(12, true)]), @"
        one: certificates.cert-manager.io: 1 object would be written again as v1; storedVersions is [v1alpha2, v1]
        one: certificates.cert-manager.io: 12 objects written again as v1; storedVersions was [v1alpha2, v1]
        ");
        assert_eq!(told(vec![]), "one: nothing to migrate: every CRD has stored one version only");
    }
}
