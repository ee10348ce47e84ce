//! The corpus in the repository: a file a target, an input a line, in hexadecimal digits; the shortest come first.

use std::fmt::Write;
use std::path::PathBuf;

use super::Target;

/// Inputs of one target that are kept at most.
pub const INPUTS_MAX: usize = 200;
/// Bytes of all inputs of one target that are kept at most.
pub const BYTES_MAX: usize = 48 << 10;

/// Where the corpus of a target is.
#[must_use]
pub fn path(target: &Target) -> PathBuf {
    super::root().join("tests/fuzz/corpus").join(format!("{}.hex", target.name))
}

/// The inputs of a target.
#[must_use]
pub fn read(target: &Target) -> Vec<Vec<u8>> {
    let path = path(target);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with('#')).map(bytes).collect()
}

/// The text of a corpus file: within the limits, without what the seeds say already.
#[must_use]
pub fn text(target: &Target, mut inputs: Vec<Vec<u8>>) -> String {
    let seeds = (target.seeds)();
    inputs.retain(|input| !seeds.contains(input));
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    inputs.dedup();
    let mut sum = 0;
    let within = inputs.iter().take(INPUTS_MAX).take_while(|input| {
        sum += input.len();
        sum <= BYTES_MAX
    });
    let mut text = format!("# Inputs that tests/fuzz/run {} has found.\n", target.name);
    for input in within {
        for byte in input {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

/// The bytes of hexadecimal digits; whatever stands between them is left out.
#[must_use]
pub fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    assert!(digits.len().is_multiple_of(2), "a byte has two digits");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
