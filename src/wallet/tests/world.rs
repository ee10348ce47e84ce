//! The language of the tables: one request a line, what must come of it after the arrow.
//!
//! ```text
//! open a                       => done left=100/0/0
//! reserve h1 a 30              => granted split=30/0/0 left=70/0/0
//! commit h1 10 n=1             => done amount=10
//! ```
//!
//! An expectation names an outcome and any of `split left amount lost field tier detail ends next debt late`;
//! `replayed:granted` is a retry with its first decision. Amounts are in credits. After every table the journal is
//! replayed: I1 for all rows, and every wallet in memory equals its row (I8), also after a restart.

use std::collections::HashMap;

use super::disk::{Disk, Maps};
use super::verbs;
use crate::bucket::{Bucket, Slices, Sources, Split};
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{Engine, Run};
use crate::hold::HoldState;
use crate::ids::{AccountId, CommandId, HoldId, MemberId, Now, Position, Tier, Timestamp, WorkerId};
use crate::outcome::{Field, Outcome};
use crate::record::{Attribution, CaptureRequest, OverCommit, RefundReason};
use crate::request::{Answer, Command, CommandRequest, Operation, ReserveRequest};
use crate::settings::Settings;

/// Runs a table with the default settings, from 2026-03-10 12:00 UTC on, with 100 free credits a day.
#[track_caller]
pub(super) fn check(table: &str) -> World {
    check_with(Settings::default(), table)
}

/// Runs a table.
#[track_caller]
pub(super) fn check_with(settings: Settings, table: &str) -> World {
    let mut world = World::new(settings);
    world.check(table);
    world
}

/// An engine over a disk in memory, its time, and the names that a table gives.
pub(super) struct World {
    pub(super) engine: Engine<Disk, Disk>,
    pub(super) disk: Disk,
    pub(super) now: Now,
    settings: Settings,
    chunk: Chunk,
    holds: HashMap<String, HoldId>,
    owners: HashMap<String, AccountId>,
    commands: u128,
}

/// An account by its one-letter name.
pub(super) fn account(name: &str) -> AccountId {
    AccountId(u128::from(name.as_bytes()[0]))
}

/// A UUIDv7 with this time of its own.
pub(super) fn hold_id(at: Timestamp, number: u128) -> HoldId {
    HoldId((u128::from(at.0) << 80) | (7 << 76) | (0b10 << 62) | number)
}

pub(super) fn instant(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp(u64::try_from(at.as_millisecond()).unwrap())
}

/// `10s`, `5m`, `2h`, `3d` or plain milliseconds.
pub(super) fn millis(text: &str) -> u64 {
    let units = [('s', 1_000), ('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];
    let unit = units.iter().find(|(unit, _)| text.ends_with(*unit));
    unit.map_or_else(
        || text.parse().unwrap(),
        |(unit, size)| text.trim_end_matches(*unit).parse::<u64>().unwrap() * size,
    )
}

pub(super) fn credits(text: &str) -> Credits {
    text.parse().unwrap()
}

fn slashes(split: &Split) -> String {
    format!("{}/{}/{}", split.free, split.subscription, split.top_up)
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let disk = Disk::default();
        let engine = Engine::new(settings.clone(), disk.clone(), disk.clone());
        let now = Now::at(instant("2026-03-10T12:00:00Z"));
        engine.ensure_policy(Credits::from_whole(100), false, now);
        engine.set_plans(super::plan_words::plans());
        let chunk = engine.chunk();
        let (holds, owners) = (HashMap::new(), HashMap::new());
        Self { engine, disk, now, settings, chunk, holds, owners, commands: 0 }
    }

    /// Runs every line, then replays.
    #[track_caller]
    pub(super) fn check(&mut self, table: &str) {
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.check_line(line);
        }
        self.check_replay();
    }

    /// Runs one line of a table, without the replay.
    #[track_caller]
    pub(super) fn check_line(&mut self, line: &str) {
        let (request, expected) = line.split_once("=>").unwrap_or((line, ""));
        let told = self.line(request);
        compare(line, &told, expected);
    }

    /// Runs one operation and says what came of it; the archive follows where the engine asks for it.
    pub(super) fn run(&mut self, operation: Operation) -> Answer {
        self.run_all(&[operation])[0]
    }

    /// Runs several operations as one chunk.
    pub(super) fn run_all(&mut self, operations: &[Operation]) -> Vec<Answer> {
        self.chunk.clear();
        loop {
            match self.engine.run(&mut self.chunk, operations, self.now) {
                Run::Done => return self.chunk.answers().to_vec(),
                Run::Projected(_) => self.disk.catch_up(),
                Run::Yield => panic!("one thread waits for another"),
            }
        }
    }

    pub(super) fn command(&mut self, command: Command) -> Answer {
        self.commands += 1;
        self.command_as(self.commands, command)
    }

    pub(super) fn command_as(&self, id: u128, command: Command) -> Answer {
        let request = CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() };
        self.engine.command(&request, self.now)
    }

    /// Lets every hold expire whose time has come; says how many did.
    pub(super) fn expire(&mut self) -> usize {
        let mut count = 0;
        loop {
            self.chunk.clear();
            let expired = self.engine.expire_due(&mut self.chunk, self.now);
            if expired == 0 {
                return count;
            }
            count += expired;
        }
    }

    pub(super) fn advance(&mut self, millis: u64) {
        self.now = Now { daemon: self.now.daemon.plus_millis(millis), wall: self.now.wall.plus_millis(millis) };
    }

    /// The engine that a start would load from the projections.
    pub(super) fn restarted(&self) -> Self {
        let disk = self.disk.copy();
        disk.flush();
        let engine = load(&self.settings, &disk, self.now);
        engine.set_plans(self.engine.plans());
        engine.set_rates(self.engine.rates());
        let chunk = engine.chunk();
        Self {
            engine,
            disk,
            now: self.now,
            settings: self.settings.clone(),
            chunk,
            holds: self.holds.clone(),
            owners: self.owners.clone(),
            commands: self.commands,
        }
    }

    /// I1 for all rows of a replay, and I8: every wallet equals its row, live and after a restart.
    #[track_caller]
    pub(super) fn check_replay(&self) {
        let mut replayed = self.disk.replayed();
        for row in replayed.rows.values() {
            assert_eq!(row.check(), Ok(()));
        }
        let restarted = self.restarted();
        compare_wallets(&self.engine, &mut replayed, self.now);
        let mut replayed = restarted.disk.replayed();
        compare_wallets(&restarted.engine, &mut replayed, restarted.now);
    }

    /// A hold's id by its name; `h1@-6m` and `h1@+2m` make it older or younger than now.
    pub(super) fn hold(&mut self, name: &str) -> HoldId {
        let (name, offset) = name.split_once('@').unwrap_or((name, ""));
        let number = u128::try_from(self.holds.len()).unwrap() + 1;
        let wall = self.now.wall;
        let own = match offset.split_at_checked(1) {
            Some(("-", back)) => wall.minus_millis(millis(back)),
            Some(("+", ahead)) => wall.plus_millis(millis(ahead)),
            _ => wall,
        };
        *self.holds.entry(name.to_owned()).or_insert_with(|| hold_id(own, number))
    }

    /// The names of the holds so far.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, HoldId)> {
        self.holds.iter().map(|(name, id)| (name.as_str(), *id))
    }

    fn line(&mut self, line: &str) -> Told {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let (options, plain): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let options = options.iter().filter_map(|option| option.split_once('=')).collect();
        let line = Line { plain, options };
        if let Some(operation) = self.operation(verb, &line) {
            return Told::Answer(self.run(operation), self.now);
        }
        if let Some(told) = self.more(verb, &line) {
            return told;
        }
        if let Some(command) = command(verb, &line, self.now).or_else(|| verbs::command(verb, &line)) {
            let answer = match line.options.get("id") {
                Some(id) => self.command_as(id.parse().unwrap(), command),
                None => self.command(command),
            };
            return Told::Answer(answer, self.now);
        }
        match verb {
            "at" => self.now = Now::at(instant(line.word(0))),
            "after" => self.advance(millis(line.word(0))),
            "policy" => {
                let pushed = self.engine.ensure_policy(credits(line.word(0)), line.has("all"), self.now);
                return Told::Count(usize::from(pushed));
            }
            "expire" => return Told::Count(self.expire()),
            "flush" => self.disk.flush(),
            "forget" => return Told::Count(usize::try_from(self.engine.forget(self.now)).unwrap()),
            "let_go" => _ = self.engine.let_go(self.now),
            "restart" => *self = self.restarted(),
            _ => panic!("no such request: {verb}"),
        }
        Told::Nothing
    }

    fn operation(&mut self, verb: &str, line: &Line<'_>) -> Option<Operation> {
        if verb == "balance" {
            return Some(Operation::Balance { account: account(line.word(0)) });
        }
        if !["reserve", "charge", "commit", "release", "refund", "extend"].contains(&verb) {
            return None;
        }
        let name = line.word(0).split('@').next().unwrap().to_owned();
        let hold = self.hold(line.word(0));
        if verb == "reserve" || verb == "charge" {
            let request = reserve_request(line, hold, verb == "charge");
            self.owners.entry(name).or_insert(request.account);
            let charge = verb == "charge";
            return Some(if charge { Operation::Charge(request) } else { Operation::Reserve(request) });
        }
        let owner = self.owners.get(&name).copied().unwrap_or_else(|| account("a"));
        let account = line.options.get("by").map_or(owner, |name| account(name));
        let number = line.options.get("n").map_or(1, |number| number.parse().unwrap());
        let amount = || if line.word(1) == "all" { None } else { Some(credits(line.word(1))) };
        Some(match verb {
            "commit" => {
                let request = CaptureRequest { number, amount: amount(), last: !line.has("more") };
                Operation::Commit { account, hold, request }
            }
            "release" => Operation::Release { account, hold },
            "refund" => {
                let reason =
                    if line.has("provider_error") { RefundReason::ProviderError } else { RefundReason::Goodwill };
                Operation::Refund { account, hold, number, amount: amount(), reason }
            }
            _ => Operation::Extend { account, hold, ttl_ms: u32::try_from(millis(line.word(1))).unwrap() },
        })
    }
}

/// A request's words: the plain ones in order, and those with `=`.
pub(super) struct Line<'a> {
    pub(super) plain: Vec<&'a str>,
    pub(super) options: HashMap<&'a str, &'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn word(&self, index: usize) -> &'a str {
        self.plain.get(index).copied().unwrap_or_else(|| panic!("a word is missing"))
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }

    pub(super) fn number<T: std::str::FromStr + Default>(&self, option: &str) -> T {
        self.options.get(option).and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

fn reserve_request(line: &Line<'_>, hold: HoldId, charge: bool) -> ReserveRequest {
    let sources = match () {
        () if line.has("free_only") => Sources::FREE_ONLY,
        () if line.has("no_top_up") => Sources::NO_TOP_UP,
        () => Sources::from_bits(line.number("sources")).unwrap(),
    };
    let over_commit = match () {
        () if line.has("cap") => OverCommit::Cap,
        () if line.has("draw") => OverCommit::Draw,
        () => OverCommit::Reject,
    };
    let ttl = line.options.get("ttl").map_or(60_000, |ttl| millis(ttl));
    ReserveRequest {
        account: account(line.word(1)),
        hold,
        amount: credits(line.word(2)),
        sources,
        pro_model: line.has("pro"),
        priced: line.has("priced"),
        min_tier: Tier(line.number("tier")),
        ttl_ms: if charge { 0 } else { u32::try_from(ttl).unwrap() },
        over_commit,
        attribution: Attribution {
            member: MemberId(line.number("member")),
            tool: line.number("tool"),
            model: line.number("model"),
            count: line.number("count"),
        },
        worker: WorkerId(line.number("worker")),
        settings: line.number("settings"),
    }
}

pub(super) fn bucket(name: &str) -> Bucket {
    match name {
        "free" => Bucket::Free,
        "subscription" => Bucket::Subscription,
        _ => Bucket::TopUp,
    }
}

fn command(verb: &str, line: &Line<'_>, now: Now) -> Option<Command> {
    let account = || account(line.word(0));
    Some(match verb {
        "open" => {
            Command::OpenAccount { account: account(), zone: line.options.get("zone").map_or("", |zone| zone).into() }
        }
        "freeze" => Command::Freeze { account: account(), frozen: true },
        "unfreeze" => Command::Freeze { account: account(), frozen: false },
        "subscribe" => {
            let ends_at = line.options.get("for").map_or(Timestamp::NONE, |time| now.daemon.plus_millis(millis(time)));
            let ends_at = line.options.get("until").map_or(ends_at, |text| instant(text));
            let tier = Tier(line.options.get("tier").map_or(1, |tier| tier.parse().unwrap()));
            Command::SetSubscription { account: account(), amount: credits(line.word(1)), tier, ends_at }
        }
        "grant" => Command::Grant { account: account(), bucket: bucket(line.word(1)), amount: credits(line.word(2)) },
        "topup" => Command::TopUp { account: account(), amount: credits(line.word(1)) },
        "clawback" => Command::Clawback { account: account(), amount: credits(line.word(1)) },
        _ => return super::plan_words::command(verb, line),
    })
}

/// What a line came to.
pub(super) enum Told {
    Answer(Answer, Now),
    Text(String),
    Count(usize),
    Nothing,
}

#[track_caller]
fn compare(line: &str, told: &Told, expected: &str) {
    let mut words = expected.split_whitespace();
    let Some(first) = words.next() else { return };
    match told {
        Told::Nothing => panic!("{line}: there is nothing to expect"),
        Told::Text(text) => assert_eq!(first, text, "{line}"),
        Told::Count(count) => assert_eq!(first, count.to_string(), "{line}"),
        Told::Answer(answer, now) => {
            assert_eq!(outcome_text(answer), first, "{line}\n{answer:?}");
            for word in words {
                let (name, value) = word.split_once('=').unwrap_or((word, "true"));
                assert_eq!(part(answer, name, *now), value, "{line}: {name}\n{answer:?}");
            }
        }
    }
}

fn outcome_text(answer: &Answer) -> String {
    if answer.outcome != Outcome::Replayed {
        return answer.outcome.name().to_owned();
    }
    let first = Outcome::from_code(u16::try_from(answer.detail).unwrap()).unwrap();
    format!("replayed:{}", first.name())
}

fn part(answer: &Answer, name: &str, now: Now) -> String {
    let after = |at: Timestamp| format!("{}s", at.seconds() - now.daemon.seconds());
    match name {
        "split" => slashes(&answer.split),
        "left" => slashes(&answer.available),
        "amount" | "debt" => answer.amount.to_string(),
        "lost" => answer.forfeited.to_string(),
        "late" => answer.late.to_string(),
        "top_up_allowed" => answer.top_up_allowed.to_string(),
        "detail" | "tier" => answer.detail.to_string(),
        "field" => Field::from_code(answer.detail).map_or_else(String::new, |field| format!("{field:?}")),
        "ends" => after(answer.time),
        "next" if answer.next_reset_at == Timestamp::NONE => "none".to_owned(),
        "next" => after(answer.next_reset_at),
        "next_at" => {
            jiff::Timestamp::from_millisecond(i64::try_from(answer.next_reset_at.0).unwrap()).unwrap().to_string()
        }
        "position" => (answer.position != Position::NONE).to_string(),
        _ => panic!("no such part of an answer: {name}"),
    }
}

/// An engine filled from the archive, as a start does it.
pub(super) fn load(settings: &Settings, disk: &Disk, now: Now) -> Engine<Disk, Disk> {
    let maps = disk.replayed();
    let engine = Engine::new(settings.clone(), disk.clone(), disk.clone());
    for policy in maps.policies.all() {
        engine.load_policy(*policy);
    }
    engine.load_id_bound(maps.bound);
    for row in maps.rows.values() {
        engine.load_wallet(row, now).unwrap();
    }
    let remembered = |id: &HoldId, state| state == HoldState::Open || id.own_time().is_none_or(|own| own >= maps.bound);
    for (id, hold) in maps.holds.iter().filter(|(id, hold)| remembered(id, hold.state)) {
        engine.load_hold(*id, hold.clone()).unwrap();
    }
    engine.loaded(now);
    engine
}

/// I8: every wallet, rolled to now, equals its row, rolled to the same day.
#[track_caller]
pub(super) fn compare_wallets(engine: &Engine<Disk, Disk>, replayed: &mut Maps, now: Now) {
    let accounts: Vec<AccountId> = replayed.rows.keys().copied().collect();
    // Looking rolls a wallet over the end of a cycle; its row has to follow.
    let views: Vec<_> = accounts.iter().map(|account| engine.wallet_view(*account, now).unwrap()).collect();
    replayed.catch_up(&engine.journal().records());
    let policies = replayed.policies.clone();
    for (account, view) in accounts.iter().zip(views) {
        let row = replayed.rows.get_mut(account).unwrap();
        row.roll_day(view.day, &policies);
        assert_eq!(row.check(), Ok(()));
        let name = row.account;
        assert_eq!(view.available, row.available(), "I8: what is available in {name}");
        assert_eq!(view.debt, row.debt(), "I8: the debt of {name}");
        assert_eq!((view.day, view.period, view.tier), (row.day, row.period, row.tier), "I8: the periods of {name}");
        assert_eq!(view.frozen, row.frozen, "I8: {name} frozen");
        let waits = row.pending_top_ups.iter().filter(|pending| pending.ends_at > now.daemon);
        assert!(view.pending_top_ups.iter().eq(waits), "I8: the pending top-ups of {name}");
        assert_eq!((view.subscription, view.pending), (row.subscribed, row.pending), "I8: the subscription of {name}");
        assert_eq!((view.zone, view.cycle_ends_at), (row.zone.clone(), row.ends_at), "I8: the zone of {name}");
        assert!(view.debt.is_zero() || view.available.top_up.is_zero(), "R16: debt beside top-up credits");
    }
}

/// What a record took or gave, for tests that look into the journal.
pub(super) fn only(bucket: Bucket, whole: u64) -> Slices {
    Slices { split: Split::only(bucket, Credits::from_whole(whole)), ..Slices::default() }
}
