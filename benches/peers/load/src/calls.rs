//! What is sent: the calls of the function library, in Redis's protocol.

/// An account or a hold.
pub type Id = [u8; 16];

/// Millicredits of one operation: one credit, as `creditctl bench` takes.
pub const AMOUNT: u64 = 1000;
/// How long a hold may stay open.
const TTL_MS: &[u8] = b"60000";
const AMOUNT_TEXT: &[u8] = b"1000";

/// One operation.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Sets credits of an account aside.
    Reserve {
        /// Whose credits.
        account: Id,
        /// The new hold.
        hold: Id,
    },
    /// Takes all of a hold.
    Commit {
        /// The hold.
        hold: Id,
    },
}

/// The account of a number.
pub fn account(number: u32) -> Id {
    let mut id = *b"account.\0\0\0\0\0\0\0\0";
    id[8..].copy_from_slice(&u64::from(number).to_be_bytes());
    id
}

/// The hold that a connection makes as its so-and-so-many-th, of a run.
pub fn hold(run: u32, connection: u32, number: u64) -> Id {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&run.to_be_bytes());
    id[4..8].copy_from_slice(&connection.to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Appends a command.
pub fn write_command(buffer: &mut Vec<u8>, words: &[&[u8]]) {
    write_count(buffer, b'*', words.len());
    for word in words {
        write_count(buffer, b'$', word.len());
        buffer.extend_from_slice(word);
        buffer.extend_from_slice(b"\r\n");
    }
}

fn write_count(buffer: &mut Vec<u8>, mark: u8, count: usize) {
    buffer.push(mark);
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = count;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[at..]);
    buffer.extend_from_slice(b"\r\n");
}

/// Appends one operation as a call of its own.
pub fn write_single(buffer: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Reserve { account, hold } => {
            write_command(buffer, &[b"FCALL", b"reserve", b"0", account, hold, AMOUNT_TEXT, TTL_MS]);
        }
        Operation::Commit { hold } => write_command(buffer, &[b"FCALL", b"commit", b"0", hold, AMOUNT_TEXT]),
    }
}

/// Appends many operations as one call.
pub fn write_frame(buffer: &mut Vec<u8>, operations: &[Operation]) {
    let mut packed = Vec::with_capacity(operations.len() * 33);
    for operation in operations {
        match operation {
            Operation::Reserve { account, hold } => {
                packed.push(b'R');
                packed.extend_from_slice(account);
                packed.extend_from_slice(hold);
            }
            Operation::Commit { hold } => {
                packed.push(b'C');
                packed.extend_from_slice(hold);
            }
        }
    }
    write_command(buffer, &[b"FCALL", b"frame", b"0", AMOUNT_TEXT, TTL_MS, &packed]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_its_counts() {
        let mut buffer = Vec::new();
        write_command(&mut buffer, &[b"PING", b"0123456789"]);
        assert_eq!(buffer, b"*2\r\n$4\r\nPING\r\n$10\r\n0123456789\r\n");
    }

    #[test]
    fn ids_differ_by_run_connection_and_number() {
        let ids = [hold(1, 0, 0), hold(0, 1, 0), hold(0, 0, 1), hold(0, 0, 256), account(1), account(256)];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id));
        }
    }
}
