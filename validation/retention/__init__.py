"""Retention: what is removed of readings and rollups, when, and what that frees; docs/rollups.md."""
