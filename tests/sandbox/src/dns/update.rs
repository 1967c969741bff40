//! Dynamic updates by the rules of RFC 2136 section 3: the zone section, the prerequisites, a check of every
//! change, and only then the changes.
//! Never asks who is sending: there is no TSIG here.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, LowerName, RData, Record, RecordType};

use super::zone::Zone;

/// Applies an update to its zone, or to nothing at all; says how it went.
pub(crate) fn apply(zones: &mut [Zone], update: &Message) -> ResponseCode {
    let [section] = update.queries.as_slice() else { return ResponseCode::FormErr };
    if section.query_type() != RecordType::SOA {
        return ResponseCode::FormErr;
    }
    let origin = LowerName::from(section.name());
    let Some(zone) = zones.iter_mut().find(|zone| *zone.origin() == origin) else {
        return ResponseCode::NotAuth;
    };
    match check(zone, update) {
        Ok(()) => {
            perform(zone, &update.authorities);
            ResponseCode::NoError
        }
        Err(code) => code,
    }
}

fn check(zone: &Zone, update: &Message) -> Result<(), ResponseCode> {
    update.answers.iter().try_for_each(|record| prerequisite(zone, record))?;
    update.authorities.iter().try_for_each(|record| well_formed(zone, record))
}

/// Section 3.2. The form that compares whole record sets by value is not understood, and says so.
fn prerequisite(zone: &Zone, record: &Record) -> Result<(), ResponseCode> {
    let name = LowerName::from(&record.name);
    in_zone(zone, &name)?;
    let kind = record.record_type();
    let (holds, otherwise) = match (record.dns_class, kind) {
        (DNSClass::ANY, RecordType::ANY) => (zone.has_name(&name), ResponseCode::NXDomain),
        (DNSClass::NONE, RecordType::ANY) => (!zone.has_name(&name), ResponseCode::YXDomain),
        (DNSClass::ANY, _) => (!zone.records(&name, kind).is_empty(), ResponseCode::NXRRSet),
        (DNSClass::NONE, _) => (zone.records(&name, kind).is_empty(), ResponseCode::YXRRSet),
        _ => (false, ResponseCode::NotImp),
    };
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Section 3.4.1: a record to add or to remove has data, a set to remove has none.
fn well_formed(zone: &Zone, record: &Record) -> Result<(), ResponseCode> {
    in_zone(zone, &LowerName::from(&record.name))?;
    let has_data = !matches!(record.data, RData::Update0(_));
    let one_type = record.record_type() != RecordType::ANY;
    let good = match record.dns_class {
        DNSClass::IN => has_data && one_type,
        DNSClass::NONE => has_data && one_type && record.ttl == 0,
        DNSClass::ANY => !has_data && record.ttl == 0,
        _ => false,
    };
    if good { Ok(()) } else { Err(ResponseCode::FormErr) }
}

fn in_zone(zone: &Zone, name: &LowerName) -> Result<(), ResponseCode> {
    if zone.origin().zone_of(name) { Ok(()) } else { Err(ResponseCode::NotZone) }
}

/// Section 3.4.2. The SOA is the zone's own and stays out of reach.
fn perform(zone: &mut Zone, changes: &[Record]) {
    for record in changes.iter().filter(|record| record.record_type() != RecordType::SOA) {
        match record.dns_class {
            DNSClass::ANY => zone.remove_set(&LowerName::from(&record.name), record.record_type()),
            DNSClass::NONE => zone.remove(record),
            _ => zone.insert(record.clone()),
        }
    }
    if !changes.is_empty() {
        zone.changed();
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::update_message::{self, UpdateMessage};
    use hickory_proto::rr::rdata::{SOA, TXT};
    use hickory_proto::rr::{Name, RecordSet};

    use super::super::zone::Answer;
    use super::*;

    const CHALLENGE: &str = "_acme-challenge.www.example.com.";

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn zones() -> Vec<Zone> {
        vec![Zone::new(&name("example.com.")), Zone::new(&name("example.org."))]
    }

    fn txt(owner: &str, value: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::TXT(TXT::new(vec![value.to_owned()])))
    }

    /// The two changes that cert-manager's rfc2136 solver sends in one message: remove the set, add the
    /// record.
    fn present(value: &str) -> Message {
        let mut message = update_message::delete_rrset(txt(CHALLENGE, value), name("example.com."), false);
        message.add_update(txt(CHALLENGE, value));
        message
    }

    fn values(zones: &[Zone]) -> Vec<String> {
        let Answer::Found(records) = zones[0].lookup(&CHALLENGE.parse().unwrap(), RecordType::TXT) else {
            return Vec::new();
        };
        records.iter().map(|record| record.data.to_string()).collect()
    }

    fn serial(zone: &Zone) -> u32 {
        match zone.soa().data {
            RData::SOA(SOA { serial, .. }) => serial,
            other => panic!("the SOA is {other}"),
        }
    }

    #[test]
    fn a_challenge_is_presented_replaced_and_cleaned_up() {
        let mut zones = zones();
        let before = serial(&zones[0]);
        assert_eq!(apply(&mut zones, &present("one")), ResponseCode::NoError);
        assert_eq!(apply(&mut zones, &present("two")), ResponseCode::NoError);
        assert_eq!(values(&zones), ["two"]);
        assert_eq!(serial(&zones[0]), before + 2);
        let clean_up = update_message::delete_by_rdata(
            RecordSet::from(txt(CHALLENGE, "two")),
            name("example.com."),
            false,
        );
        assert_eq!(apply(&mut zones, &clean_up), ResponseCode::NoError);
        assert!(values(&zones).is_empty());
    }

    #[test]
    fn an_update_that_does_not_fit_changes_nothing() {
        let mut half_bad = present("one");
        half_bad.add_update(txt("www.example.net.", "outside"));
        let mut no_data = present("one");
        no_data.add_update(Record::update0(name(CHALLENGE), 0, RecordType::TXT));
        let elsewhere =
            update_message::delete_rrset(txt("www.example.net.", "x"), name("example.net."), false);
        let mut two_zones = present("one");
        two_zones.queries.push(two_zones.queries[0].clone());
        let mut not_a_zone = present("one");
        not_a_zone.queries[0].set_query_type(RecordType::TXT);
        for (update, expected) in [
            (half_bad, ResponseCode::NotZone),
            (no_data, ResponseCode::FormErr),
            (elsewhere, ResponseCode::NotAuth),
            (two_zones, ResponseCode::FormErr),
            (not_a_zone, ResponseCode::FormErr),
        ] {
            let mut zones = zones();
            assert_eq!(apply(&mut zones, &update), expected);
            assert!(values(&zones).is_empty());
            assert_eq!(serial(&zones[0]), 1);
        }
    }

    #[test]
    fn prerequisites() {
        let require = |class, owner, kind| {
            let mut record = Record::update0(name(owner), 0, kind);
            record.dns_class = class;
            let mut update = present("two");
            update.add_pre_requisite(record);
            update
        };
        let mut by_value = present("two");
        by_value.add_pre_requisite(txt(CHALLENGE, "one"));
        for (update, expected) in [
            (require(DNSClass::ANY, CHALLENGE, RecordType::ANY), ResponseCode::NoError),
            (require(DNSClass::ANY, "other.example.com.", RecordType::ANY), ResponseCode::NXDomain),
            (require(DNSClass::NONE, "other.example.com.", RecordType::ANY), ResponseCode::NoError),
            (require(DNSClass::NONE, CHALLENGE, RecordType::ANY), ResponseCode::YXDomain),
            (require(DNSClass::ANY, CHALLENGE, RecordType::TXT), ResponseCode::NoError),
            (require(DNSClass::ANY, CHALLENGE, RecordType::A), ResponseCode::NXRRSet),
            (require(DNSClass::NONE, CHALLENGE, RecordType::A), ResponseCode::NoError),
            (require(DNSClass::NONE, CHALLENGE, RecordType::TXT), ResponseCode::YXRRSet),
            (require(DNSClass::NONE, "www.example.net.", RecordType::TXT), ResponseCode::NotZone),
            (by_value, ResponseCode::NotImp),
        ] {
            let mut zones = zones();
            apply(&mut zones, &present("one"));
            assert_eq!(apply(&mut zones, &update), expected);
            assert_eq!(values(&zones), [if expected == ResponseCode::NoError { "two" } else { "one" }]);
        }
    }

    #[test]
    fn nobody_moves_the_start_of_authority() {
        let mut zones = zones();
        let mut update = present("one");
        let mut soa = zones[0].soa();
        if let RData::SOA(data) = &mut soa.data {
            data.serial = 4_000_000;
        }
        update.add_update(soa);
        assert_eq!(apply(&mut zones, &update), ResponseCode::NoError);
        assert_eq!(serial(&zones[0]), 2);
    }
}
