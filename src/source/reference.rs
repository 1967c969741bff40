//! Which commit a branch, a tag or a commit id means, among the references that a repository has. Pure.

/// A reference that a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// `refs/heads/main`, `refs/tags/v1` or `HEAD`.
    pub(super) name: String,
    /// The object that it names, in hexadecimal digits.
    pub(super) id: String,
    /// The branch that `HEAD` stands for.
    pub(super) symbolic: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A reference by its full name.
    Reference(String),
    /// A commit by its id or the start of it.
    Commit(String),
}

/// A name that does not lead to one commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is no such branch, tag or commit.
    #[error("there is no branch, tag or commit {wanted:?}{}", suggestion(.nearest, .some))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// The names most like it.
        nearest: Vec<String>,
        /// A few names that there are.
        some: Vec<String>,
    },
    /// A branch and a tag have this name and differ.
    #[error("{0:?} is a branch and a tag, and they differ; say refs/heads/{0} or refs/tags/{0}")]
    Ambiguous(String),
    /// The digits are the beginning of more than one commit.
    #[error("{wanted:?} is the beginning of more than one commit{}; write more digits of it", listed(.commits))]
    AmbiguousCommit {
        /// What was asked for.
        wanted: String,
        /// The commits that are known to begin so, each with a reference that names it.
        commits: Vec<String>,
    },
    /// The repository has no commit yet.
    #[error("the repository has no default branch yet")]
    Empty,
}

fn listed(commits: &[String]) -> String {
    if commits.is_empty() { String::new() } else { format!(": {}", commits.join(", ")) }
}

fn suggestion(nearest: &[String], some: &[String]) -> String {
    let quoted = |names: &[String], separator: &str| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
    };
    match (nearest, some) {
        ([], []) => String::new(),
        ([], some) => format!("; there are, for example, {}", quoted(some, ", ")),
        (nearest, _) => format!("; did you mean {}?", quoted(nearest, " or ")),
    }
}

/// Finds what was asked for; nothing asked for is the default branch.
pub(super) fn resolve(wanted: Option<&str>, known: &[Known]) -> Result<Target, ReferenceError> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != "HEAD") else { return default_branch(known) };
    let find = |name: &str| known.iter().find(|reference| reference.name == name);
    if wanted.starts_with("refs/") && find(wanted).is_some() {
        return Ok(Target::Reference(wanted.to_owned()));
    }
    let (branch, tag) = (format!("refs/heads/{wanted}"), format!("refs/tags/{wanted}"));
    match (find(&branch), find(&tag)) {
        (Some(branch_head), Some(_)) if branch_head.id == peeled(&tag, known) => {
            Ok(Target::Reference(branch))
        }
        (Some(_), Some(_)) => Err(ReferenceError::Ambiguous(wanted.to_owned())),
        (Some(_), None) => Ok(Target::Reference(branch)),
        (None, Some(_)) => Ok(Target::Reference(tag)),
        (None, None) if is_commit_id(wanted) => Ok(Target::Commit(wanted.to_ascii_lowercase())),
        (None, None) => Err(unknown(wanted, known)),
    }
}

/// The branch or tag whose commit begins with these digits, if there is one. Others than branches and tags
/// (`refs/pull/*` holds what strangers propose) do not count.
pub(super) fn naming<'a>(id: &str, known: &'a [Known]) -> Result<Option<&'a str>, ReferenceError> {
    let ours = |reference: &&Known| {
        reference.name.starts_with("refs/heads/") || reference.name.starts_with("refs/tags/")
    };
    let mut found: Vec<(&str, &str)> = known
        .iter()
        .filter(ours)
        .map(|reference| reference.name.strip_suffix("^{}").unwrap_or(&reference.name))
        .map(|name| (peeled(name, known), name))
        .filter(|(commit, _)| commit.starts_with(id))
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|(commit, _)| *commit);
    match found[..] {
        [] => Ok(None),
        [(_, name)] => Ok(Some(name)),
        _ => Err(ReferenceError::AmbiguousCommit {
            wanted: id.to_owned(),
            commits: found
                .iter()
                .map(|(commit, name)| format!("{} ({})", commit.get(..12).unwrap_or(commit), short(name)))
                .collect(),
        }),
    }
}

/// Why a repository does not find a commit by the beginning of its id.
pub(super) fn not_found(wanted: &str, known: &[Known], error: &git2::Error) -> ReferenceError {
    match error.code() {
        git2::ErrorCode::Ambiguous => {
            ReferenceError::AmbiguousCommit { wanted: wanted.to_owned(), commits: Vec::new() }
        }
        _ => unknown(wanted, known),
    }
}

/// The error for a name that nothing has.
pub(super) fn unknown(wanted: &str, known: &[Known]) -> ReferenceError {
    let is_shown = |name: &&str| *name != "HEAD" && !name.ends_with("^{}") && !name.starts_with("refs/");
    let mut names: Vec<&str> =
        known.iter().map(|reference| short(&reference.name)).filter(is_shown).collect();
    names.sort_unstable();
    names.dedup();
    let mut near: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), *name))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    ReferenceError::Unknown {
        wanted: wanted.to_owned(),
        nearest: near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect(),
        some: names.into_iter().take(5).map(str::to_owned).collect(),
    }
}

/// A reference's name as people type it.
pub(super) fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

fn default_branch(known: &[Known]) -> Result<Target, ReferenceError> {
    let head = known.iter().find(|reference| reference.name == "HEAD").ok_or(ReferenceError::Empty)?;
    let named = head.symbolic.clone().or_else(|| {
        // Old servers do not say what HEAD stands for: a branch at the same commit is as good, `main` and
        // `master` first.
        let mut same: Vec<_> = known
            .iter()
            .filter(|reference| reference.id == head.id && reference.name.starts_with("refs/heads/"))
            .collect();
        same.sort_by_key(|reference| !matches!(short(&reference.name), "main" | "master"));
        same.first().map(|reference| reference.name.clone())
    });
    Ok(Target::Reference(named.unwrap_or_else(|| "HEAD".to_owned())))
}

/// The commit of an annotated tag, or what the reference names itself.
fn peeled<'a>(name: &str, known: &'a [Known]) -> &'a str {
    let find = |name: &str| known.iter().find(|reference| reference.name == name);
    find(&format!("{name}^{{}}")).or_else(|| find(name)).map_or("", |reference| &reference.id)
}

fn is_commit_id(text: &str) -> bool {
    (4..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(references: &[(&str, &str)]) -> Vec<Known> {
        references
            .iter()
            .map(|(name, id)| Known { name: (*name).to_owned(), id: (*id).to_owned(), symbolic: None })
            .collect()
    }

    fn repository() -> Vec<Known> {
        let mut known = known(&[
            ("HEAD", "a"),
            ("refs/heads/main", "a"),
            ("refs/heads/v2", "b"),
            ("refs/tags/v1.11.5", "t"),
            ("refs/tags/v1.11.5^{}", "a"),
            ("refs/tags/v2", "c"),
            ("refs/heads/same", "a"),
            ("refs/tags/same", "u"),
            ("refs/tags/same^{}", "a"),
        ]);
        known[0].symbolic = Some("refs/heads/main".to_owned());
        known
    }

    fn found(wanted: Option<&str>) -> Result<Target, ReferenceError> {
        resolve(wanted, &repository())
    }

    #[test]
    fn names_and_ids() {
        let reference = |name: &str| Ok(Target::Reference(name.to_owned()));
        assert_eq!(found(None), reference("refs/heads/main"));
        assert_eq!(found(Some("HEAD")), reference("refs/heads/main"));
        assert_eq!(found(Some("main")), reference("refs/heads/main"));
        assert_eq!(found(Some("v1.11.5")), reference("refs/tags/v1.11.5"));
        assert_eq!(found(Some("refs/tags/v2")), reference("refs/tags/v2"));
        assert_eq!(found(Some("same")), reference("refs/heads/same"));
        assert_eq!(found(Some("DEADBEEF")), Ok(Target::Commit("deadbeef".to_owned())));
    }

    #[test]
    fn what_leads_nowhere() {
        assert_eq!(
            found(Some("v2")).unwrap_err().to_string(),
            "\"v2\" is a branch and a tag, and they differ; say refs/heads/v2 or refs/tags/v2"
        );
        assert_eq!(
            found(Some("v1.11.4")).unwrap_err().to_string(),
            "there is no branch, tag or commit \"v1.11.4\"; did you mean `v1.11.5`?"
        );
        assert_eq!(
            found(Some("xyz")).unwrap_err().to_string(),
            "there is no branch, tag or commit \"xyz\"; there are, for example, `main`, `same`, `v1.11.5`, `v2`"
        );
        assert_eq!(resolve(None, &[]), Err(ReferenceError::Empty));
    }

    #[test]
    fn the_beginning_of_a_commit_names_one_branch_or_tag_or_is_refused() {
        let known = known(&[
            ("HEAD", "abcd1111"),
            ("refs/heads/main", "abcd1111"),
            ("refs/heads/same", "abcd1111"),
            ("refs/heads/other", "abcd2222"),
            ("refs/pull/7/head", "abcd3333"),
            ("refs/tags/v1", "0000ffff"),
            ("refs/tags/v1^{}", "eeee1111"),
        ]);
        assert_eq!(naming("abcd1", &known), Ok(Some("refs/heads/main")));
        assert_eq!(naming("eeee", &known), Ok(Some("refs/tags/v1")));
        assert_eq!(naming("abcd3", &known), Ok(None), "a stranger's proposal");
        assert_eq!(naming("0000", &known), Ok(None), "the tag itself is no commit");
        assert_eq!(
            naming("abcd", &known).unwrap_err().to_string(),
            "\"abcd\" is the beginning of more than one commit: abcd1111 (main), abcd2222 (other); write more digits of it"
        );
    }

    #[test]
    fn a_server_that_does_not_say_what_head_is() {
        let references = known(&[("HEAD", "a"), ("refs/heads/aaa", "a"), ("refs/heads/main", "a")]);
        assert_eq!(resolve(None, &references), Ok(Target::Reference("refs/heads/main".to_owned())));
        assert_eq!(resolve(None, &known(&[("HEAD", "a")])), Ok(Target::Reference("HEAD".to_owned())));
    }
}
