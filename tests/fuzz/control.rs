//! Bodies of the frames that are not counted: hello, welcome, commands, their answers, closes.

use protocol::limits::HEADER_BYTES;
use protocol::{Body, Close, Command, CommandAnswer, FrameKind, Hello, Welcome};

use super::seeds;

const KINDS: [FrameKind; 3] = [FrameKind::Command, FrameKind::CommandAnswer, FrameKind::Close];

/// The first byte says which kind the rest is a body of.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    body(KINDS[usize::from(*kind) % KINDS.len()], bytes);
}

/// A body of this kind: whatever is decoded is encoded to the same bytes.
pub fn body(kind: FrameKind, bytes: &[u8]) {
    match kind {
        FrameKind::Hello => drop(same::<Hello>(bytes)),
        FrameKind::Welcome => drop(same::<Welcome>(bytes)),
        FrameKind::Command => {
            if let Some(command) = same::<Command>(bytes) {
                let checked = command.check();
                assert_eq!(checked, command.check(), "a check says the same twice");
                assert!(!command.name().is_empty());
                assert!(command.account().is_none_or(|account| checked.is_err() || !account.is_nil()));
            }
        }
        FrameKind::CommandAnswer => drop(same::<CommandAnswer>(bytes)),
        FrameKind::Close => drop(same::<Close>(bytes)),
        kind => panic!("{kind} has no such body"),
    }
}

fn same<T: Body>(bytes: &[u8]) -> Option<T> {
    let value = T::decode(bytes).ok()?;
    let mut frame = Vec::new();
    match value.encode(&mut frame, 7) {
        Ok(header) => {
            assert_eq!(header.kind, T::KIND);
            assert_eq!(&frame[HEADER_BYTES..], bytes, "a body is encoded as it was");
        }
        // A decoder of bodies knows no kind's limit: the header's check has refused such a frame before.
        Err(_) => assert!(bytes.len() > usize::try_from(T::KIND.body_bytes_max()).unwrap()),
    }
    Some(value)
}

/// The bodies of the golden frames.
pub fn seeds() -> Vec<Vec<u8>> {
    seeds::bodies(&KINDS)
}
