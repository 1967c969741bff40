//! What to do on a whole cluster, or about one Order.

use thiserror::Error;

use super::judge::judge;
use super::moves::Repair;
use super::named::of_order;
use super::scene::Scene;
use crate::certmanager::resources::{Object, Order};
use crate::certmanager::states;
use crate::several::first_of;

/// An Order that was named and is not there.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is no Order {name}; {failed}")]
pub struct NoSuchOrder {
    name: String,
    failed: String,
}

/// Every Certificate that is not as it should be, by name, and the failed Orders that need nothing; with
/// `order` (namespace and name) only what that one is about.
pub fn plan(scene: &Scene, order: Option<&(String, String)>) -> Result<Vec<Repair>, NoSuchOrder> {
    if let Some((namespace, name)) = order {
        return Ok(vec![of_order(scene, find(scene, namespace, name)?, true)]);
    }
    let mut repairs: Vec<Repair> =
        scene.certificates.iter().filter_map(|certificate| judge(scene, certificate)).collect();
    for order in failed(scene) {
        let repair = of_order(scene, order, false);
        if repairs.iter().all(|known| known.object != repair.object) {
            repairs.push(repair);
        }
    }
    repairs.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(repairs)
}

fn failed(scene: &Scene) -> impl Iterator<Item = &Order> {
    scene.orders.iter().filter(|order| states::is_failed(&order.status.state))
}

fn find<'s>(scene: &'s Scene, namespace: &str, name: &str) -> Result<&'s Order, NoSuchOrder> {
    let named = |order: &&Order| {
        order.metadata.namespace.as_deref() == Some(namespace) && order.metadata.name.as_deref() == Some(name)
    };
    scene.orders.iter().find(named).ok_or_else(|| {
        let titles: Vec<String> = failed(scene).map(Object::title).collect();
        let failed = match titles.len() {
            0 => "none has failed".to_owned(),
            _ => format!("these have failed: {}", first_of(&titles, 5)),
        };
        NoSuchOrder { name: format!("{namespace}/{name}"), failed }
    })
}
