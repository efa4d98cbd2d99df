"""Begin, stop and resume imports, and have a worker take them further."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from validation.imports import files
from validation.imports.opening import FORMS, form_of, open_file, spec_in_service
from validation.imports.reader import Position, Refused
from validation.models import Import, ImportPart
from validation.turns import Turns

log = logging.getLogger(__name__)

TASK = "validation.import"
TURNS = Turns(TASK, "import")
# A running import that nobody has touched for this long has lost its worker. A step takes some ten milliseconds.
ABANDONED_AFTER = timedelta(seconds=30)
MAX_NAME, MAX_FILE = 150, 200  # characters of who began it, and of the file's name
KEPT_FOR = timedelta(days=7)  # an upload whose import was stopped or failed
NOT_OVER = (Import.State.RUNNING, Import.State.STOPPED, Import.State.FAILED)


def upload(
    chunks: Iterable[bytes], *, model: str, name: str, form: str, said: Mapping[str, Any], dry_run: bool, by: str
) -> Import:
    """Keep an uploaded file and begin its import; a worker does it as soon as this is committed.

    `said` has mapping, device, unit and measurement as far as they are given. Raises Refused: nothing is kept then.
    """
    with transaction.atomic():
        run = _made(model, name, form, said, dry_run=dry_run, by=by)
        run.save()
        run.size = files.keep(run, chunks)
        _check(run)
        with files.opened(run) as file:
            run.fingerprint = files.fingerprint(file)
        run.save()
        transaction.on_commit(lambda: TURNS.wake(run.pk))
    log.info("%s begins: %d bytes for %s%s", run, run.size, model, ", dry" if dry_run else "")
    return run


def begin(path: Path, *, model: str, form: str, said: Mapping[str, Any], dry_run: bool, by: str) -> Import:
    """Begin the import of a file on this machine, for the caller to take further. Raises Refused."""
    run = _made(model, path.name, form, said, dry_run=dry_run, by=by)
    try:
        with path.open("rb") as file:
            run.path, run.fingerprint = str(path.resolve()), files.fingerprint(file)
            run.size = file.seek(0, 2)
        _check(run)
    except OSError as error:
        raise Refused(f"The file {path} cannot be read: {error.strerror}.") from error
    run.save()
    return run


def for_real(dry: Import, by: str) -> Import | None:
    """Begin the import of the file that a dry run has read; None when its upload is not kept any more."""
    with transaction.atomic():
        if not ImportPart.objects.select_for_update().filter(run=dry, number=0).exists():
            return None
        run = _made(dry.model, dry.name, dry.form, dry.settings, dry_run=False, by=by)
        run.size, run.fingerprint, run.unread = dry.size, dry.fingerprint, dry.unread
        run.save()
        dry.parts.update(run=run)
        transaction.on_commit(lambda: TURNS.wake(run.pk))
    return run


def unfinished(path: Path, model: str) -> Import | None:
    """Return the newest import of a file into a model that is not over; dry runs do not count."""
    with path.open("rb") as file:
        known = files.fingerprint(file)
    found = Import.objects.filter(model=model, fingerprint=known, dry_run=False, state__in=NOT_OVER).exclude(path="")
    return found.order_by("-pk").first()


def stop(run_id: int) -> None:
    """Stop an import that runs; what it has sent is stored. Waits for the step that is under way."""
    Import.objects.filter(pk=run_id, state=Import.State.RUNNING).update(
        state=Import.State.STOPPED, updated_at=datetime.now(UTC)
    )


def resume(run_id: int, *, foreground: bool = False) -> bool:
    """Go on with an import that was stopped or has failed; say whether there was one that can go on."""
    found = Import.objects.filter(pk=run_id, state__in=(Import.State.STOPPED, Import.State.FAILED))
    if not foreground:
        found = found.filter(path="", parts__number=0)
    # An UPDATE cannot look at other tables.
    chosen = Import.objects.filter(pk__in=list(found.values_list("pk", flat=True)))
    resumed = chosen.update(state=Import.State.RUNNING, error="", updated_at=datetime.now(UTC))
    if resumed and not foreground:
        transaction.on_commit(lambda: TURNS.wake(run_id))
    return bool(resumed)


def abandoned(now: datetime | None = None) -> list[int]:
    """Return the uploaded files whose import runs and that nobody has taken further for ABANDONED_AFTER."""
    since = (now or datetime.now(UTC)) - ABANDONED_AFTER
    found = Import.objects.filter(state=Import.State.RUNNING, path="", updated_at__lt=since)
    return list(found.order_by("pk").values_list("pk", flat=True))


def tidy(now: datetime | None = None) -> None:
    """Throw uploads away that nobody has gone on with for KEPT_FOR."""
    since = (now or datetime.now(UTC)) - KEPT_FOR
    old = Import.objects.filter(updated_at__lt=since, parts__number=0).exclude(state=Import.State.RUNNING)
    ImportPart.objects.filter(run__in=list(old)).delete()


def _made(model: str, name: str, form: str, said: Mapping[str, Any], *, dry_run: bool, by: str) -> Import:
    form = form or form_of(name)
    if form not in FORMS:
        raise Refused(f"A file is one of {', '.join(FORMS)}, and not {form!r}.")
    kept = {key: value for key, value in said.items() if value}
    return Import(
        model=model, name=name[:MAX_FILE], form=form, settings=kept, dry_run=dry_run, created_by=by[:MAX_NAME]
    )


def _check(run: Import) -> None:
    """Find out whether the file can be read at all, and what of it is not read. Raises Refused."""
    found = open_file(files.opened(run), spec_in_service(run.model), run.form, run.settings, Position())
    found.reader.close()
    run.unread = list(found.plan.unread)
