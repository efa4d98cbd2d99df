"""Measure the running stack. Every figure comes with the command that gave it and the ledger's verdict beside it."""
