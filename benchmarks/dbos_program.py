"""Ten trivial steps in DBOS on SQLite; prints the milliseconds of each round. Runs in an environment of its own.

Arguments: the directory for its database, the steps of a workflow, the rounds.
"""

import json
import logging
import subprocess
import sys
import time

from dbos import DBOS


def main(place: str, steps: int, rounds: int) -> None:
    logging.disable(logging.INFO)
    url = f"sqlite:///{place}/dbos.sqlite"
    dbos = DBOS(config={"name": "bench", "system_database_url": url, "run_admin_server": False})

    @DBOS.step()
    def command(number: int) -> int:
        return subprocess.run(["true"], check=True).returncode

    @DBOS.workflow()
    def many() -> None:
        for number in range(steps):
            command(number)

    DBOS.launch()
    many()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        many()
        taken.append((time.perf_counter() - began) * 1000)
    dbos.destroy()
    print(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
