//! The traffic of a simulated world: fresh requests, retries, altered retries, nonsense.

use wallet::bucket::Bucket;
use wallet::credits::Credits;
use wallet::ids::{AccountId, CommandId, HoldId, MemberId, PlanId, Tier, Timestamp, WorkerId};
use wallet::outcome::Field;
use wallet::record::{Attribution, CaptureRequest, OverCommit, RefundReason};
use wallet::request::{Command, CommandRequest, Operation, ReserveRequest};
use wallet::subscription::ChangeMode;

use super::model::{Clock, DAY_MS, Model, SOURCES};
use super::random::Random;
use super::rich;
use super::zones::Zone;

/// Accounts of a world; the one after them is never opened.
pub(crate) const ACCOUNTS: u128 = 10;
const REMEMBERED: usize = 192;

/// Whom fresh requests are about.
pub(crate) struct Focus {
    pub(crate) operations: Vec<AccountId>,
    pub(crate) commands: Vec<AccountId>,
    /// An account that nobody opens at the start.
    pub(crate) nobody: AccountId,
    /// Where accounts are and move to.
    pub(crate) zones: Vec<Zone>,
    /// Whether one of them has as much as a wallet holds, and spends and gets it back.
    pub(crate) rich: bool,
}

impl Default for Focus {
    fn default() -> Self {
        let all: Vec<AccountId> = (1..=ACCOUNTS).map(AccountId).collect();
        Self {
            operations: all.clone(),
            commands: all,
            nobody: AccountId(ACCOUNTS + 1),
            zones: Zone::ALL.to_vec(),
            rich: false,
        }
    }
}

impl Focus {
    fn account(&self, random: &mut Random) -> AccountId {
        self.one_of(&self.operations, random)
    }

    fn commanded(&self, random: &mut Random) -> AccountId {
        self.one_of(&self.commands, random)
    }

    fn one_of(&self, accounts: &[AccountId], random: &mut Random) -> AccountId {
        if random.once_in_1000(10) { self.nobody } else { random.pick(accounts) }
    }

    fn zone(&self, random: &mut Random) -> String {
        match random.below(20) {
            0 => "Mars/Olympus".to_owned(),
            1 => String::new(),
            _ => random.pick(&self.zones).name().to_owned(),
        }
    }
}

/// What the clients of a world remember, to send it again or to settle it.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) focus: Focus,
    holds: Vec<(AccountId, HoldId)>,
    recent: Vec<Operation>,
    commands: Vec<CommandRequest>,
    /// Payments that were announced, to be confirmed.
    payments: Vec<CommandRequest>,
    /// Whether ids without a time are taken (R22).
    pub(crate) any_ids: bool,
    /// Requests whose answers were lost in a crash.
    pub(crate) unanswered: Vec<Operation>,
    pub(crate) unanswered_commands: Vec<CommandRequest>,
}

fn remember<T>(pool: &mut Vec<T>, random: &mut Random, value: T) {
    if pool.len() < REMEMBERED {
        pool.push(value);
    } else {
        let at = random.index(REMEMBERED);
        pool[at] = value;
    }
}

fn credits(millis: u64) -> Credits {
    Credits::from_millis(millis)
}

/// A UUIDv7 of that time.
fn hold_id(random: &mut Random, own_time: u64) -> HoldId {
    let random_bits = (u128::from(random.below(1 << 12)) << 64) | u128::from(random.below(1 << 62));
    HoldId((u128::from(own_time) << 80) | (7 << 76) | (0b10 << 62) | random_bits)
}

impl Clients {
    /// The operations of the next frame.
    pub(crate) fn frame(&mut self, random: &mut Random, now: Clock, model: &Model) -> Vec<Operation> {
        let count = random.between(1, 24);
        let mut frame = Vec::new();
        for _ in 0..count {
            let operation = match self.unanswered.pop() {
                Some(lost) => lost,
                None => self.operation(random, now, model),
            };
            remember(&mut self.recent, random, operation);
            frame.push(operation);
        }
        frame
    }

    /// A hold that there is, to be settled.
    pub(crate) fn granted(&mut self, request: &ReserveRequest) {
        let mut random = Random::new(u64::try_from(request.hold.0 & u128::from(u64::MAX)).unwrap());
        remember(&mut self.holds, &mut random, (request.account, request.hold));
    }

    /// More captures of one hold than there can be, or more refunds.
    pub(crate) fn burst(&mut self, random: &mut Random) -> Vec<Operation> {
        let Some((account, hold)) = self.holds.last().copied() else { return Vec::new() };
        let refunds = random.once_in_1000(500);
        let number = |number: u8| {
            let amount = Some(Credits::ZERO);
            if refunds {
                Operation::Refund { account, hold, number, amount, reason: RefundReason::Goodwill }
            } else {
                Operation::Commit { account, hold, request: CaptureRequest { number, amount, last: false } }
            }
        };
        (0..=255).map(number).collect()
    }

    fn operation(&mut self, random: &mut Random, now: Clock, model: &Model) -> Operation {
        if self.focus.rich && random.once_in_1000(500) {
            let fresh = hold_id(random, now.wall);
            return rich::operation(random, now, model, (fresh, &self.holds));
        }
        match random.below(1_000) {
            0..300 => self.reserve(random, now),
            300..380 => self.priced(random, now, model),
            380..480 if !self.recent.is_empty() => self.recent[random.index(self.recent.len())],
            480..520 if !self.recent.is_empty() => {
                let operation = self.recent[random.index(self.recent.len())];
                altered(random, operation)
            }
            520..550 => Operation::Balance { account: self.focus.account(random) },
            550..560 => nonsense(random, now),
            _ => self.settlement(random, now),
        }
    }

    fn reserve(&mut self, random: &mut Random, now: Clock) -> Operation {
        let own_time = match random.below(100) {
            0 => now.wall - 300_000,
            1 => now.wall - 300_001,
            2 => now.wall + 60_000,
            3 => now.wall + 60_001,
            4 => now.wall - random.below(900_000),
            _ => now.wall - random.below(2_000),
        };
        let charge = random.once_in_1000(250);
        let ttl_ms = match random.below(10) {
            0 => 0,
            1 => random.between(1, 86_400_000),
            2 => random.between(1, 2_000),
            _ => random.between(1_000, 1_200_000),
        };
        let amount = match random.below(20) {
            0 => 0,
            1 => random.below(500_000),
            2 if random.once_in_1000(200) => random.pick(&[1 << 36, (1 << 37) - 1, 1 << 35]),
            _ => random.below(25_000),
        };
        let request = ReserveRequest {
            account: self.focus.account(random),
            hold: self.hold_id(random, own_time),
            amount: credits(amount),
            sources: random.pick(&SOURCES),
            pro_model: random.once_in_1000(100),
            priced: false,
            min_tier: Tier(if random.once_in_1000(150) { u8::try_from(random.between(1, 4)).unwrap() } else { 0 }),
            ttl_ms: if charge { 0 } else { u32::try_from(ttl_ms).unwrap() },
            over_commit: random.pick(&[OverCommit::Reject, OverCommit::Cap, OverCommit::Draw]),
            attribution: Attribution {
                member: MemberId(u128::from(random.below(3))),
                tool: 1,
                model: 7,
                count: u16::try_from(random.below(4)).unwrap(),
            },
            worker: WorkerId(u128::from(random.below(2))),
            settings: 3,
        };
        if random.once_in_1000(50) {
            remember(&mut self.holds, random, (request.account, request.hold));
        }
        if charge { Operation::Charge(request) } else { Operation::Reserve(request) }
    }

    fn hold_id(&self, random: &mut Random, own_time: u64) -> HoldId {
        // The highest id without a time: nothing in it says when it was made.
        if self.any_ids && random.once_in_1000(300) {
            return HoldId(u128::from(random.next()) << 64 | 0xf << 76 | u128::from(random.next()));
        }
        hold_id(random, own_time)
    }

    /// What is to be made, for the daemon to price: mostly what the card knows, at times with the right price.
    pub(crate) fn priced(&mut self, random: &mut Random, now: Clock, model: &Model) -> Operation {
        let (Operation::Reserve(mut request) | Operation::Charge(mut request)) = self.reserve(random, now) else {
            unreachable!("a reserve or a charge")
        };
        let known = [(1, 7), (1, 7), (2, 8), (2, 9), (1, 10), (1, 11)];
        let (tool, id) = if random.once_in_1000(30) { (2, 7) } else { random.pick(&known) };
        let (tool, id) = if random.once_in_1000(30) { (tool + 2, id + 6) } else { (tool, id) };
        let add_ons = if random.once_in_1000(950) { random.pick(&[0, 0, 0, 0, 1, 2, 4, 6]) } else { random.below(256) };
        let tenths = random.pick(&[0, 0, 0, 0, 0, 0, 50, 100, 31, 55, 10, 7, 52, 101]);
        let (quality, resolution) =
            random.pick(&[(0, 0), (0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0), (1, 1), (4, 0)]);
        let settings = quality | resolution << 4 | add_ons << 8 | tenths << 16;
        request.priced = true;
        request.settings = u32::try_from(settings).unwrap();
        request.attribution.tool = tool;
        request.attribution.model = id;
        request.attribution.count = u16::try_from(random.below(5)).unwrap();
        let price = model.price(&request).unwrap_or(0);
        let expected = match random.below(10) {
            0..6 => 0,
            6..9 => price,
            _ => price + 1,
        };
        request.amount = credits(expected);
        if random.once_in_1000(600) {
            request.ttl_ms = 0;
        }
        let charge = request.ttl_ms == 0 && random.once_in_1000(300);
        if charge { Operation::Charge(request) } else { Operation::Reserve(request) }
    }

    fn settlement(&mut self, random: &mut Random, now: Clock) -> Operation {
        let own_time = now.wall - random.below(400_000);
        let unknown = (self.focus.account(random), hold_id(random, own_time));
        let (mut account_id, hold) = match self.holds.len() {
            0 => unknown,
            _ if random.once_in_1000(20) => {
                remember(&mut self.holds, random, unknown);
                unknown
            }
            len => self.holds[random.index(len)],
        };
        if random.once_in_1000(10) {
            account_id = self.focus.account(random);
        }
        let number = u8::try_from(random.below(4)).unwrap();
        let account = account_id;
        match random.below(10) {
            0..5 => {
                let amount = match random.below(10) {
                    0..4 => None,
                    4 => Some(Credits::ZERO),
                    5 => Some(credits(random.below(60_000))),
                    _ => Some(credits(random.below(9_000))),
                };
                let request = CaptureRequest { number, amount, last: random.once_in_1000(500) };
                Operation::Commit { account, hold, request }
            }
            5..7 => Operation::Release { account, hold },
            7..9 => {
                let amount = if random.once_in_1000(300) { None } else { Some(credits(random.below(8_000))) };
                Operation::Refund { account, hold, number, amount, reason: random.pick(&RefundReason::ALL) }
            }
            _ => {
                let ttl_ms = if random.once_in_1000(50) { 86_400_000 } else { random.between(1_000, 3_600_000) };
                Operation::Extend { account, hold, ttl_ms: u32::try_from(ttl_ms).unwrap() }
            }
        }
    }

    /// The next command: fresh, again, or again with another content.
    pub(crate) fn command(&mut self, random: &mut Random, now: Clock) -> CommandRequest {
        if let Some(lost) = self.unanswered_commands.pop() {
            return lost;
        }
        let known = (!self.commands.is_empty()).then(|| self.commands[random.index(self.commands.len())].clone());
        let fresh = match self.focus.rich && random.once_in_1000(400) {
            true => rich::command(random),
            false => command(random, now, &self.focus),
        };
        let request = match (known, random.below(10)) {
            (Some(known), 0) => known,
            (Some(known), 1) => {
                let same_kind = std::mem::discriminant(&known.command) == std::mem::discriminant(&fresh);
                let command = if same_kind { one_change(random, &known.command, &self.focus) } else { fresh };
                CommandRequest { command, ..known }
            }
            (_, 2) if !self.payments.is_empty() => {
                let waits = self.payments[random.index(self.payments.len())].clone();
                let account =
                    if random.once_in_1000(50) { self.focus.commanded(random) } else { account_of(&waits.command) };
                CommandRequest { command: Command::ConfirmTopUp { account }, ..waits }
            }
            _ => self.request(random, fresh),
        };
        if matches!(request.command, Command::PendingTopUp { .. } | Command::TopUpBundle { .. }) {
            remember(&mut self.payments, random, request.clone());
        }
        remember(&mut self.commands, random, request.clone());
        request
    }

    /// Opens an account.
    pub(crate) fn open(&mut self, random: &mut Random, account: u128) -> CommandRequest {
        let zone = random.pick(&self.focus.zones).name().to_owned();
        self.request(random, Command::OpenAccount { account: AccountId(account), zone })
    }

    fn request(&self, random: &mut Random, command: Command) -> CommandRequest {
        let id = CommandId(if random.once_in_1000(5) { 0 } else { u128::from(random.next()) });
        CommandRequest { id, command, by: "billing".to_owned(), reason: String::new() }
    }
}

fn plan(random: &mut Random) -> PlanId {
    PlanId(u16::try_from(random.below(9)).unwrap())
}

/// None, passed, or some time from now.
fn instant(random: &mut Random, now: Clock) -> Timestamp {
    Timestamp(match random.below(10) {
        0 => 0,
        1 => now.daemon - random.below(5_000),
        2..5 => now.daemon + random.between(1, 1_800_000),
        5..8 => now.daemon + random.between(1, 40 * DAY_MS),
        _ => now.daemon + random.between(1, 800 * DAY_MS),
    })
}

fn some_credits(random: &mut Random, usual: u64) -> Credits {
    credits(if random.once_in_1000(15) {
        random.pick(&[1 << 36, (1 << 37) - 1, 1 << 37, (1 << 38) - 1])
    } else {
        random.between(1, usual)
    })
}

fn bundle(random: &mut Random) -> String {
    random.pick(&["small", "small", "large", "odd", "none"]).to_owned()
}

fn command(random: &mut Random, now: Clock, focus: &Focus) -> Command {
    let account = focus.commanded(random);
    match random.below(100) {
        0..2 => Command::OpenAccount { account, zone: focus.zone(random) },
        2..10 => Command::Freeze { account, frozen: random.once_in_1000(150) },
        10..18 => {
            let amount = if random.once_in_1000(10) { 1 << 37 } else { random.below(200_000) };
            let tier = Tier(u8::try_from(random.between(1, 5)).unwrap());
            Command::SetSubscription { account, amount: credits(amount), tier, ends_at: instant(random, now) }
        }
        18..29 => Command::Grant { account, bucket: random.pick(&Bucket::ALL), amount: some_credits(random, 40_000) },
        29..42 => Command::TopUp { account, amount: some_credits(random, 60_000) },
        42..46 => Command::Clawback { account, amount: credits(random.between(1, 30_000)) },
        46..60 => {
            let paid_through = if random.once_in_1000(600) { Timestamp(0) } else { instant(random, now) };
            let auto_renew = random.once_in_1000(700);
            Command::Subscribe { account, plan: plan(random), auto_renew, paid_through }
        }
        60..65 => Command::Renew { account, paid_through: instant(random, now) },
        65..68 => Command::Cancel { account, at_period_end: random.once_in_1000(800) },
        68..70 => Command::Lapse { account },
        70..79 => {
            let modes = [ChangeMode::Default, ChangeMode::AtRenewal, ChangeMode::NowProrated, ChangeMode::NowNewCycle];
            Command::ChangePlan { account, plan: plan(random), mode: random.pick(&modes) }
        }
        79..84 => Command::SetZone { account, zone: focus.zone(random) },
        84..90 => Command::PendingTopUp { account, amount: credits(random.between(1, 60_000)) },
        90..92 => Command::ConfirmTopUp { account },
        92..96 => Command::TopUpBundle { account, bundle: bundle(random), pending: random.once_in_1000(600) },
        _ => Command::Correct { account, bucket: random.pick(&Bucket::ALL), amount: some_credits(random, 40_000) },
    }
}

fn one_change(random: &mut Random, command: &Command, focus: &Focus) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::OpenAccount { zone, .. } | Command::SetZone { zone, .. } => *zone = "Asia/Kolkata".to_owned(),
        Command::Freeze { frozen, .. } => *frozen = !*frozen,
        Command::SetSubscription { tier, .. } => *tier = Tier(1 + tier.0 % 5),
        Command::Grant { bucket, amount, .. } | Command::Correct { bucket, amount, .. } => {
            if random.once_in_1000(500) {
                *bucket = random.pick(&Bucket::ALL);
            } else {
                *amount = credits(random.between(1, 60_000));
            }
        }
        Command::TopUp { amount, .. } | Command::Clawback { amount, .. } | Command::PendingTopUp { amount, .. } => {
            *amount = credits(random.between(1, 60_000));
        }
        Command::Subscribe { plan, auto_renew, .. } => {
            if random.once_in_1000(500) {
                *plan = PlanId(1 + plan.0 % 7);
            } else {
                *auto_renew = !*auto_renew;
            }
        }
        Command::Renew { paid_through, .. } => *paid_through = Timestamp(paid_through.0 + 1),
        Command::Cancel { at_period_end, .. } => *at_period_end = !*at_period_end,
        Command::ChangePlan { plan, mode, .. } => {
            if random.once_in_1000(500) {
                *plan = PlanId(1 + plan.0 % 7);
            } else {
                *mode = if *mode == ChangeMode::AtRenewal { ChangeMode::NowProrated } else { ChangeMode::AtRenewal };
            }
        }
        Command::TopUpBundle { bundle, pending, .. } => {
            if random.once_in_1000(500) {
                *bundle = "another".to_owned();
            } else {
                *pending = !*pending;
            }
        }
        Command::Lapse { account } | Command::ConfirmTopUp { account } => *account = focus.commanded(random),
    }
    command
}

fn account_of(command: &Command) -> AccountId {
    match command {
        Command::PendingTopUp { account, .. } | Command::TopUpBundle { account, .. } => *account,
        _ => unreachable!("a payment that was announced"),
    }
}

fn altered(random: &mut Random, operation: Operation) -> Operation {
    match operation {
        Operation::Reserve(request) if random.once_in_1000(100) => {
            Operation::Charge(ReserveRequest { ttl_ms: 0, ..request })
        }
        Operation::Reserve(request) => Operation::Reserve(altered_request(random, request, false)),
        Operation::Charge(request) => Operation::Charge(altered_request(random, request, true)),
        Operation::Commit { account, hold, mut request } => {
            if random.once_in_1000(500) {
                request.last = !request.last;
            } else {
                request.amount = Some(credits(random.below(20_000)));
            }
            Operation::Commit { account, hold, request }
        }
        Operation::Refund { account, hold, number, amount, .. } if random.once_in_1000(500) => {
            Operation::Refund { account, hold, number, amount, reason: random.pick(&RefundReason::ALL) }
        }
        Operation::Refund { account, hold, number, reason, .. } => {
            Operation::Refund { account, hold, number, amount: Some(credits(random.below(9_000))), reason }
        }
        other => other,
    }
}

fn altered_request(random: &mut Random, mut request: ReserveRequest, charge: bool) -> ReserveRequest {
    match random.below(13) {
        0 => request.account = AccountId(1 + request.account.0 % ACCOUNTS),
        1 => request.amount = credits(random.below(25_000)),
        2 => request.sources = random.pick(&SOURCES),
        3 => request.pro_model = !request.pro_model,
        4 if !charge => request.ttl_ms = u32::try_from(random.between(1, 9_999)).unwrap(),
        5 => request.attribution.member = MemberId(9),
        6 => request.worker = WorkerId(9),
        7 => request.attribution.model = 9,
        8 => request.attribution.tool = 9,
        9 => request.attribution.count = 9,
        10 => request.min_tier = Tier(request.min_tier.0 + 1),
        11 => request.over_commit = OverCommit::Cap,
        12 => request.settings = 9,
        _ => request.priced = true,
    }
    request
}

fn nonsense(random: &mut Random, now: Clock) -> Operation {
    let mut clients = Clients::default();
    let (Operation::Reserve(request) | Operation::Charge(request)) = clients.reserve(random, now) else {
        unreachable!("a reserve or a charge")
    };
    let too_much = credits(1 << 38);
    match random.below(8) {
        0 => Operation::Malformed { field: Field::Flags },
        1 => Operation::Reserve(ReserveRequest { hold: HoldId(1), ..request }),
        2 => Operation::Reserve(ReserveRequest { amount: too_much, ..request }),
        3 => Operation::Reserve(ReserveRequest { min_tier: Tier(16), ..request }),
        4 => Operation::Charge(ReserveRequest { ttl_ms: 5, ..request }),
        5 => Operation::Extend { account: request.account, hold: request.hold, ttl_ms: 0 },
        6 => {
            let capture = CaptureRequest { number: 1, amount: Some(too_much), last: true };
            Operation::Commit { account: request.account, hold: request.hold, request: capture }
        }
        _ => Operation::Reserve(ReserveRequest { ttl_ms: 86_400_001, ..request }),
    }
}
