//! The values files of a cluster, held against the plan. Reads files, decides nothing.

use super::connect::Connected;
use crate::config::ValuesFile;
use crate::failure::Failure;
use crate::plan::PlannedValues;

/// The cluster's values files as a plan names them.
pub fn planned(files: &[ValuesFile]) -> Vec<PlannedValues> {
    files.iter().map(|file| PlannedValues { file: file.name.clone(), sha256: file.sha256.clone() }).collect()
}

/// The files that were planned, as the plan was made from them or read again; refused when one of them has other
/// content now.
pub fn read(connected: &Connected, wanted: &[PlannedValues]) -> Result<Vec<ValuesFile>, Failure> {
    if differences(wanted, &planned(&connected.values)).is_empty() {
        return Ok(connected.values.clone());
    }
    let settings = &connected.settings;
    let files = settings.read_values()?;
    let differences = differences(wanted, &planned(&files));
    if differences.is_empty() {
        return Ok(files);
    }
    let told = format!("{}: the values are not what was planned: {}", settings.name, differences.join("; "));
    Err(Failure::refused(told).hint("bring the files back, or make a new plan"))
}

/// Pure: what differs between the planned files and those of now, one sentence each.
pub fn differences(planned: &[PlannedValues], now: &[PlannedValues]) -> Vec<String> {
    let short = |file: &PlannedValues| {
        format!("{} (sha256 {}…)", file.file, &file.sha256[..12.min(file.sha256.len())])
    };
    let mut differences = Vec::new();
    for index in 0..planned.len().max(now.len()) {
        match (planned.get(index), now.get(index)) {
            (Some(planned), Some(now)) if planned.sha256 == now.sha256 => {}
            (Some(planned), Some(now)) => {
                differences.push(format!("planned was {}, now it is {}", short(planned), short(now)));
            }
            (Some(planned), None) => differences.push(format!("{} is used no longer", short(planned))),
            (None, Some(now)) => differences.push(format!("{} is new", short(now))),
            (None, None) => {}
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, sha256: &str) -> PlannedValues {
        PlannedValues { file: name.to_owned(), sha256: sha256.to_owned() }
    }

    #[test]
    fn content_counts_and_the_place_does_not() {
        let a = || file("values/a.yaml", "aaaaaaaaaaaaaaaa");
        let moved = file("other/a.yaml", "aaaaaaaaaaaaaaaa");
        let changed = file("values/a.yaml", "bbbbbbbbbbbbbbbb");
        assert_eq!(differences(&[a()], &[moved]), Vec::<String>::new());
        let told = differences(&[a()], &[changed]);
        assert_eq!(
            told,
            [
                "planned was values/a.yaml (sha256 aaaaaaaaaaaa…), now it is values/a.yaml (sha256 bbbbbbbbbbbb…)"
            ]
        );
        assert_eq!(differences(&[a()], &[]), ["values/a.yaml (sha256 aaaaaaaaaaaa…) is used no longer"]);
        assert_eq!(differences(&[], &[a()]), ["values/a.yaml (sha256 aaaaaaaaaaaa…) is new"]);
    }
}
