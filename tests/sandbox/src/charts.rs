//! The git repository `sre-helm-charts`: the folder `cert-manager`, a commit and a tag for each version of
//! its chart.
//!
//! The same charts give the same commit ids on every machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, Oid, Repository, RepositoryInitOptions, Signature, Time};

use crate::tools::{CertManager, Programs};

const FOLDER: &str = "cert-manager";
const REPLACED: &str = "v1.11.5";

/// Names and contents of a chart's files.
type Files = BTreeMap<String, Vec<u8>>;

/// A version of the chart that fails in clusters, each in its own way. Made from v1.11.5.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    /// Its version, which is also the tag of its images.
    pub version: &'static str,
    /// Its tag in git.
    pub tag: &'static str,
    /// One line for the commit.
    pub subject: &'static str,
}

/// The controller ends with a panic as soon as it starts.
pub const CRASHES: Broken = Broken {
    version: "v1.11.6",
    tag: "v1.11.6-crash",
    subject: "cert-manager v1.11.6, whose controller crashes",
};
/// The controller's image does not exist.
pub const NO_IMAGE: Broken = Broken {
    version: "v1.11.7",
    tag: "v1.11.7-no-image",
    subject: "cert-manager v1.11.7, whose controller has no image",
};
/// The API server asks the webhook under a path that it does not know, so everything is refused.
pub const REFUSES: Broken = Broken {
    version: "v1.11.8",
    tag: "v1.11.8-webhook-refuses",
    subject: "cert-manager v1.11.8, whose webhook refuses everything",
};
/// All of them.
pub const BROKEN: [Broken; 3] = [CRASHES, NO_IMAGE, REFUSES];

/// Makes the bare repository. `main` is at v1.11.5; the broken versions are tags only; newer versions are on
/// the branch `modern`.
pub fn create(path: &Path, programs: &Programs) -> Result<()> {
    let mut options = RepositoryInitOptions::new();
    let repository = Repository::init_opts(path, options.bare(true).initial_head("main"))?;
    let mut writer = Writer { repository: &repository, commits: 0 };
    let mut parent = None;
    for version in &programs.cert_manager {
        parent = Some(writer.publish(version, parent, "main")?);
    }
    let parent = parent.context("a chart to begin with")?;
    let base = programs
        .cert_manager
        .iter()
        .find(|chart| chart.version == REPLACED)
        .context("the chart that is broken on purpose")?;
    for broken in BROKEN {
        let commit =
            writer.commit(&break_chart(read(&base.chart)?, broken)?, broken.subject, Some(parent))?;
        writer.tag(broken.tag, commit)?;
    }
    let mut newer = parent;
    for version in &programs.modern {
        newer = writer.publish(version, Some(newer), "modern")?;
    }
    Ok(())
}

struct Writer<'a> {
    repository: &'a Repository,
    commits: i64,
}

impl Writer<'_> {
    fn publish(&mut self, chart: &CertManager, parent: Option<Oid>, branch: &str) -> Result<Oid> {
        let commit = self.commit(&read(&chart.chart)?, &format!("cert-manager {}", chart.version), parent)?;
        self.tag(chart.version, commit)?;
        self.repository.reference(&format!("refs/heads/{branch}"), commit, true, "publish")?;
        Ok(commit)
    }

    /// The tree holds the chart alone: what an older version had and this one has not is gone.
    fn commit(&mut self, files: &Files, subject: &str, parent: Option<Oid>) -> Result<Oid> {
        let empty = self.repository.find_tree(self.repository.treebuilder(None)?.write()?)?;
        let mut update = TreeUpdateBuilder::new();
        for (name, bytes) in files {
            update.upsert(format!("{FOLDER}/{name}"), self.repository.blob(bytes)?, FileMode::Blob);
        }
        let tree = self.repository.find_tree(update.create_updated(self.repository, &empty)?)?;
        let parent = parent.map(|parent| self.repository.find_commit(parent)).transpose()?;
        let parents: Vec<&Commit<'_>> = parent.iter().collect();
        let author = self.signature()?;
        Ok(self.repository.commit(None, &author, &author, &format!("{subject}\n"), &tree, &parents)?)
    }

    fn tag(&self, name: &str, commit: Oid) -> Result<()> {
        self.repository.reference(&format!("refs/tags/{name}"), commit, false, "tag")?;
        Ok(())
    }

    /// A day for each commit, beginning on 2023-11-14.
    fn signature(&mut self) -> Result<Signature<'static>> {
        self.commits += 1;
        Ok(Signature::new("SRE", "sre@example.com", &Time::new(1_700_000_000 + self.commits * 86_400, 0))?)
    }
}

fn break_chart(mut files: Files, broken: Broken) -> Result<Files> {
    for field in ["version", "appVersion"] {
        replace(
            &mut files,
            "Chart.yaml",
            &format!("\n{field}: {REPLACED}\n"),
            &format!("\n{field}: {}\n", broken.version),
        )?;
    }
    if broken.version == REFUSES.version {
        replace(
            &mut files,
            "templates/webhook-validating-webhook.yaml",
            "path: /validate",
            "path: /nowhere",
        )?;
    }
    Ok(files)
}

fn replace(files: &mut Files, name: &str, from: &str, to: &str) -> Result<()> {
    let file = files.get_mut(name).with_context(|| format!("the chart has no {name}"))?;
    let text = String::from_utf8(file.clone()).with_context(|| format!("read {name}"))?;
    ensure!(text.contains(from), "{name} has no `{}` to replace", from.trim());
    *file = text.replace(from, to).into_bytes();
    Ok(())
}

fn read(chart: &Path) -> Result<Files> {
    let mut files = Files::new();
    collect(chart, "", &mut files).with_context(|| format!("read the chart {}", chart.display()))?;
    Ok(files)
}

fn collect(directory: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn chart(root: &Path, version: &'static str) -> CertManager {
        let chart = root.join(version);
        fs::create_dir_all(chart.join("templates")).expect("a directory");
        fs::write(
            chart.join("Chart.yaml"),
            format!("name: cert-manager\nversion: {version}\nappVersion: {version}\n"),
        )
        .expect("a file");
        fs::write(chart.join("templates/webhook-validating-webhook.yaml"), "path: /validate\n")
            .expect("a file");
        CertManager { version, programs: PathBuf::new(), chart }
    }

    fn programs(root: &Path) -> Programs {
        let none = PathBuf::new();
        Programs {
            etcd: none.clone(),
            api_server: none.clone(),
            controller_manager: none.clone(),
            scheduler: none.clone(),
            pebble: none.clone(),
            helm: none.clone(),
            helm_3: none,
            cert_manager: vec![chart(root, "v1.10.2"), chart(root, "v1.11.5")],
            modern: vec![chart(root, "v1.20.2")],
            chartmuseum: None,
        }
    }

    fn file(repository: &Repository, at: &str, name: &str) -> String {
        let tree = repository.revparse_single(at).and_then(|object| object.peel_to_tree()).expect("a tree");
        let entry = tree.get_path(Path::new(name)).expect("an entry");
        String::from_utf8(repository.find_blob(entry.id()).expect("a blob").content().to_vec()).expect("text")
    }

    #[test]
    fn every_version_is_a_tag_and_the_same_input_gives_the_same_commits() {
        let root = tempfile::tempdir().expect("a directory");
        let programs = programs(root.path());
        let heads = ["a.git", "b.git"].map(|name| {
            create(&root.path().join(name), &programs).expect("created");
            let repository = Repository::open(root.path().join(name)).expect("opened");
            repository.revparse_single("modern").expect("a branch").id()
        });
        assert_eq!(heads[0], heads[1]);

        let repository = Repository::open(root.path().join("a.git")).expect("opened");
        let id = |name: &str| repository.revparse_single(name).expect(name).id();
        assert_eq!(id("main"), id("v1.11.5"));
        assert_eq!(id("v1.11.5~1"), id("v1.10.2"));
        assert_eq!(id("v1.11.6-crash~1"), id("main"));
        assert!(
            file(&repository, "v1.11.6-crash", "cert-manager/Chart.yaml").contains("appVersion: v1.11.6\n")
        );
        let webhook = "cert-manager/templates/webhook-validating-webhook.yaml";
        assert_eq!(file(&repository, "v1.11.8-webhook-refuses", webhook), "path: /nowhere\n");
    }
}
