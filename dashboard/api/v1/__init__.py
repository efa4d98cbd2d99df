"""Version 1 of the REST API: models, proposals, quarantine and replays. Views are thin; services do the work."""
