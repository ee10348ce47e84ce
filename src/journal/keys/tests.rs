//! Order and stored form of the keys.

use super::*;

fn group(first: u64, epoch: u64) -> Key {
    Key::Group(GroupKey { first: Position(first), epoch: Epoch(epoch) })
}

#[test]
fn the_order_of_the_bytes_is_the_order_of_the_journal() {
    let keys = [Key::Start, group(1, 1), group(1, 2), group(2, 1), group(256, 1), group(u64::MAX, u64::MAX)];
    for pair in keys.windows(2) {
        assert!(pair[0] < pair[1]);
        assert!(pair[0].to_bytes() < pair[1].to_bytes());
    }
}

#[test]
fn keys_read_back_and_foreign_bytes_do_not() {
    for key in [Key::Start, group(1, 1), group(0x0102_0304_0506_0708, 9)] {
        assert_eq!(Key::from_bytes(&key.to_bytes()), Some(key));
    }
    assert_eq!(group(0x0102_0304_0506_0708, 9).to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!(Key::from_bytes(&[0; 15]), None);
    let mut no_position = [0; KEY_BYTES];
    no_position[15] = 1;
    assert_eq!(Key::from_bytes(&no_position), None);
    let mut no_epoch = [0; KEY_BYTES];
    no_epoch[7] = 1;
    assert_eq!(Key::from_bytes(&no_epoch), None);
}

#[test]
fn a_key_is_told_in_numbers() {
    let key = GroupKey { first: Position(41), epoch: Epoch(3) };
    assert_eq!(key.to_string(), "position 41, epoch 3");
}
