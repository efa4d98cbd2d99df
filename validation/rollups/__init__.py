"""Rollups: what each model's readings come to by minute, hour and day; docs/rollups.md."""
