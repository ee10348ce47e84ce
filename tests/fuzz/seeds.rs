//! What the targets begin with: golden frames, golden records and rows, the configuration files.

use std::path::Path;

use protocol::FrameKind;
use protocol::limits::HEADER_BYTES;

use super::root;

/// The golden frames of the wire, by name.
pub fn frames() -> Vec<(String, Vec<u8>)> {
    hex_files(&root().join("src/protocol/vectors"))
}

/// The golden records and rows of the journal, by name.
pub fn golden() -> Vec<(String, Vec<u8>)> {
    hex_files(&root().join("src/journal/golden"))
}

/// The bodies of golden frames of these kinds; before each the place of its kind.
pub fn bodies(kinds: &[FrameKind]) -> Vec<Vec<u8>> {
    let of_kind = |frame: &[u8]| {
        let kind = frame.get(6).copied().and_then(FrameKind::from_u8)?;
        let place = kinds.iter().position(|known| *known == kind)?;
        Some([&[u8::try_from(place).unwrap()], frame.get(HEADER_BYTES..)?].concat())
    };
    frames().iter().filter_map(|(_, frame)| of_kind(frame)).collect()
}

/// A text file, and the parts of it that begin with a line of this start: a part alone, and behind what stands on top.
pub fn parts(file: &str, start: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    // Comments are most of a shipped file, and nothing comes of them.
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let begins: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with(start)).collect();
    let top = lines[..begins.first().copied().unwrap_or(lines.len())].join("\n");
    let mut all = vec![lines.join("\n")];
    for (number, begin) in begins.iter().enumerate() {
        let end = begins.get(number + 1).copied().unwrap_or(lines.len());
        let part = lines[*begin..end].join("\n");
        all.push(format!("{top}\n{part}"));
    }
    all.into_iter().map(String::into_bytes).collect()
}

/// The bytes of every `.hex` file of a folder: digits, behind a line `hex:` where there is one.
fn hex_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "hex") {
            let text = std::fs::read_to_string(&path).unwrap();
            let digits = text.split_once("\nhex:\n").map_or(text.as_str(), |(_, digits)| digits);
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, super::packed::bytes(digits)));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "golden files in {}", folder.display());
    found
}
