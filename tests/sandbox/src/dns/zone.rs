//! One zone: its records and what it answers. Pure: no sockets, no files, no clock.

use std::collections::BTreeMap;

use hickory_proto::rr::rdata::{A, NS, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};

/// Time to live of everything in the zone, in seconds. Short, so that no resolver remembers what a test has
/// just changed.
const TTL: u32 = 1;

/// A zone for which the server is the authority.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    origin: LowerName,
    serial: u32,
    sets: BTreeMap<RrKey, RecordSet>,
}

/// What a zone says to a question about one of its names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The records asked for.
    Found(Vec<Record>),
    /// The name exists, records of this type do not.
    NoData,
    /// There is no such name.
    NoName,
}

impl Zone {
    /// An empty zone: its SOA, one name server `ns1` and that server's address.
    pub(crate) fn new(origin: &Name) -> Self {
        let mut zone = Self { origin: origin.into(), serial: 1, sets: BTreeMap::new() };
        let ns = zone.name_server();
        zone.insert(Record::from_rdata(origin.clone(), TTL, RData::NS(NS(ns.clone()))));
        zone.insert(Record::from_rdata(ns, TTL, RData::A(A::new(127, 0, 0, 1))));
        zone
    }

    /// The zone's own name.
    pub(crate) fn origin(&self) -> &LowerName {
        &self.origin
    }

    /// The zone's start of authority, with the present serial number.
    pub(crate) fn soa(&self) -> Record {
        let ns = self.name_server();
        let soa = SOA::new(ns.clone(), ns, self.serial, 60, 60, 600, TTL);
        Record::from_rdata(self.origin.clone().into(), TTL, RData::SOA(soa))
    }

    /// Answers a question about a name of this zone. Wildcards and aliases are not followed.
    pub(crate) fn lookup(&self, name: &LowerName, kind: RecordType) -> Answer {
        if *name == self.origin && kind == RecordType::SOA {
            return Answer::Found(vec![self.soa()]);
        }
        let records = self.records(name, kind);
        if !records.is_empty() {
            Answer::Found(records)
        } else if self.has_name(name) {
            Answer::NoData
        } else {
            Answer::NoName
        }
    }

    /// The records of one name and type; every type with `ANY`. The SOA is not among them.
    pub(crate) fn records(&self, name: &LowerName, kind: RecordType) -> Vec<Record> {
        let wanted = |key: &RrKey| key.name() == name && (kind == RecordType::ANY || key.record_type == kind);
        self.sets
            .iter()
            .filter(|(key, _)| wanted(key))
            .flat_map(|(_, set)| set.records_without_rrsigs().cloned())
            .collect()
    }

    /// Whether the name exists; also one that has no records itself but names below it (RFC 4592 section
    /// 2.2.2).
    pub(crate) fn has_name(&self, name: &LowerName) -> bool {
        *name == self.origin || self.sets.keys().any(|key| name.zone_of(key.name()))
    }

    /// Adds a record, or replaces the one with the same data.
    pub(crate) fn insert(&mut self, record: Record) {
        let kind = record.record_type();
        let set = self
            .sets
            .entry(key(&record.name, kind))
            .or_insert_with(|| RecordSet::new(record.name.clone(), kind, self.serial));
        set.insert(record, self.serial);
    }

    /// Removes the one record with this data.
    pub(crate) fn remove(&mut self, record: &Record) {
        let key = key(&record.name, record.record_type());
        if let Some(set) = self.sets.get_mut(&key) {
            set.remove(record, self.serial);
            if set.is_empty() {
                self.sets.remove(&key);
            }
        }
    }

    /// Removes all records of one name and type; every type with `ANY`. The name servers of the zone itself
    /// stay (RFC 2136 section 3.4.2.3).
    pub(crate) fn remove_set(&mut self, name: &LowerName, kind: RecordType) {
        let origin = self.origin.clone();
        self.sets.retain(|key, _| {
            let protected = *key.name() == origin && key.record_type == RecordType::NS;
            protected || key.name() != name || (kind != RecordType::ANY && key.record_type != kind)
        });
    }

    /// Counts a change: the serial number grows by one.
    pub(crate) fn changed(&mut self) {
        self.serial = self.serial.wrapping_add(1);
    }

    fn name_server(&self) -> Name {
        let origin = Name::from(&self.origin);
        // Only a zone name of 251 bytes or more has no room for the label.
        origin.prepend_label("ns1").unwrap_or(origin)
    }
}

fn key(name: &Name, kind: RecordType) -> RrKey {
    RrKey::new(name.into(), kind)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::TXT;

    use super::*;

    fn name(text: &str) -> LowerName {
        text.parse().unwrap()
    }

    fn txt(owner: &str, value: &str) -> Record {
        Record::from_rdata(owner.parse().unwrap(), TTL, RData::TXT(TXT::new(vec![value.to_owned()])))
    }

    fn zone() -> Zone {
        let mut zone = Zone::new(&"example.com.".parse().unwrap());
        zone.insert(txt("_acme-challenge.www.example.com.", "one"));
        zone.insert(txt("_acme-challenge.www.example.com.", "two"));
        zone
    }

    /// What a question is answered with, in one word or the number of records.
    fn said(zone: &Zone, owner: &str, kind: RecordType) -> String {
        match zone.lookup(&name(owner), kind) {
            Answer::Found(records) => records.len().to_string(),
            Answer::NoData => "no data".to_owned(),
            Answer::NoName => "no name".to_owned(),
        }
    }

    #[test]
    fn answers() {
        let zone = zone();
        for (owner, kind, expected) in [
            ("example.com.", RecordType::SOA, "1"),
            ("EXAMPLE.com.", RecordType::SOA, "1"),
            ("example.com.", RecordType::NS, "1"),
            ("ns1.example.com.", RecordType::A, "1"),
            ("ns1.example.com.", RecordType::AAAA, "no data"),
            ("example.com.", RecordType::CAA, "no data"),
            ("_acme-challenge.www.example.com.", RecordType::TXT, "2"),
            ("_acme-challenge.WWW.example.com.", RecordType::TXT, "2"),
            ("_acme-challenge.www.example.com.", RecordType::ANY, "2"),
            ("_acme-challenge.www.example.com.", RecordType::CNAME, "no data"),
            ("_acme-challenge.www.example.com.", RecordType::SOA, "no data"),
            ("www.example.com.", RecordType::SOA, "no data"),
            ("other.example.com.", RecordType::TXT, "no name"),
        ] {
            assert_eq!(said(&zone, owner, kind), expected, "{owner} {kind}");
        }
    }

    #[test]
    fn one_record_goes_and_the_name_with_the_last() {
        let mut zone = zone();
        let owner = "_acme-challenge.www.example.com.";
        zone.remove(&txt(owner, "one"));
        assert_eq!(zone.lookup(&name(owner), RecordType::TXT), Answer::Found(vec![txt(owner, "two")]));
        zone.remove(&txt(owner, "two"));
        assert_eq!(said(&zone, owner, RecordType::TXT), "no name");
        assert_eq!(said(&zone, "www.example.com.", RecordType::TXT), "no name");
    }

    #[test]
    fn the_same_data_is_stored_once() {
        let mut zone = zone();
        zone.insert(txt("_acme-challenge.www.example.com.", "two"));
        assert_eq!(said(&zone, "_acme-challenge.www.example.com.", RecordType::TXT), "2");
    }

    #[test]
    fn the_zone_keeps_its_name_servers() {
        let mut zone = zone();
        zone.remove_set(&name("example.com."), RecordType::ANY);
        zone.remove_set(&name("_acme-challenge.www.example.com."), RecordType::ANY);
        assert_eq!(said(&zone, "example.com.", RecordType::NS), "1");
        assert_eq!(said(&zone, "_acme-challenge.www.example.com.", RecordType::TXT), "no name");
    }
}
