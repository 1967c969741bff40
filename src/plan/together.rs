//! May all clusters be changed in one run? What each may do alone, all together may not. Pure.

use super::preflight::{ACME_LIMIT, Allowed, Judgement};

/// What all clusters together ask of a CA, and it does not issue; unless that is allowed.
pub fn over_limit<'j>(judgements: impl IntoIterator<Item = &'j Judgement>, allowed: &Allowed) -> Judgement {
    let mut all = Judgement::default();
    judgements.into_iter().for_each(|judgement| all.acme.add(&judgement.acme));
    for told in all.acme.over_limit() {
        if allowed.allows(ACME_LIMIT) {
            all.warnings.push(told);
        } else {
            all.refusals.push(format!(
                "{told}; ask a staging issuer, or fewer clusters at once (--allow {ACME_LIMIT} overrides, for a limit that was raised)"
            ));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::acme_names::AcmeNames;

    #[test]
    fn what_a_ca_does_not_issue_to_all_clusters_together_refuses_once() {
        let server = "https://acme-v02.api.letsencrypt.org/directory";
        let one = Judgement { acme: AcmeNames::one(server, "a.example.com"), ..Judgement::default() };
        let allowed = Allowed { names: vec![ACME_LIMIT.to_owned()], ..Allowed::default() };
        for (clusters, allowed, expected) in
            [(50, Allowed::default(), (0, 0)), (51, Allowed::default(), (1, 0)), (51, allowed, (0, 1))]
        {
            let all = over_limit(std::iter::repeat_n(&one, clusters), &allowed);
            assert_eq!((all.refusals.len(), all.warnings.len()), expected, "{clusters}");
        }
    }
}
