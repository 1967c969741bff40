//! From a message to its reply. Pure: the zones and the mode go in, the reply comes out.

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, LowerName};

use super::control::Mode;
use super::update;
use super::zone::{Answer, Zone};

/// The largest UDP reply that the server announces, in bytes; the usual value that fits one Ethernet frame.
const UDP_PAYLOAD: u16 = 1232;

/// The reply to a message, or none when the server is silent or the message is itself a reply.
pub(crate) fn reply(zones: &mut [Zone], mode: Mode, request: &Message) -> Option<Message> {
    if mode == Mode::Silent || request.metadata.message_type == MessageType::Response {
        return None;
    }
    let mut reply = start(request);
    match (request.metadata.op_code, mode) {
        (OpCode::Query, _) => answer(zones, request, &mut reply),
        (OpCode::Update, Mode::RefuseUpdates) => reply.metadata.response_code = ResponseCode::Refused,
        (OpCode::Update, _) => reply.metadata.response_code = update::apply(zones, request),
        _ => reply.metadata.response_code = ResponseCode::NotImp,
    }
    Some(reply)
}

/// The reply's header, the question repeated, and EDNS when the request has it (RFC 6891 section 7).
fn start(request: &Message) -> Message {
    let mut reply = Message::response(request.metadata.id, request.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&request.metadata);
    reply.add_queries(request.queries.iter().cloned());
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        reply.set_edns(edns);
    }
    reply
}

fn answer(zones: &[Zone], request: &Message, reply: &mut Message) {
    let [question] = request.queries.as_slice() else {
        reply.metadata.response_code = ResponseCode::FormErr;
        return;
    };
    let name = LowerName::from(question.name());
    let authority = zones
        .iter()
        .filter(|zone| zone.origin().zone_of(&name))
        .max_by_key(|zone| zone.origin().num_labels());
    let Some(zone) = authority.filter(|_| matches!(question.query_class(), DNSClass::IN | DNSClass::ANY))
    else {
        reply.metadata.response_code = ResponseCode::Refused;
        return;
    };
    reply.metadata.authoritative = true;
    match zone.lookup(&name, question.query_type()) {
        Answer::Found(records) => {
            reply.add_answers(records);
        }
        // A negative answer carries the SOA (RFC 2308 section 3); cert-manager and Go's resolver both read
        // it.
        Answer::NoData => {
            reply.add_authority(zone.soa());
        }
        Answer::NoName => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            reply.add_authority(zone.soa());
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Query, update_message};
    use hickory_proto::rr::rdata::TXT;
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::*;

    fn zones() -> Vec<Zone> {
        ["example.com.", "dns01.example.com."].map(|origin| Zone::new(&origin.parse().unwrap())).into()
    }

    fn question(name: &str, kind: RecordType) -> Message {
        let mut message = Message::query();
        message.add_query(Query::query(name.parse().unwrap(), kind));
        message
    }

    fn present() -> Message {
        let record = Record::from_rdata(
            "_acme-challenge.example.com.".parse::<Name>().unwrap(),
            60,
            RData::TXT(TXT::new(vec!["x".into()])),
        );
        update_message::append(record.into(), "example.com.".parse().unwrap(), false, false)
    }

    /// Response code, number of answers, owner of the SOA in the authority section.
    fn said(mode: Mode, request: &Message) -> Option<(ResponseCode, usize, String)> {
        let reply = reply(&mut zones(), mode, request)?;
        assert_eq!(reply.metadata.id, request.metadata.id);
        assert_eq!(reply.queries, request.queries);
        let soa = reply.authorities.first().map_or(String::new(), |record| record.name.to_string());
        Some((reply.metadata.response_code, reply.answers.len(), soa))
    }

    #[test]
    fn questions() {
        use ResponseCode::{NXDomain, NoError, Refused};
        for (name, kind, expected) in [
            ("example.com.", RecordType::SOA, (NoError, 1, "")),
            ("www.example.com.", RecordType::A, (NXDomain, 0, "example.com.")),
            ("ns1.example.com.", RecordType::TXT, (NoError, 0, "example.com.")),
            ("example.com.", RecordType::CAA, (NoError, 0, "example.com.")),
            ("a.dns01.example.com.", RecordType::CNAME, (NXDomain, 0, "dns01.example.com.")),
            ("example.org.", RecordType::SOA, (Refused, 0, "")),
            (".", RecordType::NS, (Refused, 0, "")),
        ] {
            let expected = Some((expected.0, expected.1, expected.2.to_owned()));
            assert_eq!(said(Mode::Ok, &question(name, kind)), expected, "{name} {kind}");
        }
    }

    #[test]
    fn modes() {
        let soa = question("example.com.", RecordType::SOA);
        assert_eq!(said(Mode::Ok, &present()).unwrap().0, ResponseCode::NoError);
        assert_eq!(said(Mode::RefuseUpdates, &present()).unwrap().0, ResponseCode::Refused);
        assert_eq!(said(Mode::RefuseUpdates, &soa).unwrap().0, ResponseCode::NoError);
        assert_eq!(said(Mode::Silent, &present()), None);
        assert_eq!(said(Mode::Silent, &soa), None);
    }

    #[test]
    fn odd_messages() {
        assert_eq!(said(Mode::Ok, &Message::query()).unwrap().0, ResponseCode::FormErr);
        let mut chaos = question("example.com.", RecordType::TXT);
        chaos.queries[0].set_query_class(DNSClass::CH);
        assert_eq!(said(Mode::Ok, &chaos).unwrap().0, ResponseCode::Refused);
        let notify = Message::new(7, MessageType::Query, OpCode::Notify);
        assert_eq!(said(Mode::Ok, &notify).unwrap().0, ResponseCode::NotImp);
        assert_eq!(said(Mode::Ok, &question("example.com.", RecordType::SOA).into_response()), None);
    }

    #[test]
    fn edns_is_answered_with_edns() {
        let mut request = question("example.com.", RecordType::SOA);
        assert!(reply(&mut zones(), Mode::Ok, &request).unwrap().edns.is_none());
        request.set_edns(Edns::new());
        assert_eq!(reply(&mut zones(), Mode::Ok, &request).unwrap().edns.unwrap().max_payload(), UDP_PAYLOAD);
    }
}
