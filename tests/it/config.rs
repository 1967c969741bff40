//! `release.yaml`: what is right, and how each wrong thing is told with its line and the nearest right name.

use insta::assert_snapshot;

use crate::support::world::{Ran, World};

const FLEET: &str = include_str!("../fixtures/fleet/release.yaml");

/// A world with the fleet of the fixtures.
fn fleet() -> World {
    let world = World::new();
    world.write("release.yaml", FLEET);
    world.write(
        "values/cert-manager/common.yaml",
        include_str!("../fixtures/fleet/values/cert-manager/common.yaml"),
    );
    world.write(
        "values/cert-manager/eks-development-1.yaml",
        include_str!("../fixtures/fleet/values/cert-manager/eks-development-1.yaml"),
    );
    world
}

/// `release config check` on the fleet with some texts replaced; each has to be there.
fn check_with(replacements: &[(&str, &str)]) -> Ran {
    let world = fleet();
    let text = replacements.iter().fold(FLEET.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the fixture has no `{from}`");
        text.replace(from, to)
    });
    world.write("release.yaml", text);
    world.release(["config", "check"])
}

#[test]
fn a_right_file_is_summed_up_in_the_order_of_the_rollout() {
    assert_snapshot!(fleet().release(["config", "check"]), @"
    exit code: 0
    ----- stdout -----
    release.yaml is OK
    chart cert-manager: cert-manager of https://git.example.com/sre/sre-helm-charts.git -> chartmuseum (https://chartmuseum.example.com/), release cert-manager/cert-manager, 10 revisions kept, up to 5m for a hook
    wave development: eks-development-1
    wave staging: eks-staging-1, then 30m of soak
    wave production: eks-production-1
    ----- stderr -----
    ");
}

#[test]
fn a_value_of_the_wrong_kind_is_told_by_what_is_right() {
    assert_snapshot!(
        check_with(&[
            ("profile: cert-manager ", "profile: cert-manger "),
            ("context: eks-staging-1", "context: 1"),
            ("path: cert-manager", "path: [cert-manager]"),
            ("name: cert-manager,", "name: Cert_Manager,"),
            ("wave: development", "wave: development\n    labels: {}"),
        ]),
        @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:86: `charts.cert-manager.source.path` has to be a text, not a list
      |
    3 |     source: { git: https://git.example.com/sre/sre-helm-charts.git, ref: main, path: [cert-manager] }
      |                                                                                      ^

    release.yaml:5:22: `charts.cert-manager.release.name` has to be a release name: lower case letters, digits and `-`, at most 53 characters
      |
    5 |     release: { name: Cert_Manager, namespace: cert-manager }
      |                      ^^^^^^^^^^^^

    release.yaml:7:14: `charts.cert-manager.profile` has to be `cert-manager` or `generic`
      |
    7 |     profile: cert-manger              # the built-in knowledge; "generic" for other charts
      |              ^^^^^^^^^^^

    release.yaml:22:5: unknown key `labels` in `clusters[1]`; it has name, kube, wave, values
       |
    22 |     labels: {}
       |     ^^^^^^

    release.yaml:25:22: `clusters[2].kube.context` has to be a text, not a number
       |
    25 |     kube: { context: 1, server: https://DEF.eks.amazonaws.com }
       |                      ^
    "#
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    assert_snapshot!(check_with(&[("source:", "sorce:"), ("timeout: 10m", "timeout: 10 minutes"), ("wave: staging", "wafe: staging"), ("on-failure: halt", "on-failure: stop"),
        ("max-parallel: 1", "max-parallel: 0"), ("ClusterIssuer/letsencrypt-staging", "letsencrypt-staging")]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:5: unknown key `sorce` in `charts.cert-manager`; did you mean `source`?
      |
    3 |     sorce: { git: https://git.example.com/sre/sre-helm-charts.git, ref: main, path: cert-manager }
      |     ^^^^^

    release.yaml:9:16: `charts.cert-manager.gates.timeout` has to be a duration such as `90s`, `10m` or `1h30m`
      |
    9 |       timeout: 10 minutes                     # all gates of one cluster; an ACME chain may take up to acme-timeout
      |                ^^^^^^^^^^

    release.yaml:12:27: `charts.cert-manager.gates.canary.issuers[0]` has to be an issuer such as `ClusterIssuer/letsencrypt-staging` or `Issuer/my-namespace/my-issuer`
       |
    12 |       canary: { issuers: [letsencrypt-staging], dns-name: "{run}.canary.demo.example.com" }
       |                           ^^^^^^^^^^^^^^^^^^^

    release.yaml:25:5: unknown key `wafe` in `clusters[2]`; did you mean `wave`?
       |
    25 |     wafe: staging
       |     ^^^^

    release.yaml:26:96: `waves[2].max-parallel` has to be a number that is at least 1
       |
    26 | waves: [{ name: development }, { name: staging, soak: 30m }, { name: production, max-parallel: 0 }]
       |                                                                                                ^

    release.yaml:27:13: `on-failure` has to be `halt` or `rollback`
       |
    27 | on-failure: stop                       # or rollback
       |             ^^^^
    "#);
}

#[test]
fn names_have_to_exist() {
    assert_snapshot!(check_with(&[("repository: chartmuseum", "repository: chartmusem"), ("wave: staging", "wave: stagging"), ("common.yaml", "comon.yaml")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:4:17: there is no repository `chartmusem`; did you mean `chartmuseum`?
      |
    4 |     repository: chartmusem
      |                 ^^^^^^^^^^

    release.yaml:6:14: read the values file `values/cert-manager/comon.yaml` of `eks-production-1`: No such file or directory (os error 2)
      |
    6 |     values: [values/cert-manager/comon.yaml]
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    release.yaml:25:11: there is no wave `stagging`; did you mean `staging`?
       |
    25 |     wave: stagging
       |           ^^^^^^^^
    ");
}

/// `release config check` on the fleet with `gates.rules`.
fn check_rules(rules: &str) -> Ran {
    let settle = "      settle: 2m                       # healthy without a break for this long\n";
    check_with(&[(settle, &format!("{settle}      rules:\n{rules}"))])
}

#[test]
fn a_wrong_expression_of_a_rule_is_told_where_it_stands_in_the_file() {
    let rules = r#"
        - name: plain
          watch: example.com/v1/Widget
          ready: objct.status.phase == 'Up'
          failed: "object.status.conditions.exsts(c, c.type == \"Bad\")"
          message: size(object.status.phase)
        - name: folded
          watch: v1/PersistentVolumeClaim
          ready: >-
            object.status.phase == 'Bound'
            && size(object.spec.accessModes) == '1'
          in-progress: |
            has(object.status.phase)
              && object.status.
        - { name: plain, watch: example.com/v1/Widget, ready: 'object.status.ready', within: 5m, cause: release, baseline: strict }
"#;
    assert_snapshot!(check_rules(rules), @r##"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:16:18: `ready` of rule `plain`: there is no variable `objct`, only `object` and what a loop names; did you mean `object`?
       |
    16 |           ready: objct.status.phase == 'Up'
       |                  ^^^^^

    release.yaml:17:45: `failed` of rule `plain`: there is no function `exsts`; did you mean `exists`?
       |
    17 |           failed: "object.status.conditions.exsts(c, c.type == \"Bad\")"
       |                                             ^^^^^

    release.yaml:18:20: `message` of rule `plain`: it has to result in a text, not in a number
       |
    18 |           message: size(object.status.phase)
       |                    ^^^^^^^^^^^^^^^^^^^^^^^^^

    release.yaml:23:46: `ready` of rule `folded`: a number is compared with a text
       |
    23 |             && size(object.spec.accessModes) == '1'
       |                                              ^^

    release.yaml:26:33: `in-progress` of rule `folded`: the expression ends too early
       |
    26 |               && object.status.
       |                                 ^

    release.yaml:27:19: there is a rule `plain` already
       |
    27 |         - { name: plain, watch: example.com/v1/Widget, ready: 'object.status.ready', within: 5m, cause: release, baseline: strict }
       |                   ^^^^^
    "##);
}

#[test]
fn the_rules_of_the_readme_are_right() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rules = readme.split("```yaml\ngates:\n  rules:\n").nth(1).unwrap().split("```").next().unwrap();
    let indented = rules.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    assert_eq!(check_rules(&indented).code, Some(0), "{}", check_rules(&indented));
}

/// The same with `gates.probes`.
fn check_probes(probes: &str) -> Ran {
    let settle = "      settle: 2m                       # healthy without a break for this long\n";
    check_with(&[(settle, &format!("{settle}      probes:\n{probes}"))])
}

#[test]
fn the_probes_of_the_readme_are_right() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let probes = readme.split("```yaml\ngates:\n  probes:\n").nth(1).unwrap().split("```").next().unwrap();
    let probes = probes.replace("corp-ca.pem", "any");
    let indented = probes.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    assert_eq!(check_probes(&indented).code, Some(0), "{}", check_probes(&indented));
}

#[test]
fn what_a_probe_cannot_be_is_told_where_it_stands() {
    let told = |probes: &str| {
        let ran = check_probes(probes);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        ran.stderr
    };
    let table = [
        ("        - tls: { hots: shop.example.com }\n", ":13:18: unknown key `hots`", "did you mean `host`?"),
        ("        - tls: { port: 8443 }\n", ":13:11: a TLS probe needs a `host`, or `discover: ingress`", ""),
        (
            "        - tls: { host: a, discover: ingress }\n",
            ":13:27: a TLS probe has `host` or `discover`",
            "",
        ),
        ("        - tls: { host: 'https://a/' }\n", ":13:18: `https://a/` is not a host's name", "no path"),
        ("        - tls: { host: a, duty: requird }\n", ":13:", "has to be `required` or `report`"),
        (
            "        - tls: { host: a, expect: { secret: shop } }\n",
            ":13:",
            "has to be a Secret as `NAMESPACE/NAME`",
        ),
    ];
    for (probes, place, words) in table {
        let told = told(probes);
        assert!(told.contains(place) && told.contains(words), "{probes}{told}");
    }
}

#[test]
fn a_rule_of_another_form_is_told_by_what_is_right() {
    let rules = r"
        - name: Widgets
          watch: Widget
          namespce: web
          within: soon
          cause: weather
          baseline: ignore
";
    assert_snapshot!(check_rules(rules), @r##"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:14:9: missing key `ready` in `charts.cert-manager.gates.rules[0]`
       |
    14 |         - name: Widgets
       |         ^

    release.yaml:14:17: `charts.cert-manager.gates.rules[0].name` has to be a name: lower case letters, digits and `-`, at most 63 characters
       |
    14 |         - name: Widgets
       |                 ^^^^^^^

    release.yaml:15:18: `charts.cert-manager.gates.rules[0].watch` has to be a kind such as `argoproj.io/v1alpha1/Rollout` or `v1/PersistentVolumeClaim`
       |
    15 |           watch: Widget
       |                  ^^^^^^

    release.yaml:16:11: unknown key `namespce` in `charts.cert-manager.gates.rules[0]`; did you mean `namespace`?
       |
    16 |           namespce: web
       |           ^^^^^^^^

    release.yaml:17:19: `charts.cert-manager.gates.rules[0].within` has to be a duration such as `90s`, `10m` or `1h30m`
       |
    17 |           within: soon
       |                   ^^^^

    release.yaml:18:18: `charts.cert-manager.gates.rules[0].cause` has to be `release` or `environment` or `unknown`
       |
    18 |           cause: weather
       |                  ^^^^^^^

    release.yaml:19:21: `charts.cert-manager.gates.rules[0].baseline` has to be `report` or `strict`
       |
    19 |           baseline: ignore
       |                     ^^^^^^
    "##);
}

#[test]
fn two_clusters_with_one_api_server_are_one_cluster() {
    assert_snapshot!(check_with(&[("https://DEF.eks.amazonaws.com", "https://abc.EKS.amazonaws.com:443/")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:24:45: `eks-staging-1` has the API server of `eks-development-1`: they are one cluster
       |
    24 |     kube: { context: eks-staging-1, server: https://abc.EKS.amazonaws.com:443/ }
       |                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    assert_snapshot!(check_with(&[("context: eks-staging-1, server: https://DEF.eks.amazonaws.com", "context: eks-development-1")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:24:22: `eks-staging-1` has the context of `eks-development-1`: they are one cluster
       |
    24 |     kube: { context: eks-development-1 }
       |                      ^^^^^^^^^^^^^^^^^
    ");
    assert_snapshot!(check_with(&[("name: eks-staging-1", "name: eks-development-1"), ("name: staging,", "name: development,")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:23:11: there are two clusters `eks-development-1`
       |
    23 |   - name: eks-development-1
       |           ^^^^^^^^^^^^^^^^^

    release.yaml:25:11: there is no wave `staging`
       |
    25 |     wave: staging
       |           ^^^^^^^

    release.yaml:26:40: there are two waves `development`
       |
    26 | waves: [{ name: development }, { name: development, soak: 30m }, { name: production, max-parallel: 1 }]
       |                                        ^^^^^^^^^^^
    ");
}

#[test]
fn more_than_one_cluster_at_a_time_is_refused_and_not_silently_ignored() {
    assert_snapshot!(check_with(&[("max-parallel: 1", "max-parallel: 2")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:26:96: clusters are upgraded strictly one after the other in this version; write `max-parallel: 1`, or leave it out
       |
    26 | waves: [{ name: development }, { name: staging, soak: 30m }, { name: production, max-parallel: 2 }]
       |                                                                                                ^
    ");
}

#[test]
fn a_file_that_is_no_yaml_is_refused_with_its_line() {
    assert_snapshot!(check_with(&[("gates:\n", "gates: [\n")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:10:7: while parsing a flow mapping, did not find expected ',' or '}'
       |
    10 |       acme-timeout: 30m
       |       ^
    ");
    assert_snapshot!(check_with(&[("    profile: cert-manager ", "\tprofile: cert-manager ")]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:7:2: tabs disallowed within this context (block indentation)
      |
    7 | 	profile: cert-manager              # the built-in knowledge; "generic" for other charts
      |  ^
    "#);
    assert_snapshot!(check_with(&[("    repository: chartmuseum\n", "    repository: chartmuseum\n    repository: other\n")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:5:5: the key `repository` is there already
      |
    5 |     repository: other
      |     ^^^^^^^^^^
    ");
    assert_snapshot!(check_with(&[("waves:", "---\nwaves:")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:27:1: a second YAML document begins here; keep one
       |
    27 | waves: [{ name: development }, { name: staging, soak: 30m }, { name: production, max-parallel: 1 }]
       | ^
    ");
    let world = World::new();
    world.write("release.yaml", "");
    assert_snapshot!(world.release(["config", "check"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml: the file has to be a mapping, not empty
    ");
}

#[test]
fn a_secret_is_never_written_in_the_file_nor_printed() {
    let ran = check_with(&[("password: { env: CHARTMUSEUM_PASSWORD }", "password: hunter2")]);
    assert!(!ran.everything().contains("hunter2"), "{ran}");
    assert_snapshot!(ran, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:14:107: `repositories.chartmuseum.password` has to be `{ env: NAME }` or `{ file: PATH }`: a secret is never written in the file itself
       |
    14 |   chartmuseum: { url: https://chartmuseum.example.com, username: { env: CHARTMUSEUM_USERNAME }, password: ******* *
       |                                                                                                           ^^^^^^^
    ");
    let ran = check_with(&[
        (
            "https://chartmuseum.example.com, username: { env: CHARTMUSEUM_USERNAME }, password: { env: CHARTMUSEUM_PASSWORD }",
            "https://me:hunter2@chartmuseum.example.com",
        ),
        ("https://git.example.com", "https://me:hunter2@git.example.com"),
    ]);
    assert!(!ran.everything().contains("hunter2"), "{ran}");
    assert_snapshot!(ran, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:20: a password in a URL ends up in logs; write `token: { env: NAME }` instead
      |
    3 |     source: { git: https://**********@git.example.com/sre/sre-helm-charts.git, ref: main, path: cert-manager }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    release.yaml:14:23: a password in a URL ends up in logs; write `username:` and `password: { env: NAME }` instead
       |
    14 |   chartmuseum: { url: https://**********@chartmuseum.example.com }
       |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    let ran = check_with(&[("password: { env: CHARTMUSEUM_PASSWORD }", "pasword: hunter2")]);
    assert!(!ran.everything().contains("hunter2"), "{ran}");
}

#[test]
fn a_source_is_one_of_three() {
    assert_snapshot!(check_with(&[("git: https://git.example.com/sre/sre-helm-charts.git, ref: main", "directory: charts, ref: main")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:34: `ref` belongs to a `git` source; a directory or an archive has none
      |
    3 |     source: { directory: charts, ref: main, path: cert-manager }
      |                                  ^^^

    release.yaml:3:45: `path` belongs to a `git` source; a directory or an archive has none
      |
    3 |     source: { directory: charts, ref: main, path: cert-manager }
      |                                             ^^^^
    ");
    assert_snapshot!(check_with(&[("git: https://git.example.com/sre/sre-helm-charts.git", "directory: charts, git: x")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:5: the source of `cert-manager` has to be one of `git`, `directory` and `archive`
      |
    3 |     source: { directory: charts, git: x, ref: main, path: cert-manager }
      |     ^^^^^^
    ");
}

#[test]
fn a_canary_needs_a_name_that_is_new_in_every_run() {
    assert_snapshot!(check_with(&[("{run}.canary", "canary")]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:12:73: `canary.demo.example.com` is the same name in every run, which proves nothing: authorizations are reused; put `{run}` into it
       |
    12 |       canary: { issuers: [ClusterIssuer/letsencrypt-staging], dns-name: "canary.demo.example.com" }
       |                                                                         ^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(check_with(&[(", dns-name: \"{run}.canary.demo.example.com\"", "")]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:12:7: a canary with `issuers` needs a `dns-name`, such as `"{run}.canary.example.com"`
       |
    12 |       canary: { issuers: [ClusterIssuer/letsencrypt-staging] }
       |       ^^^^^^
    "#);
}

#[test]
fn a_canary_can_be_given_a_form_but_not_another_meaning() {
    let with = |more: &str| check_with(&[("canary: { issuers", &format!("canary: {{ {more}, issuers"))]);
    assert_eq!(
        with("certificate: { commonName: \"{run}\", privateKey: { algorithm: RSA, size: 2048 } }").code,
        Some(0)
    );
    assert_snapshot!(with("certificate: { issuerRef: { name: x }, comonName: x, privateKey: { algoritm: RSA } }"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:12:32: `issuerRef` of a canary is not yours to set; name issuers in `canary.issuers`
       |
    12 |       canary: { certificate: { issuerRef: { name: x }, comonName: x, privateKey: { algoritm: RSA } }, issuers: [ClusterIssuer/letsencrypt-staging], dns-name: "{run}.canary.demo.example.com" }
       |                                ^^^^^^^^^

    release.yaml:12:56: a Certificate has no field `comonName`; did you mean `commonName`?
       |
    12 |       canary: { certificate: { issuerRef: { name: x }, comonName: x, privateKey: { algoritm: RSA } }, issuers: [ClusterIssuer/letsencrypt-staging], dns-name: "{run}.canary.demo.example.com" }
       |                                                        ^^^^^^^^^

    release.yaml:12:84: a private key has no field `algoritm`; did you mean `algorithm`?
       |
    12 |       canary: { certificate: { issuerRef: { name: x }, comonName: x, privateKey: { algoritm: RSA } }, issuers: [ClusterIssuer/letsencrypt-staging], dns-name: "{run}.canary.demo.example.com" }
       |                                                                                    ^^^^^^^^
    "#);
    assert_snapshot!(check_with(&[("issuers: [ClusterIssuer/letsencrypt-staging]", "self-signed: false, issuers: []")]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:12:30: without a self-signed canary nothing is issued: name an issuer in `issuers`, or leave `self-signed` out
       |
    12 |       canary: { self-signed: false, issuers: [], dns-name: "{run}.canary.demo.example.com" }
       |                              ^^^^^
    "#);
    let external = "issuers: [AWSPCAClusterIssuer.awspca.cert-manager.io/pca]";
    assert_eq!(check_with(&[("issuers: [ClusterIssuer/letsencrypt-staging]", external)]).code, Some(0));
}

#[test]
fn addresses_have_to_be_addresses() {
    assert_snapshot!(check_with(&[("url: https://chartmuseum.example.com", "url: chartmuseum.example.com"), ("server: https://GHI.eks.amazonaws.com", "server: GHI")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:14:23: the address of repository `chartmuseum` is not a URL: relative URL without a base
       |
    14 |   chartmuseum: { url: chartmuseum.example.com, username: { env: CHARTMUSEUM_USERNAME }, password: { env: CHARTMUSEUM_PASSWORD } }
       |                       ^^^^^^^^^^^^^^^^^^^^^^^

    release.yaml:17:48: the API server of `eks-production-1` is not a URL: relative URL without a base
       |
    17 |     kube: { context: eks-production-1, server: GHI }
       |                                                ^^^
    ");
    assert_snapshot!(check_with(&[("url: https://", "url: ftp://"), ("username: { env: CHARTMUSEUM_USERNAME }, ", "token: { env: T }, ")]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:14:23: `ftp` is not a kind of repository; write `https://…` for ChartMuseum
       |
    14 |   chartmuseum: { url: ftp://chartmuseum.example.com, token: { env: T }, password: { env: CHARTMUSEUM_PASSWORD } }
       |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    release.yaml:14:54: repository `chartmuseum` has both a token and a user name or password; keep one of them
       |
    14 |   chartmuseum: { url: ftp://chartmuseum.example.com, token: { env: T }, password: { env: CHARTMUSEUM_PASSWORD } }
       |                                                      ^^^^^
    ");
}

#[test]
fn the_schema_describes_the_fixture_and_is_the_published_one() {
    let ran = World::new().release(["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a JSON document");
    let fleet: serde_json::Value = serde_norway::from_str(FLEET).expect("a YAML document");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("schema.json", schema).expect("a URL");
    let index = compiler.compile("schema.json", &mut schemas).expect("a schema of draft 2020-12");
    schemas.validate(&fleet, index).unwrap_or_else(|error| panic!("{error:#}"));
    assert_snapshot!("release-yaml-schema", ran.stdout);
}

#[test]
fn a_cluster_that_is_not_there_is_told_with_the_nearest_name() {
    let world = fleet();
    assert_snapshot!(world.release(["--cluster", "eks-develpment-1"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no cluster `eks-develpment-1`; did you mean `eks-development-1`?
    configured clusters: eks-production-1, eks-development-1, eks-staging-1
    ");
    assert_snapshot!(world.release(["--wave", "prod"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no wave `prod`; did you mean `production`?
    configured waves: development, staging, production
    ");
    assert_snapshot!(world.release(["--dry-run"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no cluster is selected; use --cluster NAME, --wave NAME or --all
    configured clusters: eks-production-1, eks-development-1, eks-staging-1
    ");
    assert_snapshot!(world.release(["--all", "--chart", "certmanager"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no chart `certmanager`; did you mean `cert-manager`?
    configured charts: cert-manager
    ");
}

#[test]
fn several_charts_need_a_choice() {
    let world = World::new();
    let second = "  podinfo:\n    source: { directory: podinfo }\n    repository: chartmuseum\n    release: { name: podinfo, namespace: podinfo }\nrepositories:";
    let text = FLEET.replace("repositories:", second);
    world.write("release.yaml", &text);
    assert_snapshot!(world.release(["--all", "--dry-run"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:26:14: with several charts, `values/cert-manager/eks-development-1.yaml` would be used for each of them; write it in quotes, with `{chart}` where the chart's name stands
       |
    26 |     values: [values/cert-manager/eks-development-1.yaml]
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    world.write(
        "release.yaml",
        text.replace("[values/cert-manager/eks-development-1.yaml]", "[\"values/{chart}/{cluster}.yaml\"]"),
    );
    assert_snapshot!(world.release(["--all", "--dry-run"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: several charts are configured; select one with --chart: cert-manager, podinfo
    ");
    assert_snapshot!(world.release(["--all", "--dry-run", "--chart", "podinfo", "--ref", "main"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: --ref selects a commit of a git source, but `podinfo` comes from podinfo
    ");
}

#[test]
fn a_missing_values_file_stops_the_clusters_that_need_it() {
    let world = fleet();
    std::fs::remove_file(world.dir().join("values/cert-manager/eks-development-1.yaml"))
        .expect("remove the file");
    assert_snapshot!(world.release(["--cluster", "eks-development-1", "--dry-run"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:22:14: read the values file `values/cert-manager/eks-development-1.yaml` of `eks-development-1`: No such file or directory (os error 2)
       |
    22 |     values: [values/cert-manager/eks-development-1.yaml]
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    for command in ["unlock", "rollback", "gate"] {
        let said = world.release([command, "--cluster", "eks-development-1"]);
        assert!(said.code == Some(1) && !said.stderr.contains("values file"), "{command}: {said}");
    }
}

#[test]
fn hooks_and_history_are_limited_as_written() {
    let written = |text: &str| check_with(&[("profile: cert-manager ", text)]);
    let said = written("history-max: 0\n    hook-timeout: 1h30m ");
    assert!(said.stdout.contains(", all revisions kept, up to 1h30m for a hook\n"), "{said}");
    assert_snapshot!(written("history-max: -1\n    hook-timeout: 5 ").stderr, @r#"
    error: release.yaml:7:18: `charts.cert-manager.history-max` has to be a number of revisions, 0 for all of them
      |
    7 |     history-max: -1
      |                  ^^

    release.yaml:8:19: `charts.cert-manager.hook-timeout` has to be a duration such as `90s`, `10m` or `1h30m`
      |
    8 |     hook-timeout: 5              # the built-in knowledge; "generic" for other charts
      |                   ^
    "#);
    assert!(written("hook-timeout: 0s ").stderr.contains("no hook ends within `0s`"));
}

#[test]
fn without_a_file_it_is_said_how_to_begin() {
    assert_snapshot!(World::new().release(["--cluster", "eks-development-1"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: read the configuration `release.yaml`
      caused by: No such file or directory (os error 2)
    hint: write one with `release init`, or name it with --config or RELEASE_CONFIG
    ");
    assert_snapshot!(World::new().env("RELEASE_CONFIG", "fleet.yaml").release(["config", "check"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: read the configuration `fleet.yaml`
      caused by: No such file or directory (os error 2)
    hint: write one with `release init`, or name it with --config or RELEASE_CONFIG
    ");
}

#[test]
fn a_token_as_the_user_of_a_url_is_refused_like_a_password_and_never_printed() {
    let with =
        |user: &str| check_with(&[("https://git.example.com/", &format!("https://{user}@git.example.com/"))]);
    assert_snapshot!(with("ghp_hunter2hunter2"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:3:20: a token in a URL ends up in logs; write `token: { env: NAME }` instead
      |
    3 |     source: { git: https://******************@git.example.com/sre/sre-helm-charts.git, ref: main, path: cert-manager }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    for user in ["ghp_hunter2hunter2:x-oauth-basic", "oauth2:hunter2", "me:hun/ter2"] {
        let said = with(user);
        assert!(said.code == Some(1) && said.stderr.contains("a password in a URL"), "{said}");
        assert!(!said.everything().contains("ter2"), "{said}");
    }
}

#[test]
fn a_user_of_a_url_that_nobody_would_take_for_a_token_is_not_printed_either() {
    let world = World::new();
    let text = "
charts:
  demo: {source: {git: 'https://hunter2@127.0.0.1:1/org/repo.git', path: demo}, repository: m, release: {name: demo, namespace: demo}}
repositories: {m: {url: 'http://127.0.0.1:1/?key=hunter2'}}
clusters: [{name: one, kube: {context: dev}}]
";
    world.write("release.yaml", text);
    for line in ["config check", "package -vvv", "publish -o json", "publish --dry-run", "--all --dry-run -v"]
    {
        let said = world.release(line.split(' '));
        assert!(!said.everything().contains("hunter2"), "{line}: {said}");
    }
    let init = "init --config other.yaml --git https://hunter2@127.0.0.1/x.git --cluster a --chartmuseum";
    for museum in ["http://m", "http://hunter2@m", "http://me:hunter2@m"] {
        std::fs::remove_file(world.dir().join("other.yaml")).ok();
        let said = world.release(init.split(' ').chain([museum]));
        assert!(!said.everything().contains("hunter2"), "{museum}: {said}");
    }
}
