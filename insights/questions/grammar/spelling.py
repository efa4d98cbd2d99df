"""Which known words are close to one that is not known. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 3  # suggestions
SHORTEST = 4  # characters; shorter words are close to everything
LONGEST = 64
MOST_COMPARED = 30_000  # words; each is compared with every word that is not known


def nearest(word: str, known: Iterable[str], slips: int = 2) -> list[str]:
    """Return the closest known words: one slip away, or up to `slips` where a word has more than five letters."""
    if not SHORTEST <= len(word) <= LONGEST:
        return []
    most = 1 if len(word) <= 5 else slips
    found, letters = [], set(word)
    for place, candidate in enumerate(known):
        if place >= MOST_COMPARED:
            break
        if abs(len(candidate) - len(word)) <= most and len(letters ^ set(candidate.casefold())) <= 2 * most:
            away = distance(word, candidate.casefold(), most)
            if 0 < away <= most:
                found.append((away, candidate))
    best = min((away for away, _ in found), default=0)
    return list(dict.fromkeys(candidate for away, candidate in sorted(found) if away == best))[:MOST]


def distance(one: str, two: str, most: int) -> int:
    """Return how many slips lie between two words, or more than `most` when there are more.

    A slip is a letter too many, too few, another one, or two that changed places: the optimal string alignment
    distance (Damerau 1964, as restricted by Boytsov 2011), row by row.
    """
    before, row = [0] * (len(two) + 1), list(range(len(two) + 1))
    last = row
    for place, letter in enumerate(one, 1):
        before, last, row = last, row, [place]
        for other, known in enumerate(two, 1):
            best = min(last[other] + 1, row[other - 1] + 1, last[other - 1] + (letter != known))
            if place > 1 and other > 1 and letter == two[other - 2] and one[place - 2] == known:
                best = min(best, before[other - 2] + 1)
            row.append(best)
        if min(row) > most:
            return most + 1
    return row[-1]
