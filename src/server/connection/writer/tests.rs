//! What a failing daemon says instead of decisions that may not have reached the disk (I3).

use protocol::Answers;

use super::*;

#[test]
fn a_failing_daemon_says_outcome_unknown_as_often_as_it_was_asked() {
    let mut frames = Vec::new();
    protocol::encode_answers(&mut frames, 7, &[Answer::of(Outcome::Granted); 3]).unwrap();
    protocol::encode_pong(&mut frames, 8);
    CommandAnswer::of(Outcome::Done).encode(&mut frames, 9).unwrap();
    let mut out = Vec::new();
    unknown(&frames, &mut out);

    let mut rest = out.as_slice();
    let mut seen = Vec::new();
    while let Ok(Progress::Frame { header, body }) = protocol::decode(rest, Expecting::FromServer) {
        let outcomes: Vec<Outcome> = match header.kind {
            FrameKind::Answers => Answers::of_body(&rest[body.clone()]).map(|answer| answer.unwrap().outcome).collect(),
            FrameKind::CommandAnswer => vec![CommandAnswer::decode(&rest[body.clone()]).unwrap().outcome],
            _ => Vec::new(),
        };
        seen.push((header.request_id, outcomes));
        rest = &rest[body.end..];
    }
    let unknown = Outcome::OutcomeUnknown;
    assert_eq!(seen, [(7, vec![unknown; 3]), (8, Vec::new()), (9, vec![unknown])]);
    assert!(rest.is_empty());
}
