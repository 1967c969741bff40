//! What a failure left behind, read before anything is undone: the release's pods, their events and logs, the
//! logs of failed hooks, and cert-manager's unfinished objects.
//!
//! Evidence must neither hold a rollback up nor burden a cluster in trouble: few requests at once, each within
//! a limit, and all of them within another. Nothing of other releases is read, and secrets are hidden.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::belonging::{Search, most_telling};
use super::masked::masked;
use super::run_directory::RunDirectory;
use crate::cluster::discovery::Kinds;
use crate::cluster::logs::{self, LogSpan};
use crate::cluster::objects::AT_ONCE;
use crate::cluster::{Cluster, events};
use crate::failure::in_one_line as told;
use crate::helm::manifest::Object;

/// How many lines of a log are kept.
const LOG_LINES: i64 = 500;

/// How many pods of one workload are kept.
const MOST_PODS: usize = 20;

/// How many objects are kept of what rules found.
const MOST_RULED: usize = 20;

/// cert-manager's chain, from the wish to the proof.
const CHAIN: [(&str, &str); 4] = [
    ("cert-manager.io", "Certificate"),
    ("cert-manager.io", "CertificateRequest"),
    ("acme.cert-manager.io", "Order"),
    ("acme.cert-manager.io", "Challenge"),
];

/// No part of the evidence is waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of the evidence together.
const LIMIT: Duration = Duration::from_mins(1);

/// Whose evidence is captured.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The release's namespace.
    pub namespace: &'a str,
    /// The objects of the release's manifest, and those of its failed hooks.
    pub objects: &'a [Object],
    /// What failed hooks wrote, as it was read before they were deleted.
    pub hook_logs: &'a [String],
    /// What rules on objects of any kind found: kind and name, without content.
    pub ruled: &'a [Object],
    /// Whether cert-manager's chain belongs to it.
    pub with_chain: bool,
}

/// A file's name and text, or what could not be read.
type Part = Result<(String, String), String>;

type Read<'a> = BoxFuture<'a, Vec<Part>>;

/// Keeps everything that explains a failure in the run's directory; answers the files, and a line for what
/// could not be read or kept.
pub async fn capture(
    cluster: &Cluster,
    scope: Scope<'_>,
    directory: &RunDirectory,
) -> (Vec<String>, Vec<String>) {
    let end = Instant::now() + LIMIT;
    let searches: Vec<Search> =
        scope.objects.iter().filter_map(|object| Search::of(object, scope.namespace)).collect();
    let hook_logs = scope.hook_logs.iter().enumerate();
    let mut parts: Vec<Part> =
        hook_logs.map(|(index, log)| Ok((format!("log-hook-{}.txt", index + 1), log.clone()))).collect();
    let (pods, problems) = pods(cluster, &searches, end).await;
    parts.extend(problems.into_iter().map(Err));
    let mut reads: Vec<Read<'_>> = Vec::new();
    for pod in &pods {
        reads.push(within(end, format!("pod {}", pod.name_any()), of_pod(cluster, pod)));
    }
    for search in searches.iter().filter(|search| search.kind != "Pod" && !search.name.is_empty()) {
        let what = format!("the events of {}", search.workload);
        let events = of_events(cluster, &search.kind, Some(&search.namespace), &search.name);
        reads.push(within(end, what, async { vec![events.await] }));
    }
    if !scope.ruled.is_empty() {
        let read = of_ruled(cluster, scope.namespace, scope.ruled);
        reads.push(within(end, "the objects of the rules".to_owned(), read));
    }
    if scope.with_chain {
        reads.extend(
            CHAIN.map(|(group, kind)| within(end, format!("{kind}s"), of_kind(cluster, group, kind))),
        );
    }
    parts.extend(few_at_once(reads).await.into_iter().flatten());
    keep(cluster, directory, parts)
}

fn keep(cluster: &Cluster, directory: &RunDirectory, parts: Vec<Part>) -> (Vec<String>, Vec<String>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            // An object without events, or a container without a line, explains nothing.
            Ok((_, text)) if text.is_empty() => {}
            Ok((name, text)) => {
                let kept = directory.keep(&cluster.name, &name, &text);
                files.extend(kept.file);
                problems.extend(kept.note);
            }
            Err(problem) => problems.push(problem),
        }
    }
    (files, problems)
}

/// The pods of the release, each once, and what could not be listed.
async fn pods(cluster: &Cluster, searches: &[Search], end: Instant) -> (Vec<Pod>, Vec<String>) {
    let lists = searches.iter().map(|search| list_in_time(cluster, search, end)).collect();
    let (mut pods, mut problems, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (search, found) in searches.iter().zip(few_at_once(lists).await) {
        match found {
            Ok(found) => {
                let news: Vec<Pod> =
                    found.into_iter().filter(|pod| known.insert((pod.namespace(), pod.name_any()))).collect();
                if news.len() > MOST_PODS {
                    let (workload, more) = (&search.workload, news.len() - MOST_PODS);
                    problems
                        .push(format!("{more} of the pods of {workload} are left out, healthy ones first"));
                }
                pods.extend(most_telling(news, MOST_PODS));
            }
            Err(problem) => problems.push(problem),
        }
    }
    (pods, problems)
}

/// Answers in the order of the questions.
async fn few_at_once<T>(questions: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(questions).buffered(AT_ONCE).collect().await
}

fn list_in_time<'a>(
    cluster: &'a Cluster,
    search: &'a Search,
    end: Instant,
) -> BoxFuture<'a, Result<Vec<Pod>, String>> {
    Box::pin(async move {
        let late = || Err(format!("the pods of {}: not listed in time", search.workload));
        let listed = timeout_at(end.min(Instant::now() + PATIENCE), list(cluster, search)).await;
        listed.unwrap_or_else(|_| late())
    })
}

async fn list(cluster: &Cluster, search: &Search) -> Result<Vec<Pod>, String> {
    let query = ListParams::default().labels(&search.labels).fields(&search.fields);
    let listed = Api::<Pod>::namespaced(cluster.client.clone(), &search.namespace).list(&query).await;
    let listed =
        listed.map_err(|error| format!("the pods of {} cannot be listed: {error}", search.workload))?;
    Ok(listed.items.into_iter().filter(|pod| search.takes(pod)).collect())
}

fn within<'a>(end: Instant, what: String, read: impl Future<Output = Vec<Part>> + Send + 'a) -> Read<'a> {
    Box::pin(async move {
        let late = || vec![Err(format!("{what}: not read in time"))];
        timeout_at(end.min(Instant::now() + PATIENCE), read).await.unwrap_or_else(|_| late())
    })
}

async fn of_pod(cluster: &Cluster, pod: &Pod) -> Vec<Part> {
    let name = pod.name_any();
    let mut parts = vec![yaml(pod).map(|text| (format!("pod-{name}.yaml"), text))];
    for log in logs::of_pod(cluster, pod, LogSpan::last(LOG_LINES)).await {
        parts.push(log.map_err(|error| told(&error)).map(|log| {
            let suffix = if log.previous { ".previous" } else { "" };
            (format!("log-{name}-{}{suffix}.txt", log.container), log.text)
        }));
    }
    parts.push(of_events(cluster, "Pod", pod.namespace().as_deref(), &name).await);
    parts
}

async fn of_events(cluster: &Cluster, kind: &str, namespace: Option<&str>, name: &str) -> Part {
    let events = events::about(cluster, kind, namespace, name).await.map_err(|error| told(&error))?;
    let line = |event: &events::Event| {
        format!("{} {} x{}: {}", event.kind, event.reason, event.count, event.message)
    };
    let file = if kind == "Pod" { format!("events-{name}.txt") } else { format!("events-{kind}-{name}.txt") };
    Ok((file, events.iter().map(line).collect::<Vec<_>>().join("\n")))
}

/// Each object as it is now, with its events. One that is gone explains itself, and a Secret is never kept.
async fn of_ruled(cluster: &Cluster, namespace: &str, objects: &[Object]) -> Vec<Part> {
    let kinds = match Kinds::load(cluster).await {
        Ok(kinds) => kinds,
        Err(error) => return vec![Err(told(&error))],
    };
    let mut parts = Vec::new();
    for object in objects.iter().filter(|object| object.kind() != "Secret").take(MOST_RULED) {
        let Some(api) = kinds.api(cluster, object, namespace) else { continue };
        let (kind, name, own) = (object.kind(), object.name(), object.namespace());
        let place = own.map(|own| format!("{own}-")).unwrap_or_default();
        match api.get_opt(name).await {
            Ok(Some(live)) => {
                parts.push(yaml(&live).map(|text| (format!("object-{kind}-{place}{name}.yaml"), text)));
            }
            Ok(None) => {}
            Err(error) => parts.push(Err(format!("{kind} {name} cannot be read: {error}"))),
        }
        parts.push(of_events(cluster, kind, own, name).await);
    }
    parts
}

/// All objects of one of cert-manager's kinds; none of them holds a secret.
async fn of_kind(cluster: &Cluster, group: &str, kind: &str) -> Vec<Part> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let listed =
        Api::<DynamicObject>::all_with(cluster.client.clone(), &resource).list(&ListParams::default()).await;
    let text = listed.map_err(|error| format!("the {kind}s cannot be listed: {error}")).and_then(|list| {
        list.items.iter().map(yaml).collect::<Result<Vec<_>, _>>().map(|objects| objects.join("---\n"))
    });
    vec![text.map(|text| (format!("{}.yaml", resource.plural), text))]
}

/// An object as it may be kept.
fn yaml(object: &impl Serialize) -> Result<String, String> {
    let value = serde_json::to_value(object).map_err(|error| told(&error))?;
    serde_norway::to_string(&masked(value)).map_err(|error| told(&error))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use http_body_util::Full;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;

    /// An API server with this many pods of one Deployment; remembers what it was asked.
    #[derive(Clone, Default)]
    struct Server {
        pods: usize,
        asked: Arc<Mutex<Vec<String>>>,
        busy: Arc<AtomicUsize>,
        most_busy: Arc<AtomicUsize>,
    }

    impl Server {
        fn cluster(&self) -> Cluster {
            let server = self.clone();
            let service = service_fn(move |request: Request<Body>| {
                let server = server.clone();
                let path = request.uri().to_string();
                async move { Ok::<_, std::io::Error>(server.answer(path).await) }
            });
            let client = kube::Client::new(service, "default");
            let (name, empty) = ("c".to_owned(), String::new());
            Cluster { name, server: empty.clone(), context: empty, kubeconfig: Vec::new(), client }
        }

        async fn answer(&self, path: String) -> Response<Full<axum::body::Bytes>> {
            let now = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_busy.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.busy.fetch_sub(1, Ordering::SeqCst);
            let body = if path.contains("/log?") {
                "Authorization: Bearer hunter2hunter2hunter2".to_owned()
            } else if path.contains("/pods?") {
                json!({"kind": "PodList", "apiVersion": "v1", "metadata": {},
                    "items": (0..self.pods).map(pod).collect::<Vec<_>>()})
                .to_string()
            } else {
                json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": []}).to_string()
            };
            self.asked.lock().unwrap().push(path);
            Response::new(Full::new(body.into()))
        }
    }

    fn pod(number: usize) -> Value {
        json!({"metadata": {"name": format!("web-{number}"), "namespace": "ns"},
            "spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "hunter2"}]}]},
            "status": {"containerStatuses": [{"name": "web", "image": "", "imageID": "", "ready": true,
                "restartCount": 0, "state": {"running": {}}}]}})
    }

    fn deployment() -> Vec<Object> {
        vec![
            Object::new(json!({"kind": "Deployment", "metadata": {"name": "web"},
                "spec": {"template": {}, "selector": {"matchLabels": {"app": "web"}}}})),
            Object::new(json!({"kind": "ConfigMap", "metadata": {"name": "web"}})),
        ]
    }

    #[tokio::test]
    async fn only_the_release_s_pods_are_read_few_at_once_and_without_secrets() {
        let server = Server { pods: 3 * MOST_PODS, ..Server::default() };
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let (objects, hook_logs) = (deployment(), vec!["password=hunter2".to_owned()]);
        let scope = Scope {
            namespace: "ns",
            objects: &objects,
            hook_logs: &hook_logs,
            ruled: &[],
            with_chain: false,
        };
        let (files, problems) = capture(&server.cluster(), scope, &directory).await;
        assert_eq!(problems, ["40 of the pods of Deployment ns/web are left out, healthy ones first"]);
        assert_eq!(files.len(), 1 + 2 * MOST_PODS, "the hook's log, and each pod's YAML and log");
        for file in &files {
            let text = std::fs::read_to_string(directory.path().join(file)).unwrap();
            assert!(!text.contains("hunter2") && text.contains("***"), "{file}: {text}");
        }
        assert!(server.most_busy.load(Ordering::SeqCst) <= AT_ONCE);
        let asked = server.asked.lock().unwrap();
        let lists: Vec<&String> = asked.iter().filter(|path| path.contains("/pods?")).collect();
        assert_eq!(lists.len(), 1);
        assert!(lists[0].contains("labelSelector=app%3Dweb"), "{lists:?}");
    }
}
