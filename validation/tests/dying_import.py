"""An import that is killed between sending an envelope and writing down that it has: run by the tests.

    python -m validation.tests.dying_import NUMBER BUFFER-URL ENVELOPES

It sends as many envelopes, and is then killed as by `kill -9`.
"""

from __future__ import annotations

import os
import signal
import sys


def main(number: int, url: str, envelopes: int) -> None:
    """Import until it is time to die."""
    import django

    django.setup()
    from ingest.ring import Appended, Ring
    from validation.imports import Importer
    from validation.imports.messages import Messages
    from validation.imports.sending import Door

    class Last(Door):
        left = envelopes

        def send(self, messages: Messages) -> Appended:
            appended = super().send(messages)
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            return appended

    Importer(Last(Ring([url]), lambda buffer: None)).advance(number, 60, patient=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
