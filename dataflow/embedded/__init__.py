"""The services dataflow runs on, started from Python wheels where the environment names none.

`plan_services` chooses what to start, `start_services` starts it for the length of a `with` block (the tests do),
and `dataflow.supervisor` keeps it running under `manage.py up`. One file per service: `postgres.py`, `valkey.py`,
`broker.py`. Every process runs on a leash (`leash.py`), so that nothing outlives the program that started it.
"""
