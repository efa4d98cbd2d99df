#!/usr/bin/env python
"""Run dataflow's commands: `python manage.py help`."""

import os
import sys

WRONG_SETTINGS = 2

if __name__ == "__main__":
    # What starts everything else needs nothing of the site, and stays in memory for as long as that runs.
    settings = "dataflow.lean" if sys.argv[1:2] == ["up"] else "dataflow.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # The message names the setting and says what is wrong with it; where in our code that was noticed helps nobody.
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_SETTINGS)
