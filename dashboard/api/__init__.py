"""The HTTP API: one file per group of routes, over the selectors of `validation` and the doors of `ingest`."""
