"""How good the agent is, measured: what `manage.py evaluate` prints."""
