"""Days, weeks, months and parts of days, as people write them. Pure.

Weeks begin on Mondays. A weekday is the newest one before today; the name of today's weekday alone is in doubt, and so
is "last Monday", which some say of this week's and others of last week's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from insights.questions.query import AskBack

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = "|".join([*MONTHS, *(month[:3] for month in MONTHS if len(month) > 3), "sept"])
_WEEKDAY = "|".join([*WEEKDAYS, "mon", "tues?", "wed", "thu(?:rs?)?", "fri"])
_TH = r"(?:[ ]?(?:st|nd|rd|th)\b)"
DAY = re.compile(
    rf"""(?P<relative>the\ day\ before\ yesterday|day\ before\ yesterday|yesterday|today|tomorrow)\b
    | (?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b
    | (?P<dotted>\d{{1,2}}\.\d{{1,2}}\.\d{{4}})\b
    | (?P<slashed>\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?)(?=\s|$|\|)
    | (?:the\ )?(?P<day>\d{{1,2}}){_TH}?(?:\ of)?\ (?P<month>{_MONTH})\b(?:[ |]+(?P<year>(?:19|20)\d\d)\b)?
    | (?P<month_first>{_MONTH})\ (?:the\ )?(?P<day_after>\d{{1,2}})\b(?!:){_TH}?
      (?:[ |]+(?P<year_after>(?:19|20)\d\d)\b)?
    | the\ (?P<day_alone>\d{{1,2}}){_TH}
    | (?P<days_ago>\d{{1,4}})\ days?\ ago\b
    | (?:(?P<which>last|this|next|past|previous)\ )?(?P<weekday>{_WEEKDAY})\b
    | (?:the\ )?(?P<wide>this|last|next|previous)\ (?P<unit>week|month|year|weekend)\b
    | (?P<month_alone>{"|".join(month for month in MONTHS if month not in ("may", "march"))})
      \b(?:\ (?P<year_alone>(?:19|20)\d\d)\b)?""",
    re.VERBOSE,
)
NIGHT = re.compile(r"(?P<last_night>last night)\b|(?P<tonight>tonight)\b")
PART = re.compile(r"(?:in the |(?P<this>this )|the )?(?P<part>morning|afternoon|evening|night)\b")
PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 22), "night": (22, 30)}  # hours of the day


@dataclass(frozen=True, slots=True)
class Days:
    """Some whole days in a row, the last one not included."""

    first: date
    until: date

    def begin(self, zone: ZoneInfo) -> datetime:
        """Return the midnight that they begin with."""
        return datetime.combine(self.first, time(), zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the midnight that they end with."""
        return datetime.combine(self.until, time(), zone)


def days_of(found: re.Match[str], today: date) -> Days:
    """Return the days that a match of DAY means. Raises AskBack when it may mean others, or none."""
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    if "unit" in groups:
        return _wide(groups["wide"], groups["unit"], today, found[0])
    if "month_alone" in groups:
        return _month(groups, today)
    day = _day(groups, today, found[0])
    return Days(day, day + timedelta(days=1))


def _day(groups: dict[str, str], today: date, words: str) -> date:
    if "relative" in groups:
        back = {"today": 0, "yesterday": 1, "tomorrow": -1}.get(groups["relative"], 2)
        return today - timedelta(days=back)
    if "days_ago" in groups:
        return today - timedelta(days=int(groups["days_ago"]))
    if "weekday" in groups:
        return _weekday(groups, today, words)
    if "slashed" in groups:
        return _slashed(groups["slashed"], today, words)
    try:
        return _written(groups, today)
    except ValueError:
        raise AskBack("time", f"There is no such day: {words}.", words) from None


def _written(groups: dict[str, str], today: date) -> date:
    if "iso" in groups:
        return date.fromisoformat(groups["iso"])
    if "dotted" in groups:
        day, of_month, of_year = map(int, groups["dotted"].split("."))
        return date(of_year, of_month, day)
    if "day_alone" in groups:
        found = today.replace(day=int(groups["day_alone"]))
        return found if found <= today else (today.replace(day=1) - timedelta(days=1)).replace(day=found.day)
    name = groups.get("month") or groups["month_first"]
    month = next(number for number, known in enumerate(MONTHS, 1) if known.startswith(name[:3]))
    number = int(groups.get("day") or groups["day_after"])
    year = groups.get("year") or groups.get("year_after")
    return date(int(year), month, number) if year else _newest(number, month, today)


def _newest(day: int, month: int, today: date) -> date:
    found = date(today.year, month, day)
    return found if found <= today else date(today.year - 1, month, day)


def _weekday(groups: dict[str, str], today: date, words: str) -> date:
    name = groups["weekday"]
    number = next(place for place, known in enumerate(WEEKDAYS) if known.startswith(name[:3]))
    back = (today.weekday() - number) % 7
    which = groups.get("which")
    this, last = today - timedelta(days=back), today - timedelta(days=back or 7)
    if which == "next":
        raise AskBack("future", "I answer about what was measured, not about what will be.", words)
    if which is None and back:
        return this
    if which == "this" and back <= today.weekday():
        return this
    choices = [this, this - timedelta(days=7)] if back else [today, last]
    raise AskBack(
        "time", f"Which day do you mean by {words!r}?", words, tuple(f"{day.day} {day:%B %Y}" for day in choices)
    )


def _slashed(text: str, today: date, words: str) -> date:
    one, two, *year = map(int, text.split("/"))
    full = (year[0] + 2000 if year[0] < 100 else year[0]) if year else None
    readings = set()
    for day, month in {(one, two), (two, one)}:
        try:
            readings.add(date(full, month, day) if full else _newest(day, month, today))
        except ValueError:
            continue
    if len(readings) == 1:
        return readings.pop()
    choices = tuple(f"{day.day} {day:%B %Y}" for day in sorted(readings))
    raise AskBack("time", f"Which day do you mean by {words!r}?", words, choices)


def _month(groups: dict[str, str], today: date) -> Days:
    number = MONTHS.index(groups["month_alone"]) + 1
    year = int(groups["year_alone"]) if "year_alone" in groups else _newest(1, number, today).year
    return Days(date(year, number, 1), date(year + number // 12, number % 12 + 1, 1))


def _wide(which: str, unit: str, today: date, words: str) -> Days:
    if which == "next":
        raise AskBack("future", "I answer about what was measured, not about what will be.", words)
    back = which != "this"
    monday = today - timedelta(days=today.weekday())
    if unit == "week":
        first = monday - timedelta(days=7 * back)
        return Days(first, first + timedelta(days=7))
    if unit == "weekend":
        first = monday + timedelta(days=5 - 7 * back)
        return Days(first, first + timedelta(days=2))
    if unit == "year":
        return Days(date(today.year - back, 1, 1), date(today.year - back + 1, 1, 1))
    first = today.replace(day=1)
    if back:
        return Days((first - timedelta(days=1)).replace(day=1), first)
    return Days(first, (first + timedelta(days=31)).replace(day=1))
