"""What may name a device, and how the bridges' sessions at the broker are named."""

# It stands in topics, files and addresses, so nothing that one of them gives a meaning.
DEVICE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}"
# It begins client ids, and stands in the shared subscription as a level of a topic filter.
GROUP_NAME = r"[A-Za-z0-9_-]{1,32}"


def session_name(group: str, number: int) -> str:
    """Return the client id of a slot."""
    return f"{group}-bridge-{number}"


def group_of(session: str) -> str:
    """Return the group that a session's name was made with."""
    return session.rpartition("-bridge-")[0]
