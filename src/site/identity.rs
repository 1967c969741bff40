//! Who runs this: the run's id, the person and machine, and where the CI job can be read.

use std::env;

use jiff::Timestamp;

use crate::cluster::lease::Holder;

/// One run of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Unique, in lower case, fit for a DNS label: `20261124-091603-3f2a`.
    pub run: String,
    /// Who runs it.
    pub user: String,
    /// On which machine.
    pub host: String,
    /// Where the CI job can be read.
    pub run_url: Option<String>,
}

impl Identity {
    /// Of this process.
    pub fn of_this_process() -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S");
        Self {
            run: format!("{stamp}-{:04x}", rand::random::<u16>()),
            user: variable("GITHUB_ACTOR")
                .or_else(|| variable("GITLAB_USER_LOGIN"))
                .or_else(|| variable("USER"))
                .unwrap_or_else(|| "unknown".to_owned()),
            host: host(),
            run_url: run_url(&variable),
        }
    }

    /// As the holder of a lock that is taken now.
    pub fn lock_holder(&self) -> Holder {
        let Self { run, user, host, run_url } = self.clone();
        Holder { user, host, run_url, run_id: run, since: Timestamp::now() }
    }

    /// This process, which may have taken up a run that another one began.
    pub fn process(&self) -> String {
        format!("{}@{}/{}", self.user, self.host, self.run)
    }

    /// `user@host`.
    pub fn holder(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        env::var("HOSTNAME").unwrap_or_else(|_| "unknown".to_owned())
    } else {
        name.to_owned()
    }
}

/// GitHub Actions, GitLab CI and Jenkins, in this order.
fn run_url(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let github = || {
        Some(format!(
            "{}/{}/actions/runs/{}",
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
            variable("GITHUB_RUN_ID")?
        ))
    };
    github().or_else(|| variable("CI_JOB_URL")).or_else(|| variable("BUILD_URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_is_found_in_each_ci_system() {
        let among = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let github = among(&[
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "a/b"),
            ("GITHUB_RUN_ID", "7"),
        ]);
        assert_eq!(run_url(&github).as_deref(), Some("https://github.com/a/b/actions/runs/7"));
        assert_eq!(
            run_url(&among(&[("CI_JOB_URL", "https://gitlab/j/1")])).as_deref(),
            Some("https://gitlab/j/1")
        );
        assert_eq!(run_url(&among(&[])), None);
    }

    #[test]
    fn a_run_s_id_is_a_dns_label() {
        let run = Identity::of_this_process().run;
        assert!(
            run.len() < 40 && run.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-'),
            "{run}"
        );
    }
}
