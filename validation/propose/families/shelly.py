"""Shelly of the second generation and later: a status topic for each component, and notifications.

The first generation sends single values (shellies/<id>/relay/0/power is 12.5): those are no objects, so no model can be
for them.
"""

from __future__ import annotations

from validation.propose.families.family import SKIP, Family, Hint

COMPONENT = (
    ("*by_minute*", SKIP),
    ("*tF", SKIP),
    ("*.id", SKIP),
    ("id", SKIP),
    ("*aenergy.total", Hint(unit="W.h", minimum=0)),
    ("*ret_aenergy.total", Hint(unit="W.h", minimum=0)),
    ("*aenergy.minute_ts", SKIP),
    ("*apower", Hint(unit="W")),
    ("*voltage", Hint(unit="V", minimum=0)),
    ("*current", Hint(unit="A")),
    ("*freq", Hint(unit="Hz", minimum=0)),
    ("*pf", Hint(unit="1", minimum=-1, maximum=1)),
    ("*tC", Hint(unit="Cel", minimum=-273.15)),
    ("*rh", Hint(unit="%", minimum=0, maximum=100)),
    ("*battery.percent", Hint(unit="%", minimum=0, maximum=100)),
    ("*battery.V", Hint(unit="V", minimum=0)),
    ("*source", Hint(kind="text", description="Who gave the last command.")),
)
NAMES = (
    ("temperature.tC", Hint(name="temperature", unit="Cel", minimum=-273.15)),
    ("aenergy.total", Hint(name="energy", unit="W.h", minimum=0)),
    ("apower", Hint(name="power", unit="W")),
    ("pf", Hint(name="power_factor", unit="1", minimum=-1, maximum=1)),
    ("freq", Hint(name="frequency", unit="Hz", minimum=0)),
)
STATUS = Family(
    name="Shelly status",
    model="shelly",
    source="https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch",
    topics=("+/status/+",),
    own_levels=(2,),
    needs_topic=True,
    signs=("id",),
    device_level=1,
    has_time=False,
    hints=(*NAMES, *COMPONENT),
    notes=("A status has no time of its own. Each component (switch:0, switch:1 …) needs a model of its own.",),
)
NOTIFICATION = Family(
    name="Shelly notification",
    model="shelly_notification",
    source="https://shelly-api-docs.shelly.cloud/gen2/General/Notifications",
    topics=("+/events/rpc",),
    signs=("src", "method", "params.ts"),
    device_level=1,
    time_path="params.ts",
    wrappers=("params",),
    hints=(
        ("src", SKIP),
        ("dst", SKIP),
        ("method", Hint(choices=("NotifyStatus", "NotifyFullStatus", "NotifyEvent"))),
        *COMPONENT,
    ),
    notes=("A notification holds only what changed, so hardly a field can be required.",),
)
