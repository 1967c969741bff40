//! Hooks run in their order, with their policies, and leave the record that Helm would leave.

use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use libtest_mimic::Trial;
use release::action::hooks::{self, HookError, HookLog, HookPlace, WhyHook};
use release::action::permit::{NoLeave, Permit};
use release::helm::release::Hook;
use serde_json::json;

use crate::support::chart;
use crate::support::objects::{Place, objects, uid};
use crate::support::permit::{Free, Limited};
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "hooks::they_run_by_weight_and_the_record_is_stored_around_each",
            they_run_by_weight_and_the_record_is_stored_around_each,
        ),
        trial(
            "hooks::an_object_that_is_there_goes_before_it_is_created_anew",
            an_object_that_is_there_goes_before_it_is_created_anew,
        ),
        trial(
            "hooks::a_failed_job_is_told_with_its_log_and_cleaned_up",
            a_failed_job_is_told_with_its_log_and_cleaned_up,
        ),
        trial("hooks::logs_and_deletion_follow_success", logs_and_deletion_follow_success),
        trial(
            "hooks::an_image_that_cannot_be_pulled_fails_early",
            an_image_that_cannot_be_pulled_fails_early,
        ),
        trial(
            "hooks::a_job_that_goes_as_soon_as_it_has_ended_has_ended_well",
            a_job_that_goes_as_soon_as_it_has_ended_has_ended_well,
        ),
        trial("hooks::a_pod_is_waited_for_to_its_end", a_pod_is_waited_for_to_its_end),
        trial(
            "hooks::a_hook_without_a_name_is_followed_under_the_one_it_gets",
            a_hook_without_a_name_is_followed_under_the_one_it_gets,
        ),
        trial(
            "hooks::the_log_of_a_failed_hook_is_kept_though_nobody_asks_for_it",
            the_log_of_a_failed_hook_is_kept_though_nobody_asks_for_it,
        ),
        trial(
            "hooks::without_leave_nothing_is_created_or_deleted",
            without_leave_nothing_is_created_or_deleted,
        ),
        trial("hooks::only_what_a_run_created_is_cleaned_up_and_a_left_over_is_applied", what_a_hook_finds),
        trial("hooks::what_the_server_refuses_is_named", what_the_server_refuses_is_named),
    ]
}

fn job(name: &str, script: &str) -> Hook {
    hook(name, "Job", &chart::job(name, script))
}

fn map(name: &str) -> Hook {
    hook(name, "ConfigMap", &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"))
}

fn hook(name: &str, kind: &str, manifest: &str) -> Hook {
    let path = format!("app/templates/{name}.yaml");
    Hook {
        name: name.into(),
        kind: kind.into(),
        path,
        manifest: manifest.into(),
        events: vec!["pre-install".into()],
        ..Hook::default()
    }
}

fn policies(hook: Hook, delete: &[&str], log: &[&str]) -> Hook {
    let list = |list: &[&str]| list.iter().map(|policy| (*policy).to_owned()).collect();
    Hook { delete_policies: list(delete), output_log_policies: list(log), ..hook }
}

fn log(hook: &str, text: &str, asked_for: bool) -> HookLog {
    HookLog { hook: hook.into(), text: text.into(), asked_for }
}

/// Runs them; also every phase that was stored, as `name phase`.
async fn run(place: &Place, hooks: &mut [Hook]) -> (Result<Vec<HookLog>, HookError>, Vec<String>) {
    run_with(place, hooks, &Free).await
}

async fn run_with(
    place: &Place,
    hooks: &mut [Hook],
    permit: &dyn Permit,
) -> (Result<Vec<HookLog>, HookError>, Vec<String>) {
    let kinds = place.kinds().await;
    let hook_place = HookPlace {
        cluster: &place.cluster,
        kinds: &kinds,
        namespace: &place.release.namespace,
        timeout: Duration::from_mins(2),
        fail_fast: true,
        permit,
    };
    let mut stored = Vec::new();
    let result = hooks::run(hook_place, hooks, "pre-install", async |hooks: &[Hook]| {
        let phases = hooks.iter().filter(|hook| !hook.last_run.phase.is_empty());
        stored.push(
            phases
                .map(|hook| format!("{} {}", hook.name, hook.last_run.phase))
                .collect::<Vec<_>>()
                .join(", "),
        );
        Ok(())
    });
    (result.await, stored)
}

async fn they_run_by_weight_and_the_record_is_stored_around_each() {
    let place = Place::new().await;
    let mut hooks = [
        Hook { weight: 5, ..map("a") },
        job("b", "exit 0"),
        Hook { events: vec!["post-install".into()], ..map("later") },
    ];
    let (result, stored) = run(&place, &mut hooks).await;
    result.unwrap();
    assert_eq!(stored, ["b Running", "b Succeeded", "a Running, b Succeeded", "a Succeeded, b Succeeded"]);
    assert!(place.live(&hooks[0].manifest).await.is_some() && place.live(&hooks[1].manifest).await.is_some());
    assert!(place.live(&hooks[2].manifest).await.is_none());
    assert!(place.metadata(&hooks[0].manifest).await.labels.is_none(), "hooks carry no ownership");
    let run = &hooks[1].last_run;
    assert!(run.started_at.is_some() && run.completed_at > run.started_at, "{run:?}");
    assert_eq!(hooks[1].delete_policies, ["before-hook-creation"]);
}

async fn an_object_that_is_there_goes_before_it_is_created_anew() {
    let place = Place::new().await;
    let mut hooks = [job("b", "exit 0"), map("held")];
    run(&place, &mut hooks).await.0.unwrap();
    let before =
        [uid(&place.metadata(&hooks[0].manifest).await), uid(&place.metadata(&hooks[1].manifest).await)];
    // It takes its time to go.
    let held = objects(&[&hooks[1].manifest]).remove(0);
    let api = place.api(&held).await;
    let finalizers = |list: serde_json::Value| Patch::Merge(json!({"metadata": {"finalizers": list}}));
    api.patch("held", &PatchParams::default(), &finalizers(json!(["example.com/wait"]))).await.unwrap();
    let later = api.clone();
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        later.patch("held", &PatchParams::default(), &finalizers(json!(null))).await.unwrap();
    });
    let start = Instant::now();
    run(&place, &mut hooks).await.0.unwrap();
    release.await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(2));
    assert_ne!(uid(&place.metadata(&hooks[0].manifest).await), before[0]);
    assert_ne!(uid(&place.metadata(&hooks[1].manifest).await), before[1]);
}

async fn a_failed_job_is_told_with_its_log_and_cleaned_up() {
    let place = Place::new().await;
    let mut hooks = [
        policies(map("first"), &["hook-succeeded"], &[]),
        policies(
            Hook { weight: 1, ..job("second", "echo no database; exit 3") },
            &["hook-failed"],
            &["hook-failed"],
        ),
        Hook { weight: 2, ..map("third") },
    ];
    let (result, stored) = run(&place, &mut hooks).await;
    let error = result.unwrap_err();
    let expected = format!(
        "failed pre-install: resource Job/{}/second not ready. status: Failed, message: Job Failed. failed: 1/1",
        place.release.namespace
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(error.logs, [log("second", "no database\n", true)]);
    assert_eq!(stored.last().unwrap(), "first Succeeded, second Failed");
    for hook in &hooks {
        assert!(place.live(&hook.manifest).await.is_none(), "{}", hook.name);
    }
}

async fn logs_and_deletion_follow_success() {
    let place = Place::new().await;
    let mut hooks = [
        policies(job("a", "echo from a"), &["hook-succeeded"], &["hook-succeeded"]),
        policies(job("b", "echo from b"), &["before-hook-creation"], &["hook-succeeded", "hook-failed"]),
    ];
    let (result, _) = run(&place, &mut hooks).await;
    let expected = [log("b", "from b\n", true), log("a", "from a\n", true)];
    assert_eq!(result.unwrap(), expected, "the last one first, as Helm does");
    assert!(place.live(&hooks[0].manifest).await.is_none() && place.live(&hooks[1].manifest).await.is_some());
}

async fn an_image_that_cannot_be_pulled_fails_early() {
    let place = Place::new().await;
    let mut broken = job("a", "");
    broken.manifest = broken.manifest.replace("sandbox/sh:1", "example.com/no-such-image:1");
    let start = Instant::now();
    let error = run(&place, &mut [broken]).await.0.unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_mins(1), "{error}");
    assert!(
        error.contains("not ready. status: Failed, message: Job in progress; Pod ")
            && error.contains("ImagePull"),
        "{error}"
    );
}

async fn a_job_that_goes_as_soon_as_it_has_ended_has_ended_well() {
    let place = Place::new().await;
    let mut brief = job("a", "exit 0");
    brief.manifest =
        brief.manifest.replace("backoffLimit: 0", "backoffLimit: 0\n  ttlSecondsAfterFinished: 0");
    let mut hooks = [brief];
    run(&place, &mut hooks).await.0.unwrap();
    assert_eq!(hooks[0].last_run.phase, "Succeeded");
}

async fn a_pod_is_waited_for_to_its_end() {
    let place = Place::new().await;
    let pod = |name: &str, script: &str, image: &str| {
        let spec = format!(
            "{{restartPolicy: Never, containers: [{{name: c, image: '{image}', args: [-c, {script:?}]}}]}}"
        );
        hook(name, "Pod", &format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n"))
    };
    run(&place, &mut [pod("good", "sleep 1", "sandbox/sh:1")]).await.0.unwrap();
    let error = run(&place, &mut [pod("bad", "exit 1", "sandbox/sh:1")]).await.0.unwrap_err().to_string();
    let namespace = &place.release.namespace;
    let begin = format!(
        "failed pre-install: resource Pod/{namespace}/bad not ready. status: Failed, message: pod bad failed"
    );
    assert!(error.starts_with(&begin), "{error}");
    let error =
        run(&place, &mut [pod("absent", "", "example.com/no-such-image:1")]).await.0.unwrap_err().to_string();
    assert!(error.contains("message: Pod in progress; Pod ") && error.contains("ImagePull"), "{error}");
}

async fn jobs(place: &Place) -> Vec<String> {
    let api: Api<Job> = Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
    let jobs = api.list(&ListParams::default()).await.unwrap();
    jobs.into_iter().filter_map(|job| job.metadata.name).collect()
}

async fn a_hook_without_a_name_is_followed_under_the_one_it_gets() {
    let place = Place::new().await;
    let generated = |script: &str| {
        let mut hook = job("x", script);
        hook.name = String::new();
        hook.manifest = hook.manifest.replace("name: x", "generateName: migrate-");
        hook
    };
    let mut good = [policies(generated("echo done"), &["before-hook-creation"], &["hook-succeeded"])];
    let (result, _) = run(&place, &mut good).await;
    assert_eq!(result.unwrap(), [log("", "done\n", true)]);
    let left = jobs(&place).await;
    assert!(left.len() == 1 && left[0].starts_with("migrate-"), "{left:?}");
    let mut gone = [policies(generated("exit 0"), &["hook-succeeded"], &[])];
    run(&place, &mut gone).await.0.unwrap();
    assert_eq!(jobs(&place).await, left, "its own is deleted");
    let mut bad = [policies(generated("exit 3"), &["hook-failed"], &[])];
    let error = run(&place, &mut bad).await.0.unwrap_err().to_string();
    assert!(error.contains("/migrate-") && error.contains("message: Job Failed"), "{error}");
    assert_eq!(jobs(&place).await, left);
}

async fn the_log_of_a_failed_hook_is_kept_though_nobody_asks_for_it() {
    let place = Place::new().await;
    let mut hooks = [
        policies(job("a", "echo fine"), &["hook-succeeded"], &[]),
        policies(job("b", "echo no database; exit 3"), &["hook-failed"], &[]),
    ];
    let error = run(&place, &mut hooks).await.0.unwrap_err();
    assert_eq!(error.logs, [log("b", "no database\n", false)]);
    assert_eq!(jobs(&place).await, Vec::<String>::new(), "the pods are gone already");
}

async fn without_leave_nothing_is_created_or_deleted() {
    let place = Place::new().await;
    let mut hooks = [policies(map("a"), &["before-hook-creation", "hook-failed"], &[])];
    run(&place, &mut hooks).await.0.unwrap();
    let before = uid(&place.metadata(&hooks[0].manifest).await);
    let error = run_with(&place, &mut hooks, &Limited::to(0)).await.0.unwrap_err();
    assert!(matches!(error.why, WhyHook::NoLeave(NoLeave::ReadOnly)), "{error}");
    assert_eq!(uid(&place.metadata(&hooks[0].manifest).await), before, "not even deleted");
    let error = run_with(&place, &mut hooks, &Limited::to(1)).await.0.unwrap_err();
    assert!(matches!(error.why, WhyHook::NoLeave(NoLeave::ReadOnly)), "{error}");
    assert!(place.live(&hooks[0].manifest).await.is_none(), "deleted, and not created");
}

/// What somebody else made under the name of a hook is not cleaned up, and what an earlier run left is applied.
async fn what_a_hook_finds() {
    let place = Place::new().await;
    let mut foreign = [policies(map("f"), &["hook-failed"], &[])];
    place.apply(&[], &objects(&[&foreign[0].manifest])).await.unwrap();
    let before = uid(&place.metadata(&foreign[0].manifest).await);
    let error = run(&place, &mut foreign).await.0.unwrap_err().to_string();
    assert!(error.contains("already exists, and it does not have the labels"), "{error}");
    assert_eq!(uid(&place.metadata(&foreign[0].manifest).await), before, "it is not ours to delete");

    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: l, annotations: {helm.sh/hook: pre-install}}\ndata: {a: one}\n";
    let mut left = [policies(hook("l", "ConfigMap", text), &["hook-failed"], &[])];
    run(&place, &mut left).await.0.unwrap();
    let first = uid(&place.metadata(text).await);
    left[0].manifest = text.replace("one", "two");
    run(&place, &mut left).await.0.unwrap();
    let live = place.live(text).await.unwrap();
    assert_eq!((uid(&place.metadata(text).await), &live["data"]["a"]), (first, &json!("two")));

    let edit = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
    let api = place.api(&objects(&[text])[0]).await;
    api.patch("l", &edit, &Patch::Merge(json!({"data": {"a": "by hand"}}))).await.unwrap();
    let error = run(&place, &mut left).await.0.unwrap_err().to_string();
    assert!(error.contains("kubectl-edit has written it, too; delete it, or give the hook"), "{error}");
    assert_eq!(
        place.live(text).await.unwrap()["data"]["a"],
        "by hand",
        "it is nobody's to overwrite or delete"
    );
}

async fn what_the_server_refuses_is_named() {
    let place = Place::new().await;
    let mut twice = [policies(map("a"), &["hook-succeeded"], &[])];
    place.apply(&[], &objects(&[&twice[0].manifest])).await.unwrap();
    let error = run(&place, &mut twice).await.0.unwrap_err().to_string();
    let namespace = &place.release.namespace;
    let expected = format!(
        "failed pre-install: warning: Hook pre-install app/templates/a.yaml failed: ConfigMap {namespace}/a already exists, and"
    );
    assert!(error.starts_with(&expected), "{error}");
    let unknown = "apiVersion: nobody.example.com/v1\nkind: Nobody\nmetadata: {name: none}\n";
    let error = run(&place, &mut [hook("none", "Nobody", unknown)]).await.0.unwrap_err().to_string();
    assert!(
        error.ends_with("no matches for kind \"Nobody\" in version \"nobody.example.com/v1\""),
        "{error}"
    );
}
