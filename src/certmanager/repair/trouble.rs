//! What kind of cause the words of a failed Order or request name (RFC 8555, section 6.7).

use crate::certmanager::blame::{self, Sign};

/// What a failure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderTrouble {
    /// The CA takes no more for a while.
    RateLimit,
    /// The CA does not issue what the Certificate asks for, however often.
    Rejected,
    /// The CA does not take the issuer's account.
    Account,
    /// Something that may be over: a proof that was wrong, the network, the CA itself.
    Passing,
}

/// Errors of an ACME server about what is asked for; lower case.
const REJECTED: [&str; 4] =
    ["error:rejectedidentifier", "error:unsupportedidentifier", "error:badcsr", "error:badpublickey"];

/// Errors of an ACME server about the account; lower case.
const ACCOUNT: [&str; 3] =
    ["error:accountdoesnotexist", "error:useractionrequired", "error:externalaccountrequired"];

/// What `message` names.
pub fn trouble(message: &str) -> OrderTrouble {
    let lower = message.to_lowercase();
    let speaks = |of: &[&str]| of.iter().any(|literal| lower.contains(literal));
    // Elsewhere the word is also said about a request that merely came too late.
    let malformed = lower.contains("failed to create order") && lower.contains("error:malformed");
    match () {
        () if blame::sign(message) == Sign::RateLimit => OrderTrouble::RateLimit,
        () if malformed || speaks(&REJECTED) => OrderTrouble::Rejected,
        () if speaks(&ACCOUNT) => OrderTrouble::Account,
        () => OrderTrouble::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_names_one_kind_of_cause() {
        let acme = |doing: &str, kind: &str| format!("{doing}: 400 urn:ietf:params:acme:error:{kind}: text");
        let create = "Failed to create Order";
        let table = [
            (acme(create, "rateLimited"), OrderTrouble::RateLimit),
            (acme(create, "rejectedIdentifier"), OrderTrouble::Rejected),
            (acme(create, "malformed"), OrderTrouble::Rejected),
            (acme("Failed to finalize Order", "badCSR"), OrderTrouble::Rejected),
            (acme("Failed to retrieve Order resource", "malformed"), OrderTrouble::Passing),
            (acme(create, "accountDoesNotExist"), OrderTrouble::Account),
            (acme("Error accepting authorization", "unauthorized"), OrderTrouble::Passing),
            (acme("Failed to finalize Order", "serverInternal"), OrderTrouble::Passing),
            (String::new(), OrderTrouble::Passing),
        ];
        for (message, expected) in table {
            assert_eq!(trouble(&message), expected, "{message}");
        }
    }
}
