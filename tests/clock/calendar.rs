//! Boundaries of the calendar with the real program: ends of months, both changes of the clocks, 29 February, the end of
//! a year (R6, R10, R35).
//!
//! A walk goes from boundary to boundary of every account: to the second before the end of a day, of a cycle or of a
//! hold, and to the end itself. At each of them there is traffic, and then every wallet is compared as a whole.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::AccountId;

use super::faketime::at;
use super::seed;
use super::traffic;
use super::twin::Twin;
use crate::sim::model::State;
use crate::sim::random::Random;
use crate::sim::zones::Zone;

/// When an account is opened and subscribes (or does not), by the clocks of UTC.
type Begin = (&'static str, Zone, bool);

/// What a walk has met.
#[derive(Debug, Default)]
struct Met {
    stops: u64,
    day_ends: u64,
    cycle_ends: u64,
    /// Stops at the end of a hold.
    hold_stops: u64,
}

/// Ends of holds that a walk stops at.
const HOLD_STOPS_MAX: u64 = 25;

struct Walk {
    twin: Twin,
    random: Random,
    begins: Vec<Begin>,
    met: Met,
}

impl Walk {
    /// Begins are in the order of their instants.
    fn new(name: &str, begins: &[Begin]) -> Self {
        let random = Random::new(seed(name));
        let twin = Twin::new(at(begins[0].0));
        Self { twin, random, begins: begins.iter().rev().copied().collect(), met: Met::default() }
    }

    /// From boundary to boundary of a span of time; what lies before it is one step.
    fn through(&mut self, from: &str, to: &str) {
        let (from, to) = (at(from), at(to));
        self.open_until(from);
        self.stop_at(from);
        while self.twin.now < to {
            let (before, then) = self.next_stop(to);
            self.open_until(before);
            self.stop_at(before);
            self.open_until(then);
            self.stop_at(then);
        }
    }

    /// Accounts that are opened by then, each at its instant.
    fn open_until(&mut self, until: u64) {
        while let Some((begin, zone, subscribes)) = self.begins.pop_if(|(begin, ..)| at(begin) <= until) {
            self.stop_at(at(begin));
            let account = AccountId(0x1000 + u128::try_from(self.twin.accounts.len()).unwrap());
            self.twin.open(account, zone);
            if subscribes {
                let command = traffic::subscribe(&mut self.random, account);
                self.twin.command(&command);
            }
        }
    }

    /// The second before the next boundary and the boundary itself, or the end of the walk.
    fn next_stop(&self, to: u64) -> (u64, u64) {
        let now = self.twin.now;
        let model = &self.twin.model;
        let days = self.twin.accounts.iter().map(|(_, zone)| zone.day_ends_at(now));
        let cycles = model.wallets.values().filter_map(|wallet| wallet.due());
        let holds = model.holds.values().filter(|hold| hold.state == State::Open).map(|hold| hold.ends_at);
        // Not at each end of a hold, or a walk has no end: most are met late, beside another boundary.
        let holds = holds.filter(|_| self.met.hold_stops < HOLD_STOPS_MAX);
        let next = days.chain(cycles).chain(holds).filter(|at| *at > now).min().unwrap_or(to).min(to);
        // The clock stands at whole seconds, and anchors lie on them; holds that are taken there end on them.
        (now.max(next - 1_000), next)
    }

    fn stop_at(&mut self, at: u64) {
        if at <= self.twin.now {
            return;
        }
        let model = &self.twin.model;
        self.met.stops += 1;
        self.met.day_ends += u64::from(self.twin.accounts.iter().any(|(_, zone)| zone.day_ends_at(at - 1) == at));
        self.met.cycle_ends += u64::from(model.wallets.values().any(|wallet| wallet.due() == Some(at)));
        let mut holds = model.holds.values();
        self.met.hold_stops += u64::from(holds.any(|hold| hold.state == State::Open && hold.ends_at == at));
        self.twin.pass_to(at);
        self.traffic();
        self.twin.look();
    }

    fn traffic(&mut self) {
        for (account, _) in self.twin.accounts.clone() {
            for _ in 0..self.random.below(4) {
                let operation = traffic::operation(&self.twin, &mut self.random, account);
                self.twin.ask(operation);
            }
            if self.random.once_in_1000(120) {
                let command = traffic::command(&self.twin, &mut self.random, account);
                self.twin.command(&command);
            }
        }
    }

    fn finish(self, least: u64) {
        let Self { twin, met, .. } = self;
        println!("{met:?}, {} comparisons, {} confirmed steps", twin.compared, twin.confirmed);
        assert!(met.stops >= least && met.day_ends > 0 && met.cycle_ends > 0 && met.hold_stops > 0, "{met:?}");
        twin.daemon.terminate();
    }
}

/// The comparison sees what it should: a model that forgets what a release gives back does not agree for long.
#[test]
fn a_wrong_rule_is_noticed() {
    let begins = [("2027-01-29T11:00:00Z", Zone::Utc, true), ("2027-01-29T12:00:00Z", Zone::Berlin, false)];
    let mut walk = Walk::new("wrong rule", &begins);
    walk.twin.model.planted = true;
    let walked = AssertUnwindSafe(|| walk.through("2027-01-31T00:00:00Z", "2027-03-01T00:00:00Z"));
    let panic = catch_unwind(walked).expect_err("the wrong rule was not noticed");
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("comparisons"), "{text}");
}

/// Anchors on the 29th, 30th and 31st of January: 28 February, then 29, 30 and 31 March, with a change of clocks beside.
#[test]
fn anchors_at_the_end_of_a_month_are_clamped_and_come_back() {
    let begins = [
        ("2027-01-29T11:59:58Z", Zone::Utc, true),
        ("2027-01-30T10:00:00Z", Zone::Berlin, true),
        ("2027-01-30T10:00:00Z", Zone::Kiritimati, false),
        ("2027-01-31T00:00:00Z", Zone::Utc, true),
        ("2027-01-31T12:00:00Z", Zone::NewYork, true),
        // Still the 30th there, and already the 1st there.
        ("2027-01-31T09:00:00Z", Zone::PagoPago, true),
        ("2027-01-31T10:30:00Z", Zone::Kiritimati, true),
        ("2027-01-31T23:59:59Z", Zone::Kolkata, true),
    ];
    let mut begins = begins;
    begins.sort_by_key(|(begin, ..)| *begin);
    let mut walk = Walk::new("month end", &begins);
    walk.through("2027-01-31T22:00:00Z", "2027-02-01T06:00:00Z");
    walk.through("2027-02-27T20:00:00Z", "2027-03-01T12:00:00Z");
    walk.through("2027-03-28T20:00:00Z", "2027-04-01T00:00:00Z");
    walk.finish(60);
}

/// New York on 14 March, Berlin, Beirut and the Azores on 28 March 2027; midnight is skipped in the last two. Some anchors
/// lie where the clocks skip an hour.
#[test]
fn clocks_that_go_forward_skip_hours_and_midnights() {
    let mut walk = Walk::new(
        "spring",
        &[
            ("2027-02-13T22:00:00Z", Zone::Beirut, false),
            // 02:30 in New York: skipped on 14 March.
            ("2027-02-14T07:30:00Z", Zone::NewYork, true),
            ("2027-02-20T00:00:00Z", Zone::Azores, false),
            // 00:15 in Beirut and in the Azores, 02:30 in Berlin: skipped on 28 March.
            ("2027-02-27T22:15:00Z", Zone::Beirut, true),
            ("2027-02-28T01:15:00Z", Zone::Azores, true),
            ("2027-02-28T01:30:00Z", Zone::Berlin, true),
            ("2027-02-28T02:00:00Z", Zone::Utc, true),
        ],
    );
    walk.through("2027-03-13T20:00:00Z", "2027-03-14T12:00:00Z");
    walk.through("2027-03-27T18:00:00Z", "2027-03-29T02:00:00Z");
    walk.finish(25);
}

/// Berlin, Beirut and the Azores on 31 October, New York on 7 November 2027: an hour, or midnight itself, comes twice.
#[test]
fn clocks_that_go_back_repeat_hours_and_midnights() {
    let mut walk = Walk::new(
        "autumn",
        &[
            ("2027-09-30T00:30:00Z", Zone::Berlin, true),
            // 23:30 in Beirut and 00:30 in the Azores: they come twice on 30 and 31 October.
            ("2027-09-30T20:30:00Z", Zone::Beirut, true),
            ("2027-10-01T00:30:00Z", Zone::Azores, true),
            ("2027-10-01T12:00:00Z", Zone::Beirut, false),
            ("2027-10-01T13:00:00Z", Zone::Azores, false),
            // 01:30 in New York: twice on 7 November.
            ("2027-10-07T05:30:00Z", Zone::NewYork, true),
        ],
    );
    walk.through("2027-10-30T16:00:00Z", "2027-11-01T06:00:00Z");
    walk.through("2027-11-06T22:00:00Z", "2027-11-07T12:00:00Z");
    walk.finish(30);
}

/// Anchors at the end of January and on 29 February itself, over a leap day and the year after it.
#[test]
fn the_29th_of_february_is_a_day_like_others() {
    let mut walk = Walk::new(
        "leap day",
        &[
            ("2028-01-29T12:00:00Z", Zone::Utc, true),
            ("2028-01-31T00:00:00Z", Zone::Berlin, true),
            ("2028-01-31T23:30:00Z", Zone::PagoPago, true),
            ("2028-02-28T12:00:00Z", Zone::NewYork, false),
            ("2028-02-29T00:00:00Z", Zone::Utc, true),
            ("2028-02-29T12:00:00Z", Zone::Kiritimati, true),
        ],
    );
    walk.through("2028-02-28T10:00:00Z", "2028-03-01T13:00:00Z");
    walk.through("2028-03-28T20:00:00Z", "2028-03-31T13:00:00Z");
    walk.through("2029-02-27T20:00:00Z", "2029-03-01T13:00:00Z");
    walk.finish(60);
}

/// The year ends first on Kiritimati and 25 hours later in Pago Pago; yearly and quarterly terms end with it.
#[test]
fn a_year_ends_zone_by_zone() {
    let mut walk = Walk::new(
        "year end",
        &[
            ("2027-09-30T23:00:00Z", Zone::Berlin, true),
            ("2027-11-30T10:00:00Z", Zone::Kiritimati, true),
            ("2027-12-01T00:00:00Z", Zone::Utc, true),
            ("2027-12-01T11:00:00Z", Zone::PagoPago, true),
            ("2027-12-15T00:00:00Z", Zone::Kolkata, false),
            ("2027-12-30T00:00:00Z", Zone::NewYork, false),
        ],
    );
    walk.through("2027-12-31T08:00:00Z", "2028-01-01T13:00:00Z");
    walk.finish(30);
}
