"""Check the books: compare what the buffers counted with the outcomes that PostgreSQL holds and what is on its way.

Both sides go on moving while we look, so each buffer is read in an order that makes the answer exact:

1. in one Redis transaction its own count of messages, and the stream's last id: the line up to which we look;
2. the entries up to that line that are still in the stream;
3. in one snapshot of PostgreSQL, the outcomes up to that line, and which of those entries have one already.

An entry that leaves the stream between 1 and 3 was committed before, so 3 finds it; one that arrives later lies beyond
the line. What no outcome and no entry accounts for is missing. The same holds for each minute by itself.

What the books call quarantined must be in quarantine, or counted as lost from there: all three are of one snapshot.

See docs/books.md for what is known by model and by device (`breakdown`, `tables`).
"""

from validation.audit.books import Audit, Books
from validation.audit.breakdown import BY, Line, TooManyLines, lines
from validation.audit.devices import audit_device
from validation.audit.tables import TableBooks, compare_tables
from validation.audit.total import audit, begin

__all__ = [
    "BY",
    "Audit",
    "Books",
    "Line",
    "TableBooks",
    "TooManyLines",
    "audit",
    "audit_device",
    "begin",
    "compare_tables",
    "lines",
]
