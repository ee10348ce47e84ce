//! Fixed inputs of the codec, for counting instructions: `benches/instructions` runs it under callgrind, which counts only
//! inside of `measured_*`. It says how many operations that are.
//!
//! `cargo run --release -p protocol --example protocol_instructions decode|encode`

use std::hint::black_box;
use std::process::ExitCode;

use protocol::{AccountId, Answer, Expecting, HoldId, Operation, Operations, Outcome, PerBucket, Progress};

const FRAME: usize = 100;
const FRAMES: usize = 1_000;

fn operation(number: usize) -> Operation {
    let id = u128::try_from(number).unwrap_or(0) + 1;
    let hold = HoldId::from_time_ms(1_800_000_000_000, id);
    let account = AccountId(id.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    if number.is_multiple_of(2) {
        Operation::reserve(hold, account, 24_000, 60_000)
    } else {
        Operation::commit(hold, account, 24_000, 1)
    }
}

/// What a server does with each frame: header, checksums, operations, and their checks.
#[inline(never)]
fn measured_decode(mut input: &[u8]) -> usize {
    let mut good: usize = 0;
    while let Ok(Progress::Frame { body, .. }) = protocol::decode(input, Expecting::FromClient) {
        let operations = Operations::of_body(&input[body.clone()]);
        good += operations.filter(|operation| black_box(operation).is_ok()).count();
        input = &input[body.end..];
    }
    good
}

/// What a server does with the answers of each frame.
#[inline(never)]
fn measured_encode(answers: &[Answer], out: &mut Vec<u8>) -> usize {
    let mut good: usize = 0;
    for request_id in 0..FRAMES as u64 {
        out.clear();
        if let Ok(header) = protocol::encode_answers(out, request_id, answers) {
            good += header.count as usize;
        }
    }
    good
}

fn decode() -> Result<usize, String> {
    let mut input = Vec::new();
    for frame in 0..FRAMES {
        let operations: Vec<Operation> = (0..FRAME).map(|number| operation(frame * FRAME + number)).collect();
        protocol::encode_operations(&mut input, 1, &operations).map_err(|error| error.to_string())?;
    }
    Ok(measured_decode(&input))
}

fn encode() -> usize {
    let split = PerBucket { free: 4_000, subscription: 20_000, ..PerBucket::default() };
    let answers: Vec<Answer> =
        (0..FRAME).map(|_| Answer { split, amount: 24_000, ..Answer::of(Outcome::Granted) }).collect();
    measured_encode(&answers, &mut Vec::with_capacity(1 << 20))
}

fn main() -> ExitCode {
    let part = std::env::args().nth(1).unwrap_or_default();
    let counted = match part.as_str() {
        "decode" => decode(),
        "encode" => Ok(encode()),
        _ => Err("decode or encode".to_owned()),
    };
    match counted {
        Ok(operations) if operations == FRAME * FRAMES => {
            println!("{operations}");
            ExitCode::SUCCESS
        }
        Ok(operations) => {
            eprintln!("{operations} of {} passed", FRAME * FRAMES);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
