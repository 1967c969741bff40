//! Programs that cannot be built here and may be given: the directory that `SANDBOX_EXTRAS` names.
//!
//! Nothing that a fresh clone does may need them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use tokio::process::Command;

use super::Cache;
use crate::external;
use crate::talk;

/// cert-manager versions whose commands are Go modules of their own, which the module proxy cannot serve.
const MODERN: [&str; 2] = ["v1.19.6", "v1.20.2"];

/// The directory; it may be absent.
#[derive(Debug, Clone)]
pub struct Extras {
    directory: Option<PathBuf>,
}

impl Extras {
    /// What `SANDBOX_EXTRAS` says.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            directory: std::env::var_os("SANDBOX_EXTRAS")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
        }
    }

    /// The file of this name, if it is there.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let path = std::path::absolute(self.directory.as_ref()?.join(name)).ok()?;
        path.is_file().then_some(path)
    }

    /// The modern cert-manager versions that are given, unpacked in the cache: programs beside a directory
    /// `chart`.
    pub(super) async fn modern(&self, cache: &Cache) -> Result<Vec<(&'static str, PathBuf)>> {
        let mut found = Vec::new();
        for version in MODERN {
            let name = format!("cert-manager-{version}");
            if let Some(archive) = self.file(&format!("{name}.tar.xz")) {
                found.push((
                    version,
                    cache.provide(&name, async |aside| unpack(&archive, version, aside).await).await?,
                ));
            }
        }
        Ok(found)
    }
}

async fn unpack(archive: &Path, version: &str, into: &Path) -> Result<()> {
    let what = format!("unpack {}", archive.display());
    let mut tar = Command::new("tar");
    tar.arg("-xJf").arg(archive).args(["--strip-components=1", "--no-same-owner", "-C"]).arg(into);
    talk::while_waiting(&what, external::run(&what, &mut tar))
        .await
        .context("unpack an extra (needs tar and xz)")?;
    let chart = into.join(format!("cert-manager-{version}.tgz"));
    unpack_chart(&chart, into).with_context(|| format!("unpack {}", chart.display()))
}

/// A packaged chart has one top directory; it becomes `chart`.
fn unpack_chart(archive: &Path, into: &Path) -> Result<()> {
    let aside = into.join("unpacked");
    tar::Archive::new(GzDecoder::new(File::open(archive)?)).unpack(&aside)?;
    fs::rename(aside.join("cert-manager"), into.join("chart"))?;
    fs::remove_dir(aside)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_variable_nothing_is_given() {
        assert_eq!(Extras { directory: None }.file("chartmuseum"), None);
    }

    #[test]
    fn a_given_file_has_an_absolute_path() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("chartmuseum"), "").expect("a file");
        let extras = Extras { directory: Some(directory.path().to_owned()) };
        assert_eq!(extras.file("chartmuseum"), Some(directory.path().join("chartmuseum")));
        assert_eq!(extras.file("other"), None);
    }
}
