//! The rows of the table of images: cert-manager's versions, and the images of the versions that are broken
//! on purpose.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::charts::{BROKEN, CRASHES, NO_IMAGE};
use crate::images::{Image, Images, Kind};
use crate::tools::{CertManager, Programs};

/// The chart's images, each with the program that stands for it.
const PARTS: [(&str, Kind); 5] = [
    ("controller", Kind::Controller),
    ("webhook", Kind::Webhook),
    ("cainjector", Kind::Cainjector),
    ("ctl", Kind::Ctl),
    ("startupapicheck", Kind::Startupapicheck),
];

/// The version whose programs run the healthy parts of a broken version.
const HEALTHY: &str = "v1.11.5";

/// A shell, for the pods that tests make.
const SHELL: &str = "sandbox/sh:1";

/// Says what a Go program says when it panics, and ends.
const CRASH: &str = "echo 'panic: runtime error: invalid memory address or nil pointer dereference' >&2; \
                     echo 'goroutine 1 [running]:' >&2; echo 'main.main()' >&2; exit 2";

/// Writes the table.
pub fn write(path: &Path, programs: &Programs) -> Result<()> {
    let versions = [&programs.cert_manager[..], &programs.modern].concat();
    let text = serde_json::to_vec_pretty(&table(&versions))?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn table(versions: &[CertManager]) -> Images {
    let mut images = Images::new();
    for version in versions {
        add(&mut images, version, version.version);
    }
    for healthy in versions.iter().filter(|version| version.version == HEALTHY) {
        for broken in BROKEN {
            add(&mut images, healthy, broken.version);
        }
    }
    images.remove(&name("controller", NO_IMAGE.version));
    images.insert(name("controller", CRASHES.version), crash());
    images.insert(SHELL.to_owned(), shell(&[]));
    images
}

fn add(images: &mut Images, from: &CertManager, tag: &str) {
    for (part, kind) in PARTS {
        let program = from.programs.join(part);
        if program.is_file() {
            let image = Image { program, args_prefix: Vec::new(), kind, version: from.version.to_owned() };
            images.insert(name(part, tag), image);
        }
    }
}

fn name(part: &str, tag: &str) -> String {
    format!("quay.io/jetstack/cert-manager-{part}:{tag}")
}

fn crash() -> Image {
    shell(&["-c", CRASH])
}

fn shell(args: &[&str]) -> Image {
    let args_prefix = args.iter().map(ToString::to_string).collect();
    Image { program: "/bin/sh".into(), args_prefix, kind: Kind::Program, version: String::new() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// v1.11.5 with the programs that the real one has.
    fn version(root: &Path) -> CertManager {
        for part in ["controller", "webhook", "cainjector", "ctl"] {
            fs::write(root.join(part), "").expect("a program");
        }
        CertManager { version: HEALTHY, programs: root.to_owned(), chart: PathBuf::new() }
    }

    #[test]
    fn broken_versions_run_healthy_programs_except_for_what_is_broken() {
        let root = tempfile::tempdir().expect("a directory");
        let images = table(&[version(root.path())]);
        let kind = |part: &str, tag: &str| images.get(&name(part, tag)).map(|image| image.kind);
        assert_eq!(kind("controller", HEALTHY), Some(Kind::Controller));
        assert_eq!(kind("startupapicheck", HEALTHY), None);
        assert_eq!(kind("controller", CRASHES.version), Some(Kind::Program));
        assert_eq!(kind("controller", NO_IMAGE.version), None);
        for broken in BROKEN {
            let webhook = images.get(&name("webhook", broken.version)).expect("a row");
            assert_eq!((webhook.kind, webhook.version.as_str()), (Kind::Webhook, HEALTHY));
        }
    }
}
