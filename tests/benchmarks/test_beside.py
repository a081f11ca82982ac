"""`make bench-peers` short of measuring: what it says when something is missing, one step of a peer, the table."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db.settings import ROOT
from tests.benchmarks.beside import table
from tests.benchmarks.beside.rivals import RIVALS, Harness

PEER = next(rival for rival in RIVALS if rival.name == "arq")
BENCH = """
import json
def main(peer):
    if peer.broken:
        raise RuntimeError("no such store")
    print("a peer's own chatter")
    print(json.dumps({"peer": peer.name, "measure": "drain", "argv": __import__("sys").argv[1:],
                      "n": peer.n_latency, "modes": peer.drain_modes}))
"""
SCRIPT = """
import bench
class Peer:
    name, n_latency, drain_modes, broken = "arq", 300, ("slow", "m100"), {broken}
if __name__ == "__main__":
    bench.main(Peer)
"""


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    """A harness of this test's own, with one peer that runs on our Python."""
    folder, home = tmp_path / "peers", tmp_path / "home"
    for path in (folder / "arq", home / "arq" / "bin"):
        path.mkdir(parents=True)
    (folder / "bench.py").write_text(BENCH)
    (folder / "arq" / "run.py").write_text(SCRIPT.format(broken=False))
    (home / "arq" / "bin" / "python").symlink_to(sys.executable)
    return Harness(folder, home)


def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.benchmarks.beside", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False)


def test_missing_parts_are_named_in_one_sentence(harness: Harness, tmp_path: Path) -> None:
    home, folder = str(tmp_path / "empty"), str(harness.folder)
    cases = [
        ({"PEERS": ""}, "PEERS is not set"),
        ({"PEERS": home}, "no bench.py"),
        ({"PEERS": folder, "PEERS_HOME": home}, f"run PEERS_HOME={home} bash {folder}/install.sh, or leave it out"),
    ]
    for env, words in cases:
        done = run("arq", **env)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def test_an_unknown_peer_is_refused() -> None:
    done = run("arc")
    assert "no such peer: arc" in done.stderr


def test_a_step_runs_the_peers_script_with_the_sizes_settings(harness: Harness) -> None:
    [row] = harness.measure(PEER, "drain", "smoke", all_modes=False)
    assert row == {"peer": "arq", "measure": "drain", "argv": ["drain", "--reps", "1"], "n": 5, "modes": ["m100"]}
    [row] = harness.measure(PEER, "drain", "full", all_modes=True)
    assert (row["n"], row["modes"]) == (300, ["slow", "m100"])


def test_a_step_that_fails_says_why(harness: Harness) -> None:
    harness.script(PEER).write_text(SCRIPT.format(broken=True))
    with pytest.raises(RuntimeError, match="no such store"):
        harness.measure(PEER, "drain", "full", all_modes=False)


def lines(peer: str, rates: list[float], p50: list[float], **more: Any) -> list[dict[str, Any]]:
    """A peer's lines of as many repetitions as there are rates."""
    rows: list[dict[str, Any]] = [
        {"peer": peer, "measure": "info", "versions": {peer: "1.2"}, "store": "postgres", "settings": {"m": "words"}}
    ]
    for rate, middle in zip(rates, p50, strict=True):
        rows += [
            {"peer": peer, "measure": "drain", "mode": "m", "workers": 1, "median": rate} | more,
            {"peer": peer, "measure": "drain", "mode": "m", "workers": 2, "median": 2 * rate},
            {"peer": peer, "measure": "latency", "n": 300, "p50": {"median": middle}, "p99": {"median": 3 * middle}}
            | more,
        ]
    return rows


def test_the_table_tells_median_spread_and_who_is_ahead(tmp_path: Path) -> None:
    rows = [*lines("taskbell", [300, 100, 200], [2, 4, 3]), *lines("arq", [100, 100, 100], [6, 6, 6], capped=True, n=9)]
    rows += lines("pg_boss", [400, 400, 400], [1, 1, 1])
    rows += [{"peer": "rq", "measure": "failed", "what": "drain", "error": "x", "repetition": 2}]
    rows += [{"measure": "facts", "told": "today", "repeats": 3, "size": "full"}]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("--lines", str(file))
    assert done.returncode == 1
    assert done.stdout == table.markdown(rows) + "\n"
    assert "today" in done.stdout
    assert "**Failed: rq drain (repetition 2).**" in done.stdout
    assert (
        "| **taskbell** | postgres | – | – | 200 (100–300) m | 400 (200–600) m | 3.00 (2.00–4.00) / 9.00 (6.00–12.0) | – | – | – |"
        in done.stdout
    )
    assert (
        "| arq | postgres | – | – | 100 (100–100) m † | 200 (200–200) m | 6.00 (6.00–6.00) / 18.0 (18.0–18.0) (n = 9) | – | – | – |"
        in done.stdout
    )
    assert "| drain, 1 worker, m | 200 | arq 100 | 2.00 × | – |  | pg_boss 400 | 0.50 × **< 1** |" in done.stdout
    assert "| enqueue → handler, p50 | 3.00 | arq 6.00 | 2.00 × | – |  | pg_boss 1.00 | 0.33 × **< 1** |" in done.stdout
    assert "- arq: arq 1.2; m: words" in done.stdout
