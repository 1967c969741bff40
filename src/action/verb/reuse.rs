//! Which values of the revision before count for an upgrade. Pure.

use super::Reuse;
use crate::helm::chart::Chart;
use crate::helm::release::Release;
use crate::helm::values::Values;
use crate::helm::values::coalesce::{CoalesceError, coalesce, coalesce_tables};

/// The user's values that count, and the chart to render them with. Warnings of the old values were told when
/// they were new.
pub(super) fn reused(
    reuse: Reuse,
    mut chart: Chart,
    new: Values,
    current: &Release,
) -> Result<(Chart, Values), CoalesceError> {
    let old = current.user_values();
    let values = match reuse {
        Reuse::All => {
            chart.defaults = coalesce(&current.stored_chart(), old.clone(), &mut Vec::new())?;
            over(new, &old)
        }
        Reuse::Given => over(new, &old),
        Reuse::WithoutNewOnes if new.is_empty() => old,
        Reuse::WithoutNewOnes | Reuse::Reset => new,
    };
    Ok((chart, values))
}

fn over(mut new: Values, old: &Values) -> Values {
    coalesce_tables(&mut new, old, &mut Vec::new());
    new
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::helm::chart::File;

    fn chart(values: &str) -> Chart {
        let files = vec![
            File::new("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            File::new("values.yaml", values),
        ];
        Chart::from_files(files).unwrap()
    }

    fn reused_by(reuse: Reuse, new: Value) -> (Value, Value) {
        let record = r#"{"name":"r","info":{"status":"deployed"},"chart":{"metadata":{"name":"c"},"values":{"default":"old","gone":1}},"config":{"mine":{"a":1},"x":"old"},"version":1}"#;
        let current = Release::from_json(record).unwrap();
        let Value::Object(new) = new else { panic!("a map") };
        let (chart, values) = reused(reuse, chart("default: new\nfresh: 1\n"), new, &current).unwrap();
        (Value::Object(chart.defaults), Value::Object(values))
    }

    #[test]
    fn every_way_takes_over_what_helm_takes_over() {
        let fresh = json!({"default": "new", "fresh": 1.0});
        let old = json!({"mine": {"a": 1.0}, "x": "old"});
        let new = json!({"mine": {"b": true}});
        let merged = json!({"mine": {"b": true, "a": 1.0}, "x": "old"});
        assert_eq!(reused_by(Reuse::WithoutNewOnes, json!({})), (fresh.clone(), old));
        assert_eq!(reused_by(Reuse::WithoutNewOnes, new.clone()), (fresh.clone(), new.clone()));
        assert_eq!(reused_by(Reuse::Reset, json!({})), (fresh.clone(), json!({})));
        assert_eq!(reused_by(Reuse::Given, new.clone()), (fresh, merged.clone()));
        let (defaults, values) = reused_by(Reuse::All, new);
        assert_eq!(values, merged);
        assert_eq!(
            defaults,
            json!({"default": "old", "gone": 1.0, "mine": {"a": 1.0}, "x": "old"}),
            "the new chart's defaults do not count"
        );
    }
}
