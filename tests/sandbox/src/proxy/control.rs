//! The control file: which faults are in force. It is read for every connection and request, and looked at
//! while one is under way. A file beside it tells which faults have not hit yet, so that a test can prove that
//! its fault came to pass.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::fault::{Asked, Effect, Fault};
use crate::talk;

/// How often the file is looked at for the sake of connections that are under way.
const LOOK: Duration = Duration::from_millis(50);

/// How long the proxy may take to notice a new control file; many looks.
const NOTICED: Duration = Duration::from_secs(10);

/// Follows one control file for all connections of a proxy.
#[derive(Debug)]
pub(crate) struct Control {
    path: Option<PathBuf>,
    http: bool,
    rules: Mutex<Rules>,
    changes: watch::Sender<()>,
}

/// Tells one connection of changes of the control file.
pub(crate) type Changes = watch::Receiver<()>;

/// What the file said when it was last read.
#[derive(Debug)]
struct Rules {
    text: String,
    /// Each fault with the number of its uses, or what is wrong with the file.
    faults: Result<Vec<(Fault, u32)>, String>,
}

/// What the file beside the control file says.
#[derive(Debug, Serialize, Deserialize)]
struct Uses {
    /// The faults in force, by which a reader knows that the control file was noticed.
    of: Vec<Fault>,
    /// Those of them that have not hit as often as they say.
    unused: Vec<Fault>,
}

/// Puts these faults in force at the proxy that reads this control file; none of them lets everything pass
/// again.
pub fn set(path: &Path, faults: &[Fault]) -> anyhow::Result<()> {
    replace(path, &serde_json::to_string(faults)?)
}

/// The faults of this control file that have not hit as often as they say, or never; waits until the proxy
/// has noticed the file.
pub fn unused(path: &Path) -> anyhow::Result<Vec<Fault>> {
    let wished = parse(&read(path)?, true)?;
    let begun = Instant::now();
    loop {
        let uses: Option<Uses> = serde_json::from_str(&read(&uses_of(path))?).ok();
        match uses.filter(|uses| uses.of == wished) {
            Some(uses) => return Ok(uses.unused),
            None if wished.is_empty() => return Ok(wished),
            None if begun.elapsed() > NOTICED => bail!("no proxy reads {}", path.display()),
            None => std::thread::sleep(LOOK / 5),
        }
    }
}

fn uses_of(control: &Path) -> PathBuf {
    control.with_extension("uses")
}

/// Written aside and renamed, so that nobody reads half a text.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    std::fs::write(&aside, text).with_context(|| format!("write {}", aside.display()))?;
    std::fs::rename(&aside, path).with_context(|| format!("rename {} to {}", aside.display(), path.display()))
}

/// The text of a file; none when it is not there.
fn read(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        other => other.with_context(|| format!("read {}", path.display())),
    }
}

impl Control {
    /// Faults from a file that may not exist yet; `http` tells whether the proxy understands HTTP.
    pub(crate) fn new(path: Option<PathBuf>, http: bool) -> Self {
        let rules = Rules { text: String::new(), faults: Ok(Vec::new()) };
        let control = Self { path, http, rules: Mutex::new(rules), changes: watch::Sender::new(()) };
        // What is wrong with the file is told by `look`, and to every connection.
        let _ = control.current().map(drop);
        control
    }

    /// Tells of changes of the file that are later than the last [`Control::take`] with this receiver.
    pub(crate) fn changes(&self) -> Changes {
        self.changes.subscribe()
    }

    /// What happens to this request or connection; counts as one use.
    pub(crate) fn take(&self, asked: Asked, changes: &mut Changes) -> anyhow::Result<Option<Effect>> {
        let mut rules = self.current()?;
        changes.mark_unchanged();
        let faults = rules.faults.as_mut().map_err(|error| anyhow!("{error}"))?;
        let hit = faults
            .iter_mut()
            .find(|(fault, used)| fault.fits(asked) && fault.times.is_none_or(|times| *used < times));
        let Some((fault, used)) = hit else { return Ok(None) };
        *used += 1;
        let effect = fault.effect.clone();
        // Before the effect: who has felt it finds it told.
        self.tell(faults)?;
        Ok(Some(effect))
    }

    /// Looks at the file for ever.
    pub(crate) async fn look(&self) {
        loop {
            if let Err(error) = self.current().map(drop) {
                talk::line(&format!("fault-proxy: {error:#}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The rules as the file has them now. Read under the lock, so that nobody puts an older text back and
    /// renews its counts.
    fn current(&self) -> anyhow::Result<MutexGuard<'_, Rules>> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let text = self.read()?;
        if rules.text != text {
            let counted = |faults: Vec<Fault>| faults.into_iter().map(|fault| (fault, 0)).collect();
            rules.faults = parse(&text, self.http).map(counted).map_err(|error| format!("{error:#}"));
            rules.text = text;
            self.changes.send_replace(());
            self.tell(rules.faults.as_deref().unwrap_or_default())?;
        }
        Ok(rules)
    }

    fn read(&self) -> anyhow::Result<String> {
        self.path.as_deref().map_or_else(|| Ok(String::new()), read).context("read the control file")
    }

    /// Tells which faults have not hit yet.
    fn tell(&self, faults: &[(Fault, u32)]) -> anyhow::Result<()> {
        // Without faults and their file there is nobody to tell: the test may have ended.
        let Some(path) = self.path.as_ref().filter(|path| !faults.is_empty() || path.exists()) else {
            return Ok(());
        };
        let unused = faults.iter().filter(|(fault, used)| fault.is_unused(*used));
        let unused = unused.map(|(fault, _)| fault.clone()).collect();
        let of = faults.iter().map(|(fault, _)| fault.clone()).collect();
        replace(&uses_of(path), &serde_json::to_string(&Uses { of, unused })?)
    }
}

/// The faults of a control file; an empty one has none.
fn parse(text: &str, http: bool) -> anyhow::Result<Vec<Fault>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let faults: Vec<Fault> = serde_json::from_str(text).context("read the control file")?;
    if let Some(fault) = faults.iter().find(|fault| !http && fault.needs_http()) {
        bail!("{fault:?} needs a proxy that understands HTTP: start it with --http or --terminate");
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(control: &Control, asked: Asked) -> anyhow::Result<Option<Effect>> {
        control.take(asked, &mut control.changes())
    }

    const GET: Asked = Asked { method: "GET", target: "/index.yaml" };

    fn control(http: bool) -> (tempfile::TempDir, PathBuf, Control) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control");
        let control = Control::new(Some(path.clone()), http);
        (dir, path, control)
    }

    #[test]
    fn a_fault_is_used_up_and_renewed_by_a_change() {
        let (_dir, path, control) = control(true);
        assert_eq!(take(&control, GET).unwrap(), None);
        set(&path, &[Fault::status(503).times(1), Fault::from(Effect::Cut).times(1)]).unwrap();
        let taken: Vec<_> = (0..3).map(|_| take(&control, GET).unwrap()).collect();
        assert_eq!(taken, [Some(Fault::status(503).effect), Some(Effect::Cut), None]);
        set(&path, &[Fault::status(503).times(2)]).unwrap();
        assert!(take(&control, GET).unwrap().is_some());
        set(&path, &[]).unwrap();
        assert_eq!(take(&control, GET).unwrap(), None);
    }

    #[test]
    fn what_has_not_hit_yet_is_told() {
        let (_dir, path, control) = control(true);
        assert_eq!(unused(&path).unwrap(), []);
        let (post, cut) = (Fault::status(503).on("POST", "/"), Fault::from(Effect::Cut).times(2));
        set(&path, &[Effect::Pass.into(), post.clone(), cut.clone()]).unwrap();
        control.current().map(drop).unwrap();
        assert_eq!(unused(&path).unwrap(), [post.clone(), cut.clone()]);
        set(&path, &[post.clone(), cut.clone()]).unwrap();
        take(&control, GET).unwrap();
        assert_eq!(unused(&path).unwrap(), [post.clone(), cut]);
        take(&control, GET).unwrap();
        assert_eq!(unused(&path).unwrap(), [post]);
        take(&control, Asked { method: "POST", target: "/api" }).unwrap();
        assert_eq!(unused(&path).unwrap(), []);
    }

    #[test]
    fn a_fault_that_cannot_work_is_told() {
        let (_dir, path, control) = control(false);
        set(&path, &[Fault::status(503)]).unwrap();
        assert!(take(&control, Asked::default()).unwrap_err().to_string().contains("--http"));
        std::fs::write(&path, "status 503").unwrap();
        assert!(
            take(&control, Asked::default()).unwrap_err().to_string().starts_with("read the control file: ")
        );
    }

    #[test]
    fn a_change_is_told_once_to_those_who_have_not_seen_it() {
        let (_dir, path, control) = control(true);
        let (mut early, mut late) = (control.changes(), control.changes());
        set(&path, &[Effect::Hang.into()]).unwrap();
        control.take(GET, &mut early).unwrap();
        assert_eq!((early.has_changed().unwrap(), late.has_changed().unwrap()), (false, true));
        control.take(GET, &mut late).unwrap();
        assert!(!late.has_changed().unwrap());
    }
}
