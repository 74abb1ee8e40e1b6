# SPDX-License-Identifier: MIT
"""What `make soak` has done so far, and its open-ended part: fuzzers by the clock.

A round is the tests with large counts, then each fuzz target for SOAK_SECONDS
(600) on a corpus that is kept in the user's cache. Ctrl-C stops it. What was
done is not repeated when it is started again; when all of it is done the
totals go into docs/soak.md and the next one begins a new round.
"""
import datetime
import json
import os
import re
import time

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                     "verdigris", "soak")
STATE = CACHE + "/state.json"
REPORT = "docs/soak.md"
TESTS = "tests"  # in the state, beside the names of the fuzz targets
SECONDS = int(os.environ.get("SOAK_SECONDS") or 600)
HEAD = """# Soak runs

What `make soak` ran, newest last: for each round a row for the tests with their
number, and one per fuzz target with its executions. A failure leaves no row.

| date | what | runs | seconds |
|---|---|---|---|
"""


def load():
    try:
        with open(STATE) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def save(state):
    os.makedirs(CACHE, exist_ok=True)
    with open(STATE + ".new", "w") as f:
        json.dump(state, f)
    os.replace(STATE + ".new", STATE)


def report(state):
    """Adds this round's rows to the document."""
    today = datetime.date.today().isoformat()
    new = not os.path.exists(REPORT)
    with open(REPORT, "a") as f:
        if new:
            f.write(HEAD)
        for name, row in sorted(state.items()):
            f.write("| %s | %s | %d | %d |\n" % (today, name, row["runs"], row["seconds"]))


def first_inputs(name):
    """Folders that libFuzzer reads besides the corpus, and leaves as they are."""
    folders = ("tests/fuzz/corpus/" + name,
               "%s/fuzz/corpus/%s" % (os.environ.get("BUILD", "build"), name))
    return [folder for folder in folders if os.path.isdir(folder)]


def tests_once(totals, test):
    """Calls test() unless it passed in this round."""
    state = load()
    if TESTS in state:
        print("     the tests passed in this round already: %s" % STATE, flush=True)
        return
    began, before = time.monotonic(), totals.passed
    test()
    if not totals.failed:
        state[TESTS] = {"runs": totals.passed - before,
                        "seconds": int(time.monotonic() - began)}
        save(state)


def fuzz_row(output, wall, artifacts):
    """What a run of libFuzzer did: executions, the last coverage it printed, findings kept."""
    runs = re.search(r"stat::number_of_executed_units: (\d+)", output)
    covered = re.findall(r"cov: (\d+)", output)
    return {"runs": int(runs.group(1)) if runs else 0, "seconds": int(wall),
            "coverage": int(covered[-1]) if covered else 0, "crashes": artifacts}


def add_totals(name, row):
    """Adds a run to the totals of all runs from this build folder, and prints the line."""
    path = os.path.join(os.environ.get("BUILD", "build"), "soak-fuzz.json")
    totals = {}
    if os.path.exists(path):
        with open(path) as f:
            totals = json.load(f)
    old = totals.get(name, {"runs": 0, "seconds": 0, "coverage": 0, "crashes": 0})
    totals[name] = {key: max(old[key], row[key]) if key == "coverage" else old[key] + row[key]
                    for key in old}
    with open(path + ".new", "w") as f:
        json.dump(totals, f, indent=1, sort_keys=True)
    os.replace(path + ".new", path)
    print("     %s: executions=%d coverage=%d crashes=%d; in all executions=%d crashes=%d" % (
        name, row["runs"], row["coverage"], row["crashes"], totals[name]["runs"],
        totals[name]["crashes"]), flush=True)


def fuzz_all(totals, names, command, run):
    """command(name, *options) is a target's command line, run() the runner's."""
    state = load()
    for name in names:
        if name in state:
            continue
        corpus = "%s/corpus/%s" % (CACHE, name)
        os.makedirs(corpus, exist_ok=True)
        status, output, wall, cpu = run(
            command(name, "-max_total_time=%d" % SECONDS, "-print_final_stats=1", corpus,
                    *first_inputs(name)),
            SECONDS + 300)
        totals.add("soak/fuzz/" + name, int(status == 0), int(status != 0), wall, cpu,
                   output[-4000:])
        row = fuzz_row(output, wall, len(re.findall(r"Test unit written to", output)))
        add_totals(name, row)
        if status == 0:
            state[name] = row
            save(state)
    if TESTS in state and all(name in state for name in names):
        report(state)
        save({})
