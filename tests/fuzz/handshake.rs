//! The handshake: the one body that a daemon reads of peers that nobody knows, and its answer.

use protocol::{Body, FrameKind, Hello, Version};

use super::{control, seeds};

const KINDS: [FrameKind; 2] = [FrameKind::Hello, FrameKind::Welcome];

/// The first byte says whose side it is.
pub fn run(data: &[u8]) {
    let Some((side, bytes)) = data.split_first() else { return };
    let kind = KINDS[usize::from(*side) % KINDS.len()];
    control::body(kind, bytes);
    if kind == FrameKind::Hello
        && let Ok(hello) = Hello::decode(bytes)
    {
        let (least, most) = (hello.version_min, hello.version_max);
        let agreed = Version::agree(least, most);
        let spoken = (least..=most).contains(&Version::V1.number());
        assert_eq!(agreed.is_some(), spoken, "a version within the offer is agreed on where there is one");
        assert!(agreed.is_none_or(|version| (least..=most).contains(&version.number())));
        let token = hello.auth_token.expose().len();
        assert_eq!(format!("{:?}", hello.auth_token), format!("Secret({token} bytes)"), "a secret is never printed");
    }
}

/// The golden handshakes.
pub fn seeds() -> Vec<Vec<u8>> {
    seeds::bodies(&KINDS)
}
