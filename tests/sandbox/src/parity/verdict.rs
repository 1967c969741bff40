//! Whether two programs answered the same. Pure.

use super::case::Kind;

/// What a program answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether its exit code was 0.
    pub(super) succeeded: bool,
    /// What it printed.
    pub(super) stdout: Vec<u8>,
    /// What it said.
    pub(super) stderr: String,
}

/// The outcome of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same answer.
    Equal,
    /// Another answer, and where it is another.
    Different(String),
}

/// Compares our answer with Helm's: to the byte, but without the lines in which Helm's own answers differ.
/// Errors need only be errors.
pub(super) fn judge(kind: Kind, helms: &[Answer], ours: &Answer) -> Verdict {
    let Some(helm) = helms.first() else { return Verdict::Different("helm did not run".to_owned()) };
    if helm.succeeded != ours.succeeded {
        return Verdict::Different(format!("helm {}, release {}", told(helm), told(ours)));
    }
    match kind {
        Kind::Error if helm.succeeded => Verdict::Different("helm does not refuse".to_owned()),
        Kind::Error => Verdict::Equal,
        Kind::Same | Kind::Random => lines(helms, ours),
    }
}

fn lines(helms: &[Answer], ours: &Answer) -> Verdict {
    let split =
        |answer: &Answer| answer.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let helms: Vec<_> = helms.iter().map(split).collect();
    let ours = split(ours);
    if let Some(odd) = helms.iter().find(|lines| lines.len() != ours.len()) {
        return Verdict::Different(format!("helm prints {} lines, release {}", odd.len(), ours.len()));
    }
    let differs = |place: &usize| {
        let is_random = helms.iter().any(|lines| lines[*place] != helms[0][*place]);
        !is_random && helms[0][*place] != ours[*place]
    };
    match (0..ours.len()).find(differs) {
        None => Verdict::Equal,
        Some(place) => {
            let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
            Verdict::Different(format!(
                "line {}: helm {:?}, release {:?}",
                place + 1,
                text(&helms[0][place]),
                text(&ours[place])
            ))
        }
    }
}

fn told(answer: &Answer) -> String {
    if answer.succeeded {
        return "succeeds".to_owned();
    }
    let error = answer.stderr.lines().find(|line| line.starts_with("Error: ")).unwrap_or("without a word");
    format!("fails ({error})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(stdout: &str) -> Answer {
        Answer { succeeded: true, stdout: stdout.into(), stderr: String::new() }
    }

    fn refusal(stderr: &str) -> Answer {
        Answer { succeeded: false, stdout: Vec::new(), stderr: stderr.to_owned() }
    }

    #[test]
    fn every_byte_counts() {
        assert_eq!(judge(Kind::Same, &[answer("a\nb\n")], &answer("a\nb\n")), Verdict::Equal);
        let different = Verdict::Different("line 2: helm \"b\", release \"c\"".to_owned());
        assert_eq!(judge(Kind::Same, &[answer("a\nb\n")], &answer("a\nc\n")), different);
        assert_ne!(judge(Kind::Same, &[answer("a\n")], &answer("a")), Verdict::Equal);
    }

    #[test]
    fn random_lines_do_not_count() {
        let helms = [answer("a\nx1\nb"), answer("a\nx2\nb")];
        assert_eq!(judge(Kind::Random, &helms, &answer("a\nx3\nb")), Verdict::Equal);
        assert_ne!(judge(Kind::Random, &helms, &answer("a\nx3\nc")), Verdict::Equal);
        assert_ne!(judge(Kind::Random, &helms, &answer("a\nx3")), Verdict::Equal);
    }

    #[test]
    fn refusals_are_alike_whatever_their_words() {
        assert_eq!(judge(Kind::Error, &[refusal("Error: x")], &refusal("Error: y")), Verdict::Equal);
        assert_ne!(judge(Kind::Error, &[answer("")], &answer("")), Verdict::Equal);
        let different = Verdict::Different("helm succeeds, release fails (Error: y)".to_owned());
        assert_eq!(judge(Kind::Same, &[answer("")], &refusal("level=WARN\nError: y\n")), different);
    }
}
