"""Propose a data model from messages that none is for. Pure: no Django, no network, and bounded whatever came.

`propose` makes the draft, `changed` says how a model would have to change to fit what comes. The order of the work:
`traffic` reads the payloads, `families` recognises what sends them, `topics`, `identity` and `times` find where device,
time and sequence stand, `fields` makes fields of the rest.
"""

from __future__ import annotations

from validation.propose.draft import propose
from validation.propose.drift import changed
from validation.propose.proposal import Drift, Evidence, Proposal, Sample
from validation.propose.topics import Sighting, clusters
from validation.propose.traffic import Message

__all__ = ["Drift", "Evidence", "Message", "Proposal", "Sample", "Sighting", "changed", "clusters", "propose"]
