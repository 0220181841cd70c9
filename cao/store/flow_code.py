"""The code of workflows that are Prefect flows, as it was when a run of them was started."""

from __future__ import annotations

from .transaction import Reader, Transaction


def keep(tx: Transaction, run_id: str, code: str) -> None:
    """Remember the text of the file that a run's flow stands in."""
    tx.insert("flow_code", run_id=run_id, code=code)


def take_over(tx: Transaction, run_id: str, earlier: str) -> None:
    """A run that goes on where an earlier one ended keeps to the same code."""
    code = of_run(tx, earlier)
    if code is not None:
        keep(tx, run_id, code)


def of_run(reader: Reader, run_id: str) -> str | None:
    """The code of a run; None where its flow was registered by the program that runs it."""
    row = reader.row("SELECT code FROM flow_code WHERE run_id = ?", (run_id,))
    return None if row is None else str(row["code"])
