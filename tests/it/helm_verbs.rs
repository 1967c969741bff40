//! `release helm install|upgrade|rollback|uninstall|list|history|status|get`, as far as it needs no cluster:
//! arguments, refusals, dry runs.

use insta::assert_snapshot;

use crate::support::world::World;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\", namespace: \"{{ .Release.Namespace }}\"}\ndata: {v: {{ .Values.v | quote }}}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: here\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\ncontexts:\n- {name: here, context: {cluster: c, user: u, namespace: of-here}}\n- {name: there, context: {cluster: c, user: u}}\n";

fn world() -> World {
    let world = World::new();
    world.write("demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n");
    world.write("demo/values.yaml", "v: 1\n");
    world.write("demo/templates/map.yaml", MAP);
    world.write("demo/templates/secret.yaml", SECRET);
    world.write("demo/templates/NOTES.txt", "Thanks {{ .Release.Name }}");
    world.write(".kube/config", KUBECONFIG);
    world
}

fn helm(world: &World, line: &str) -> String {
    let ran = world.release(std::iter::once("helm").chain(line.split_whitespace()));
    // The day of the dry run.
    let dated = regex::Regex::new("LAST DEPLOYED: .*").unwrap();
    dated.replace(&ran.to_string(), "LAST DEPLOYED: [TIME]").into_owned()
}

#[test]
fn an_install_is_rehearsed_without_a_cluster() {
    assert_snapshot!(helm(&world(), "install r demo --dry-run=client --hide-secret --set v=2 -n ns"), @r#"
    exit code: 0
    ----- stdout -----
    NAME: r
    LAST DEPLOYED: [TIME]
    NAMESPACE: ns
    STATUS: pending-install
    REVISION: 1
    DESCRIPTION: Dry run complete
    TEST SUITE: None
    HOOKS:
    MANIFEST:
    ---
    # Source: demo/templates/secret.yaml
    # HIDDEN: The Secret output has been suppressed
    ---
    # Source: demo/templates/map.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "r", namespace: "ns"}
    data: {v: "2"}


    NOTES:
    Thanks r
    ----- stderr -----
    "#);
}

#[test]
fn the_namespace_is_that_of_the_flag_the_variable_or_the_context() {
    let namespace = |world: World, line: &str| {
        let told = helm(&world, &format!("{line} install r demo --dry-run"));
        told.lines().find_map(|line| line.strip_prefix("NAMESPACE: ").map(str::to_owned)).unwrap_or(told)
    };
    assert_eq!(namespace(world(), ""), "of-here");
    assert_eq!(namespace(world(), "--kube-context there"), "default");
    assert_eq!(namespace(world().env("HELM_NAMESPACE", "of-variable"), ""), "of-variable");
    assert_eq!(namespace(world().env("HELM_NAMESPACE", "of-variable"), "-n of-flag"), "of-flag");
    assert_eq!(namespace(world().env("HELM_KUBECONTEXT", "there"), ""), "default");
    assert_eq!(namespace(world(), "--kubeconfig nowhere"), "default");
}

#[test]
fn a_cluster_that_is_not_there_is_told() {
    let world = world();
    let lines = [
        "list",
        "list --kube-context typo",
        "status r --kube-apiserver https://127.0.0.1:2",
        "upgrade r demo --kubeconfig nowhere",
        "get values r --kubeconfig nowhere --kube-apiserver https://127.0.0.1:3 --kube-token t",
    ];
    let told: Vec<String> = lines.iter().map(|line| format!("{line}\n{}", helm(&world, line))).collect();
    assert_snapshot!(told.join("\n").replace("----- stdout -----\n----- stderr -----\n", ""), @r#"
    list
    exit code: 1
    Error: connect to https://127.0.0.1:1 (cluster `here`): the API server does not answer: Connection refused (os error 111); is it up, and is the network open to it?

    list --kube-context typo
    exit code: 1
    Error: the kubeconfig ([DIR]/.kube/config) has no context `typo`

    status r --kube-apiserver https://127.0.0.1:2
    exit code: 1
    Error: connect to https://127.0.0.1:2 (cluster `here`): the API server does not answer: Connection refused (os error 111); is it up, and is the network open to it?

    upgrade r demo --kubeconfig nowhere
    exit code: 1
    Error: the kubeconfig (nowhere) has no current context; choose one with --kube-context or HELM_KUBECONTEXT

    get values r --kubeconfig nowhere --kube-apiserver https://127.0.0.1:3 --kube-token t
    exit code: 1
    Error: connect to https://127.0.0.1:3 (cluster `command-line`): the API server does not answer: Connection refused (os error 111); is it up, and is the network open to it?
    "#);
}

#[test]
fn what_is_not_done_is_refused_before_anything_is_read() {
    let world = world();
    let lines = [
        "install r demo --force",
        "install r demo --server-side=false",
        "install r demo --hide-secret",
        "install r demo --post-renderer x",
        "install r demo --dependency-update",
        "upgrade r demo --wait=sometimes",
        "upgrade r demo --labels a",
        "upgrade r demo --timeout soon",
        "upgrade r",
        "rollback r one",
        "uninstall",
        "uninstall r --cascade sideways",
        "list -o xml",
        "status",
        "get values",
    ];
    let told: Vec<String> = lines.iter().map(|line| format!("{line}\n{}", helm(&world, line))).collect();
    assert_snapshot!(told.join("\n").replace("----- stdout -----\n----- stderr -----\n", ""), @r#"
    install r demo --force
    exit code: 1
    Error: INSTALLATION FAILED: --force-replace is not supported: objects are applied by the server; --force-conflicts takes fields from their managers

    install r demo --server-side=false
    exit code: 1
    Error: INSTALLATION FAILED: --server-side=false is not supported: objects are always applied by the server

    install r demo --hide-secret
    exit code: 1
    Error: INSTALLATION FAILED: hiding Kubernetes secrets requires a dry-run mode

    install r demo --post-renderer x
    exit code: 1
    Error: INSTALLATION FAILED: --post-renderer is not supported

    install r demo --dependency-update
    exit code: 1
    Error: INSTALLATION FAILED: --dependency-update is not supported: update the dependencies with `helm dependency update` first

    upgrade r demo --wait=sometimes
    exit code: 1
    error: invalid value 'sometimes' for '--wait[=<STRATEGY>]'
      [possible values: watcher, hookOnly, legacy]

    For more information, try '--help'.

    upgrade r demo --labels a
    exit code: 1
    error: invalid value 'a' for '--labels <KEY=VALUE>': a must be formatted as key=value

    For more information, try '--help'.

    upgrade r demo --timeout soon
    exit code: 1
    error: invalid value 'soon' for '--timeout <DURATION>': `soon` is not a duration; write it like `90s`, `10m` or `1h30m`

    For more information, try '--help'.

    upgrade r
    exit code: 1
    error: the following required arguments were not provided:
      <CHART>

    Usage: release helm upgrade <RELEASE> <CHART>

    For more information, try '--help'.

    rollback r one
    exit code: 1
    error: invalid value 'one' for '[REVISION]': invalid digit found in string

    For more information, try '--help'.

    uninstall
    exit code: 1
    error: the following required arguments were not provided:
      <RELEASE_NAME>...

    Usage: release helm uninstall <RELEASE_NAME>...

    For more information, try '--help'.

    uninstall r --cascade sideways
    exit code: 1
    error: invalid value 'sideways' for '--cascade <STRATEGY>'
      [possible values: background, orphan, foreground]

    For more information, try '--help'.

    list -o xml
    exit code: 1
    error: invalid value 'xml' for '--output <FORMAT>'
      [possible values: table, json, yaml]

      tip: a similar value exists: 'yaml'

    For more information, try '--help'.

    status
    exit code: 1
    error: the following required arguments were not provided:
      <RELEASE_NAME>

    Usage: release helm status <RELEASE_NAME>

    For more information, try '--help'.

    get values
    exit code: 1
    error: the following required arguments were not provided:
      <RELEASE_NAME>

    Usage: release helm get values <RELEASE_NAME>

    For more information, try '--help'.
    "#);
}
