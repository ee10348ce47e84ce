//! Steps of the wall clock while the daemon runs and between two runs, with the real program (design, section 5; R22).

use std::time::Duration;

use protocol::{AccountId, ClockState, ClockView, Command, CommandId, HoldId, Operation, Outcome, Text, View, Welcome};
use uuid::{NoContext, Timestamp, Uuid};

use super::daemon::{Daemon, Folder, wait_until};
use super::faketime::FakeClock;
use crate::crash::wire::{Reply, Request, Wire};

const ACCOUNT: AccountId = AccountId(0xacc0);
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const SUSPECT: &str = "creditd_clock_suspect";
/// What a test may be late by: it runs beside others.
const SLACK_MS: u64 = 30_000;

/// Milliseconds since 1970 by the real clock.
fn real_ms() -> u64 {
    let (seconds, nanos) = Uuid::now_v7().get_timestamp().unwrap().to_unix();
    seconds * 1_000 + u64::from(nanos) / 1_000_000
}

/// A hold id whose own time is so many seconds after the real one.
fn hold_id(seconds_ahead: u64) -> HoldId {
    let at = Timestamp::from_unix(NoContext, real_ms() / 1_000 + seconds_ahead, 0);
    HoldId(Uuid::new_v7(at).as_u128())
}

struct World {
    folder: Folder,
    clock: FakeClock,
    daemon: Daemon,
    wire: Wire,
}

impl World {
    fn new() -> Self {
        let folder = Folder::new();
        let clock = FakeClock::standing_at(folder.path(), 0);
        clock.run_ahead(0);
        let daemon = Daemon::must_start(&folder, Some(&clock), &[]);
        let wire = Wire::connect(&daemon.address).unwrap();
        let mut world = Self { folder, clock, daemon, wire };
        let open = Command::OpenAccount { command: CommandId(1), account: ACCOUNT, zone: Text::default() };
        assert_eq!(world.command(open).outcome, Outcome::Done);
        world
    }

    fn command(&mut self, command: Command) -> protocol::CommandAnswer {
        self.wire.ask(&[command]).unwrap().remove(0)
    }

    fn ask(&mut self, operation: Operation) -> protocol::Answer {
        self.wire.send(&Request::Operations(vec![operation])).unwrap();
        match self.wire.receive().unwrap() {
            Reply::Answers(mut answers) => answers.remove(0),
            Reply::Command(answer) => panic!("{answer:?}"),
        }
    }

    fn face(&mut self, confirm: bool) -> ClockView {
        let answer = self.command(Command::Clock { confirm });
        assert_eq!(answer.outcome, Outcome::Done);
        let View::Clock(view) = answer.view else { panic!("a clock is shown: {answer:?}") };
        view
    }

    fn run_ahead(&mut self, seconds: u64, expected: ClockState) {
        self.clock.run_ahead(seconds);
        wait_until(expected.name(), || self.face(false).state == expected);
    }

    /// A new connection's welcome.
    fn server_time_ms(&self) -> u64 {
        let (_, welcome): (Wire, Welcome) = Wire::connect_and_welcome(&self.daemon.address).unwrap();
        welcome.server_time_ms
    }

    fn restart(self, seconds: u64, environment: &[(&str, &str)]) -> Self {
        let Self { folder, clock, daemon, .. } = self;
        daemon.terminate();
        clock.run_ahead(seconds);
        let daemon = Daemon::must_start(&folder, Some(&clock), environment);
        let wire = Wire::connect(&daemon.address).unwrap();
        Self { folder, clock, daemon, wire }
    }

    fn times_logged(&self, words: &str) -> usize {
        self.folder.log().matches(words).count()
    }
}

fn is_near(a: u64, b: u64) -> bool {
    a.abs_diff(b) < SLACK_MS
}

#[test]
fn a_leap_of_the_wall_clock_is_suspect_until_it_is_confirmed() {
    let mut world = World::new();
    assert_eq!(world.daemon.metric::<u64>(SUSPECT), 0);
    world.run_ahead(2 * HOUR, ClockState::Suspect);

    let face = world.face(false);
    assert!(is_near(face.wall_ms, real_ms() + 2 * HOUR * 1_000), "{face:?}");
    assert!(is_near(face.daemon_ms, real_ms()), "time goes on by the monotonic clock: {face:?}");
    assert!(is_near(face.step_ms, 2 * HOUR * 1_000) && !face.confirmed, "{face:?}");
    assert_eq!(world.daemon.metric::<u64>(SUSPECT), 1);
    let readiness = world.daemon.get("/readyz?verbose");
    assert!(readiness.contains("[!] clock suspect") && readiness.ends_with("ready\n"), "{readiness}");
    assert!(!readiness.ends_with("not ready\n"), "an alarm is not an outage: {readiness}");

    // Clients with a right clock go on; what the suspect clock would want is refused, and nobody is told its time.
    assert_eq!(world.ask(Operation::reserve(hold_id(0), ACCOUNT, 10, 60_000)).outcome, Outcome::Granted);
    let refused = world.ask(Operation::reserve(hold_id(2 * HOUR), ACCOUNT, 10, 60_000));
    assert_eq!(refused.outcome, Outcome::HoldIdExpired);
    assert!(is_near(refused.time_ms, real_ms()), "{refused:?}");
    assert!(is_near(world.server_time_ms(), real_ms()));

    let face = world.face(true);
    assert!(face.confirmed && is_near(face.step_ms, 2 * HOUR * 1_000), "{face:?}");
    assert_eq!((face.state, face.daemon_ms), (ClockState::Believed, face.wall_ms));
    assert_eq!(world.daemon.metric::<u64>(SUSPECT), 0);
    assert_eq!(world.ask(Operation::reserve(hold_id(2 * HOUR), ACCOUNT, 10, 60_000)).outcome, Outcome::Granted);
    assert_eq!(world.ask(Operation::reserve(hold_id(0), ACCOUNT, 10, 60_000)).outcome, Outcome::HoldIdExpired);
    assert!(is_near(world.server_time_ms(), real_ms() + 2 * HOUR * 1_000));
    assert_eq!(world.times_logged("leapt forward and is not believed"), 1);
    assert_eq!(world.times_logged("forward step was confirmed"), 1);

    let face = world.face(true);
    assert!(!face.confirmed && face.step_ms == 0, "there is nothing to confirm any more: {face:?}");
}

#[test]
fn a_leap_that_is_taken_back_leaves_nothing_behind() {
    let mut world = World::new();
    world.run_ahead(40 * DAY, ClockState::Suspect);
    let hold = hold_id(0);
    assert_eq!(world.ask(Operation::reserve(hold, ACCOUNT, 10, 60_000)).outcome, Outcome::Granted);
    let subscribe =
        Command::Subscribe { command: CommandId(2), account: ACCOUNT, plan: 11, auto_renew: true, paid_through_ms: 0 };
    assert_eq!(world.command(subscribe).outcome, Outcome::Done);
    let View::Hold(view) = world.command(Command::ShowHold { hold }).view else { panic!("a hold is shown") };
    assert!(is_near(view.created_at_ms, real_ms()) && is_near(view.ends_at_ms, real_ms() + 60_000), "{view:?}");

    // The next start finds the journal's times, were they too late, and goes on from there.
    let mut world = world.restart(0, &[]);
    let face = world.face(false);
    assert_eq!(face.state, ClockState::Believed, "{face:?}");
    assert!(is_near(face.daemon_ms, real_ms()), "{face:?}");
    let View::Account(view) = world.command(Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    let plan = view.plan.unwrap();
    assert!(is_near(plan.anchor_ms, real_ms()) && is_near(plan.starts_at_ms, real_ms()), "{plan:?}");

    world.run_ahead(40 * DAY, ClockState::Suspect);
    world.run_ahead(0, ClockState::Believed);
    assert_eq!(world.daemon.metric::<u64>(SUSPECT), 0);
    assert_eq!(world.times_logged("has come back and is believed again"), 1);
    assert_eq!(world.times_logged("leapt forward and is not believed"), 2);
}

#[test]
fn after_a_backward_step_time_goes_on_at_half_speed_and_ids_go_by_the_wall_clock() {
    let mut world = World::new();
    world.run_ahead(HOUR / 2, ClockState::Believed);
    wait_until("the step is believed", || {
        let face = world.face(false);
        is_near(face.daemon_ms, real_ms() + HOUR / 2 * 1_000)
    });
    world.run_ahead(0, ClockState::CatchingUp);
    let first = world.face(false);
    std::thread::sleep(Duration::from_secs(2));
    let second = world.face(false);
    let (wall, daemon) = (second.wall_ms - first.wall_ms, second.daemon_ms - first.daemon_ms);
    assert!(wall >= 2_000, "{first:?} {second:?}");
    // Both are read in milliseconds.
    assert!((daemon * 2).abs_diff(wall) <= 4, "half speed: {first:?} {second:?}");
    assert!(is_near(second.wall_ms, real_ms()), "{second:?}");
    assert_eq!(world.daemon.metric::<u64>(SUSPECT), 0);
    assert_eq!(world.ask(Operation::reserve(hold_id(0), ACCOUNT, 10, 60_000)).outcome, Outcome::Granted);
    let ahead = world.ask(Operation::reserve(hold_id(HOUR / 2), ACCOUNT, 10, 60_000));
    assert_eq!(ahead.outcome, Outcome::HoldIdExpired);
    assert!(!world.face(true).confirmed, "a backward step cannot be confirmed");
}

#[test]
fn a_start_far_ahead_of_the_journal_is_refused_and_says_what_to_do() {
    let world = World::new();
    let World { folder, clock, daemon, .. } = world;
    daemon.terminate();
    clock.run_ahead(31 * DAY);
    let Err(status) = Daemon::start(&folder, Some(&clock), &[]) else { panic!("a start 31 days ahead") };
    assert_eq!(status.code(), Some(78));
    let log = folder.log();
    let refusal = log.lines().last().unwrap();
    assert!(refusal.contains("more than clock.start_step_max_ms = 2592000000; set the clock, or raise"), "{refusal}");

    clock.run_ahead(29 * DAY);
    Daemon::must_start(&folder, Some(&clock), &[]).terminate();
    clock.run_ahead(60 * DAY);
    assert!(Daemon::start(&folder, Some(&clock), &[]).is_err(), "a start 31 days after the last one");
    let raised = ("CREDITD_CLOCK__START_STEP_MAX_MS", "2764800000");
    Daemon::must_start(&folder, Some(&clock), &[raised]).terminate();
}
