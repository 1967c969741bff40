//! Several programs at the same task, turn by turn, so that whatever else the machine does hits all of them.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::measure::{Contender, Median, Usage};
use crate::talk;

/// A task with those who do it; the last one is the one that the others are compared with.
#[derive(Debug)]
pub(super) struct Race {
    /// What is done.
    pub(super) title: String,
    /// What nobody can avoid: bytes, requests.
    pub(super) floor: String,
    /// Who does it.
    pub(super) contenders: Vec<Contender>,
}

impl Race {
    /// Runs everybody once unmeasured, then `rounds` times in turn, and prints the medians with their ratios.
    ///
    /// `prepare` is called before every run with the number of the run, for arguments that have to be new
    /// each time.
    pub(super) async fn run(
        &self,
        rounds: u32,
        prepare: impl Fn(&Contender, u32) -> Contender,
    ) -> Result<()> {
        self.measured(rounds, prepare).await.map(drop)
    }

    /// The same, with the median of each contender, in their order.
    pub(super) async fn measured(
        &self,
        rounds: u32,
        prepare: impl Fn(&Contender, u32) -> Contender,
    ) -> Result<Vec<Median>> {
        talk::line(&format!("{} ...", self.title));
        let mut runs: Vec<Vec<Usage>> = self.contenders.iter().map(|_| Vec::new()).collect();
        let mut number = 0;
        for round in 0..=rounds {
            for (contender, usages) in self.contenders.iter().zip(&mut runs) {
                number += 1;
                let usage = prepare(contender, number).run().await?;
                if round > 0 {
                    usages.push(usage);
                }
            }
        }
        let medians = runs
            .iter()
            .map(|usages| Median::of(usages))
            .collect::<Option<Vec<_>>>()
            .context("at least one round")?;
        talk::data(&self.table(&medians));
        Ok(medians)
    }

    fn table(&self, medians: &[Median]) -> String {
        let mut text = format!("{}\n  floor: {}\n", self.title, self.floor);
        let own = medians.last();
        for (contender, median) in self.contenders.iter().zip(medians) {
            let milliseconds = median.time.as_secs_f64() * 1e3;
            let _ =
                write!(text, "  {:<14} {milliseconds:>8.1} ms  {:>6.1} MB", contender.name, median.megabytes);
            if let Some(own) = own.filter(|_| contender.name != "release") {
                let (time, memory) =
                    (median.time.as_secs_f64() / own.time.as_secs_f64(), median.megabytes / own.megabytes);
                let _ =
                    write!(text, "   {time:.1} times the time and {memory:.1} times the memory of release");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_table_gives_ratios_to_the_last_contender() {
        let contender = |name| Contender { name, program: PathBuf::new(), args: Vec::new(), env: Vec::new() };
        let race = Race {
            title: "template".into(),
            floor: "1 byte".into(),
            contenders: vec![contender("helm 4"), contender("release")],
        };
        let median =
            |milliseconds, megabytes| Median { time: Duration::from_millis(milliseconds), megabytes };
        let expected = "template\n  floor: 1 byte\n  helm 4            142.0 ms    69.0 MB   10.1 times the time and 5.0 times the memory of release\n  \
                        release            14.0 ms    13.8 MB\n";
        assert_eq!(race.table(&[median(142, 69.0), median(14, 13.8)]), expected);
    }
}
