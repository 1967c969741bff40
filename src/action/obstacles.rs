//! Whether a return to an older revision is possible at all. Reads only.

use super::ActionError;
use super::verb::objects;
use crate::cluster::discovery::Kinds;
use crate::cluster::{Cluster, apply};
use crate::helm::manifest::Object;
use crate::helm::release::Release;
use crate::plan::crd;

/// Why a return to this revision would need a CRD to be deleted or downgraded; empty = it is feasible.
///
/// Newer CRDs are kept, which works as long as they still serve every version that the older revision needs.
pub async fn obstacles(cluster: &Cluster, older: &Release) -> Result<Vec<String>, ActionError> {
    let kinds = Kinds::load(cluster).await?;
    let mut found = Vec::new();
    for object in objects(older)?.into_iter().filter(Object::is_crd) {
        if let Some(live) = apply::live(cluster, &kinds, &object, older.namespace()).await? {
            let missing = crd::unserved_versions(&live, &object.value);
            if !missing.is_empty() {
                let (revision, missing) = (older.revision(), missing.join(", "));
                found.push(format!(
                    "revision {revision} needs {missing} of CRD {}, which is served no longer",
                    object.name()
                ));
            }
        }
    }
    Ok(found)
}
