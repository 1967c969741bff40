//! How long a wave still has to stand before the next one may begin. Pure: the times come from the journals.

use std::time::Duration;

use jiff::Timestamp;

/// One cluster of a wave that has to soak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soaking {
    /// Its name.
    pub cluster: String,
    /// When its journal says that this content was proven there; `None` = it was not.
    pub promoted: Option<Timestamp>,
}

/// What is left of the soak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soak {
    /// So much time, counted from the promotion of the last cluster; zero when it is over.
    Left(Duration),
    /// The content is not proven on these clusters of the wave.
    Unproven(Vec<String>),
}

/// Judges one wave. A promotion that is dated in the future, by another machine's clock, counts as one of now.
pub fn judge(now: Timestamp, soak: Duration, wave: &[Soaking]) -> Soak {
    let unproven = wave.iter().filter(|one| one.promoted.is_none()).map(|one| one.cluster.clone());
    let unproven: Vec<String> = unproven.collect();
    if !unproven.is_empty() {
        return Soak::Unproven(unproven);
    }
    let Some(newest) = wave.iter().filter_map(|one| one.promoted).max() else {
        return Soak::Left(Duration::ZERO);
    };
    let stood = Duration::try_from(now.duration_since(newest)).unwrap_or_default();
    Soak::Left(soak.saturating_sub(stood))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soak_counts_from_the_last_promotion_of_the_wave() {
        let at = |second: i64| Timestamp::from_second(1_000 + second).unwrap();
        let one = |name: &str, promoted: Option<i64>| Soaking {
            cluster: name.to_owned(),
            promoted: promoted.map(at),
        };
        let minute = Duration::from_mins(1);
        let table = [
            (vec![one("a", Some(0)), one("b", Some(20))], 30, Soak::Left(Duration::from_secs(50))),
            (vec![one("a", Some(0))], 60, Soak::Left(Duration::ZERO)),
            (vec![one("a", Some(0))], 3600, Soak::Left(Duration::ZERO)),
            (vec![one("a", Some(90))], 30, Soak::Left(minute)),
            (vec![one("a", Some(0)), one("b", None)], 600, Soak::Unproven(vec!["b".to_owned()])),
            (vec![], 0, Soak::Left(Duration::ZERO)),
        ];
        for (row, (wave, now, expected)) in table.into_iter().enumerate() {
            assert_eq!(judge(at(now), minute, &wave), expected, "row {row}");
        }
    }
}
