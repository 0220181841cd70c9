"""Prefect as the engine: an activation is a flow run, a turn is a task run in it.

`engine` owns the threads, `activation` drains a session's inboxes, `turn` runs one turn, `prefect_api` brings up Prefect.
Import this package late: `cao_flows.engine` loads Prefect only when the first work comes.
"""
