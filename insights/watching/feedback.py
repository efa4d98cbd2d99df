"""What people say of findings, and what follows from it: how sensitive the detector of that series is.

The factor is the product over all that was said of a series, bounded, so that taking a word back undoes exactly what it
did. What nobody wants to hear is halved with each time; what was right makes it a little more willing.
"""

from __future__ import annotations

from collections import Counter

from django.db.models import Count

from insights.models import Feedback, Finding

FACTORS: dict[str, float] = {
    Feedback.Said.REAL: 1.25,
    Feedback.Said.NOT_REAL: 0.5,
    Feedback.Said.EXPECTED: 0.7,
}
LEAST, MOST = 0.1, 2.0
Series = tuple[int, int, str]  # model, device, field


def factor(said: Counter[str]) -> float:
    """Return the sensitivity that follows from how often each was said of a series."""
    product = 1.0
    for verdict, times in said.items():
        product *= FACTORS[verdict] ** times
    return min(MOST, max(LEAST, product))


def sensitivities() -> dict[Series, float]:
    """Return the sensitivity of each series of which anything was said. Blocks for the database."""
    said: dict[Series, Counter[str]] = {}
    rows = Feedback.objects.values_list("model_id", "device_id", "field", "verdict").annotate(Count("id"))
    for model, device, field, verdict, times in rows:
        said.setdefault((model, device, field), Counter())[verdict] = times
    return {series: factor(counts) for series, counts in said.items()}


def sensitivity_of(finding: Finding) -> float:
    """Return the sensitivity of the series of a finding."""
    rows = Feedback.objects.filter(model=finding.model_id, device=finding.device_id, field=finding.field)
    return factor(Counter(rows.values_list("verdict", flat=True)))


def say(finding: Finding, verdict: str | None, by: int | None) -> float:
    """Note what a person says of a finding, in place of what was said before; None takes it back.

    Returns the sensitivity of the series from now on; the watcher has it within seconds. Blocks for the database.
    """
    if verdict is None:
        Feedback.objects.filter(finding=finding).delete()
    else:
        about = {"device_id": finding.device_id, "model_id": finding.model_id, "field": finding.field}
        Feedback.objects.update_or_create(finding=finding, defaults={**about, "verdict": verdict, "by_id": by})
    return sensitivity_of(finding)
