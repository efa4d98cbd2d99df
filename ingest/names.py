"""What may name a device: it stands in topics, files and addresses, so nothing that one of them gives a meaning."""

DEVICE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}"
