#!/usr/bin/env python3
"""A client of creditd in Python's standard library alone, written from src/protocol/WIRE.md without reading any Rust.

    wire_client.py --vectors src/protocol/vectors    reads every vector, encodes some frames itself, compares
    wire_client.py --address 127.0.0.1:7440          opens an account, reserves, commits, repeats itself, reads the balance

It shows that the page is enough for a stranger. Exit code 0: everything was as the page says.
"""

import argparse
import os
import pathlib
import socket
import struct
import sys
import time
import uuid

MAGIC = b"CRDT"
HEADER = struct.Struct("<4sHBBQIIII")
HELLO, WELCOME, OPERATIONS, ANSWERS, COMMAND, COMMAND_ANSWER, CLOSE, PING, PONG = range(1, 10)
BODY_MAX = {HELLO: 512, WELCOME: 512, OPERATIONS: 1 << 20, ANSWERS: 1 << 20, COMMAND: 4096,
            COMMAND_ANSWER: 1 << 20, CLOSE: 512, PING: 0, PONG: 0}
RECORD_BYTES = 96
AMOUNT_MAX = (1 << 38) - 1
RESERVE, CHARGE, COMMIT, RELEASE, REFUND, EXTEND, BALANCE = range(1, 8)
FINAL, ALL, PRICED, PRO_MODEL = 1, 2, 4, 8
# Who takes what: before and after the handshake, daemon and client.
TAKES = {
    "a daemon before the handshake": {HELLO},
    "a client before the handshake": {WELCOME, CLOSE},
    "a daemon": {OPERATIONS, COMMAND, CLOSE, PING, PONG},
    "a client": {ANSWERS, COMMAND_ANSWER, CLOSE, PING, PONG},
}
OUTCOMES = {
    1: "granted", 2: "done", 3: "late", 4: "late_uncovered", 10: "bad_request", 11: "unauthorized", 12: "overloaded",
    13: "not_durable_now", 14: "draining", 15: "unknown_account", 16: "outcome_unknown", 20: "replayed",
    21: "hold_id_reused", 22: "settlement_reused", 23: "payment_reused", 24: "command_id_reused", 25: "already_released",
    26: "hold_id_expired", 30: "account_frozen", 31: "unpriced", 32: "price_changed", 33: "debt", 34: "tier_required",
    35: "insufficient", 36: "balance_limit", 40: "unknown_hold", 41: "already_settled", 42: "hold_expired",
    43: "exceeds_hold", 44: "exceeds_captured", 45: "hold_age_limit", 46: "refund_window_passed", 47: "limit",
    50: "account_exists", 51: "already_subscribed", 52: "not_subscribed", 53: "unknown_plan",
    54: "subscription_required", 55: "unknown_payment", 56: "not_pending",
}


class Refused(Exception):
    """The reason that a frame ends the connection with."""


class NeedMore(Exception):
    """So many bytes are missing."""


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


# --- frames ---------------------------------------------------------------------------------------------------------

def frame(kind, request_id, body=b"", count=1):
    head = HEADER.pack(MAGIC, 1, kind, 0, request_id, count, len(body), crc32c(body), 0)[:28]
    return head + struct.pack("<I", crc32c(head)) + body


def check_header(data, takes):
    """The checks in the order of the page; gives kind, request id, count, body length and body crc."""
    seen = data[:4]
    if seen != MAGIC[:len(seen)]:
        raise Refused("bad_magic")
    if len(data) < HEADER.size:
        raise NeedMore(HEADER.size - len(data))
    _, version, kind, flags, request_id, count, body_len, body_crc, header_crc = HEADER.unpack_from(data)
    if crc32c(data[:28]) != header_crc:
        raise Refused("bad_header_crc")
    if version != 1:
        raise Refused("bad_version")
    if flags != 0:
        raise Refused("bad_flags")
    if kind not in BODY_MAX:
        raise Refused("unknown_kind")
    if kind not in takes:
        raise Refused("unexpected_frame")
    counted = kind in (OPERATIONS, ANSWERS)
    if not 1 <= count <= (8190 if counted else 1):
        raise Refused("bad_count")
    if body_len > BODY_MAX[kind]:
        raise Refused("body_too_long")
    if counted and body_len != count * RECORD_BYTES:
        raise Refused("bad_body_len")
    return kind, request_id, count, body_len, body_crc


def decode_frame(data, takes):
    """One frame at the start of `data`: kind, request id, body, and where the next one begins."""
    kind, request_id, _, body_len, body_crc = check_header(data, takes)
    end = HEADER.size + body_len
    if len(data) < end:
        raise NeedMore(end - len(data))
    body = data[HEADER.size:end]
    if crc32c(body) != body_crc:
        raise Refused("bad_body_crc")
    return kind, request_id, body, end


# --- control bodies -------------------------------------------------------------------------------------------------

def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


class Reader:
    """Reads a body's fields one after the other; anything that does not fit is malformed."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, count):
        if count > len(self.body) - self.at:
            raise Refused("malformed_body")
        self.at += count
        return self.body[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def numbers(self, *sizes):
        return [self.number(size) for size in sizes]

    def one_of(self, size, known):
        value = self.number(size)
        if value not in known:
            raise Refused("malformed_body")
        return value

    def flag(self):
        return self.one_of(1, (0, 1)) == 1

    def id(self):
        return str(uuid.UUID(bytes=bytes(self.take(16))))

    def bytes(self, limit):
        length = self.number(8)
        if length > limit:
            raise Refused("malformed_body")
        return bytes(self.take(length))

    def text(self, limit):
        try:
            return self.bytes(limit).decode()
        except UnicodeDecodeError:
            raise Refused("malformed_body") from None

    def list(self, limit, entry):
        count = self.number(8)
        if count > limit:
            raise Refused("malformed_body")
        return [entry() for _ in range(count)]

    def end(self):
        if self.at != len(self.body):
            raise Refused("malformed_body")


def read_hello(r):
    return {"versions": r.numbers(2, 2), "client_name": r.text(64), "in_flight_wanted": r.number(4),
            "auth_token": r.bytes(256)}


def read_welcome(r):
    return {"version": r.number(2), "in_flight_max": r.number(4), "frame_operations_max": r.number(4),
            "idle_timeout_ms": r.number(4), "server_time_ms": r.number(8), "server_name": r.text(64),
            "durability": r.one_of(1, (1, 2, 3)), "epoch": r.number(8), "node": r.id()}


def read_close(r):
    return {"reason": r.one_of(2, range(1, 22)), "text": r.text(200)}


def read_command(r):
    number = r.one_of(4, range(len(COMMANDS)))
    name, *fields = COMMANDS[number]
    return {name: {field: read(r) for field, read in fields}}


def number(size):
    return lambda r: r.number(size)


def one_of(*known):
    return lambda r: r.one_of(1, known)


def text_of(limit):
    return lambda r: r.text(limit)


def list_of(limit, *fields):
    return lambda r: r.list(limit, lambda: {name: read(r) for name, read in fields})


def option_of(read):
    return lambda r: read(r) if r.flag() else None


def fields_of(*fields):
    return lambda r: {name: read(r) for name, read in fields}


U8, U16, U32, U64 = number(1), number(2), number(4), number(8)
ID, FLAG = Reader.id, Reader.flag
BUCKET = ("bucket", one_of(1, 2, 3))
COMMAND_ID, PAYMENT, ACCOUNT, AMOUNT = ("command", ID), ("payment", ID), ("account", ID), ("amount", U64)
REASON, ZONE = ("reason", text_of(200)), ("zone", text_of(64))
MADE = (("tool", U16), ("model", U32), ("settings", U32))
# The order is the number.
COMMANDS = (
    ("open_account", COMMAND_ID, ACCOUNT, ZONE),
    ("show_account", ACCOUNT),
    ("freeze", COMMAND_ID, ACCOUNT, ("frozen", FLAG), REASON),
    ("set_subscription", COMMAND_ID, ACCOUNT, AMOUNT, ("tier", U8), ("ends_at", U64)),
    ("grant", COMMAND_ID, ACCOUNT, BUCKET, AMOUNT, REASON),
    ("top_up", PAYMENT, ACCOUNT, AMOUNT),
    ("clawback", COMMAND_ID, ACCOUNT, AMOUNT, REASON),
    ("show_hold", ("hold", ID)),
    ("subscribe", COMMAND_ID, ACCOUNT, ("plan", U16), ("auto_renew", FLAG), ("paid_through", U64)),
    ("renew", COMMAND_ID, ACCOUNT, ("paid_through", U64)),
    ("cancel", COMMAND_ID, ACCOUNT, ("at_period_end", FLAG)),
    ("lapse", COMMAND_ID, ACCOUNT),
    ("change_plan", COMMAND_ID, ACCOUNT, ("plan", U16), ("mode", one_of(0, 1, 2, 3))),
    ("set_zone", COMMAND_ID, ACCOUNT, ZONE),
    ("pending_top_up", PAYMENT, ACCOUNT, AMOUNT),
    ("confirm_top_up", PAYMENT, ACCOUNT),
    ("top_up_bundle", PAYMENT, ACCOUNT, ("bundle", text_of(64)), ("pending", FLAG)),
    ("correct", COMMAND_ID, ACCOUNT, BUCKET, AMOUNT, REASON),
    ("release_worker", COMMAND_ID, ACCOUNT, ("worker", ID)),
    ("list_holds", ACCOUNT, ("worker", ID), ("older_than", U64), ("limit", U16), ("after", ID)),
    ("list_accounts", ("after", ID), ("limit", U16)),
    ("list_plans",),
    ("list_rates",),
    ("quote", ACCOUNT, *MADE, ("count", U16), ("sources", U8)),
    ("estimate", ("lines", list_of(64, *MADE, ("per_day", U32))), ("days", U16), ("buffer_percent_min", U8),
     ("buffer_percent_max", U8)),
    ("reload",),
    ("clock", ("confirm", FLAG)),
    ("show_resets",),
)


def read_command_answer(r):
    answer = {"outcome": OUTCOMES[r.one_of(2, OUTCOMES)], "flags": r.number(2), "detail": r.number(4),
              "amount": r.number(8), "time": r.number(8), "position": r.number(8)}
    view = r.one_of(4, range(len(VIEWS) + 1))
    if view > 0:
        name, read = VIEWS[view - 1]
        answer[name] = read(r)
    return answer


BUCKETS = ("free", "subscription", "top_up")
BUCKET_FIELDS = ("available", "held", "spent_in_period", "granted", "spent", "expired", "clawed_back")


def read_account_view(r):
    view = {"account": r.id(), "zone": r.text(64), "tier": r.number(1), "frozen": r.flag()}
    names = ("debt", "next_reset_at", "cycle_ends_at", "day", "period", "open_holds", "as_of_position")
    view.update(zip(names, r.numbers(8, 8, 8, 4, 4, 8, 8)))
    for bucket in BUCKETS:
        view[bucket] = dict(zip(BUCKET_FIELDS, r.numbers(*[8] * 7)))
    view["plan"] = option_of(SUBSCRIPTION)(r)
    view["pending_top_ups"] = PENDING_TOP_UPS(r)
    return view


def read_hold_view(r):
    view = {"hold": r.id(), "account": r.id(), "state": r.one_of(1, range(1, 7)), "amount": r.numbers(8, 8, 8),
            "captured": r.numbers(8, 8, 8)}
    names = ("refunded", "created_at", "ends_at", "free_day", "subscription_period", "sources")
    view.update(zip(names, r.numbers(8, 8, 8, 4, 4, 1)))
    view.update({"member": r.id(), "worker": r.id()})
    view.update(zip(("tool", "model", "count", "late", "shortfall"), r.numbers(2, 4, 2, 8, 8)))
    view["captures"] = r.list(255, lambda: r.numbers(1, 8, 8))
    view["refunds"] = r.list(255, lambda: [r.number(1), r.one_of(1, range(1, 7)), *r.numbers(8, 8)])
    view["position"] = r.number(8)
    return view


def split(r):
    return dict(zip(BUCKETS, r.numbers(8, 8, 8)))


NAME, KEY = ("name", text_of(64)), ("key", text_of(64))
SUBSCRIPTION = fields_of(
    ("plan", U16), ("plan_name", text_of(64)), ("tier", U8), ("allocation", U64), ("anchor", U64), ("cycle", U32),
    ("starts_at", U64), ("ends_at", U64), ("paid_through", U64), ("auto_renew", FLAG),
    ("pending", option_of(fields_of(("plan", U16), ("tier", U8), ("allocation", U64)))))
PENDING_TOP_UPS = list_of(16, PAYMENT, AMOUNT, ("at", U64), ("ends_at", U64))
CHANGES = list_of(64, ("text", text_of(128)))
# The first one is number 1; number 0 shows nothing.
VIEWS = (
    ("account", read_account_view),
    ("hold", read_hold_view),
    ("holds", list_of(256, ("hold", ID), ACCOUNT, ("worker", ID), ("member", ID), AMOUNT, ("created_at", U64),
                      ("ends_at", U64), ("model", U32), ("tool", U16), ("count", U16))),
    ("accounts", list_of(256, ACCOUNT)),
    ("plans", fields_of(
        ("version", U32),
        ("plans", list_of(256, ("plan", U16), NAME, ("title", text_of(128)), ("tier", U8), ("credits", U64),
                          ("term", one_of(1, 2, 3)), ("top_up", FLAG))),
        ("bundles", list_of(64, NAME, ("credits", U64))))),
    ("rates", fields_of(
        ("version", U32),
        ("tools", list_of(256, ("tool", U16), KEY, ("name", text_of(128)))),
        ("models", list_of(1024, ("model", U32), KEY, ("name", text_of(128)), ("min_tier", U8), ("pro", FLAG),
                           ("price", U64), ("unit", text_of(32)))))),
    ("quote", fields_of(
        ("price", U64), ("per_result", U64), ("version", U32), ("min_tier", U8), ("pro_model", FLAG),
        ("would", lambda r: OUTCOMES[r.one_of(2, OUTCOMES)]), ("split", split), ("available", split),
        ("largest_count", U16), ("longest_duration", U16), ("highest_resolution", U8), ("fits_after_reset_at", U64))),
    ("estimate", fields_of(("need", U64), ("with_buffer_min", U64), ("with_buffer_max", U64), ("version", U32),
                           ("plan", U16), ("plan_name", text_of(64)))),
    ("subscription", fields_of(("before", option_of(SUBSCRIPTION)), ("after", option_of(SUBSCRIPTION)),
                               ("period", U32), AMOUNT)),
    ("reload", fields_of(("plans_version", U32), ("rates_version", U32), ("changed", CHANGES),
                         ("needs_restart", CHANGES), ("error", text_of(512)))),
    ("clock", fields_of(("wall", U64), ("daemon", U64), ("state", one_of(1, 2, 3)), ("step", U64),
                        ("confirmed", FLAG))),
    ("resets", fields_of(
        ("now", U64), ("zones", U32), ("days", list_of(256, ZONE, ("day", U32), ("ends_at", U64), ("wallets", U64))),
        ("next_cycle_end", U64), ("cycles_in_hour", U64), ("cycles_in_day", U64),
        ("runs", list_of(32, ("kind", one_of(1, 2)), ("started_at", U64), ("duration", U64), ("wallets", U64),
                         ("granted", U64), ("expired", U64))))),
)


def read_body(kind, body):
    if kind == OPERATIONS:
        return [body[at:at + RECORD_BYTES] for at in range(0, len(body), RECORD_BYTES)]
    if kind == ANSWERS:
        return [read_answer(body[at:at + RECORD_BYTES]) for at in range(0, len(body), RECORD_BYTES)]
    readers = {HELLO: read_hello, WELCOME: read_welcome, CLOSE: read_close, COMMAND: read_command,
               COMMAND_ANSWER: read_command_answer}
    reader = Reader(body)
    value = readers[kind](reader) if kind in readers else None
    reader.end()
    return value


def hello(name, wanted, token=b""):
    return frame(HELLO, 0, struct.pack("<HH", 1, 1) + text(name) + struct.pack("<IQ", wanted, len(token)) + token)


def open_account(request_id, command, account, zone):
    return frame(COMMAND, request_id, struct.pack("<I", 0) + command.bytes + account.bytes + text(zone))


def grant(request_id, command, account, bucket, amount, reason):
    body = struct.pack("<I", 4) + command.bytes + account.bytes + struct.pack("<BQ", bucket, amount) + text(reason)
    return frame(COMMAND, request_id, body)


def set_subscription(request_id, command, account, amount, tier, ends_at):
    body = struct.pack("<I", 3) + command.bytes + account.bytes + struct.pack("<QBQ", amount, tier, ends_at)
    return frame(COMMAND, request_id, body)


def show_account(request_id, account):
    return frame(COMMAND, request_id, struct.pack("<I", 1) + account.bytes)


def ask(request_id, name, form="", *values):
    """A command by its name: `i` in the form is an id, `t` a text, anything else what struct makes of it."""
    names = [command for command, *_ in COMMANDS]
    body = struct.pack("<I", names.index(name))
    for kind, value in zip(form, values, strict=True):
        if kind == "i":
            body += value.bytes
        elif kind == "t":
            body += text(value)
        else:
            body += struct.pack("<" + kind, value)
    return frame(COMMAND, request_id, body)


def settings(quality=0, resolution=0, add_ons=0, duration=0):
    """The settings word; the duration is in tenths of a second."""
    return quality | resolution << 4 | add_ons << 8 | duration << 16


# --- operations and answers -----------------------------------------------------------------------------------------

NIL = uuid.UUID(int=0)
OPERATION = struct.Struct("<BBBBI16s16sQ16s16sIHHBBBBI")
ANSWER = struct.Struct("<HHIQ3Q3QQQQQ")


def operation(kind, account, hold=NIL, flags=0, number=0, ttl_ms=0, amount=0):
    return OPERATION.pack(kind, flags, 0, number, ttl_ms, hold.bytes, account.bytes, amount, NIL.bytes, NIL.bytes,
                          0, 0, 0, 0, 0, 0, 0, 0)


def operations(request_id, *records):
    return frame(OPERATIONS, request_id, b"".join(records), len(records))


def read_answer(record):
    names = ("outcome", "flags", "detail", "position", "split", "available", "next_reset_at", "amount", "time",
             "forfeited")
    values = ANSWER.unpack(record)
    values = [*values[:4], values[4:7], values[7:10], *values[10:]]
    answer = dict(zip(names, values))
    answer["outcome"] = OUTCOMES.get(answer["outcome"], "outcome_unknown")
    return answer


def uuid7():
    """48 bits of milliseconds, version 7, variant 10, the rest random."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(3 << 62) | 2 << 62)


# --- the vectors ----------------------------------------------------------------------------------------------------

def load(path):
    """Who takes it, the reason it is refused with or None, the bytes."""
    head, _, tail = path.read_text().partition("\nhex:\n")
    lines = dict(line.split(": ", 1) for line in head.splitlines() if line.startswith(("taken by: ", "close: ")))
    reason = lines["close"].split()[1] if "close" in lines else None
    return lines["taken by"], reason, bytes.fromhex(tail.replace("\n", " "))


def outcome_of(data, takes):
    """The reason that the bytes are refused with, or None."""
    try:
        kind, _, body, end = decode_frame(data, takes)
        read_body(kind, body)
        return None if end == len(data) else "bytes are left over"
    except Refused as refused:
        return str(refused)
    except NeedMore:
        return "need more"


def own_commands(command, account, hold):
    """The commands that came with plans, rate cards and lists, each as the page says it is written."""
    payment = uuid.UUID("fadefade-0000-4000-8000-000000000002")
    worker = uuid.UUID("0a0b0c0d-0e0f-4010-8111-121314151617")
    year_later = 1_730_674_800_000 + 365 * 86_400_000
    video = settings(2, 3, 1, 50)
    lines = struct.pack("<HIII", 1, 101, 0, 30) + struct.pack("<HIII", 2, 201, video, 10)
    estimate = struct.pack("<IQ", 24, 2) + lines + struct.pack("<HBB", 22, 20, 30)
    plan = "iiHB"
    return {
        "command-freeze": ask(9, "freeze", "iiBt", command, account, 1, "ticket 4711"),
        "command-top-up": ask(9, "top_up", "iiQ", payment, account, 120_000),
        "command-clawback": ask(9, "clawback", "iiQt", command, account, 120_000, "chargeback"),
        "command-show-hold": ask(9, "show_hold", "i", hold),
        "command-subscribe": ask(9, "subscribe", "iiHBQ", command, account, 21, 1, 0),
        "command-subscribe-until": ask(9, "subscribe", "iiHBQ", command, account, 21, 0, year_later),
        "command-renew": ask(9, "renew", "iiQ", command, account, year_later),
        "command-cancel": ask(9, "cancel", "iiB", command, account, 1),
        "command-lapse": ask(9, "lapse", "ii", command, account),
        "command-change-plan": ask(9, "change_plan", plan, command, account, 31, 0),
        "command-change-plan-at-renewal": ask(9, "change_plan", plan, command, account, 31, 1),
        "command-change-plan-prorated": ask(9, "change_plan", plan, command, account, 31, 2),
        "command-change-plan-new-cycle": ask(9, "change_plan", plan, command, account, 31, 3),
        "command-set-zone": ask(9, "set_zone", "iit", command, account, "Asia/Tokyo"),
        "command-pending-top-up": ask(9, "pending_top_up", "iiQ", payment, account, 120_000),
        "command-confirm-top-up": ask(9, "confirm_top_up", "ii", payment, account),
        "command-top-up-bundle": ask(9, "top_up_bundle", "iitB", payment, account, "boost-1000", 0),
        "command-top-up-bundle-pending": ask(9, "top_up_bundle", "iitB", payment, account, "boost-1000", 1),
        "command-correct": ask(9, "correct", "iiBQt", command, account, 1, 10_000, "ticket 4711"),
        "command-release-worker": ask(9, "release_worker", "iii", command, NIL, worker),
        "command-list-holds": ask(9, "list_holds", "iiQHi", NIL, NIL, 0, 100, NIL),
        "command-list-holds-of-worker": ask(9, "list_holds", "iiQHi", account, worker, 60_000, 256, hold),
        "command-list-accounts": ask(9, "list_accounts", "iH", account, 256),
        "command-list-plans": ask(9, "list_plans"),
        "command-list-rates": ask(9, "list_rates"),
        "command-quote": ask(9, "quote", "iHIIHB", account, 2, 201, video, 4, 6),
        "command-estimate": frame(COMMAND, 9, estimate),
        "command-reload": ask(9, "reload"),
        "command-clock": ask(9, "clock", "B", 0),
        "command-clock-confirm": ask(9, "clock", "B", 1),
        "command-show-resets": ask(9, "show_resets"),
    }


def check_vectors(folder):
    hold, account = uuid.UUID("0192f0c1-7a00-7abc-8def-0123456789ab"), uuid.UUID("11111111-2222-4333-8444-555555555555")
    command = uuid.UUID("c0c0c0c0-0000-4000-8000-000000000001")
    reserve = operation(RESERVE, account, hold, ttl_ms=60_000, amount=73_500)
    commit = operation(COMMIT, account, hold, flags=FINAL, amount=50_000)
    own = {
        "hello": hello("scheduler-7", 16_384),
        "hello-token": hello("scheduler-7", 16_384, b"0123456789abcdef"),
        "command-open-account": open_account(9, command, account, "Europe/Berlin"),
        "command-show-account": show_account(9, account),
        "command-set-subscription": set_subscription(9, command, account, 5_000_000, 3, 1_730_674_800_000),
        "command-grant": grant(9, command, account, 2, 10_000, "ticket 4711"),
        **own_commands(command, account, hold),
        "operation-reserve": operations(42, reserve),
        "operation-commit": operations(42, commit),
        "operation-balance": operations(42, operation(BALANCE, account)),
        "operations-three": operations(0x0102030405060708, reserve, commit, operation(BALANCE, account)),
        "ping": frame(PING, 77),
    }
    seen = meanings()
    wrong = []
    if crc32c(b"123456789") != 0xE3069283:
        wrong.append("the check value of the crc")
    paths = sorted(folder.glob("*.hex"))
    for path in paths:
        taken_by, reason, data = load(path)
        takes = TAKES[taken_by]
        if outcome_of(data, takes) != reason:
            wrong.append(f"{path.stem}: {outcome_of(data, takes)} instead of {reason}")
        if path.stem in own and own.pop(path.stem) != data:
            wrong.append(f"{path.stem}: this client writes it differently")
        if path.stem in seen:
            wrong += misread(path.stem, data, takes, seen.pop(path.stem))
        if reason is None:
            wrong += [f"{path.stem}: cut at {cut}" for cut in range(len(data)) if outcome_of(data[:cut], takes) != "need more"]
            wrong += [f"{path.stem}: bit {bit} flipped" for bit in flipped_and_taken(data, takes)]
    wrong += [f"{name}: no such vector" for name in [*own, *seen]]
    for line in wrong:
        print(f"WRONG {line}")
    print(f"{len(paths)} vectors, {len(wrong)} wrong")
    return bool(wrong) or not paths


def meanings():
    """What some answers show, by the page: at least a field of each view, one of them near its end."""
    pro = {"plan": 21, "plan_name": "pro", "tier": 3, "allocation": 2_000_000, "cycle": 4, "auto_renew": True}
    return {
        "command-answer-account": {"account.plan": None, "account.pending_top_ups": []},
        "command-answer-account-full": {
            **{f"account.plan.{name}": value for name, value in pro.items()},
            "account.plan.pending": {"plan": 11, "tier": 2, "allocation": 1_000_000},
            "account.pending_top_ups.1.amount": 1,
        },
        "command-answer-hold": {"hold.state": 2, "hold.captures.1": [1, 30_000, 1003], "hold.position": 1004},
        "command-answer-holds": {"holds.0.amount": 73_500, "holds.0.model": 70_001, "holds.1.worker": str(NIL)},
        "command-answer-holds-none": {"holds": []},
        "command-answer-accounts": {"accounts.1.account": "11111111-2222-4333-8444-555555555556"},
        "command-answer-plans": {"plans.version": 2, "plans.plans.1.term": 3, "plans.bundles.0.credits": 1_000_000},
        "command-answer-rates": {"rates.tools.1.key": "video", "rates.models.1.pro": True, "rates.models.1.unit": "second"},
        "command-answer-quote": {"quote.price": 840_000, "quote.would": "insufficient", "quote.largest_count": 2,
                                 "quote.fits_after_reset_at": 1_730_674_800_000},
        "command-answer-quote-granted": {"quote.would": "granted", "quote.split.top_up": 40_000},
        "command-answer-estimate": {"estimate.need": 62_040_000, "estimate.with_buffer_min": 74_448_000,
                                    "estimate.with_buffer_max": 80_652_000, "estimate.plan_name": "ultimate"},
        "command-answer-subscription": {"subscription.before.pending": None, "subscription.after.pending.plan": 11,
                                        "subscription.period": 6},
        "command-answer-lapsed": {"subscription.after": None, "subscription.period": 7},
        "command-answer-reload": {"reload.changed.0.text": "rates: version 3 is now 4", "reload.error": ""},
        "command-answer-clock-suspect": {"clock.state": 3, "clock.step": 2_592_000_000, "clock.confirmed": False},
        "command-answer-clock-confirmed": {"clock.state": 1, "clock.confirmed": True},
        "command-answer-resets": {"resets.days.1.wallets": 5_000_000_000, "resets.runs.0.expired": 1_250_500},
    }


def misread(name, data, takes, expected):
    """Lines about what stands elsewhere than expected; a path names what is within what, by name or place."""
    kind, _, body, _ = decode_frame(data, takes)
    for path, value in expected.items():
        found = read_body(kind, body)
        for step in path.split("."):
            found = found[int(step) if step.isdigit() else step]
        if found != value:
            yield f"{name}: {path} is {found} instead of {value}"


def flipped_and_taken(data, takes):
    """The bits whose flip goes unnoticed: none, if the crc is right. A bit a byte, so that it takes a moment only."""
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        if outcome_of(bytes(changed), takes) not in ("bad_magic", "bad_header_crc", "bad_body_crc"):
            yield at * 8 + at % 8


# --- a daemon -------------------------------------------------------------------------------------------------------

class Connection:
    """One connection; frames are answered in their order."""

    def __init__(self, address, token):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.data = b""
        self.takes = TAKES["a client before the handshake"]
        self.welcome = self.ask(hello("wire_client.py", 0, token), WELCOME)
        self.takes = TAKES["a client"]

    def receive(self):
        while True:
            try:
                kind, request_id, body, end = decode_frame(self.data, self.takes)
                self.data = self.data[end:]
                return kind, request_id, read_body(kind, body)
            except NeedMore:
                more = self.socket.recv(65_536)
                if not more:
                    raise SystemExit("the daemon closed the connection without a word") from None
                self.data += more

    def ask(self, data, expected):
        self.socket.sendall(data)
        return self.answer(data, expected)

    def answer(self, data, expected):
        kind, request_id, value = self.receive()
        if kind == CLOSE:
            raise SystemExit(f"the daemon closes: {value}")
        if kind != expected or data[8:16] != struct.pack("<Q", request_id):
            raise SystemExit(f"frame {kind} with request id {request_id} is not the answer")
        return value

    def operations(self, request_id, *records):
        return self.ask(operations(request_id, *records), ANSWERS)


def talk(address, token):
    """What WIRE.md promises, tried on a daemon; every expectation is printed."""
    connection = Connection(address, token)
    print(f"welcome  {connection.welcome}")
    account, hold, command = uuid7(), uuid7(), uuid7()
    failed = []

    def expect(what, seen, *expected):
        print(f"{'ok   ' if seen in expected else 'WRONG'} {what}: {seen}")
        if seen not in expected:
            failed.append(what)

    opening = open_account(1, command, account, "Europe/Berlin")
    expect("open account", connection.ask(opening, COMMAND_ANSWER)["outcome"], "done")
    expect("the same command again", connection.ask(opening, COMMAND_ANSWER)["outcome"], "replayed")
    subscribing = set_subscription(2, uuid7(), account, 400_000, 3, 0)
    expect("subscribe to 400 credits", connection.ask(subscribing, COMMAND_ANSWER)["outcome"], "done")
    granting = grant(2, uuid7(), account, 2, 100_000, "wire_client.py")
    expect("grant 100 credits", connection.ask(granting, COMMAND_ANSWER)["outcome"], "done")

    balance = operation(BALANCE, account)
    before = sum(connection.operations(3, balance)[0]["available"])
    reserve = operation(RESERVE, account, hold, ttl_ms=60_000, amount=73_500)
    commit = operation(COMMIT, account, hold, flags=FINAL, amount=50_000)
    granted, done, after = connection.operations(4, reserve, commit, balance)
    expect("reserve 73.5 credits", granted["outcome"], "granted")
    expect("drawn", sum(granted["split"]), 73_500)
    expect("commit 50 of them", done["outcome"], "done")
    expect("available afterwards", sum(after["available"]), before - 50_000)

    again, = connection.operations(5, reserve)
    expect("the same reserve again", (again["outcome"], again["detail"]), ("replayed", 1))
    expect("at the same position", again["position"], granted["position"])
    changed, = connection.operations(6, operation(RESERVE, account, hold, ttl_ms=60_000, amount=1))
    expect("the same id, another amount", (changed["outcome"], changed["detail"]), ("hold_id_reused", 8))
    bad, good = connection.operations(7, operation(RELEASE, account, hold, amount=1), balance)
    expect("a release with an amount", (bad["outcome"], bad["detail"]), ("bad_request", 8))
    expect("the operation after it", sum(good["available"]), before - 50_000)
    much, = connection.operations(8, operation(RESERVE, account, uuid7(), ttl_ms=60_000, amount=AMOUNT_MAX))
    expect("more than there is", (much["outcome"], much["amount"]), ("insufficient", AMOUNT_MAX))
    old = uuid.UUID(int=uuid7().int - (3_600_000 << 80))
    late, = connection.operations(9, operation(RESERVE, account, old, ttl_ms=60_000, amount=1))
    expect("an id of an hour ago", late["outcome"], "hold_id_expired")

    frames = [operations(100 + n, balance) for n in range(10)] + [frame(PING, 110)]
    connection.socket.sendall(b"".join(frames))
    for sent in frames[:-1]:
        connection.answer(sent, ANSWERS)
    connection.answer(frames[-1], PONG)
    print("ok    ten frames and a ping in flight, answered in their order")
    for bucket, columns in counted(connection, account, done["position"]).items():
        total = sum(columns[name] for name in ("available", "held", "spent", "expired", "clawed_back"))
        expect(f"all that was granted to {bucket} is somewhere", total, columns["granted"])
    connection.socket.sendall(frame(CLOSE, 0, struct.pack("<H", 21) + text("")))
    return bool(failed)


def counted(connection, account, position):
    """The buckets of an account, once the view has reached a position: it follows the journal a moment behind."""
    for _ in range(100):
        view = connection.ask(show_account(11, account), COMMAND_ANSWER)["account"]
        if view["as_of_position"] >= position:
            return {bucket: view[bucket] for bucket in BUCKETS}
        time.sleep(0.1)
    raise SystemExit(f"no view of position {position} within ten seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=pathlib.Path, help="the folder with the golden frames")
    parser.add_argument("--address", help="host:port of a daemon; it gets a new account")
    parser.add_argument("--token", default="", help="key for the daemon, as text")
    arguments = parser.parse_args()
    if arguments.vectors is None and arguments.address is None:
        parser.error("give --vectors or --address")
    failed = arguments.vectors is not None and check_vectors(arguments.vectors)
    if arguments.address is not None:
        failed = talk(arguments.address, arguments.token.encode()) or failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
