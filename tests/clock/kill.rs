//! SIGKILL at random moments around a boundary: before it, while everybody is rolled over it, after it, and once more
//! right after the start. What was acknowledged is there; what was not is there whole or not at all, and a retry of it has
//! one effect; and the balances are those of the model, which nobody kills (I3, I5, I7, R35).
//!
//! Every month ends at 00:00 UTC of a day, and with it the cycles of accounts that subscribed on 31 January at 00:00: day,
//! cycle and holds end at one instant. Requests in flight are one for each account, so that a retry tells when the first
//! one was decided: before the kill (`replayed`), or only now.

use std::time::Duration;

use protocol::{AccountId, Operation, Outcome};

use super::faketime::at;
use super::traffic;
use super::twin::Twin;
use super::{number_from, seed};
use crate::crash::wire::{Reply, Request};
use crate::sim::random::Random;
use crate::sim::zones::Zone;

/// Kills in the short form.
const KILLS: u64 = 10;
/// Boundaries on one data folder; then a new one.
const BOUNDARIES_A_FOLDER: u64 = 12;
const ACCOUNTS: u128 = 96;
/// Every so many accounts have holds that end at the boundary, and no requests in flight there: whether such a hold has
/// ended before a request or after it could not be told.
const SHORT_HOLDS_EVERY: usize = 8;
/// Holds of the others outlast the kill.
const LONG_MS: [u32; 1] = [86_400_000];
const OUTLASTS_MS: u64 = 3 * 3_600_000;
const BEGIN: &str = "2027-01-31T00:00:00Z";

/// When the daemon is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    During,
    After,
}

#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    acknowledged: u64,
    replayed: u64,
    only_now: u64,
    compared: u64,
}

struct Run {
    twin: Twin,
    random: Random,
    tally: Tally,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut run = Self { twin: Twin::new(at(BEGIN)), random: Random::new(seed), tally: Tally::default() };
        for number in 0..ACCOUNTS {
            let account = AccountId(0x1000 + number);
            let zone = if number % 3 == 0 { run.random.pick(&Zone::ALL) } else { Zone::Utc };
            run.twin.open(account, zone);
            if number % 4 != 0 {
                let subscribe = traffic::subscribe(&mut run.random, account);
                run.twin.command(&subscribe);
            }
        }
        run
    }

    fn around(&mut self, boundary: u64) {
        self.twin.pass_to(boundary - 1_000);
        self.acknowledged_traffic();
        for index in (0..self.twin.accounts.len()).step_by(SHORT_HOLDS_EVERY) {
            let (account, _) = self.twin.accounts[index];
            let amount = self.random.below(20_000);
            self.twin.ask(Operation::reserve(traffic::hold_id(self.twin.now), account, amount, 1_000));
        }
        let when = self.random.pick(&[When::Before, When::During, When::During, When::After]);
        match when {
            When::Before => {}
            When::During => {
                self.twin.step_to(boundary);
                self.pause(80_000);
            }
            When::After => {
                self.twin.pass_to(boundary);
                self.acknowledged_traffic();
            }
        }
        let burst = self.burst();
        let unanswered = self.send_and_kill(burst);
        let later = self.random.pick(&[0, 0, 1_000, 60_000, 7_200_000]);
        self.start_again(unanswered, self.twin.now + later);
        self.twin.look();
        self.acknowledged_traffic();
        self.twin.pass_to(boundary.max(self.twin.now) + 60_000);
        self.acknowledged_traffic();
        self.twin.look();
    }

    fn acknowledged_traffic(&mut self) {
        for (account, _) in self.twin.accounts.clone() {
            if self.random.once_in_1000(400) {
                let operation = traffic::lasting(&self.twin, &mut self.random, account, (OUTLASTS_MS, &LONG_MS));
                self.twin.ask(operation);
            }
            if self.random.once_in_1000(15) {
                let command = traffic::command(&self.twin, &mut self.random, account);
                self.twin.command(&command);
            }
        }
    }

    /// One request for each account without short holds.
    fn burst(&mut self) -> Vec<Operation> {
        let accounts = self.twin.accounts.clone();
        let accounts = accounts.iter().enumerate().filter(|(index, _)| index % SHORT_HOLDS_EVERY != 0);
        let mut burst = Vec::new();
        for (_, (account, _)) in accounts {
            let operation = traffic::lasting(&self.twin, &mut self.random, *account, (OUTLASTS_MS, &LONG_MS));
            // A repeated extension is a new one.
            if operation.kind != protocol::OperationKind::Extend {
                burst.push(operation);
            }
        }
        burst
    }

    /// Sends all of them, kills the daemon before long, and gives back what had no answer by then.
    fn send_and_kill(&mut self, burst: Vec<Operation>) -> Vec<Operation> {
        for operation in &burst {
            self.twin.wire.send(&Request::Operations(vec![*operation])).unwrap();
        }
        // A quiet machine answers all of them within a millisecond: half of the kills come at once.
        let at_most = self.random.pick(&[1, 1, 300, 6_000]);
        self.pause(at_most);
        self.twin.daemon.kill();
        self.tally.kills += 1;
        let mut unanswered = burst.into_iter();
        while let Ok(reply) = self.twin.wire.receive() {
            let Reply::Answers(answers) = reply else { panic!("{reply:?}") };
            let operation = unanswered.next().unwrap();
            self.twin.agree(&operation, &answers[0]);
            self.tally.acknowledged += 1;
        }
        unanswered.collect()
    }

    /// Starts, at times is killed once more at once, and asks again what had no answer.
    fn start_again(&mut self, unanswered: Vec<Operation>, later: u64) {
        self.twin.kill_and_restart(later);
        if self.random.once_in_1000(300) {
            self.pause(60_000);
            self.twin.kill_and_restart(later);
            self.tally.kills += 1;
        }
        for operation in &unanswered {
            self.twin.wire.send(&Request::Operations(vec![*operation])).unwrap();
        }
        let mut only_now = Vec::new();
        for operation in unanswered {
            let Reply::Answers(answers) = self.twin.wire.receive().unwrap() else { panic!("answers of commands") };
            if answers[0].outcome == Outcome::Replayed {
                self.twin.agree_with_first(&operation, &answers[0]);
                self.tally.replayed += 1;
            } else {
                only_now.push((operation, answers));
            }
        }
        self.twin.be_at(later);
        for (operation, answers) in only_now {
            self.twin.agree(&operation, &answers[0]);
            self.tally.only_now += 1;
        }
        self.twin.wait_for_expiries();
    }

    fn pause(&mut self, micros_max: u64) {
        std::thread::sleep(Duration::from_micros(self.random.below(micros_max)));
    }
}

/// The ends of months after [`BEGIN`].
fn month_ends() -> impl Iterator<Item = u64> {
    (1_u32..).map(|month| Zone::Utc.months_after(at(BEGIN), month))
}

#[test]
fn kills_around_a_boundary_change_no_balance() {
    let seed = seed("kills around a boundary");
    let mut left = number_from("CLOCK_KILLS", KILLS);
    let (mut folder, mut all) = (0, Tally::default());
    while left > 0 {
        let mut run = Run::new(seed.wrapping_add(folder));
        let boundaries = usize::try_from(left.min(BOUNDARIES_A_FOLDER)).unwrap();
        for boundary in month_ends().take(boundaries) {
            run.around(boundary);
        }
        left = left.saturating_sub(BOUNDARIES_A_FOLDER);
        folder += 1;
        let Tally { kills, acknowledged, replayed, only_now, .. } = run.tally;
        all = Tally {
            kills: all.kills + kills,
            acknowledged: all.acknowledged + acknowledged,
            replayed: all.replayed + replayed,
            only_now: all.only_now + only_now,
            compared: all.compared + run.twin.compared,
        };
    }
    println!("{all:?}");
    assert!(all.acknowledged + all.replayed > 0 && all.replayed + all.only_now > 0, "nothing in flight: {all:?}");
}
