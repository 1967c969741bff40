//! The checks of `pipelines/` that other people's programs make: actionlint for the GitHub workflows,
//! shellcheck for the scripts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::museum::workspace;
use crate::tools::{self, Cache};
use crate::{external, talk};

/// Lints the workflows and the shell scripts. Without shellcheck the scripts are left alone, which only CI
/// does not accept.
pub(crate) async fn check() -> Result<()> {
    talk::line("== pipelines: actionlint, shellcheck");
    workflows(&workspace().join("pipelines/github")).await?;
    match external::run("look for shellcheck", Command::new("shellcheck").arg("--version")).await {
        Ok(_) => scripts(&workspace()).await,
        Err(_) if std::env::var_os("CI").is_none() => {
            talk::line("the shell scripts are not checked: install shellcheck");
            Ok(())
        }
        Err(_) => bail!("the shell scripts cannot be checked: install shellcheck"),
    }
}

/// actionlint follows a workflow that calls another one only where GitHub looks for both, so they are copied
/// there.
async fn workflows(directory: &Path) -> Result<()> {
    let project = tempfile::tempdir().context("create a directory for the workflows")?;
    let place = project.path().join(".github/workflows");
    fs::create_dir_all(project.path().join(".git"))?;
    fs::create_dir_all(&place)?;
    let mut files = 0;
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let from = entry?.path();
        fs::copy(&from, place.join(from.file_name().context("a file has a name")?))?;
        files += 1;
    }
    if files == 0 {
        bail!("{} holds no workflow", directory.display());
    }
    let program = tools::actionlint(&Cache::open()?).await?;
    external::run(
        "check the GitHub workflows",
        Command::new(program).arg("-no-color").current_dir(project.path()),
    )
    .await?;
    Ok(())
}

async fn scripts(workspace: &Path) -> Result<()> {
    let scripts = ["pipelines/run.sh", ".ci/run"];
    external::run("check the shell scripts", Command::new("shellcheck").args(scripts).current_dir(workspace))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mistake_in_a_workflow_is_told_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let caller = "on: push\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n    with: { taget: x }\n";
        let shared = "on:\n  workflow_call:\n    inputs:\n      target: { type: string }\njobs:\n  b:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ls\n";
        fs::write(directory.path().join("a.yml"), caller).unwrap();
        fs::write(directory.path().join("b.yml"), shared).unwrap();
        let error = workflows(directory.path()).await.unwrap_err().to_string();
        assert!(error.contains("a.yml:5:") && error.contains("taget"), "{error}");
    }
}
