//! Before and after the runs: wallets are opened, and all that the server has is summed up.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::answers::{self, Value};
use crate::calls;

/// What each wallet is given: the day's allowance, and enough for any run; millicredits.
const FREE: &[u8] = b"100000";
const FUNDS: &[u8] = b"100000000000";
/// Wallets that one call opens.
const OPENED_AT_ONCE: u32 = 500;
/// Keys that one call sums up; Lua's stack takes 8,000.
const SUMMED_AT_ONCE: usize = 4000;

struct Blocking {
    stream: TcpStream,
    inbox: Vec<u8>,
}

impl Blocking {
    fn open(address: &str) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Vec::new() })
    }

    fn call(&mut self, words: &[&[u8]]) -> Result<Value, Box<dyn Error>> {
        let mut command = Vec::new();
        calls::write_command(&mut command, words);
        self.stream.write_all(&command)?;
        let mut chunk = vec![0; 256 << 10];
        loop {
            if let Some((value, length)) = answers::parse(&self.inbox)? {
                self.inbox.drain(..length);
                if let Value::Error(error) = value {
                    return Err(error.into());
                }
                return Ok(value);
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err("closed by the server".into());
            }
            self.inbox.extend_from_slice(&chunk[..read]);
        }
    }
}

/// Opens the wallets of a load.
pub fn open(address: &str, wallets: u32) -> Result<String, Box<dyn Error>> {
    let mut server = Blocking::open(address)?;
    let mut first = 0;
    while first < wallets {
        let end = wallets.min(first + OPENED_AT_ONCE);
        let accounts: Vec<calls::Id> = (first..end).map(calls::account).collect();
        let mut words: Vec<&[u8]> = vec![b"FCALL", b"open", b"0"];
        for account in &accounts {
            // The day 0 stands for today; nothing bought.
            words.extend_from_slice(&[account, FREE, FUNDS, b"0", b"0"]);
        }
        server.call(&words)?;
        first = end;
    }
    Ok(format!(r#"{{"wallets": {wallets}}}"#))
}

/// Sums over all wallets and holds.
pub fn totals(address: &str) -> Result<String, Box<dyn Error>> {
    let mut server = Blocking::open(address)?;
    let mut sums = [0_i64; 6];
    let mut cursor = b"0".to_vec();
    loop {
        let page = server.call(&[b"SCAN", &cursor, b"COUNT", b"2000", b"TYPE", b"string"])?;
        let Value::Array(parts) = page else { return Err("a scan without parts".into()) };
        let [Value::Bulk(Some(next)), Value::Array(keys)] = parts.as_slice() else {
            return Err("a scan of another form".into());
        };
        let keys: Vec<&[u8]> = keys.iter().filter_map(key).collect();
        for keys in keys.chunks(SUMMED_AT_ONCE) {
            let count = keys.len().to_string();
            let mut words: Vec<&[u8]> = vec![b"FCALL", b"totals", count.as_bytes()];
            words.extend_from_slice(keys);
            add(&mut sums, &server.call(&words)?)?;
        }
        cursor.clone_from(next);
        if cursor == b"0" {
            break;
        }
    }
    let [wallets, balance, open, held, settled, captured] = sums;
    Ok(format!(
        r#"{{"wallets": {wallets}, "balance": {balance}, "open": {open}, "held": {held}, "settled": {settled}, "captured": {captured}}}"#
    ))
}

/// The keys that are wallets and holds.
fn key(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bulk(Some(key)) if matches!(key.first(), Some(b'W' | b'H')) => Some(key),
        _ => None,
    }
}

fn add(sums: &mut [i64; 6], page: &Value) -> Result<(), Box<dyn Error>> {
    let Value::Array(values) = page else { return Err("totals of another form".into()) };
    for (sum, value) in sums.iter_mut().zip(values) {
        let Value::Integer(value) = value else { return Err("a total that is no number".into()) };
        *sum += value;
    }
    Ok(())
}
