//! Pure: the id of one start of a container, `sandbox://<pod uid>/<container>/<start>`, where the first start
//! is 0.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "sandbox://";

/// One start of one container; it leads to the log of that start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContainerId {
    pub(super) uid: String,
    pub(super) container: String,
    pub(super) start: i32,
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}/{}", self.uid, self.container, self.start)
    }
}

impl FromStr for ContainerId {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let foreign = || format!("`{id}` is no container of this node");
        let mut parts = id.strip_prefix(SCHEME).ok_or_else(foreign)?.splitn(3, '/').map(String::from);
        match (parts.next(), parts.next(), parts.next().and_then(|start| start.parse().ok())) {
            (Some(uid), Some(container), Some(start)) => Ok(Self { uid, container, start }),
            _ => Err(foreign()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = ContainerId { uid: "4b-1".into(), container: "webhook".into(), start: 12 };
        assert_eq!(id.to_string(), "sandbox://4b-1/webhook/12");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("containerd://abc".parse::<ContainerId>().is_err());
        assert!("sandbox://u/c".parse::<ContainerId>().is_err());
    }
}
