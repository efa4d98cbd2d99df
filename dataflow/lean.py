"""Settings of the processes that show nothing: bridge, scheduler, simulators, `up`. The site stays out of memory.

What the site alone needs (admin, REST, sign-in, pages) costs a process some 15 MB. Everything else is the same.
"""

from dataflow.settings import *  # noqa: F403

INSTALLED_APPS = ["dataflow", "ingest", "simulators"]
MIDDLEWARE = []
