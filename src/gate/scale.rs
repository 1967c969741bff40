//! One look at a large cluster takes no time to speak of: nothing in it grows with the square of the objects.

use std::time::{Duration, Instant};

use serde_json::json;

use super::baseline::CertificateState;
use super::seen::Seen;
use super::tests::{World, certificate, order, request};
use super::{certificate, certificate_request, order, reissue};

const COUNT: usize = 10_000;
/// Without optimisation it takes longer; what is quadratic would take minutes.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 100 });

#[test]
fn ten_thousand_open_issuances_are_judged_at_once() {
    let mut world = World::new(vec![]);
    let open = json!([{"type": "Approved", "status": "True"}]);
    let name = |kind: &str, index: usize| format!("{kind}{index}");
    let certificates: Vec<_> = (0..COUNT).map(|index| certificate(&name("c", index), Some(3))).collect();
    for certificate in &certificates {
        let uid = certificate.metadata.uid.clone().unwrap();
        world.baseline.certificates.insert(uid, CertificateState::of(certificate));
    }
    let next = |index| request(&name("r", index), Some(&name("c", index)), "4", &open);
    let pending = |index| order(&name("o", index), &name("r", index), &json!({"state": "pending"}));
    let seen = Seen {
        certificates: certificates.into_iter().collect(),
        requests: (0..COUNT).map(next).collect(),
        orders: (0..COUNT).map(pending).collect(),
        challenges: [].into_iter().collect(),
        ..Seen::default()
    };
    let begun = Instant::now();
    let judges = [certificate::judge, certificate_request::judge, order::judge, reissue::judge];
    let said: usize = judges.map(|judge| judge(&seen, &world.context()).opinions.len()).iter().sum();
    let took = begun.elapsed();
    assert_eq!(said, COUNT, "every request is under way");
    assert!(took < LIMIT, "{took:?}");
}
