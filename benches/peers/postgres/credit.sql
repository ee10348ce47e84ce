-- The wallet of creditd as PL/pgSQL functions of PostgreSQL 15: three balances that are drawn in order, a daily free reset
-- by the wallet's own date, holds with a time limit, commits whole or in part, releases, and retries that are told the
-- first answer. Amounts are whole millicredits, outcomes have the numbers of src/protocol/OUTCOMES.md.
--
-- A reserve is two statements, a whole commit is one: of the forms tried they are the quickest. Room is left in the pages,
-- so that an update stays on its page and touches no index (HOT); what has a time limit is found by a block-range index,
-- which costs next to nothing to keep.
-- The wallet's row is locked before the hold's row is made; a settlement locks the hold first and then the wallet, and a
-- reserve never waits for a hold that another one has made while it holds a wallet that this one waits for: the second
-- reserve of one id names the same wallet, or is refused for it after the first has ended.

CREATE TABLE wallets (
    account      uuid     PRIMARY KEY,
    free         bigint   NOT NULL CHECK (free >= 0),
    subscription bigint   NOT NULL CHECK (subscription >= 0),
    top_up       bigint   NOT NULL CHECK (top_up >= 0),
    day          integer  NOT NULL
) WITH (fillfactor = 60);

CREATE TABLE holds (
    hold         uuid        PRIMARY KEY,
    account      uuid        NOT NULL,
    free         bigint      NOT NULL,          -- what was drawn, by bucket
    subscription bigint      NOT NULL,
    top_up       bigint      NOT NULL,
    captured     bigint      NOT NULL DEFAULT 0,
    ends_at      timestamptz NOT NULL,
    day          integer     NOT NULL,
    state        smallint    NOT NULL DEFAULT 0 -- 0 open, 1 settled, 2 released, 3 expired
) WITH (fillfactor = 50);

CREATE INDEX holds_ends_at ON holds USING brin (ends_at);

-- What a request is told: an outcome, and what it moved by bucket (of a refusal: what there is).
CREATE TYPE answer AS (outcome smallint, free bigint, subscription bigint, top_up bigint);

-- Free credits of a day (R5).
CREATE FUNCTION allowance() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 100000::bigint';

CREATE FUNCTION today() RETURNS integer LANGUAGE sql STABLE AS
    'SELECT (extract(epoch FROM statement_timestamp())::bigint / 86400)::integer';

-- A retry, or a refusal: whatever a reserve is told that made no hold.
CREATE FUNCTION not_reserved(p_account uuid, p_hold uuid, p_amount bigint) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    h holds%ROWTYPE;
    w wallets%ROWTYPE;
BEGIN
    SELECT * INTO h FROM holds WHERE hold = p_hold;
    IF FOUND THEN
        IF h.account <> p_account OR h.free + h.subscription + h.top_up <> p_amount THEN
            RETURN (21::smallint, 0::bigint, 0::bigint, 0::bigint);
        END IF;
        RETURN (20::smallint, h.free, h.subscription, h.top_up);
    END IF;
    SELECT * INTO w FROM wallets WHERE account = p_account;
    IF NOT FOUND THEN RETURN (15::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF w.day < today() THEN w.free := allowance(); END IF;
    RETURN (35::smallint, w.free, w.subscription, w.top_up);
END $$;

CREATE FUNCTION reserve(p_account uuid, p_hold uuid, p_amount bigint, p_ttl_ms integer) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    today integer := extract(epoch FROM statement_timestamp())::bigint / 86400;
    r answer;
BEGIN
    -- The wallet's row is locked, the split decided, and the hold made; a day that has begun since sets the free credits to
    -- the allowance and adds nothing (R5).
    INSERT INTO holds (hold, account, free, subscription, top_up, ends_at, day)
        SELECT p_hold, p_account, least(w.free_now, p_amount),
               least(w.subscription, p_amount - least(w.free_now, p_amount)),
               greatest(p_amount - w.free_now - w.subscription, 0),
               statement_timestamp() + p_ttl_ms * interval '1 millisecond', today
        FROM (SELECT CASE WHEN day < today THEN 100000 ELSE free END AS free_now, subscription, top_up
              FROM wallets WHERE account = p_account FOR NO KEY UPDATE) w
        WHERE w.free_now + w.subscription + w.top_up >= p_amount
        ON CONFLICT (hold) DO NOTHING
        RETURNING 1::smallint, free, subscription, top_up INTO r;
    IF NOT FOUND THEN RETURN not_reserved(p_account, p_hold, p_amount); END IF;
    UPDATE wallets SET free = CASE WHEN day < today THEN 100000 ELSE free END - r.free,
                       subscription = subscription - r.subscription, top_up = top_up - r.top_up,
                       day = greatest(day, today)
        WHERE account = p_account;
    RETURN r;
END $$;

-- Gives back to the slices that it came from; free credits of an ended day are forfeited (R24).
CREATE FUNCTION give_back(p_account uuid, p_free bigint, p_subscription bigint, p_top_up bigint, p_day integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    today integer := today();
BEGIN
    UPDATE wallets SET free = CASE WHEN day < today THEN allowance() ELSE free END
                              + CASE WHEN p_day = greatest(day, today) THEN p_free ELSE 0 END,
                       subscription = subscription + p_subscription, top_up = top_up + p_top_up,
                       day = greatest(day, today)
        WHERE account = p_account;
END $$;

-- One capture, and the end of the hold: what is not captured goes back, top-up first (R25).
CREATE FUNCTION commit_hold(p_hold uuid, p_amount bigint) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    h holds%ROWTYPE;
    f bigint;
    s bigint;
    t bigint;
BEGIN
    -- A whole commit changes the hold and no wallet.
    UPDATE holds SET state = 1, captured = p_amount
        WHERE hold = p_hold AND state = 0 AND free + subscription + top_up = p_amount
        RETURNING * INTO h;
    IF FOUND THEN
        RETURN ((CASE WHEN h.ends_at > statement_timestamp() THEN 2 ELSE 3 END)::smallint, h.free, h.subscription, h.top_up);
    END IF;
    SELECT * INTO h FROM holds WHERE hold = p_hold FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN (40::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    f := least(h.free, p_amount);
    s := least(h.subscription, p_amount - f);
    t := p_amount - f - s;
    IF h.state = 1 THEN
        IF h.captured <> p_amount THEN RETURN (22::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
        RETURN (20::smallint, f, s, t);
    END IF;
    IF h.state = 2 THEN RETURN (25::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF h.state = 3 THEN RETURN (42::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF t > h.top_up THEN RETURN (43::smallint, h.free, h.subscription, h.top_up); END IF;
    UPDATE holds SET state = 1, captured = p_amount WHERE hold = p_hold;
    PERFORM give_back(h.account, h.free - f, h.subscription - s, h.top_up - t, h.day);
    RETURN ((CASE WHEN h.ends_at > statement_timestamp() THEN 2 ELSE 3 END)::smallint, f, s, t);
END $$;

CREATE FUNCTION release_hold(p_hold uuid, p_state smallint DEFAULT 2) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    h holds%ROWTYPE;
BEGIN
    SELECT * INTO h FROM holds WHERE hold = p_hold FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN (40::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF h.state = 1 THEN RETURN (41::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF h.state = 2 THEN RETURN (20::smallint, h.free, h.subscription, h.top_up); END IF;
    IF h.state = 3 THEN RETURN (42::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    UPDATE holds SET state = p_state WHERE hold = p_hold;
    PERFORM give_back(h.account, h.free, h.subscription, h.top_up, h.day);
    RETURN (2::smallint, h.free, h.subscription, h.top_up);
END $$;

-- Gives back what holds had whose end has passed, and forgets what ended a window ago (R22); the number of the former.
CREATE FUNCTION expire_holds(p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    expired integer;
BEGIN
    WITH due AS (SELECT hold FROM holds WHERE ends_at <= statement_timestamp() AND state = 0
                 LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED)
    SELECT count(release_hold(hold, 3::smallint)) INTO expired FROM due;
    DELETE FROM holds WHERE ends_at < statement_timestamp() - interval '5 minutes' AND state <> 0;
    RETURN expired;
END $$;

CREATE FUNCTION balance(p_account uuid) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    w wallets%ROWTYPE;
BEGIN
    SELECT * INTO w FROM wallets WHERE account = p_account;
    IF NOT FOUND THEN RETURN (15::smallint, 0::bigint, 0::bigint, 0::bigint); END IF;
    IF w.day < today() THEN w.free := allowance(); END IF;
    RETURN (2::smallint, w.free, w.subscription, w.top_up);
END $$;

-- The wallet of the load with this number, and a hold of it: ids that grow with time, as UUIDv7 do.
CREATE FUNCTION load_account(p_number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('0190b3c2-7a00-7000-8000-' || lpad(to_hex(p_number), 12, '0'))::uuid $$;

CREATE FUNCTION load_hold(p_client bigint, p_number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (lpad(to_hex(p_number), 12, '0') || '70008000' || lpad(to_hex(p_client), 12, '0'))::uuid $$;

-- One transaction of the load: commits of the holds that the frame before was granted, and as many reserves, of accounts
-- that are picked uniformly and taken in their order, so that no two transactions wait for each other. The number of
-- positive answers. It is made inside the server, which spares it the parsing of the requests.
CREATE FUNCTION load_frame(p_client bigint, p_frame bigint, p_half integer, p_wallets integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    positive integer := 0;
    r answer;
    a uuid;
    i integer;
BEGIN
    IF p_frame > 0 THEN
        FOR i IN 1..p_half LOOP
            r := commit_hold(load_hold(p_client, (p_frame - 1) * p_half + i), 1000);
            IF r.outcome IN (2, 3) THEN positive := positive + 1; END IF;
        END LOOP;
    END IF;
    i := 0;
    FOR a IN SELECT load_account(n) FROM (SELECT floor(random() * p_wallets)::bigint AS n
                                          FROM generate_series(1, p_half) ORDER BY n) picked LOOP
        i := i + 1;
        r := reserve(a, load_hold(p_client, p_frame * p_half + i), 1000, 60000);
        IF r.outcome = 1 THEN positive := positive + 1; END IF;
    END LOOP;
    RETURN positive;
END $$;
