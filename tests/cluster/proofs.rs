//! The tools of these tests: a test that hangs, or whose fault never comes to pass, must fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use release::cluster::discovery;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::trial;
use crate::support::wait::{until, within};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("proofs::a_fault_that_never_comes_to_pass_fails", a_fault_that_never_comes_to_pass_fails),
        trial("proofs::a_test_that_hangs_fails", a_test_that_hangs_fails),
    ]
}

async fn a_fault_that_never_comes_to_pass_fails() {
    let proxy = Proxy::start();
    let cluster = proxy.connect().await;
    proxy.faults(json!([{"method": "GET", "times": 1, "effect": "cut"}, {"method": "PUT", "effect": "cut"}]));
    discovery::version(&cluster).await.unwrap();
    assert_eq!(proxy.unused_faults().len(), 1);
    let replaced = catch_unwind(AssertUnwindSafe(|| proxy.faults(json!([]))));
    assert!(replaced.is_err(), "faults are replaced although one did not come to pass");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(proxy))).is_err(), "the proxy ends with an unused fault");
}

async fn a_test_that_hangs_fails() {
    let hangs = || std::thread::sleep(Duration::from_mins(1));
    let begun = Instant::now();
    let failed = within(Duration::from_millis(50), "hangs", hangs).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30), "{failed:?}");
    assert!(within(Duration::from_secs(30), "ends", || ()).is_ok());
    let never = tokio::spawn(until("never", Duration::from_millis(50), async || false));
    assert!(never.await.unwrap_err().is_panic());
}
