"""What the words that are left ask for: which measure, when, how long, compared, ranked, listed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from insights.questions.grammar.lexicon import AVERAGE, HIGHEST, LOWEST, NOW, SUM
from insights.questions.grammar.text import Text
from insights.questions.query import Status

THINGS = r"(?:DEVICES?|MODELS?|TAG)"


def _any(words: tuple[str, ...]) -> str:
    return r"\b(?:" + "|".join(sorted(words, key=len, reverse=True)) + r")\b"


# In the order in which they are taken: what is more telling comes first.
PATTERNS = {
    "times": r"\b(?:how many times|how often|number of times)\b",
    "readings": r"\bhow many (?:FIELD )?(?:readings|messages|values|measurements|samples|data points|records|rows)\b"
    r"|\b(?:count|number) (?:of )?(?:the |all )?(?:FIELD )?(?:readings|messages|values|measurements|samples)\b",
    "how_many": rf"\bhow many(?= (?:of )?(?:the |our )?(?:{THINGS} ?)+)"
    rf"|\b(?:number of |count (?:of )?)(?:the |all )?(?={THINGS})",
    "duration": r"\b(?:for )?how (?:long|much time|many (?:hours|minutes|seconds|days))\b|\bduration\b|\btime spent\b",
    "seen": r"\blast (?:seen|heard of|heard from|online|active|connected)\b"
    r"|\blast (?:send|sent|report|reported)\b(?: (?:something|anything|data|a reading))?",
    "last_time": r"\bthe last time\b|\bmost recently\b",
    "when": r"\bwhen\b|\b(?:at )?(?:what|which) time\b|\btime of\b",
    "correlate": r"\b(?:correlat\w+|relat(?:ed|ion|ionship|e)|depend(?:s|ent|ed)?(?: on| upon)?|connection|linked?"
    r"|influences?)\b",
    "difference": r"\bdifference\b|\bdiffers?\b",
    "compare": r"\bcompar(?:e|ed|ison|ing)\b|\bversus\b|\bvs\b",
    "than": r"\bthan\b",
    "rank": r"\brank(?:ed|ing)?\b|\bsort(?:ed)?\b|\border(?:ed)? by\b",
    "top": r"\b(?:top|highest|best) (?P<count>\d{1,3})(?= (?:DEVICES?|MODELS?|TAG))",
    "bottom": r"\b(?:bottom|lowest) (?P<count>\d{1,3})(?= (?:DEVICES?|MODELS?|TAG))",
    "up": r"\b(?:rising|increas(?:e|ed|es|ing)|(?:go|going|gone) up|climbing|growing|grown|grow|warming)\b",
    "down": r"\b(?:falling|decreas(?:e|ed|es|ing)|(?:go|going|gone) down|sinking|shrinking|dropping|declin(?:e|ed|ing)"
    r"|cooling)\b",
    "trend": r"\b(?:trends?|tendency|develop(?:ed|ment|ing)?|chang(?:e|ed|ing)|evolv(?:e|ed|ing))\b",
    "which": rf"\bwhich\b|\bwhat(?= {THINGS})|\bwho\b",
    "list": r"\blist(?: of| up)?\b|\bshow(?: me)?(?: all| the)*(?= (?:DEVICES|MODELS|TAG))|\bwhat are\b"
    r"|\bexist(?:s|ing)?\b|\bavailable\b|\bthere are\b|\bare there\b|\bknown\b",
    "models": r"\b(?:data )?models?\b",
    "tags": r"\btags\b|\bgroups\b",
    "fields": r"\bfields?\b|\bcolumns?\b",
    "online": r"\bonline\b|\bconnected\b|\bactive\b",
    "late": r"\blate\b",
    "offline": r"\boffline\b|\bdisconnected\b|\bsilent\b|\bdead\b",
    "average": _any(AVERAGE),
    "extreme_high": r"SUPERLATIVE\+",
    "extreme_low": r"SUPERLATIVE-",
    "maximum": _any(HIGHEST) + r"|\bhow PLAIN\+(?= did\b.*\bget\b)|\bhow high(?= did\b)",
    "minimum": _any(LOWEST) + r"|\bhow PLAIN-(?= did\b.*\bget\b)|\bhow low(?= did\b)",
    "sum": _any(SUM),
    "first": r"\bfirst\b",
    "now": _any(NOW),
    "how_much": r"\bhow much(?= (?:did|has|have|was|were)\b)",
    "how": r"\bhow (?:PLAIN[+-]|high|low|much)",
    "higher": r"COMPARATIVE\+|\b(?:higher|more|larger|greater|bigger)\b",
    "lower": r"COMPARATIVE-|\b(?:lower|less|smaller|fewer)\b",
    "present": r"\b(?:is|are|has|have)\b",
    "past": r"\b(?:was|were|did|had|been)\b",
}
# Verbs that say nothing more in these places; elsewhere "the largest drop" or "driving speed" is another thing.
VERB = re.compile(
    r"(?<=\w) (?:fall|drop|sink|rise|climb)(?= ?\|)"
    r"|(?<=NAMED) (?:driving|moving|running|fall|drop|sink|rise|climb)(?=$| ?\|)"
)
COMPILED = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}
KEPT = ("present", "past")  # words that only tell the tense stay for others
# Every word that may be part of a pattern; such a word is no part of a device's name.
_FORMS = """rising increase increased increases increasing decrease decreased decreasing correlation correlate
correlated related relation relationship depends develop developed development changed changing compare compared
comparison ranked ranking sorted decline declined declining depend dependent link linked influence influences
model models trend trends field fields column columns exists existing between and both the with while it"""
WORDS = frozenset(re.findall(r"[a-z]{2,}", re.sub(r"\\[bw]", " ", " ".join(PATTERNS.values())))) | set(_FORMS.split())


@dataclass
class Features:
    """Which patterns a question has, and how many are asked for in a ranking."""

    names: set[str] = field(default_factory=set)
    count: int | None = None

    def has(self, *names: str) -> bool:
        """Tell whether a question has one of some features."""
        return not self.names.isdisjoint(names)

    @property
    def status(self) -> Status | None:
        """Return how devices that are asked for have to be; None when that is all the same."""
        if "offline" in self.names:
            return "offline"
        if "late" in self.names:
            return "late"
        return "online" if "online" in self.names else None


def take_features(text: Text) -> Features:
    """Return the features of a text, and take them out."""
    text.rest = VERB.sub("", text.rest)
    found = Features()
    for name, pattern in COMPILED.items():
        match = pattern.search(text.rest) if name in KEPT else text.take(pattern)
        if match is None:
            continue
        found.names.add(name)
        if name in ("top", "bottom"):
            found.count = int(match["count"])
        if name not in KEPT:
            text.take_all(pattern)
    return found
