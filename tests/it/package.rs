//! `release package`: the chart of release.yaml, from git to an archive.

use insta::assert_snapshot;

use crate::support::git_server::GitServer;
use crate::support::world::{Ran, World};

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\nappVersion: \"7\"\n";

/// A world with a release.yaml whose chart comes from here.
fn world(source: &str) -> World {
    let world = World::new();
    world.write(
        "release.yaml",
        format!(
            "charts:\n  demo:\n    source: {source}\n    repository: museum\n    release: {{ name: demo, namespace: demo }}\n\
             repositories:\n  museum: {{ url: https://chartmuseum.example.com }}\n\
             clusters:\n  - {{ name: eks-development-1, kube: {{ context: eks-development-1 }} }}\n"
        ),
    );
    world
}

/// Commits what is below `charts/` in the world, at a fixed time.
fn commit(world: &World, message: &str) -> git2::Oid {
    let path = world.dir().join("charts");
    let mut options = git2::RepositoryInitOptions::new();
    let repository = git2::Repository::init_opts(&path, options.initial_head("main")).expect("a repository");
    let mut index = repository.index().expect("the index");
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).expect("add the files");
    index.write().expect("write the index");
    let tree = repository.find_tree(index.write_tree().expect("a tree")).expect("the tree");
    let author =
        git2::Signature::new("A", "a@example.com", &git2::Time::new(1_700_000_000, 0)).expect("an author");
    let parent = repository.head().ok().map(|head| head.peel_to_commit().expect("a commit"));
    repository
        .commit(Some("HEAD"), &author, &author, message, &tree, &parent.iter().collect::<Vec<_>>())
        .expect("commit")
}

fn world_with_git() -> World {
    let world = world("{ git: charts, path: demo }");
    world.write("charts/demo/Chart.yaml", CHART);
    world.write("charts/demo/templates/a.yaml", "kind: ConfigMap\n");
    commit(&world, "First");
    world
}

#[test]
fn a_commit_becomes_an_archive() {
    assert_snapshot!(world_with_git().release(["package"]), @"
    exit code: 0
    ----- stdout -----
    archive  ./demo-1.0.0.tgz
    digest   sha256:87af6e6e9665695c278d0fe0f212d1ea63a883f2aca5fc7ebf09a77daa5d2e2c
    content  sha256:ed2066cc2c774617da745e107e49281cc5a617ec6fa923271d669642237f0a79
    ----- stderr -----
    packaged demo 1.0.0 from charts main at 0b44e573deef
    ");
}

#[test]
fn the_same_commit_gives_the_same_bytes_whatever_the_work_tree_holds() {
    let (one, other) = (world_with_git(), world_with_git());
    other.write("charts/demo/values.yaml", "not: committed\n");
    for world in [&one, &other] {
        assert_eq!(world.release(["package", "-d", "out"]).code, Some(0));
    }
    let archive = |world: &World| std::fs::read(world.dir().join("out/demo-1.0.0.tgz")).expect("the archive");
    assert_eq!(archive(&one), archive(&other));
}

#[test]
fn programs_read_json() {
    let world = world_with_git();
    let ran = world.release(["package", "-o", "json", "--ref", "main"]);
    assert_snapshot!(ran.stdout, @r#"
    {
      "path": "./demo-1.0.0.tgz",
      "name": "demo",
      "version": "1.0.0",
      "appVersion": "7",
      "digest": "sha256:87af6e6e9665695c278d0fe0f212d1ea63a883f2aca5fc7ebf09a77daa5d2e2c",
      "contentDigest": "sha256:ed2066cc2c774617da745e107e49281cc5a617ec6fa923271d669642237f0a79",
      "source": {
        "url": "charts",
        "reference": "main",
        "commit": "0b44e573deef35b98dc63de523a71c569a11fa09",
        "dirty": false,
        "time": 1700000000
      }
    }
    "#);
}

#[test]
fn a_changed_directory_is_marked() {
    let world = world("{ directory: charts/demo }");
    world.write("charts/demo/Chart.yaml", CHART);
    commit(&world, "First");
    let clean = world.release(["package"]);
    assert!(!clean.stderr.contains("changes that are in no commit"), "{clean}");
    world.write("charts/demo/values.yaml", "a: 1\n");
    let dirty = world.release(["package"]);
    assert!(dirty.stderr.contains("(with changes that are in no commit)"), "{dirty}");
}

#[test]
fn source_date_epoch_stamps_the_archive() {
    let world = world("{ directory: charts/demo }").env("SOURCE_DATE_EPOCH", "1600000000");
    world.write("charts/demo/Chart.yaml", CHART);
    let ran = world.release(["package", "-o", "json"]);
    assert!(ran.stdout.contains("\"time\": 1600000000"), "{ran}");
    let wrong = self::world("{ directory: charts/demo }").env("SOURCE_DATE_EPOCH", "yesterday");
    assert_snapshot!(wrong.release(["package"]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: invalid SOURCE_DATE_EPOCH: "yesterday" is not a number of seconds since 1970
    "#);
}

#[test]
fn what_is_wrong_with_the_source_is_said() {
    let world = world_with_git();
    assert_snapshot!(world.release(["package", "--ref", "mian"]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: find the commit in charts
      caused by: there is no branch, tag or commit "mian"; did you mean `main`?
    "#);
    let elsewhere = self::world("{ git: charts, path: dmeo }");
    elsewhere.write("charts/demo/Chart.yaml", CHART);
    let commit = commit(&elsewhere, "First").to_string();
    assert_snapshot!(elsewhere.hide(&commit, "[COMMIT]").release(["package"]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: read dmeo of charts at [COMMIT]
      caused by: "dmeo" does not exist at this commit; there are: demo
    "#);
}

#[test]
fn an_unreachable_server_is_named_without_its_secret() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let source = format!("{{ git: 'http://{closed}/charts.git', token: {{ env: TOKEN }} }}");
    let world = world(&source).env("TOKEN", "hunter2").hide(&closed.to_string(), "[SERVER]");
    let ran = world.release(["package"]);
    assert!(!ran.everything().contains("hunter2"), "{ran}");
    assert_snapshot!(ran, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: reach http://[SERVER]/charts.git
      caused by: failed to connect to 127.0.0.1: Connection refused; class=Os (2)
    ");
}

/// The JSON of `release package` from a server that serves this world.
fn packaged_from(world: &World, server: &GitServer, args: &[&str], credentials: &str) -> Ran {
    world.write(
        "release.yaml",
        format!(
            "charts:\n  demo:\n    source: {{ git: 'http://{}/charts', path: demo{credentials} }}\n    repository: museum\n    \
             release: {{ name: demo, namespace: demo }}\nrepositories:\n  museum: {{ url: https://chartmuseum.example.com }}\n\
             clusters:\n  - {{ name: eks-development-1, kube: {{ context: eks-development-1 }} }}\n",
            server.address()
        ),
    );
    world.release([&["package", "-o", "json"], args].concat())
}

#[test]
fn a_server_gives_what_a_local_repository_gives() {
    let world = world_with_git();
    let repository = git2::Repository::open(world.dir().join("charts")).expect("the repository");
    let first = repository.head().expect("a branch").peel_to_commit().expect("a commit");
    repository.tag_lightweight("v1", first.as_object(), false).expect("a tag");
    for values in ["a: 1\n", "a: 2\n"] {
        world.write("charts/demo/values.yaml", values);
        commit(&world, values);
    }
    let second = repository.revparse_single("HEAD~1").expect("a commit").id().to_string();
    let first = first.id().to_string();
    let local = |reference: &str| world.release(["package", "-o", "json", "--ref", reference]);
    let digest = |ran: &Ran| {
        ran.stdout
            .lines()
            .find(|line| line.contains("\"digest\""))
            .map_or_else(|| ran.to_string(), str::to_owned)
    };
    let references = ["main", "v1", "refs/tags/v1", first.as_str(), second.as_str(), &second[..9]];
    let expected = references.map(|reference| digest(&local(reference)));
    let server = GitServer::start(world.dir(), None);
    for (reference, expected) in references.iter().zip(expected) {
        assert_eq!(
            digest(&packaged_from(&world, &server, &["--ref", reference], "")),
            expected,
            "{reference}"
        );
    }
    let unknown = packaged_from(&world, &server, &["--ref", "deadbeef"], "");
    assert!(
        unknown
            .stderr
            .contains("there is no branch, tag or commit \"deadbeef\"; there are, for example, `main`, `v1`"),
        "{unknown}"
    );
}

#[test]
fn a_token_opens_a_server_and_is_never_told() {
    let world = world_with_git().env("RIGHT", "hunter2").env("WRONG", "swordfish");
    let server = GitServer::start(world.dir(), Some("me:hunter2"));
    let world = world.hide(&server.address(), "[SERVER]");
    let ran = packaged_from(&world, &server, &[], ", username: me, token: { env: RIGHT }");
    assert_eq!(ran.code, Some(0), "{ran}");
    let refused = packaged_from(&world, &server, &[], ", username: me, token: { env: WRONG }");
    assert!(!refused.everything().contains("swordfish"), "{refused}");
    assert_snapshot!(refused, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: http://[SERVER]/charts refused us; tried: the token of the configuration, as user me
      caused by: the server refused everything that was offered; class=Callback (26); code=Auth (-16)
    hint: check that what was offered may read this repository; a source takes `token: { env: NAME }` for https, and `ssh-key:` or the ssh agent for ssh
    ");
    let unset = packaged_from(&world, &server, &[], ", token: { env: UNSET }");
    assert_snapshot!(unset, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment variable `UNSET` that the git source http://[SERVER]/charts needs is not set; export it, or name another one in release.yaml
    ");
}

#[test]
fn a_chart_that_helm_would_refuse_is_refused() {
    let world = world("{ directory: demo }");
    world.write("demo/Chart.yaml", "apiVersion: v2\nname: demo\n");
    assert_snapshot!(world.release(["package"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: load the chart of demo
      caused by: validation: chart.metadata.version is required
    ");
    world.write(
        "demo/Chart.yaml",
        format!("{CHART}dependencies: [{{ name: sub, version: '1', repository: '' }}]\n"),
    );
    assert_snapshot!(world.release(["package"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: package the chart of demo
      caused by: found in Chart.yaml, but missing in charts/ directory: sub
    ");
}
