"""Decide what is true and keep it: models, compiled schemas, typed tables, quarantine, ledger."""
