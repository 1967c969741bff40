//! Requests to an API server: what each one asks for, and how many there are of each. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a request asks for, as Kubernetes names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// With its subresource, as in `pods/log`; `discovery` for what is there at all.
    resource: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch` or `delete`.
    verb: &'static str,
    /// Nothing is kept of what it writes.
    dry_run: bool,
}

impl Request {
    /// From a line `METHOD TARGET`; `None` for one that is no request of the Kubernetes API.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (method, target) = line.split_once(' ')?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let asks = |wanted: &[&str]| query.split('&').any(|pair| wanted.contains(&pair));
        let (resource, named) = resource(path)?;
        let verb = match method {
            "GET" | "HEAD" if asks(&["watch=true", "watch=1"]) => "watch",
            "GET" | "HEAD" if named => "get",
            "GET" | "HEAD" => "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => return None,
        };
        Some(Self { resource, verb, dry_run: asks(&["dryRun=All"]) })
    }

    fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb) && !self.dry_run && !self.is_question()
    }

    /// Created, but nothing is stored: who may do what.
    fn is_question(&self) -> bool {
        self.resource.ends_with("reviews")
    }
}

/// The resource of a path, and whether one object of it is named.
fn resource(path: &str) -> Option<(String, bool)> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let inner = match segments.as_slice() {
        ["api", _, inner @ ..] | ["apis", _, _, inner @ ..] => inner,
        ["api" | "apis" | "openapi" | "version", ..] => &[],
        _ => return None,
    };
    Some(match inner {
        [] => ("discovery".to_owned(), true),
        ["namespaces", _, resource, name @ ..] if !["status", "finalize"].contains(resource) => {
            named(resource, name)
        }
        [resource, name @ ..] => named(resource, name),
    })
}

fn named(resource: &str, rest: &[&str]) -> (String, bool) {
    match rest {
        [_, below, ..] => (format!("{resource}/{below}"), true),
        rest => (resource.to_owned(), !rest.is_empty()),
    }
}

/// What one program asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// What was run.
    pub(super) what: String,
    /// How often each request was made.
    counts: BTreeMap<Request, u32>,
}

impl Asked {
    /// From a log with a request in each line.
    pub(super) fn of(what: &str, log: &str) -> Self {
        let mut counts = BTreeMap::new();
        for request in log.lines().filter_map(Request::parse) {
            *counts.entry(request).or_default() += 1;
        }
        Self { what: what.to_owned(), counts }
    }

    fn sum(&self, of: fn(&Request) -> bool) -> u32 {
        self.counts.iter().filter(|(request, _)| of(request)).map(|(_, count)| count).sum()
    }
}

/// A column for each program, a row for each kind of request; the sums come first.
pub(super) fn table(columns: &[Asked]) -> String {
    let mut text = String::from("requests to the API server\n");
    for (number, asked) in columns.iter().enumerate() {
        let _ = writeln!(text, "  {} = {}", letter(number), asked.what);
    }
    let letters: Vec<String> = (0..columns.len()).map(letter).collect();
    row(&mut text, "", letters.iter().cloned());
    let mut sum = |name: &str, of: fn(&Request) -> bool| {
        row(&mut text, name, columns.iter().map(|asked| asked.sum(of).to_string()));
    };
    sum("all", |_| true);
    sum("  that read or ask", |request| !request.is_write() && !request.dry_run);
    sum("  that are dry runs", |request| request.dry_run);
    sum("  that write", Request::is_write);
    let requests: BTreeSet<&Request> = columns.iter().flat_map(|asked| asked.counts.keys()).collect();
    for request in requests {
        let dry_run = if request.dry_run { " (dry run)" } else { "" };
        let name = format!("{} {}{dry_run}", request.verb, request.resource);
        let cell = |asked: &Asked| asked.counts.get(request).map_or("-".to_owned(), u32::to_string);
        row(&mut text, &name, columns.iter().map(cell));
    }
    text
}

fn letter(number: usize) -> String {
    char::from_u32('A' as u32 + u32::try_from(number).unwrap_or(0)).unwrap_or('?').to_string()
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "  {name:<64}");
    for cell in cells {
        let _ = write!(text, "{cell:>6}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_asks_for() {
        let base = "/apis/apps/v1/namespaces/ns/deployments";
        for (line, expected) in [
            ("GET /version", "get discovery"),
            ("GET /openapi/v3?hash=1", "get discovery"),
            ("GET /apis/apps/v1", "get discovery"),
            ("GET /api/v1/namespaces/ns/secrets?labelSelector=a%3Db", "list secrets"),
            ("GET /api/v1/namespaces/ns/secrets/s", "get secrets"),
            ("GET /api/v1/namespaces/ns", "get namespaces"),
            ("GET /api/v1/pods?watch=true&resourceVersion=7", "watch pods"),
            ("GET /api/v1/namespaces/ns/pods/p/log?previous=true", "get pods/log"),
            (&format!("PATCH {base}/d?fieldManager=helm&dryRun=All"), "patch deployments (dry run)"),
            (&format!("PATCH {base}/d?fieldManager=helm"), "patch deployments"),
            ("POST /apis/coordination.k8s.io/v1/namespaces/ns/leases", "create leases"),
            ("DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/r", "delete clusterroles"),
        ] {
            let request = Request::parse(line).unwrap();
            let dry_run = if request.dry_run { " (dry run)" } else { "" };
            assert_eq!(format!("{} {}{dry_run}", request.verb, request.resource), expected, "{line}");
        }
        for line in ["GET /index.yaml", "CONNECT /api/v1/pods", "nonsense"] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_table_sums_and_tells_dry_runs_apart() {
        let patch = "PATCH /api/v1/namespaces/ns/configmaps/a";
        let one = Asked::of("helm 4", &format!("GET /version\n{patch}\n{patch}\n"));
        let other = Asked::of(
            "release",
            &format!("{patch}?dryRun=All\n{patch}\nPOST /apis/a/v1/selfsubjectaccessreviews\n"),
        );
        let text = table(&[one, other]);
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "requests to the API server",
                "A = helm 4",
                "B = release",
                "A B",
                "all 3 3",
                "that read or ask 1 1",
                "that are dry runs 0 1",
                "that write 2 1",
                "patch configmaps 2 1",
                "patch configmaps (dry run) - 1",
                "get discovery 1 -",
                "create selfsubjectaccessreviews - 1",
            ]
        );
    }
}
