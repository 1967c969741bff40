//! What templates may ask of the world: objects of a cluster, the address of a host. Who renders answers;
//! nothing is asked from here.

use std::net::IpAddr;

use serde_json::{Map, Value as Json};

/// Who answers `lookup`. It is asked from the thread that renders.
pub trait Lookup: Send {
    /// The object, or a list where the name is empty; an empty map where there is none. The error is what
    /// Helm prints.
    fn lookup(&mut self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Json, String>;
}

/// No cluster: nothing is ever found.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCluster;

impl Lookup for NoCluster {
    fn lookup(
        &mut self,
        _api_version: &str,
        _kind: &str,
        _namespace: &str,
        _name: &str,
    ) -> Result<Json, String> {
        Ok(Json::Object(Map::new()))
    }
}

/// How `getHostByName` finds the first address of a host.
pub type Resolve = fn(host: &str) -> Option<IpAddr>;

/// No DNS: no host has an address.
pub fn no_dns(_host: &str) -> Option<IpAddr> {
    None
}
