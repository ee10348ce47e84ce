"""The same small story, told to each peer before it is measured: what creditd's rules say, as a table.

Each line: a request, the outcome that it must come to, and what it must have moved by bucket (of a balance: what is there).
Amounts are millicredits.
"""

import socket
import subprocess
import time

DAY = "day"  # stands for today's day number, in an `open`

GRANTED, DONE, LATE, UNKNOWN_ACCOUNT, REPLAYED, HOLD_ID_REUSED, SETTLEMENT_REUSED, ALREADY_RELEASED = 1, 2, 3, 15, 20, 21, 22, 25
INSUFFICIENT, UNKNOWN_HOLD, ALREADY_SETTLED, HOLD_EXPIRED, EXCEEDS_HOLD = 35, 40, 41, 42, 43

STORY = [
    # Drawn in order, free -> subscription -> top-up (R3).
    ("open", ("A", 100_000, 500_000, 300_000, 0), None, None),
    ("reserve", ("A", "h1", 50_000, 60_000), GRANTED, (50_000, 0, 0)),
    ("reserve", ("A", "h2", 200_000, 60_000), GRANTED, (50_000, 150_000, 0)),
    ("reserve", ("A", "h3", 400_000, 60_000), GRANTED, (0, 350_000, 50_000)),
    ("reserve", ("A", "h4", 300_000, 60_000), INSUFFICIENT, (0, 0, 250_000)),
    ("balance", ("A",), DONE, (0, 0, 250_000)),
    # A retry is told the first answer, on an emptied wallet too; other content is told apart (R22).
    ("reserve", ("A", "h2", 200_000, 60_000), REPLAYED, (50_000, 150_000, 0)),
    ("reserve", ("A", "h3", 400_000, 60_000), REPLAYED, (0, 350_000, 50_000)),
    ("reserve", ("A", "h2", 200_001, 60_000), HOLD_ID_REUSED, (0, 0, 0)),
    ("reserve", ("B", "h2", 200_000, 60_000), HOLD_ID_REUSED, (0, 0, 0)),
    ("reserve", ("N", "h5", 1, 60_000), UNKNOWN_ACCOUNT, (0, 0, 0)),
    # Captures: more than held is refused, a retry is told the first answer (R25, R26).
    ("commit", ("h1", 50_001), EXCEEDS_HOLD, (50_000, 0, 0)),
    ("commit", ("h1", 50_000), DONE, (50_000, 0, 0)),
    ("commit", ("h1", 50_000), REPLAYED, (50_000, 0, 0)),
    ("commit", ("h1", 40_000), SETTLEMENT_REUSED, (0, 0, 0)),
    ("release", ("h1",), ALREADY_SETTLED, (0, 0, 0)),
    ("commit", ("h9", 1), UNKNOWN_HOLD, (0, 0, 0)),
    # A part, in draw order; the rest goes back to where it came from (R24, R25).
    ("commit", ("h2", 120_000), DONE, (50_000, 70_000, 0)),
    ("balance", ("A",), DONE, (0, 80_000, 250_000)),
    ("commit", ("h2", 120_000), REPLAYED, (50_000, 70_000, 0)),
    ("balance", ("A",), DONE, (0, 80_000, 250_000)),
    ("release", ("h3",), DONE, (0, 350_000, 50_000)),
    ("release", ("h3",), REPLAYED, (0, 350_000, 50_000)),
    ("commit", ("h3", 400_000), ALREADY_RELEASED, (0, 0, 0)),
    ("balance", ("A",), DONE, (0, 430_000, 300_000)),
    # A hold's end gives back; a commit before that was seen is late, with its own slices (R23, R28).
    ("reserve", ("A", "h6", 30_000, 100), GRANTED, (0, 30_000, 0)),
    ("reserve", ("A", "h7", 10_000, 100), GRANTED, (0, 10_000, 0)),
    ("reserve", ("A", "h8", 5_000, 60_000), GRANTED, (0, 5_000, 0)),
    ("sleep", (0.3,), None, None),
    ("commit", ("h6", 10_000), LATE, (0, 10_000, 0)),
    ("sleep", (1.3,), None, None),
    ("expire", (100,), 1, None),
    ("expire", (100,), 0, None),
    ("balance", ("A",), DONE, (0, 415_000, 300_000)),
    ("commit", ("h7", 10_000), HOLD_EXPIRED, (0, 0, 0)),
    ("commit", ("h8", 5_000), DONE, (0, 5_000, 0)),
    # A new day sets the free credits to the allowance and adds nothing, by the wallet's own date (R5).
    ("open", ("B", 5_000, 0, 0, -1), None, None),
    ("balance", ("B",), DONE, (100_000, 0, 0)),
    ("reserve", ("B", "h10", 60_000, 60_000), GRANTED, (60_000, 0, 0)),
    ("balance", ("B",), DONE, (40_000, 0, 0)),
    # What was drawn from the free credits of another day is forfeited (R24).
    ("open", ("B", 7_000, 0, 0, 1), None, None),
    ("release", ("h10",), DONE, (60_000, 0, 0)),
    ("balance", ("B",), DONE, (7_000, 0, 0)),
]


class Wrong(Exception):
    """A peer did other work than the rule says."""


def tell(name, peer):
    """Tells the story to a peer: anything with a method for each verb of it."""
    asked = 0
    for verb, words, outcome, split in STORY:
        if verb == "sleep":
            time.sleep(*words)
            continue
        answer = getattr(peer, verb)(*words)
        if verb == "expire":
            right = answer == outcome
        else:
            right = outcome is None or (answer[0] == outcome and tuple(answer[1:]) == split)
        if not right:
            raise Wrong(f"{name}: {verb} {words} came to {answer}, not {outcome} {split}")
        asked += outcome is not None
    return f"{asked} requests of the story came to what the rules say"


class Redis:
    """The function library, through one connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def call(self, function, *words):
        words = [b"FCALL", function.encode(), b"0"] + [str(word).encode() for word in words]
        self.socket.sendall(b"".join([b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]))
        return self.read()

    def read(self):
        line = self.file.readline().strip()
        if line[:1] == b"*":
            return [self.read() for _ in range(int(line[1:]))]
        if line[:1] == b":":
            return int(line[1:])
        raise Wrong(f"redis: {line!r}")

    @staticmethod
    def id(name):
        return name.ljust(16, ".")

    def open(self, account, free, subscription, top_up, days):
        today = int(time.time()) // 86_400
        return self.call("open", self.id(account), free, subscription, top_up, today + days)

    def reserve(self, account, hold, amount, ttl_ms):
        return self.call("reserve", self.id(account), self.id(hold), amount, ttl_ms)

    def commit(self, hold, amount):
        return self.call("commit", self.id(hold), amount)

    def release(self, hold):
        return self.call("release", self.id(hold))

    def balance(self, account):
        return self.call("balance", self.id(account))

    def expire(self, limit):
        return self.call("expire", limit)


class Postgres:
    """The functions, through psql."""

    def __init__(self, port):
        self.command = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "credit", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAtc"]

    def ask(self, query):
        told = subprocess.run(self.command + [query], check=True, capture_output=True, text=True).stdout.strip()
        return [int(number) for number in told.strip("()").split(",")] if told else []

    @staticmethod
    def id(name):
        return f"'{name.encode().hex().rjust(32, '0')}'"

    def open(self, account, free, subscription, top_up, days):
        account = self.id(account)
        return self.ask(
            f"INSERT INTO wallets VALUES ({account}, {free}, {subscription}, {top_up}, today() + {days}) ON CONFLICT (account) "
            f"DO UPDATE SET free = {free}, subscription = {subscription}, top_up = {top_up}, day = today() + {days}"
        )

    def reserve(self, account, hold, amount, ttl_ms):
        return self.ask(f"SELECT reserve({self.id(account)}, {self.id(hold)}, {amount}, {ttl_ms})")

    def commit(self, hold, amount):
        return self.ask(f"SELECT commit_hold({self.id(hold)}, {amount})")

    def release(self, hold):
        return self.ask(f"SELECT release_hold({self.id(hold)})")

    def balance(self, account):
        return self.ask(f"SELECT balance({self.id(account)})")

    def expire(self, limit):
        return self.ask(f"SELECT expire_holds({limit})")[0]
