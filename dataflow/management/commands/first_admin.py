"""`manage.py first_admin`: the first person who may log in."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from dataflow.embedded.private import write_private
from dataflow.lib.commands import ExplainedCommand

ADMIN = "admin"
PASSWORD_FILE = "admin-password"  # noqa: S105  (its name)  kept under DATA_DIR while it is the generated one
PASSWORD_BYTES = 12

EXPLANATION = """\
Creates the user `admin` with a generated password where nobody may administer the platform yet, and keeps the
password in DATA_DIR/admin-password (readable by its owner only) until it is changed. Harmless when repeated.
`manage.py up` runs it.

example:
  manage.py first_admin

exit codes: 0 done, 1 failed
"""


class Command(ExplainedCommand):
    """Create the first administrator."""

    help = EXPLANATION

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the user, or forget a password that is no longer the generated one."""
        users = get_user_model().objects
        path = Path(settings.DATA_DIR) / PASSWORD_FILE
        if not users.filter(is_superuser=True).exists():
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            # First the file: a password that nobody can read would lock everybody out.
            write_private(path, password + "\n")
            users.create_superuser(ADMIN, password=password)
            self.stderr.write(f"created the user {ADMIN}")
        elif path.is_file() and not self._still_valid(path):
            path.unlink()

    def _still_valid(self, path: Path) -> bool:
        user = get_user_model().objects.filter(username=ADMIN, is_active=True).first()
        return user is not None and user.check_password(path.read_text(encoding="utf-8").strip())
