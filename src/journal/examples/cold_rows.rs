//! Rows of wallets read at random from the store of a data folder, as the projector reads those that no cache has: how long
//! one takes, by itself and among so many that are asked for together.
//!
//! `creditd seed DIR --accounts 100000000 --from 1`, then
//! `cargo run --release -p journal --example cold_rows -- DIR/projections 1 100000000 [ROWS [FILES]]`

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use journal::projections::{Family, KeyKind, ProjectionStore, RocksProjections};

/// Rows of one measurement, unless it is told otherwise.
const ROWS: u64 = 500_000;
/// Files that are kept open, unless it is told otherwise: as many as the daemon keeps where it may.
const FILES: u32 = 512;
/// Rows that are asked for together.
const TOGETHER: [usize; 4] = [1, 64, 512, 4_096];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, from, accounts, rest @ ..] = arguments.as_slice() else {
        return Err("cold_rows FOLDER FIRST_ACCOUNT ACCOUNTS [ROWS [FILES]]".into());
    };
    let (from, accounts): (u128, u128) = (from.parse()?, accounts.parse()?);
    let rows = rest.first().map_or(Ok(ROWS), |rows| rows.parse())?;
    let files = rest.get(1).map_or(Ok(FILES), |files| files.parse())?;
    let store = RocksProjections::open_with_files(Path::new(folder), files)?;
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for together in TOGETHER {
        let (mut asked, mut found) = (0, 0);
        #[expect(clippy::disallowed_methods, reason = "this measures")]
        let begun = Instant::now();
        while asked < rows {
            let mut keys: Vec<Vec<u8>> =
                (0..together).map(|_| key(from + u128::from(next(&mut random)) % accounts)).collect();
            keys.sort_unstable();
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            store.values(Family::State, &keys, &mut |_, value| found += u64::from(value.is_some()))?;
            asked += u64::try_from(together)?;
        }
        let each = begun.elapsed().as_nanos() / u128::from(asked.max(1));
        println!("{together} together: {each} ns a row, {found} of {asked} found");
    }
    Ok(())
}

fn key(account: u128) -> Vec<u8> {
    let mut key = vec![KeyKind::Wallet as u8];
    key.extend(account.to_be_bytes());
    key
}

/// Xorshift.
const fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
