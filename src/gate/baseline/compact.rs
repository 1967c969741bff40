//! A baseline as it is written down. A cluster may have more than ten thousand Certificates and a `ConfigMap`
//! holds 1 MiB, so what there is thousands of becomes rows, and what is as usual is left out. Older journals
//! have the long form, which still reads.

use crate::certmanager::metrics::ControllerCounts;
use crate::certmanager::resources::of_title;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Baseline;
use super::logs::LogsState;
use super::packed;
use super::state::{
    CertificateState, HostState, IssuerState, OrderState, PodState, RequestState, RuledState, WorkloadState,
};
use super::uid::{long, short};

/// The version of the compact form; the long form has none.
const VERSION: u8 = 2;

/// What may be found.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Packed(String),
    Compact(Box<Compact>),
    Long(Box<Long>),
}

/// What is written.
#[derive(Serialize, Deserialize)]
struct Compact {
    v: u8,
    #[serde(rename = "t", default)]
    taken: Option<Timestamp>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    certificates_at: Option<String>,
    /// By namespace.
    #[serde(rename = "c")]
    certificates: BTreeMap<String, Vec<CertificateRow>>,
    /// What is not as usual, by uid.
    #[serde(rename = "f")]
    failures: BTreeMap<String, Failure>,
    /// By namespace.
    #[serde(rename = "r")]
    requests: BTreeMap<String, Vec<RequestRow>>,
    #[serde(rename = "o")]
    others: Others,
}

/// Uid, name, [`READY`] and [`ISSUING`], generation, revision, when its renewal is due (seconds).
#[derive(Serialize, Deserialize)]
struct CertificateRow(String, String, u8, Option<i64>, Option<i64>, Option<i64>);

const READY: u8 = 1;
const ISSUING: u8 = 2;

/// Why a Certificate is not Ready, when it last failed, and how often.
#[derive(Serialize, Deserialize)]
struct Failure(String, Option<String>, Option<i64>);

/// Uid, name of what is broken or open, result, [`BROKEN`] and [`OPEN`], when it was created (seconds), when it failed.
#[derive(Serialize, Deserialize)]
struct RequestRow(String, String, String, u8, Option<i64>, Option<String>);

const BROKEN: u8 = 1;
const OPEN: u8 = 2;

/// What there are few of.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Others {
    orders: BTreeMap<String, OrderState>,
    challenges: BTreeMap<String, OrderState>,
    issuers: BTreeMap<String, IssuerState>,
    workloads: BTreeMap<String, WorkloadState>,
    pods: BTreeMap<String, PodState>,
    leases: BTreeMap<String, String>,
    webhooks: BTreeMap<String, bool>,
    crds: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<String, ControllerCounts>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, BTreeMap<String, RuledState>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    signers: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<LogsState>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hosts: BTreeMap<String, HostState>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    entrances: BTreeSet<String>,
}

/// How it was written before: every state with all its words.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Long {
    taken: Option<Timestamp>,
    certificates: BTreeMap<String, CertificateState>,
    requests: BTreeMap<String, RequestState>,
    #[serde(flatten)]
    others: Others,
}

impl Serialize for Baseline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Compact::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Baseline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stored::deserialize(deserializer)? {
            Stored::Packed(text) => {
                let text = packed::unpack(&text).map_err(D::Error::custom)?;
                serde_json::from_str::<Compact>(&text).map(read).map_err(D::Error::custom)
            }
            Stored::Compact(compact) => Ok(read(*compact)),
            Stored::Long(long) => {
                let Long { taken, certificates, requests, others } = *long;
                Ok(Self { taken, certificates, requests, ..of_others(others) })
            }
        }
    }
}

impl From<Baseline> for Compact {
    fn from(baseline: Baseline) -> Self {
        let mut compact = Self {
            v: VERSION,
            taken: baseline.taken,
            missing: baseline.missing,
            certificates_at: baseline.certificates_at,
            certificates: BTreeMap::new(),
            failures: BTreeMap::new(),
            requests: BTreeMap::new(),
            others: Others {
                orders: baseline.orders,
                challenges: baseline.challenges,
                issuers: baseline.issuers,
                workloads: baseline.workloads,
                pods: baseline.pods,
                leases: baseline.leases,
                webhooks: baseline.webhooks,
                crds: baseline.crds,
                metrics: baseline.metrics,
                rules: baseline.rules,
                signers: baseline.signers,
                logs: baseline.logs,
                hosts: baseline.hosts,
                entrances: baseline.entrances,
            },
        };
        baseline.certificates.into_iter().for_each(|(uid, state)| compact.certificate(&uid, state));
        baseline.requests.into_iter().for_each(|(uid, state)| compact.request(&uid, state));
        compact
    }
}

impl Compact {
    fn certificate(&mut self, uid: &str, state: CertificateState) {
        let (namespace, name) = split(&state.title);
        let flags = flag(state.ready, READY) | flag(state.issuing, ISSUING);
        let renewal = state.renewal.map(Timestamp::as_second);
        let row = CertificateRow(short(uid), name, flags, state.generation, state.revision, renewal);
        self.certificates.entry(namespace).or_default().push(row);
        if !state.reason.is_empty() || state.last_failure_time.is_some() || state.attempts.is_some() {
            let failure = Failure(state.reason, state.last_failure_time, state.attempts);
            self.failures.insert(short(uid), failure);
        }
    }

    fn request(&mut self, uid: &str, state: RequestState) {
        let (namespace, name) = split(&state.title);
        // Of the others only the uid is compared, and there may be as many as pods.
        let name = if state.broken || state.open { name } else { String::new() };
        let flags = flag(state.broken, BROKEN) | flag(state.open, OPEN);
        let created = state.created.map(Timestamp::as_second);
        let row = RequestRow(short(uid), name, state.result, flags, created, state.failure_time);
        self.requests.entry(namespace).or_default().push(row);
    }
}

fn read(compact: Compact) -> Baseline {
    let Compact { taken, missing, certificates_at, mut failures, .. } = compact;
    let mut baseline = Baseline { taken, certificates_at, missing, ..of_others(compact.others) };
    for (namespace, row) in rows(compact.certificates) {
        let CertificateRow(uid, name, flags, generation, revision, renewal) = row;
        let Failure(reason, last_failure_time, attempts) =
            failures.remove(&uid).unwrap_or_else(|| Failure(String::new(), None, None));
        let state = CertificateState {
            title: title("Certificate", &namespace, &name),
            generation,
            ready: flags & READY != 0,
            reason,
            issuing: flags & ISSUING != 0,
            revision,
            last_failure_time,
            attempts,
            renewal: renewal.and_then(second),
        };
        baseline.certificates.insert(long(&uid), state);
    }
    for (namespace, row) in rows(compact.requests) {
        let RequestRow(uid, name, result, flags, created, failure_time) = row;
        let state = RequestState {
            title: title("CertificateRequest", &namespace, &name),
            result,
            failure_time,
            broken: flags & BROKEN != 0,
            open: flags & OPEN != 0,
            created: created.and_then(second),
        };
        baseline.requests.insert(long(&uid), state);
    }
    baseline
}

fn rows<R>(by_namespace: BTreeMap<String, Vec<R>>) -> impl Iterator<Item = (String, R)> {
    by_namespace
        .into_iter()
        .flat_map(|(namespace, rows)| rows.into_iter().map(move |row| (namespace.clone(), row)))
}

fn of_others(others: Others) -> Baseline {
    let Others { orders, challenges, issuers, workloads, pods, leases, .. } = others;
    let Others { webhooks, crds, metrics, rules, signers, logs, hosts, entrances, .. } = others;
    let issuance = Baseline { orders, challenges, issuers, ..Baseline::default() };
    let seen = Baseline { rules, signers, logs, hosts, entrances, ..issuance };
    Baseline { workloads, pods, leases, webhooks, metrics, crds, ..seen }
}

fn flag(is: bool, flag: u8) -> u8 {
    if is { flag } else { 0 }
}

fn second(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}

/// Namespace and name of a title.
fn split(title: &str) -> (String, String) {
    let (_, namespace, name) = of_title(title);
    (namespace.unwrap_or_default().to_owned(), name.to_owned())
}

fn title(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::states::Role;
    use crate::gate::baseline::uid::uuid;
    use crate::gate::tests::{certificate, order, request, with_status};
    use serde_json::{Value, json};

    /// What the journal leaves to everything else.
    const ROOM: usize = 900 * 1024;

    fn baseline() -> Baseline {
        let status = json!({
            "lastFailureTime": "2026-01-01T00:00:00Z", "failedIssuanceAttempts": 2, "revision": 4,
            "renewalTime": "2026-03-01T00:00:00Z",
            "conditions": [{"type": "Ready", "status": "False", "reason": "Expired"}, {"type": "Issuing", "status": "True"}],
        });
        let failed = json!([{"type": "Ready", "status": "False", "reason": "Failed"}]);
        let (uid, failed) = ("0f7c2a9e-3a51-4f0e-9d7e-1c52b6a1f3d4", request("r", Some("c"), "4", &failed));
        let order = order("o", "r", &json!({"state": "errored", "reason": "because"}));
        let mut baseline = Baseline { taken: "2026-02-01T00:00:00Z".parse().ok(), ..Baseline::default() };
        let broken = with_status(certificate("broken", None), &status);
        baseline.certificates.insert(uid.to_owned(), CertificateState::of(&certificate("ok", Some(3))));
        baseline.certificates.insert("not a uuid".to_owned(), CertificateState::of(&broken));
        baseline.requests.insert("r".to_owned(), RequestState::of(&failed, Role::Next));
        baseline.orders.insert("o".to_owned(), OrderState::of(&order, "errored", "because", true));
        baseline.webhooks.insert("w".to_owned(), true);
        baseline
    }

    fn again(value: Value) -> Baseline {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn everything_is_read_back() {
        let mut whole = baseline();
        let ruled =
            RuledState { title: "W n/w".to_owned(), why: "is not ready".to_owned(), generation: Some(2) };
        let ready = RuledState { generation: Some(1), ..RuledState::default() };
        whole.rules.insert("widgets".to_owned(), [("u".to_owned(), ruled), ("v".to_owned(), ready)].into());
        assert_eq!(again(serde_json::to_value(&whole).unwrap()), whole);
        assert_eq!(serde_json::from_str::<Baseline>(&serde_json::to_string(&whole).unwrap()).unwrap(), whole);
        let host = HostState { rule: "expired".to_owned(), why: "x".to_owned(), serial: "0a".to_owned() };
        whole.hosts.insert("a.example.com".to_owned(), host);
        whole.entrances.insert("class Ingress web/shop".to_owned());
        assert_eq!(again(serde_json::to_value(&whole).unwrap()), whole);
        let missing = Baseline::missing("it did not fit");
        assert_eq!(again(serde_json::to_value(&missing).unwrap()), missing);
    }

    #[test]
    fn the_long_form_of_older_journals_is_read() {
        let Baseline { taken, certificates, requests, orders, webhooks, .. } = baseline();
        let long = json!({
            "taken": taken, "certificates": certificates, "requests": requests, "orders": orders,
            "challenges": {}, "issuers": {}, "workloads": {}, "pods": {}, "leases": {}, "webhooks": webhooks, "crds": {},
        });
        assert_eq!(again(long), baseline());
        assert_eq!(again(json!({})), Baseline::default());
    }

    #[test]
    fn a_healthy_certificate_is_one_short_row() {
        let mut baseline = Baseline::default();
        let state = CertificateState {
            generation: Some(1),
            renewal: "2026-03-01T00:00:00Z".parse().ok(),
            ..CertificateState::of(&certificate("shop", Some(3)))
        };
        baseline.certificates.insert("0f7c2a9e-3a51-4f0e-9d7e-1c52b6a1f3d4".to_owned(), state);
        let written = serde_json::to_value(&baseline).unwrap();
        assert_eq!(
            written["c"],
            json!({"web": [["D3wqnjpRTw6dfhxStqHz1A", "shop", 1, 1, 3, 1_772_323_200]]})
        );
        assert_eq!(written["f"], json!({}));
    }

    #[test]
    fn thirteen_thousand_certificates_fit_into_the_journal() {
        let mut baseline = Baseline::default();
        for index in 0..13_000_u128 {
            let title =
                format!("Certificate team-{:03}/{:0>20}", index % 300, format!("-service-{index}-tls"));
            let state = CertificateState {
                title,
                generation: Some(1),
                renewal: "2026-03-01T00:00:00Z".parse().ok(),
                ..CertificateState::of(&certificate("x", Some(12)))
            };
            baseline.certificates.insert(uuid(index * 0x1234_5678_9abc_def0_1234_5678_9abc), state);
        }
        let size = serde_json::to_string(&baseline).unwrap().len();
        assert!(size < ROOM, "{size}");
        assert!(ROOM / (size / 13_000 + 1) < 15_000, "the number in this test's name is about right: {size}");
    }
}
