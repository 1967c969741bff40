//! The Ingresses and Gateways of a cluster, as they were last listed; it asks nobody.

use std::fmt;

use crate::certmanager::ingress::Entrance;
use crate::gate::opinion::Target;

/// What kind of entrance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntranceKind {
    Ingress,
    Gateway,
}

/// One Ingress or Gateway.
#[derive(Debug, Clone)]
pub(crate) struct SeenEntrance {
    pub(crate) kind: EntranceKind,
    pub(crate) entrance: Entrance,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) enum EntrancesSeen {
    /// Not asked for yet.
    #[default]
    Unknown,
    Listed(Vec<SeenEntrance>),
    /// They cannot be listed, and why.
    Unread(String),
}

impl fmt::Display for EntranceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "Ingress",
            Self::Gateway => "Gateway",
        })
    }
}

impl SeenEntrance {
    pub(crate) fn target(&self) -> Target {
        let metadata = &self.entrance.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let target = Target::named(&self.kind.to_string(), metadata.namespace.as_deref(), name);
        Target { uid: metadata.uid.clone(), ..target }
    }
}
