//! Several clusters in one run: the next one is touched only when the one before is proven, also by another process,
//! after a soak, or after a signal.

use libtest_mimic::Trial;

use crate::support::fleet::{SmallFleet, signal};
use crate::support::program::finish;
use crate::support::{FIRST, SECOND, trial};
use crate::taken_up::BROKEN;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("several::the_second_cluster_is_upgraded_because_the_first_passed", both),
        trial("several::the_second_cluster_is_not_touched_because_the_first_failed", not_the_second),
        trial("several::a_soak_is_demanded_of_another_process_too", soak_of_another_process),
        trial("several::a_signal_in_a_soak_leaves_the_rest_to_resume", signal_in_a_soak),
        trial("several::a_plan_is_executed_exactly_or_refused", plan_and_apply),
    ]
}

const BOTH: [&str; 2] = [FIRST, SECOND];

async fn both() {
    let fleet = SmallFleet::new(&BOTH).await;
    let ran = fleet.run(&["--all"]).expect(0);
    let (first, second) =
        (ran.stderr.find(&format!("{FIRST}: gates passed")), ran.stderr.find(&format!("{SECOND}: locked")));
    assert!(
        first.is_some() && first < second,
        "the first is proven before the second is locked: {}",
        ran.stderr
    );
    for name in BOTH {
        assert_eq!(
            (fleet.history(name).await, fleet.text(name).await),
            (vec!["1 deployed".to_owned()], "one".to_owned())
        );
    }
}

async fn not_the_second() {
    let fleet = SmallFleet::new(&BOTH).await;
    fleet.run(&["--all"]).expect(0);
    fleet.chart("2.0.0", "two");
    fleet.template("broken", BROKEN);
    fleet.run(&["--all"]).expect(4);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 failed"]);
    assert_eq!(fleet.history(SECOND).await, ["1 deployed"], "the second was not touched");
    assert_eq!(fleet.text(SECOND).await, "one");
}

async fn soak_of_another_process() {
    let fleet = SmallFleet::new(&BOTH).await;
    let waves = fleet.waves("15s");
    fleet.config("settle: 1s", &waves);
    let ran = fleet.run(&["--wave", SECOND]).expect(1);
    assert!(ran.stderr.contains(&format!("wave {FIRST} has to soak first")), "{}", ran.stderr);
    fleet.run(&["--wave", FIRST]).expect(0);
    let begun = std::time::Instant::now();
    let ran = fleet.run(&["--wave", SECOND]).expect(0);
    assert!(ran.stderr.contains("soaking for") && begun.elapsed().as_secs() >= 8, "{}", ran.stderr);
    fleet.chart("2.0.0", "two");
    fleet.run(&["--wave", SECOND, "--allow", "unsoaked"]).expect(0);
}

async fn signal_in_a_soak() {
    let fleet = SmallFleet::new(&BOTH).await;
    let waves = fleet.waves("20s");
    fleet.config("settle: 1s", &waves);
    let run = fleet.start(&["--all"], None);
    fleet.wait_for_event(FIRST, "gated").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    signal(&run, "TERM");
    let ran = finish(run).expect(143);
    assert!(ran.stderr.contains(&format!("release resume --cluster {SECOND}")), "{}", ran.stderr);
    assert_eq!(fleet.history(SECOND).await, Vec::<String>::new());
    fleet.run_elsewhere(&["resume", "--cluster", SECOND]).expect(0);
    assert_eq!(fleet.history(SECOND).await, ["1 deployed"]);
    fleet.run(&["resume", "--all"]).expect(0);
}

async fn plan_and_apply() {
    let fleet = SmallFleet::new(&[FIRST]).await;
    fleet.run(&["plan", "--cluster", FIRST, "--out", "plan.json"]).expect(0);
    assert_eq!(fleet.history(FIRST).await, Vec::<String>::new(), "a plan changes nothing");
    fleet.write("values.yaml", "extra: more\n");
    let ran = fleet.run(&["apply", "plan.json"]).expect(1);
    assert!(ran.stderr.contains("the values: planned was"), "{}", ran.stderr);
    fleet.write("values.yaml", "extra: none\n");
    fleet.run(&["apply", "plan.json"]).expect(0);
    assert_eq!(fleet.text(FIRST).await, "one");
    let ran = fleet.run(&["apply", "plan.json"]).expect(1);
    assert!(ran.stderr.contains("its newest revision: planned was 0, now it is 1"), "{}", ran.stderr);
    fleet.write("plan.json", "{\"format\": 99}");
    let ran = fleet.run(&["apply", "plan.json"]).expect(1);
    assert!(ran.stderr.contains("the plan has the form 99"), "{}", ran.stderr);
}
