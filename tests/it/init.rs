//! `release init`: the written file is a right one.

use insta::assert_snapshot;

use crate::support::world::World;

const FLAGS: [&str; 9] = [
    "init",
    "--git",
    "https://git.example.com/sre/sre-helm-charts.git",
    "--path",
    "cert-manager",
    "--chartmuseum",
    "https://chartmuseum.example.com",
    "--cluster=eks-development-1",
    "--cluster=eks-staging-1=arn:aws:eks:us-east-1:123456789012:cluster/eks-staging-1",
];

#[test]
fn the_written_file_passes_the_check() {
    let world = World::new();
    assert_snapshot!(world.release(FLAGS), @"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    Wrote release.yaml.
    Next: release --cluster eks-development-1 --dry-run
    ");
    assert_snapshot!(std::fs::read_to_string(world.dir().join("release.yaml")).expect("the file"), @r#"
    # What `release` takes where. `release config check` says what is wrong with this file, `release config schema` prints its JSON Schema.
    charts:
      cert-manager:
        source: # or `directory:` or `archive:`, relative to this file
          git: https://git.example.com/sre/sre-helm-charts.git
          path: cert-manager
        repository: chartmuseum
        release: { name: cert-manager, namespace: cert-manager }
        values: [] # for every cluster, relative to this file; later ones win
        profile: cert-manager # what is known about the chart: cert-manager or generic
        gates:
          timeout: 10m # all gates of one cluster
          acme-timeout: 30m # an ACME chain of the canary
          settle: 2m # healthy without a break for this long
          # A self-signed certificate is always issued to prove that issuing works. To prove ACME as well:
          # canary: { issuers: [ClusterIssuer/letsencrypt-staging], dns-name: "{run}.canary.example.com" }

    repositories:
      chartmuseum:
        url: https://chartmuseum.example.com
        # username: { env: CHARTMUSEUM_USERNAME }
        # password: { env: CHARTMUSEUM_PASSWORD } # or `token:` alone

    clusters: # upgraded one after the other, in this order
      - name: eks-development-1
        kube: { context: eks-development-1 } # `server: https://…` refuses a context that leads elsewhere
        values: []
      - name: eks-staging-1
        kube: { context: arn:aws:eks:us-east-1:123456789012:cluster/eks-staging-1 } # `server: https://…` refuses a context that leads elsewhere
        values: []

    # Waves are upgraded one after the other; a cluster joins one with `wave: NAME`.
    # waves: [{ name: development }, { name: production, soak: 30m }]

    on-failure: halt # or rollback: back to the last good revision, if the cause lies in the release
    "#);
    assert_snapshot!(world.release(["config", "check"]), @"
    exit code: 0
    ----- stdout -----
    release.yaml is OK
    chart cert-manager: cert-manager of https://git.example.com/sre/sre-helm-charts.git -> chartmuseum (https://chartmuseum.example.com/), release cert-manager/cert-manager, 10 revisions kept, up to 5m for a hook
    without a wave: eks-development-1, eks-staging-1
    ----- stderr -----
    ");
}

#[test]
fn the_comments_are_right_too() {
    let world = World::new();
    world.release(FLAGS);
    let text = std::fs::read_to_string(world.dir().join("release.yaml")).expect("the file");
    let uncommented = text
        .replace("# canary:", "canary:")
        .replace("# username:", "username:")
        .replace("# password:", "password:")
        .replace("# waves:", "waves:");
    assert_ne!(text, uncommented);
    world.write("release.yaml", uncommented);
    let ran = world.release(["config", "check"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_file_that_is_there_is_kept() {
    let world = World::new();
    world.write("release.yaml", "mine\n");
    assert_snapshot!(world.release(FLAGS), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `release.yaml` is there already, and is not overwritten
    hint: name another file with --config
    ");
    assert_eq!(std::fs::read_to_string(world.dir().join("release.yaml")).expect("the file"), "mine\n");
}

#[test]
fn other_sources_and_a_canary() {
    let world = World::new();
    let ran = world.release([
        "init",
        "--config=fleet.yaml",
        "--directory=charts/1.0",
        "--chart=web",
        "--namespace=web",
        "--chartmuseum=http://localhost:8080",
        "--cluster=one",
        "--values=common values.yaml",
        "--canary-issuer=ClusterIssuer/staging",
        "--canary-dns-name={run}.example.com",
    ]);
    assert_eq!(ran.code, Some(0), "{ran}");
    world.write("common values.yaml", "{}");
    assert_snapshot!(std::fs::read_to_string(world.dir().join("fleet.yaml")).expect("the file"), @r#"
    # What `release` takes where. `release config check` says what is wrong with this file, `release config schema` prints its JSON Schema.
    charts:
      web:
        source: # or `directory:` or `archive:`, relative to this file
          directory: charts/1.0
        repository: chartmuseum
        release: { name: web, namespace: web }
        values: ["common values.yaml"] # for every cluster, relative to this file; later ones win
        profile: generic # what is known about the chart: cert-manager or generic
        gates:
          timeout: 10m # all gates of one cluster
          acme-timeout: 30m # an ACME chain of the canary
          settle: 2m # healthy without a break for this long
          canary: # a self-signed certificate is always issued
            issuers: [ClusterIssuer/staging]
            dns-name: "{run}.example.com"

    repositories:
      chartmuseum:
        url: http://localhost:8080
        # username: { env: CHARTMUSEUM_USERNAME }
        # password: { env: CHARTMUSEUM_PASSWORD } # or `token:` alone

    clusters: # upgraded one after the other, in this order
      - name: one
        kube: { context: one } # `server: https://…` refuses a context that leads elsewhere
        values: []

    # Waves are upgraded one after the other; a cluster joins one with `wave: NAME`.
    # waves: [{ name: development }, { name: production, soak: 30m }]

    on-failure: halt # or rollback: back to the last good revision, if the cause lies in the release
    "#);
    assert_snapshot!(world.release(["config", "check", "--config=fleet.yaml"]), @"
    exit code: 0
    ----- stdout -----
    fleet.yaml is OK
    chart web: charts/1.0 -> chartmuseum (http://localhost:8080/), release web/web, 10 revisions kept, up to 5m for a hook
    without a wave: one
    ----- stderr -----
    ");
}

#[test]
fn arguments_that_make_a_wrong_file_write_none() {
    let world = World::new();
    let wrong = ["init", "--directory=chart", "--chartmuseum=museum", "--cluster=one", "--cluster=one=two"];
    assert_snapshot!(world.release(wrong), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: these arguments make a release.yaml that is wrong
      caused by: release.yaml:19:10: the address of repository `chartmuseum` is not a URL: relative URL without a base
       |
    19 |     url: museum
       |          ^^^^^^

    release.yaml:27:11: there are two clusters `one`
       |
    27 |   - name: one
       |           ^^^
    ");
    assert!(!world.dir().join("release.yaml").exists());
    assert_snapshot!(world.release(["init", "--chartmuseum=https://museum", "--cluster=one"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      <--git <URL>|--directory <FOLDER>|--archive <FILE>>

    Usage: release init --chartmuseum <URL> --cluster <NAME[=CONTEXT]> <--git <URL>|--directory <FOLDER>|--archive <FILE>>

    For more information, try '--help'.
    ");
}
