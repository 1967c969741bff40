//! What containers print: a file for every start, in the layout and the format of the kubelet's own log
//! files.
//!
//! A line reads `<time> stdout F <text>`. Both streams share one pipe, so their order is kept and all lines
//! say `stdout`.

use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::Receiver;

/// The log file of one start of a container.
pub(super) fn file(pod_directory: &Path, container: &str, start: i32) -> PathBuf {
    pod_directory.join(container).join(format!("{start}.log"))
}

/// Writes everything that comes out of the pipe to the file, until the last process that holds the pipe has
/// ended.
pub(super) async fn record(output: PipeReader, file: PathBuf) -> io::Result<()> {
    let mut lines = BufReader::new(Receiver::from_owned_fd(OwnedFd::from(output))?);
    let mut file = File::create(file).await?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await? > 0 {
        let whole = line.ends_with(b"\n");
        let mut entry =
            format!("{} stdout {} ", Timestamp::now(), if whole { 'F' } else { 'P' }).into_bytes();
        entry.append(&mut line);
        if !whole {
            entry.push(b'\n');
        }
        file.write_all(&entry).await?;
        file.flush().await?;
    }
    Ok(())
}

/// What a reader asks for: the API server's query parameters.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LogQuery {
    pub(super) previous: bool,
    pub(super) follow: bool,
    timestamps: bool,
    tail_lines: Option<usize>,
    limit_bytes: Option<usize>,
    since_seconds: Option<i64>,
    since_time: Option<Timestamp>,
}

impl LogQuery {
    /// The part of a log file that was asked for, as the reader gets it.
    pub(super) fn select(&self, log: &str, now: Timestamp) -> String {
        let since = self.since(now);
        let wanted: Vec<Line> =
            log.lines().filter_map(Line::parse).filter(|line| line.is_since(since)).collect();
        let skipped = wanted.len().saturating_sub(self.tail_lines.unwrap_or(usize::MAX));
        let mut text: String = wanted[skipped..].iter().map(|line| line.shown(self.timestamps)).collect();
        text.truncate(text.floor_char_boundary(self.limit_bytes.unwrap_or(usize::MAX)));
        text
    }

    /// What a follower gets of the lines that were written after the first answer.
    pub(super) fn select_new(&self, log: &str) -> String {
        log.lines().filter_map(Line::parse).map(|line| line.shown(self.timestamps)).collect()
    }

    fn since(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.since_seconds.map(k8s_openapi::jiff::SignedDuration::from_secs);
        self.since_time.or_else(|| now.checked_sub(seconds?).ok())
    }
}

/// A line of a log file.
struct Line<'a> {
    time: &'a str,
    whole: bool,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        let (time, _stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { time, whole: tag == "F", text: parts.next().unwrap_or_default() })
    }

    fn is_since(&self, since: Option<Timestamp>) -> bool {
        since.is_none_or(|since| self.time.parse::<Timestamp>().is_ok_and(|time| time >= since))
    }

    fn shown(&self, with_time: bool) -> String {
        let end = if self.whole { "\n" } else { "" };
        if with_time { format!("{} {}{end}", self.time, self.text) } else { format!("{}{end}", self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LOG: &str = "2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:10Z stdout F two words\n2026-01-01T00:00:20Z stdout P end";

    fn selected(query: &LogQuery) -> String {
        query.select(LOG, "2026-01-01T00:00:25Z".parse().expect("a time"))
    }

    #[test]
    fn a_log_is_read_as_it_was_asked_for() {
        let all = LogQuery::default();
        assert_eq!(selected(&all), "one\ntwo words\nend");
        assert_eq!(selected(&LogQuery { tail_lines: Some(2), ..all.clone() }), "two words\nend");
        assert_eq!(selected(&LogQuery { tail_lines: Some(0), ..all.clone() }), "");
        assert_eq!(selected(&LogQuery { limit_bytes: Some(5), ..all.clone() }), "one\nt");
        assert_eq!(selected(&LogQuery { since_seconds: Some(15), ..all.clone() }), "two words\nend");
        let since_time = Some("2026-01-01T00:00:11Z".parse().expect("a time"));
        assert_eq!(selected(&LogQuery { since_time, timestamps: true, ..all }), "2026-01-01T00:00:20Z end");
    }

    #[tokio::test]
    async fn what_is_printed_is_kept_line_by_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("0.log");
        let (output, mut input) = io::pipe().expect("a pipe");
        let writer = tokio::spawn(record(output, path.clone()));
        input.write_all(b"first\n\nno end of line").expect("it is written");
        drop(input);
        writer.await.expect("no panic").expect("it is recorded");
        let text = std::fs::read_to_string(path).expect("the log");
        assert_eq!(LogQuery::default().select(&text, Timestamp::now()), "first\n\nno end of line");
        assert_eq!(text.lines().count(), 3);
    }
}
