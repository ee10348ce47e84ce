"""The servers that are compared: each is started and ended by its own script, loaded by its own client, and checked."""

import json
import socket
import statistics
import subprocess
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
AMOUNT = 1000  # millicredits of one operation
FUNDED = 100_000 + 100_000_000_000  # millicredits of one wallet: the day's free ones, and enough for any run


class Failed(Exception):
    """A run that does not count: a server that refused, lost or made up something."""


def output(command, **more):
    """What a command prints; its failure is told with what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Failed(f"{' '.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def must(name, what, is_so, found):
    if not is_so:
        raise Failed(f"{name}: {what}: {found}")


class Creditd:
    """`creditctl bench` with a daemon of its own for each shape; it checks every answer."""

    def __init__(self, programs, wallets):
        self.creditctl, self.wallets = programs / "creditctl", wallets
        self.name, self.synced = "creditd", "every operation"
        self.shapes = {
            "single": "50 connections, 1 operation in flight",
            "frames of 8190": "2 connections, 2 frames of 8190 in flight",
            "frames of 100": "16 connections, 1 frame of 100 in flight",
            "latency": "1 connection, 1 operation in flight",
        }

    def check(self, folder, seconds):
        """That the histories of its answers are right is shown by its own check, once."""
        command = [self.creditctl, "-o", "json", "bench", "--validate", "--operations", 200_000, "--wallets", 10_000]
        told = json.loads(output(command + ["--data", folder]))
        must(self.name, "its history is right", told["validated"]["violations"] == 0, told["validated"])

    def up(self, folder):
        self.folder = folder

    def measure(self, shape, seconds):
        connections, batch, in_flight = {
            "single": (50, 1, 1), "frames of 8190": (2, 8190, 2), "frames of 100": (16, 100, 1), "latency": (1, 1, 1),
        }[shape]
        told = json.loads(output([
            self.creditctl, "-o", "json", "bench", "--wallets", self.wallets, "--connections", connections, "--batch", batch,
            "--in-flight", in_flight, "--seconds", f"{round(seconds * 1000)}ms", "--durability", "sync", "--data", self.folder,
        ]))
        must(self.name, "nothing is refused", told["refused"] == 0 and told["errors"] == 0, told["outcomes"])
        positive = told["outcomes"].get("granted", 0) + told["outcomes"].get("done", 0)
        must(self.name, "every reserve granted, every commit done", positive == told["operations"], told["outcomes"])
        return {"operations_per_second": told["operations_per_second"], "p50_us": told["latency_us"]["p50"],
                "p99_us": told["latency_us"]["p99"], "operations": told["operations"]}

    def totals(self):
        """Its bench has checked each answer, and its daemon is gone."""

    def down(self):
        pass


class Redis:
    """Redis 7 with the function library, and the load beside this file."""

    SHAPES = {
        "single": (50, 1, 1, "50 connections, 1 call in flight"),
        "pipelines of 1000": (2, 1000, 1, "2 connections, pipelines of 1000 calls"),
        "frames of 100": (4, 1, 100, "4 connections, 100 operations in one call"),
        "latency": (1, 1, 1, "1 connection, 1 call in flight"),
    }

    def __init__(self, load, wallets, fsync):
        self.load, self.wallets, self.fsync, self.name = load, wallets, fsync, f"Redis 7, appendfsync {fsync}"
        self.synced = {"always": "every operation", "everysec": "what is older than 1 to 2 s", "no": "nothing"}[fsync]
        self.shapes = {shape: words[3] for shape, words in self.SHAPES.items()}

    def up(self, folder):
        self.folder, self.port = folder, free_port()
        output([HERE / "redis/server", "up", folder, self.fsync, self.port])
        self.address = f"127.0.0.1:{self.port}"
        self.reserves = self.commits = 0

    def open(self):
        output([self.load, "open", self.address, self.wallets])

    def measure(self, shape, seconds):
        connections, calls, frame, _ = self.SHAPES[shape]
        told = json.loads(output([self.load, "run", self.address, self.wallets, connections, calls, frame, int(seconds * 1000)]))
        self.reserves += told["reserves"]
        self.commits += told["commits"]
        return {"operations_per_second": told["operations_per_second"], "p50_us": told["latency_us"]["p50"],
                "p99_us": told["latency_us"]["p99"], "operations": told["operations"]}

    def totals(self):
        """What the load was told is what the server has."""
        found = json.loads(output([self.load, "totals", self.address]))
        balanced(self.name, self.wallets, self.reserves, self.commits, found)

    def down(self):
        output([HERE / "redis/server", "down", self.folder])


class Postgres:
    """PostgreSQL 15 with the functions, and pgbench with prepared statements."""

    PROGRAMS = Path("/usr/lib/postgresql/15/bin")
    HALF = 250
    SHAPES = {
        "single": (16, "single", "16 connections, 1 statement in flight"),
        "transactions of 500": (4, "frame", "4 connections, transactions of 500 operations"),
        "latency": (1, "single", "1 connection, 1 statement in flight"),
    }

    def __init__(self, wallets):
        self.wallets, self.name, self.synced = wallets, "PostgreSQL 15, synchronous_commit on", "every operation"
        self.shapes = {shape: words[2] for shape, words in self.SHAPES.items()}

    def up(self, folder):
        self.folder, self.port = folder, free_port()
        output([HERE / "postgres/server", "up", folder, self.port])
        self.reserves = self.commits = self.runs = 0

    def where(self):
        return ["-h", "127.0.0.1", "-p", self.port, "-U", "credit"]

    def ask(self, *queries):
        command = [self.PROGRAMS / "psql", *self.where(), "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt"]
        for query in queries:
            command += ["-c", query]
        return output(command).strip()

    def open(self):
        self.ask(
            f"INSERT INTO wallets SELECT load_account(n), 100000, {FUNDED - 100_000}, 0, today() "
            f"FROM generate_series(0, {self.wallets - 1}) n", "VACUUM ANALYZE wallets", "CHECKPOINT",
        )

    def measure(self, shape, seconds):
        connections, script, _ = self.SHAPES[shape]
        self.runs += 1
        log = self.folder / f"pgbench-{self.runs}"
        told = output([
            self.PROGRAMS / "pgbench", *self.where(), "-n", "-M", "prepared", "-c", connections, "-j", 1, "-T", max(1, round(seconds)),
            "-l", f"--log-prefix={log}", "-D", "n=0", "-D", f"base={self.runs * 1000}", "-D", f"wallets={self.wallets}",
            "-f", HERE / f"postgres/{script}.pgbench", "postgres",
        ])
        made = Counter()
        latencies_us = []
        for file in self.folder.glob(f"pgbench-{self.runs}.*"):
            for line in file.read_text().splitlines():
                client, _, latency_us = line.split()[:3]
                made[client] += 1
                latencies_us.append(int(latency_us))
            file.unlink()
        if script == "single":
            reserves = sum((count + 1) // 2 for count in made.values())
            commits = sum(count // 2 for count in made.values())
        else:
            reserves = self.HALF * made.total()
            commits = self.HALF * (made.total() - len(made))
        self.reserves += reserves
        self.commits += commits
        transactions = int(found(told, "number of transactions actually processed: "))
        must(self.name, "the log has every transaction", transactions == made.total(), (transactions, made.total()))
        must(self.name, "no transaction fails", found(told, "number of failed transactions: ") == "0", told)
        took = transactions / float(found(told, "tps = "))
        latencies_us.sort()
        return {"operations_per_second": round((reserves + commits) / took), "p50_us": int(statistics.median(latencies_us)),
                "p99_us": latencies_us[len(latencies_us) * 99 // 100], "operations": reserves + commits}

    def totals(self):
        """As many holds and captures as transactions were answered, and the credits for them."""
        counts = self.ask(
            "SELECT count(*) FILTER (WHERE state = 0), coalesce(sum(free + subscription + top_up) FILTER (WHERE state = 0), 0), "
            "count(*) FILTER (WHERE state = 1), coalesce(sum(captured), 0) FROM holds"
        ).split("|")
        wallets = self.ask("SELECT count(*), sum(free + subscription + top_up) FROM wallets").split("|")
        names = ["open", "held", "settled", "captured", "wallets", "balance"]
        balanced(self.name, self.wallets, self.reserves, self.commits, dict(zip(names, map(int, counts + wallets))))

    def down(self):
        output([HERE / "postgres/server", "down", self.folder])


def found(text, label):
    """The word after a label."""
    _, there, after = text.partition(label)
    must("pgbench", f"says {label!r}", there, text)
    return after.split()[0]


def balanced(name, wallets, reserves, commits, found):
    """Every reserve that was granted holds or has held its credits, every commit has taken them, and none is made or lost."""
    expected = {
        "wallets": wallets, "open": reserves - commits, "held": (reserves - commits) * AMOUNT,
        "settled": commits, "captured": commits * AMOUNT, "balance": wallets * FUNDED - reserves * AMOUNT,
    }
    for what, number in expected.items():
        must(name, f"{what} is {number}", found[what] == number, found[what])
