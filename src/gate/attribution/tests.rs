use super::*;
use crate::certmanager::resources::IssuerReference;
use crate::gate::opinion::Target;

fn target() -> Target {
    Target::named("X", None, "x")
}

fn decided(gate: &'static str, opinion: Opinion, corroboration: &Corroboration) -> (Verdict, Cause) {
    let mut opinion = opinion;
    attribute(gate, [&mut opinion], corroboration);
    (opinion.verdict, opinion.cause)
}

#[test]
fn every_rule_and_owner_has_its_row() {
    use Cause::{Environment, Release, Unknown};
    use Verdict::{Failed, Passed, Waiting};
    let failed = |rule, message: &str| Opinion::failed(rule, target(), message);
    let table = [
        ("workload", failed("crash", "exit code 1"), (Failed, Release)),
        ("workload", failed("crash", "exit code 1: dial tcp: connection refused"), (Failed, Release)),
        ("workload", failed("image", "manifest unknown"), (Failed, Release)),
        ("workload", failed("image", "dial tcp 1.2.3.4:443: i/o timeout"), (Failed, Environment)),
        ("workload", failed("image", "toomanyrequests: pull rate limit"), (Failed, Environment)),
        ("workload", failed("rollout", "0 of 1 pods are updated"), (Failed, Unknown)),
        ("workload", failed("schedule", "0/3 nodes are available"), (Failed, Unknown)),
        ("workload", failed("not-ready", "0 of 1 pods are available"), (Failed, Release)),
        ("workload", failed("other-image", "runs x"), (Failed, Unknown)),
        ("lease", failed("holder", "nobody holds it"), (Failed, Release)),
        ("webhook", failed("no-answer", "dial tcp: connection refused"), (Failed, Release)),
        ("webhook", failed("api", "is forbidden"), (Failed, Environment)),
        ("api-server", failed("silent", "down"), (Failed, Environment)),
        ("crds", failed("recreated", "was deleted"), (Failed, Unknown)),
        ("crds", failed("established", "Established=False"), (Failed, Release)),
        ("ca-bundle", failed("empty", "caBundle is empty"), (Failed, Release)),
        ("reissue", failed("reissue", "9 of 9"), (Failed, Environment)),
        ("canary", failed("request", "boom").points_to(Release), (Failed, Release)),
        ("canary", failed("request", "boom"), (Failed, Unknown)),
        ("order", failed("failed", "errored").of(Whose::Known), (Failed, Unknown)),
        ("order", failed("failed", "errored: 429 rateLimited").of(Whose::Known), (Failed, Environment)),
        ("order", failed("failed", "errored: dial tcp").of(Whose::Known), (Failed, Environment)),
        ("order", failed("failed", "errored").of(Whose::New), (Passed, Unknown)),
        ("order", failed("failed", "errored").of(Whose::Edited), (Passed, Unknown)),
        ("order", failed("failed", "errored").of(Whose::InFlight), (Passed, Unknown)),
        ("order", failed("failed", "errored").of(Whose::Before), (Passed, Unknown)),
        ("certificate", failed("worse", "x").of(Whose::External), (Passed, Environment)),
        ("certificate", failed("broken", "x").of(Whose::Now), (Failed, Unknown)),
        ("certificate-request", failed("denied", "policy").of(Whose::Known), (Passed, Environment)),
        ("certificate-request", failed("denied", "policy").of(Whose::Now), (Failed, Unknown)),
        (
            "certificate-request",
            Opinion::waiting("open", target(), "pending").of(Whose::Known).holds_settle(),
            (Waiting, Unknown),
        ),
        (
            "certificate-request",
            Opinion { overdue: true, ..failed("open", "pending").of(Whose::Known) },
            (Passed, Unknown),
        ),
        ("settle", failed("time", "x"), (Failed, Unknown)),
    ];
    for (gate, opinion, expected) in table {
        let told = format!("{gate} {opinion:?}");
        assert_eq!(decided(gate, opinion, &Corroboration::default()), expected, "{told}");
    }
}

#[test]
fn others_that_fail_alike_are_evidence_and_a_canary_that_passed_is_too() {
    let issuer = |name: &str| IssuerReference {
        name: name.to_owned(),
        kind: "ClusterIssuer".to_owned(),
        group: "cert-manager.io".to_owned(),
    };
    let known = || Opinion::failed("failed", target(), "errored").of(Whose::Known).issuer(&issuer("le"));
    let overdue = || Opinion { overdue: true, ..known() };
    let with = |words: &[(&str, CanaryWord)], failing: &[(&str, usize)]| {
        Corroboration::with(words, failing.iter().map(|(name, count)| (issuer(name), *count)).collect())
    };
    let passed = [("ClusterIssuer/le", CanaryWord::Issued)];
    let not_issued = [("ClusterIssuer/le", CanaryWord::Failed)];
    let own_failed = [("self-signed", CanaryWord::Failed)];
    let refused = |webhook: &str| Opinion {
        message: format!("admission webhook \"{webhook}\" denied the request: no"),
        ..known()
    };
    let table = [
        (refused("x.example.com"), with(&[], &[("le", 1), ("ca", 1)]), (Verdict::Failed, Cause::Unknown)),
        (refused(WEBHOOK), with(&[], &[("le", 1), ("ca", 1)]), (Verdict::Failed, Cause::Release)),
        (known(), with(&passed, &[("le", 1)]), (Verdict::Passed, Cause::Environment)),
        (known(), with(&passed, &[("le", 2)]), (Verdict::Failed, Cause::Unknown)),
        (known(), with(&not_issued, &[("le", 1)]), (Verdict::Failed, Cause::Unknown)),
        (known(), with(&own_failed, &[("le", 1)]), (Verdict::Failed, Cause::Release)),
        (known(), with(&[], &[("le", 1), ("ca", 1)]), (Verdict::Failed, Cause::Release)),
        (overdue(), with(&not_issued, &[("le", 1)]), (Verdict::Failed, Cause::Unknown)),
        (overdue(), with(&passed, &[("le", 1)]), (Verdict::Passed, Cause::Environment)),
    ];
    for (row, (opinion, corroboration, expected)) in table.into_iter().enumerate() {
        assert_eq!(decided("order", opinion, &corroboration), expected, "row {row}");
    }
}

#[test]
fn the_last_row_fits_everything_and_every_row_has_its_own_words() {
    let words: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.words).collect();
    assert_eq!(words.len(), ROWS.len());
    let last = &ROWS[ROWS.len() - 1];
    assert_eq!((last.effect, last.cause), (Effect::Blocks, Cause::Unknown));
}
