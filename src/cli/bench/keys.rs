//! Which account an operation is for: all alike, one for all, or by Zipf's law.
//!
//! The draws by Zipf's law are made before the load and read one after the other, so that the load does not measure its
//! own logarithms; each connection begins elsewhere in them.

use std::sync::Arc;

use clap::ValueEnum;

use crate::bench::slot::Random;

/// Draws that are made: the more, the more of the rare accounts are among them.
const DRAWS: usize = 1 << 22;
/// The exponent of Zipf's law.
const EXPONENT: f64 = 0.99;

/// How operations are spread over the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spread {
    /// Each is as likely as any other.
    Uniform,
    /// One account for all.
    Hot,
    /// By Zipf's law with the exponent 0.99; which account has which rank is scattered.
    Zipf,
}

impl Spread {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
            Self::Zipf => "zipf",
        }
    }
}

/// Where a connection takes its accounts from.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Uniform { accounts: u32 },
    Hot,
    Drawn { draws: Arc<[u32]>, next: usize },
}

impl Keys {
    /// The keys of a load; a copy for each connection, begun elsewhere.
    pub(crate) fn of(spread: Spread, accounts: u32) -> Self {
        match spread {
            Spread::Uniform => Self::Uniform { accounts },
            Spread::Hot => Self::Hot,
            Spread::Zipf => Self::Drawn { draws: zipf(accounts, DRAWS), next: 0 },
        }
    }

    /// The same from another place on.
    pub(crate) fn begun(&self, random: &mut Random) -> Self {
        match self {
            Self::Drawn { draws, .. } => {
                let count = u32::try_from(draws.len()).unwrap_or(u32::MAX);
                Self::Drawn { draws: Arc::clone(draws), next: random.below(count) as usize }
            }
            other => other.clone(),
        }
    }

    /// The next account.
    #[inline]
    pub(crate) fn next(&mut self, random: &mut Random) -> u32 {
        match self {
            Self::Uniform { accounts } => random.below(*accounts),
            Self::Hot => 0,
            Self::Drawn { draws, next } => {
                let account = draws[*next];
                *next += 1;
                if *next == draws.len() {
                    *next = 0;
                }
                account
            }
        }
    }
}

/// So many draws of accounts by Zipf's law.
fn zipf(accounts: u32, draws: usize) -> Arc<[u32]> {
    let law = Zipf::new(accounts);
    let step = scatter(accounts);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..draws)
        .map(|_| {
            let rank = u64::from(law.draw(&mut random) - 1);
            u32::try_from(rank * step % u64::from(accounts)).unwrap_or(0)
        })
        .collect()
}

/// A step that visits every account once: neighbours in rank are no neighbours in memory.
fn scatter(accounts: u32) -> u64 {
    let accounts = u64::from(accounts);
    let mut step = (accounts * 618 / 1_000) | 1;
    while gcd(step, accounts) != 1 {
        step += 2;
    }
    step
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Rejection-inversion (Hörmann and Derflinger 1996): two logarithms a draw, whatever the number of ranks.
struct Zipf {
    ranks: f64,
    area_first: f64,
    area_all: f64,
    accept: f64,
}

impl Zipf {
    fn new(ranks: u32) -> Self {
        let ranks = f64::from(ranks);
        Self {
            ranks,
            area_first: area(1.5) - 1.0,
            area_all: area(ranks + 0.5),
            accept: 2.0 - area_inverse(area(2.5) - height(2.0)),
        }
    }

    /// A rank, from 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number of ranks")]
    fn draw(&self, random: &mut Random) -> u32 {
        loop {
            let u = self.area_all + random.fraction() * (self.area_first - self.area_all);
            let x = area_inverse(u);
            let rank = (x + 0.5).floor().clamp(1.0, self.ranks);
            if rank - x <= self.accept || u >= area(rank + 0.5) - height(rank) {
                return rank as u32;
            }
        }
    }
}

fn height(x: f64) -> f64 {
    x.powf(-EXPONENT)
}

/// The area under `height` up to `x`, but for a constant.
fn area(x: f64) -> f64 {
    (x.powf(1.0 - EXPONENT) - 1.0) / (1.0 - EXPONENT)
}

fn area_inverse(area: f64) -> f64 {
    (area * (1.0 - EXPONENT) + 1.0).powf(1.0 / (1.0 - EXPONENT))
}

#[cfg(test)]
mod tests;
