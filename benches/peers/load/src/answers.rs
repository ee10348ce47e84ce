//! What is received: the values of Redis's protocol that the library answers with.

/// A value of Redis's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A line that says that something went well.
    Simple(Vec<u8>),
    /// A line that says what went wrong.
    Error(String),
    /// A number.
    Integer(i64),
    /// Bytes, or nothing.
    Bulk(Option<Vec<u8>>),
    /// Values.
    Array(Vec<Value>),
}

/// The value at the start of the input and its length, or nothing where there is no whole one yet.
pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, String> {
    let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (Some(mark), Some(line)) = (input.first(), input.get(1..end)) else { return Err("an empty line".into()) };
    let after = end + 2;
    match mark {
        b'+' => Ok(Some((Value::Simple(line.to_vec()), after))),
        b'-' => Ok(Some((Value::Error(String::from_utf8_lossy(line).into_owned()), after))),
        b':' => Ok(Some((Value::Integer(number(line)?), after))),
        b'$' => {
            let Ok(length) = usize::try_from(number(line)?) else { return Ok(Some((Value::Bulk(None), after))) };
            let bytes = input.get(after..after + length + 2);
            Ok(bytes.map(|bytes| (Value::Bulk(Some(bytes[..length].to_vec())), after + length + 2)))
        }
        b'*' => {
            let mut values = Vec::new();
            let mut at = after;
            for _ in 0..number(line)? {
                let Some((value, length)) = parse(&input[at..])? else { return Ok(None) };
                values.push(value);
                at += length;
            }
            Ok(Some((Value::Array(values), at)))
        }
        mark => Err(format!("an answer of unknown kind {mark:#x}")),
    }
}

fn number(line: &[u8]) -> Result<i64, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    text.parse().map_err(|_| format!("no number: {text:?}"))
}

/// What an operation is told: its outcome, and the sum of what it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The outcome's number.
    pub outcome: u64,
    /// Millicredits, over the three buckets.
    pub sum: u64,
}

/// The answers in a value: four numbers, or sixteen bytes for each operation of a frame.
pub fn told(value: &Value, into: &mut Vec<Told>) -> Result<(), String> {
    match value {
        Value::Array(values) => {
            let mut numbers = [0; 4];
            for (number, value) in numbers.iter_mut().zip(values) {
                let Value::Integer(value) = value else { return Err(format!("not a number: {value:?}")) };
                *number = u64::try_from(*value).map_err(|_| format!("below zero: {value}"))?;
            }
            let [outcome, free, subscription, top_up] = numbers;
            into.push(Told { outcome, sum: free + subscription + top_up });
            Ok(())
        }
        Value::Bulk(Some(bytes)) if bytes.len() % 16 == 0 => {
            for answer in bytes.chunks_exact(16) {
                let mut numbers = answer
                    .chunks_exact(4)
                    .map(|bytes| u64::from(u32::from_le_bytes(bytes.try_into().unwrap_or_default())));
                let outcome = numbers.next().unwrap_or(0);
                into.push(Told { outcome, sum: numbers.sum() });
            }
            Ok(())
        }
        value => Err(format!("no answer of the library: {value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_cut_anywhere_is_waited_for() {
        let whole = b"*3\r\n:12\r\n$3\r\na\r\n\r\n*1\r\n+OK\r\n";
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), Ok(None), "cut at {cut}");
        }
        let inner = Value::Array(vec![Value::Simple(b"OK".to_vec())]);
        let value = Value::Array(vec![Value::Integer(12), Value::Bulk(Some(b"a\r\n".to_vec())), inner]);
        assert_eq!(parse(whole), Ok(Some((value, whole.len()))));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        assert!(parse(b"?\r\n").is_err());
        assert!(parse(b":x\r\n").is_err());
        assert!(told(&Value::Error("ERR".into()), &mut Vec::new()).is_err());
    }

    #[test]
    fn both_forms_of_answers_are_read() {
        let mut found = Vec::new();
        told(&Value::Array([1, 2, 3, 4].map(Value::Integer).to_vec()), &mut found).unwrap();
        let bytes: Vec<u8> = [20_u32, 0, 7, 1].iter().flat_map(|number| number.to_le_bytes()).collect();
        told(&Value::Bulk(Some(bytes)), &mut found).unwrap();
        assert_eq!(found, [Told { outcome: 1, sum: 9 }, Told { outcome: 20, sum: 8 }]);
    }
}
