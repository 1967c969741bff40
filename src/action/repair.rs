//! The moves of a repair, written to a cluster. Each is bound to the objects as they were planned with; what
//! somebody else has changed meanwhile is not touched. Decides nothing.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams, Preconditions};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::{Duration, sleep};

use super::permit::{NoLeave, Permit, Unwritten, permitted};
use crate::certmanager::repair::moves::{Before, Move, Repair, Touched};
use crate::cluster::{ApiError, Cluster};

/// How often the status of a Certificate is written that others write too.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(100);

/// Why a move was not made.
#[derive(Debug, Error)]
pub enum NotMoved {
    /// The server does not take it, or does not answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nothing may be written any more.
    #[error(transparent)]
    NoLeave(#[from] NoLeave),
    /// The object is not as it was planned with.
    #[error("{0} was changed or deleted by somebody else meanwhile; run it again")]
    Changed(String),
}

/// Makes moves on a cluster.
pub struct Moves<'m> {
    cluster: &'m Cluster,
    /// The API server's clock.
    now: Timestamp,
    /// `None`: every write is a dry run.
    permit: Option<&'m dyn Permit>,
}

impl<'m> Moves<'m> {
    /// Nothing is stored: the server is only asked whether it would take every write.
    pub fn rehearsal(cluster: &'m Cluster, now: Timestamp) -> Self {
        Self { cluster, now, permit: None }
    }

    /// With leave to write.
    pub fn new(cluster: &'m Cluster, now: Timestamp, permit: &'m dyn Permit) -> Self {
        Self { cluster, now, permit: Some(permit) }
    }

    /// Makes one; what only waits or refuses does nothing.
    pub async fn make(&self, repair: &Repair) -> Result<(), NotMoved> {
        match (repair.planned, &repair.touches[..], &repair.before) {
            (Move::DeleteOrder | Move::DeleteOrphan, [order], _) => self.delete(order).await,
            (Move::Renew, [certificate], Some(before)) => self.renew(certificate, before).await,
            (Move::DeleteRequestAndRenew, [request, certificate], Some(before)) => {
                self.delete(request).await?;
                self.renew(certificate, before).await
            }
            _ => Ok(()),
        }
    }

    /// Exactly this version of this object.
    async fn delete(&self, touched: &Touched) -> Result<(), NotMoved> {
        let preconditions = Preconditions {
            uid: Some(touched.uid.clone()),
            resource_version: Some(touched.resource_version.clone()),
        };
        let parameters = DeleteParams {
            dry_run: self.permit.is_none(),
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        let api = self.api(touched);
        let sent = self.sent(async { api.delete(&touched.name, &parameters).await.map(drop) }).await;
        self.answered(sent, touched, "delete")
    }

    /// Starts an issuance as `cmctl renew` does: the condition Issuing, which ignores cert-manager's pause.
    /// Only where nothing was issued and nothing has failed since: cert-manager and others write to a
    /// Certificate all the time.
    async fn renew(&self, touched: &Touched, before: &Before) -> Result<(), NotMoved> {
        let (api, parameters, mut attempt) = (self.api(touched), self.parameters(), 0);
        loop {
            attempt += 1;
            let read = api.get_opt(&touched.name).await;
            let live = read.map_err(|error| self.failed(touched, "read", &error))?;
            let live = live.filter(|live| is_as_before(live, before));
            let mut live = live.ok_or_else(|| NotMoved::Changed(touched.to_string()))?;
            if !issue(&mut live, self.now) {
                return Ok(());
            }
            let written = async { api.replace_status(&touched.name, &parameters, &live).await.map(drop) };
            match self.sent(written).await {
                Err(Unwritten::Failed(kube::Error::Api(status)))
                    if status.code == 409 && attempt < ATTEMPTS =>
                {
                    sleep(PAUSE).await;
                }
                answer => return self.answered(answer, touched, "renew"),
            }
        }
    }

    fn parameters(&self) -> PostParams {
        PostParams { dry_run: self.permit.is_none(), field_manager: Some("release".to_owned()) }
    }

    async fn sent(
        &self,
        request: impl Future<Output = kube::Result<()>>,
    ) -> Result<(), Unwritten<kube::Error>> {
        match self.permit {
            Some(permit) => permitted(permit, request).await,
            None => request.await.map_err(Unwritten::Failed),
        }
    }

    fn answered(
        &self,
        answer: Result<(), Unwritten<kube::Error>>,
        touched: &Touched,
        verb: &str,
    ) -> Result<(), NotMoved> {
        match answer {
            Ok(()) => Ok(()),
            Err(Unwritten::NotSent(no) | Unwritten::CutOff(no)) => Err(no.into()),
            Err(Unwritten::Failed(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
                Err(NotMoved::Changed(touched.to_string()))
            }
            Err(Unwritten::Failed(error)) => Err(self.failed(touched, verb, &error).into()),
        }
    }

    fn failed(&self, touched: &Touched, verb: &str, error: &kube::Error) -> ApiError {
        ApiError::new(self.cluster, format!("{verb} {touched}"), error)
    }

    fn api(&self, touched: &Touched) -> Api<DynamicObject> {
        let (group, plural) = match touched.kind.as_str() {
            "Order" => ("acme.cert-manager.io", "orders"),
            "CertificateRequest" => ("cert-manager.io", "certificaterequests"),
            _ => ("cert-manager.io", "certificates"),
        };
        let resource = ApiResource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            api_version: format!("{group}/v1"),
            kind: touched.kind.clone(),
            plural: plural.to_owned(),
        };
        Api::namespaced_with(self.cluster.client.clone(), &touched.namespace, &resource)
    }
}

/// The same Certificate, with the same revision and the same last failure.
fn is_as_before(live: &DynamicObject, before: &Before) -> bool {
    let status = &live.data["status"];
    live.metadata.uid.as_deref() == Some(&before.uid)
        && status["revision"].as_i64().unwrap_or(0) == before.revision
        && status["lastFailureTime"].as_str() == before.failed.as_deref()
}

/// Sets the condition; false where it is set already. Its time must be later than that of the failed request
/// (`deleteCurrentFailedRequests` in cert-manager's requestmanager), and both have whole seconds.
fn issue(live: &mut DynamicObject, now: Timestamp) -> bool {
    let failed = live.data["status"]["lastFailureTime"].as_str().and_then(|time| time.parse().ok());
    let later = failed.and_then(|failed: Timestamp| failed.checked_add(SignedDuration::from_secs(1)).ok());
    let at = later.map_or(now, |later| later.max(now)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = json!({
        "type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "lastTransitionTime": at, "observedGeneration": live.metadata.generation,
    });
    let status = &mut live.data["status"];
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Value::Array(conditions) = &mut status["conditions"] else { return false };
    match conditions.iter_mut().find(|known| known["type"] == "Issuing") {
        Some(known) if known["status"] == "True" => return false,
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_certificate_that_was_planned_for_is_renewed() {
        let before =
            Before { uid: "u".to_owned(), revision: 1, failed: Some("t".to_owned()), ..Before::default() };
        let live = |uid: &str, status: Value| -> DynamicObject {
            serde_json::from_value(
                json!({"apiVersion": "v1", "kind": "C", "metadata": {"uid": uid}, "status": status}),
            )
            .unwrap()
        };
        let same = json!({"revision": 1, "lastFailureTime": "t", "conditions": []});
        assert!(is_as_before(&live("u", same.clone()), &before));
        assert!(!is_as_before(&live("other", same), &before));
        assert!(!is_as_before(&live("u", json!({"revision": 2})), &before), "it was issued");
        assert!(!is_as_before(&live("u", json!({"revision": 1, "lastFailureTime": "later"})), &before));
    }

    #[test]
    fn the_condition_is_later_than_the_failure_and_set_once() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let live = |status: Value| -> DynamicObject {
            serde_json::from_value(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": {"name": "shop", "generation": 3}, "status": status}))
            .unwrap()
        };
        let failed = json!([{"type": "Ready", "status": "True"}, {"type": "Issuing", "status": "False"}]);
        let table = [
            (json!({}), 1, "2026-03-01T12:00:00Z"),
            (
                json!({"conditions": failed, "lastFailureTime": "2026-03-01T11:00:00Z"}),
                2,
                "2026-03-01T12:00:00Z",
            ),
            (
                json!({"conditions": failed, "lastFailureTime": "2026-03-01T12:00:00Z"}),
                2,
                "2026-03-01T12:00:01Z",
            ),
        ];
        for (status, conditions, at) in table {
            let mut live = live(status);
            assert!(issue(&mut live, now));
            let all = live.data["status"]["conditions"].as_array().unwrap().clone();
            let issuing = &all[conditions - 1];
            assert_eq!((all.len(), issuing["status"].as_str()), (conditions, Some("True")));
            assert_eq!(
                (issuing["lastTransitionTime"].as_str(), &issuing["observedGeneration"]),
                (Some(at), &json!(3))
            );
            assert!(!issue(&mut live, now), "it is set already");
        }
    }
}
