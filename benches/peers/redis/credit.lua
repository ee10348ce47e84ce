#!lua name=credit
-- The wallet of creditd as a function library of Redis 7: three balances that are drawn in order, a daily free reset by
-- the wallet's own date, holds with a time limit, commits whole or in part, releases, and retries that are told the
-- first answer. Amounts are whole millicredits, outcomes have the numbers of src/protocol/OUTCOMES.md.
--
-- A wallet and a hold are one packed string each: of the forms tried it costs the fewest commands. What has a time limit
-- stands in one list a second, which costs a settlement nothing: whoever sweeps the list skips what has ended.
--
--   W<account>      free subscription top_up day
--   H<hold>         account free subscription top_up day ends_at_ms state captured        (what was drawn, by bucket)
--   due:<second>    holds that end in that second
--   due:from        the first second that has not been swept

local ALLOWANCE = 100000             -- free credits of a day (R5)
local ID_WINDOW_MS = 300000          -- how long an ended hold is remembered (R22)
local DAY_MS = 86400000

local OPEN, SETTLED, RELEASED, EXPIRED = 0, 1, 2, 3
local GRANTED, DONE, LATE, REPLAYED, HOLD_ID_REUSED, SETTLEMENT_REUSED, ALREADY_RELEASED =
    1, 2, 3, 20, 21, 22, 25
local UNKNOWN_ACCOUNT, INSUFFICIENT, UNKNOWN_HOLD, ALREADY_SETTLED, HOLD_EXPIRED, EXCEEDS_HOLD =
    15, 35, 40, 41, 42, 43

local WALLET = '<I4I6I6I4'
local HOLD = '<c16I4I6I6I4I6BI6'


local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function answer(outcome, free, subscription, top_up)
    return { outcome, free or 0, subscription or 0, top_up or 0 }
end

-- The balances at a time: a day that has begun since sets the free credits to the allowance, and adds nothing (R5).
local function read_wallet(account, now)
    local row = redis.call('GET', 'W' .. account)
    if not row then return nil end
    local free, subscription, top_up, day = struct.unpack(WALLET, row)
    local today = math.floor(now / DAY_MS)
    if day < today then free, day = ALLOWANCE, today end
    return free, subscription, top_up, day
end

local function write_wallet(account, free, subscription, top_up, day)
    redis.call('SET', 'W' .. account, struct.pack(WALLET, free, subscription, top_up, day))
end

local function reserve(account, hold, amount, ttl_ms, now)
    local key = 'H' .. hold
    local known = redis.call('GET', key)
    if known then
        local owner, f, s, t = struct.unpack(HOLD, known)
        if owner ~= account or f + s + t ~= amount then return HOLD_ID_REUSED, 0, 0, 0 end
        return REPLAYED, f, s, t
    end
    local free, subscription, top_up, day = read_wallet(account, now)
    if not free then return UNKNOWN_ACCOUNT, 0, 0, 0 end
    local f = math.min(free, amount)
    local s = math.min(subscription, amount - f)
    local t = amount - f - s
    if t > top_up then return INSUFFICIENT, free, subscription, top_up end
    local ends_at = now + ttl_ms
    write_wallet(account, free - f, subscription - s, top_up - t, day)
    redis.call('SET', key, struct.pack(HOLD, account, f, s, t, day, ends_at, OPEN, 0))
    redis.call('RPUSH', 'due:' .. math.floor(ends_at / 1000), hold)
    return GRANTED, f, s, t
end

-- Gives back to the slices that it came from; free credits of an ended day are forfeited (R24).
local function give_back(account, f, s, t, day, now)
    if f + s + t == 0 then return end
    local free, subscription, top_up, today = read_wallet(account, now)
    if day ~= today then f = 0 end
    write_wallet(account, free + f, subscription + s, top_up + t, today)
end

-- One capture, and the end of the hold: what is not captured goes back (R25). The draw order is that of the captured
-- credits, so what goes back is top-up first.
local function commit(hold, amount, now)
    local key = 'H' .. hold
    local known = redis.call('GET', key)
    if not known then return UNKNOWN_HOLD, 0, 0, 0 end
    local account, f, s, t, day, ends_at, state, captured = struct.unpack(HOLD, known)
    local cf = math.min(f, amount)
    local cs = math.min(s, amount - cf)
    local ct = amount - cf - cs
    if state == SETTLED then
        if captured ~= amount then return SETTLEMENT_REUSED, 0, 0, 0 end
        return REPLAYED, cf, cs, ct
    end
    if state == RELEASED then return ALREADY_RELEASED, 0, 0, 0 end
    if state == EXPIRED then return HOLD_EXPIRED, 0, 0, 0 end
    if ct > t then return EXCEEDS_HOLD, f, s, t end
    give_back(account, f - cf, s - cs, t - ct, day, now)
    redis.call('SET', key, struct.pack(HOLD, account, f, s, t, day, ends_at, SETTLED, amount), 'PX', ID_WINDOW_MS)
    return ends_at > now and DONE or LATE, cf, cs, ct
end

local function release(hold, state_after, now)
    local key = 'H' .. hold
    local known = redis.call('GET', key)
    if not known then return UNKNOWN_HOLD, 0, 0, 0 end
    local account, f, s, t, day, ends_at, state = struct.unpack(HOLD, known)
    if state == RELEASED then return REPLAYED, f, s, t end
    if state == SETTLED then return ALREADY_SETTLED, 0, 0, 0 end
    if state == EXPIRED then return HOLD_EXPIRED, 0, 0, 0 end
    give_back(account, f, s, t, day, now)
    redis.call('SET', key, struct.pack(HOLD, account, f, s, t, day, ends_at, state_after, 0), 'PX', ID_WINDOW_MS)
    return DONE, f, s, t
end

-- open <account> <free> <subscription> <top_up> [<day>], any number of accounts by repeating the five.
redis.register_function('open', function(_, args)
    local today = math.floor(now_ms() / DAY_MS)
    for at = 1, #args, 5 do
        local day = tonumber(args[at + 4])
        if day == 0 then day = today end
        write_wallet(args[at], tonumber(args[at + 1]), tonumber(args[at + 2]), tonumber(args[at + 3]), day)
    end
    redis.call('SET', 'due:from', math.floor(now_ms() / 1000), 'NX')
    return #args / 5
end)

-- reserve <account> <hold> <amount> <ttl_ms>
redis.register_function('reserve', function(_, args)
    return answer(reserve(args[1], args[2], tonumber(args[3]), tonumber(args[4]), now_ms()))
end)

-- commit <hold> <amount>
redis.register_function('commit', function(_, args)
    return answer(commit(args[1], tonumber(args[2]), now_ms()))
end)

-- release <hold>
redis.register_function('release', function(_, args)
    return answer(release(args[1], RELEASED, now_ms()))
end)

-- frame <amount> <ttl_ms> <packed>: many operations of one amount in one call, each 'R' account hold or 'C' hold, in
-- order; the answers are one string of 16 bytes each. The deepest form that this server has.
redis.register_function('frame', function(_, args)
    local amount, ttl_ms, packed, now = tonumber(args[1]), tonumber(args[2]), args[3], now_ms()
    local at, count, answers = 1, 0, {}
    while at <= #packed do
        count = count + 1
        if packed:byte(at) == 82 then
            answers[count] = struct.pack('<I4I4I4I4', reserve(packed:sub(at + 1, at + 16), packed:sub(at + 17, at + 32), amount, ttl_ms, now))
            at = at + 33
        else
            answers[count] = struct.pack('<I4I4I4I4', commit(packed:sub(at + 1, at + 16), amount, now))
            at = at + 17
        end
    end
    return table.concat(answers)
end)

-- balance <account>: outcome and the three balances.
redis.register_function('balance', function(_, args)
    local free, subscription, top_up = read_wallet(args[1], now_ms())
    if not free then return answer(UNKNOWN_ACCOUNT) end
    return answer(DONE, free, subscription, top_up)
end)

-- expire <limit>: gives back what holds had whose second has passed; their number. For a timer beside the server.
redis.register_function('expire', function(_, args)
    local now, left, expired = now_ms(), tonumber(args[1]), 0
    local second = tonumber(redis.call('GET', 'due:from') or math.floor(now / 1000))
    while second < math.floor(now / 1000) and left > 0 do
        local holds = redis.call('LPOP', 'due:' .. second, left)
        for _, hold in ipairs(holds or {}) do
            local known = redis.call('GET', 'H' .. hold)
            if known and select(7, struct.unpack(HOLD, known)) == OPEN then
                release(hold, EXPIRED, now)
                expired = expired + 1
            end
        end
        if holds and #holds == left then break end
        left = left - (holds and #holds or 0)
        second = second + 1
    end
    redis.call('SET', 'due:from', second)
    return expired
end)

-- totals <key>…: wallets, their balances, open holds and what they hold, settled holds and what they captured.
redis.register_function('totals', function(keys)
    local wallets, balance, open, held, settled, captured_sum = 0, 0, 0, 0, 0, 0
    for _, row in ipairs(redis.call('MGET', unpack(keys))) do
        local length = row and #row or 0
        if length == 20 then
            local free, subscription, top_up = struct.unpack(WALLET, row)
            wallets, balance = wallets + 1, balance + free + subscription + top_up
        elseif length == 49 then
            local _, f, s, t, _, _, state, captured = struct.unpack(HOLD, row)
            if state == OPEN then open, held = open + 1, held + f + s + t end
            if state == SETTLED then settled, captured_sum = settled + 1, captured_sum + captured end
        end
    end
    return { wallets, balance, open, held, settled, captured_sum }
end)
