"""`manage.py models`: data models in and out, templates, and proposals from traffic."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import msgspec
import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, transaction

from validation import exchange, proposals, publishing
from validation.management import shown
from validation.models import DataModel
from validation.selectors import TooSlow

BY = "manage.py"  # who published, as versions name it
MAX_FILE_BYTES = 4 * 1_048_576
EXAMPLES = """examples:
  manage.py models list                         every model: topics, version, what is not published yet
  manage.py models export vehicle               a model with its history, as JSON
  manage.py models import vehicle.json          the same way back, also from a JSON Schema
  manage.py models templates                    models to start from
  manage.py models proposals                    topics that no model is for
  manage.py models propose 'rooms/+/climate'    what a model for them could be

Each action has examples of its own: manage.py models propose --help

exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 a service cannot be reached
"""
ACTIONS = {
    "list": "every model: topics, version, what is not published yet",
    "export": "a model with its history, or as JSON Schema",
    "import": "a model from a bundle or from a JSON Schema",
    "templates": "models to start from",
    "new": "a model made of a template",
    "proposals": "topics that no model is for, and what waits there",
    "propose": "what a model for some topics could be",
}
OF_ACTION = {
    "list": "  manage.py models list --json",
    "export": """  manage.py models export vehicle > vehicle.json             with its whole history
  manage.py models export vehicle --schema                   the draft as JSON Schema 2020-12""",
    "import": """  manage.py models import vehicle.json --dry-run             what would come of it; changes nothing
  manage.py models import vehicle.json --name bus --topic-filter 'buses/+/telemetry' --publish
  manage.py models import - --topic-filter 'pumps/+' < pump.schema.json""",
    "templates": "  manage.py models templates --json",
    "new": "  manage.py models new --template machine --name press --topic-filter 'presses/+/telemetry' --publish",
    "proposals": "  manage.py models proposals --json",
    "propose": """  manage.py models propose 'tele/+/SENSOR'                   look at it
  manage.py models propose 'tele/+/SENSOR' --accept --publish --replay""",
}


class Command(BaseCommand):
    """Data models in and out, templates, and proposals from traffic."""

    # The others would load every page of the site first, and their warnings would stand between answer and reader.
    requires_system_checks = ("settings",)
    help = "List, export, import and propose data models."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions with their options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        made = {
            name: actions.add_parser(
                name,
                help=ACTIONS[name],
                epilog=f"examples:\n{examples}",
                formatter_class=RawDescriptionHelpFormatter,
            )
            for name, examples in OF_ACTION.items()
        }
        for name in ("list", "templates", "proposals", "propose"):
            made[name].add_argument("--json", action="store_true", help="print JSON")
        made["export"].add_argument("name", metavar="NAME", help="of the model")
        form = made["export"].add_mutually_exclusive_group()
        form.add_argument("--schema", action="store_true", help="the draft as JSON Schema 2020-12")
        form.add_argument("--bundle", action="store_true", help="with its history (the usual form)")
        made["import"].add_argument("file", metavar="FILE", help="a bundle or a JSON Schema; - is standard input")
        made["import"].add_argument("--dry-run", action="store_true", help="say what would come of it, change nothing")
        made["new"].add_argument("--template", required=True, metavar="T", choices=sorted(exchange.templates()))
        made["propose"].add_argument("filter", metavar="FILTER", help="a topic filter, or a single topic")
        made["propose"].add_argument("--accept", action="store_true", help="make a model of it")
        made["propose"].add_argument("--replay", action="store_true", help="and judge what waited again")
        made["import"].add_argument("--name", default="", metavar="N", help="instead of the one in the file")
        made["new"].add_argument("--name", required=True, metavar="N", help="of the new model")
        for name in ("import", "new"):
            made[name].add_argument("--topic-filter", default="", metavar="F", help="instead of its own")
        for name in ("import", "new", "propose"):
            made[name].add_argument("--publish", action="store_true", help="put it into service at once")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do one action; say in a sentence why it cannot be done."""
        try:
            getattr(self, f"_{action}")(**options)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages), returncode=1) from error
        except TooSlow as error:
            raise CommandError(f"There is too much in quarantine to look through it in {error}.") from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error

    def _list(self, **options: Any) -> None:
        """List every model: topics, version, what is not published yet."""
        rows: list[dict[str, Any]] = []
        for model in DataModel.objects.all():
            version = publishing.newest(model)
            rows.append(
                {
                    "name": model.name,
                    "topic_filter": model.topic_filter,
                    "version": version.number if version else None,
                    "in_service": model.published and version is not None,
                    "fields": model.fields.count(),
                    "pending": publishing.pending(model),
                }
            )
        if options["json"]:
            return self._print_json(rows)
        shown_rows = [
            (
                row["name"], row["topic_filter"], row["version"] or "draft", "yes" if row["in_service"] else "no",
                row["fields"], len(row["pending"]),
            )
            for row in rows
        ]  # fmt: skip
        self.stdout.write(shown.table(("MODEL", "TOPICS", "VERSION", "IN SERVICE", "FIELDS", "PENDING"), shown_rows))

    def _export(self, name: str, **options: Any) -> None:
        """Print a model with its history, or its draft as JSON Schema."""
        model = DataModel.objects.filter(name=name).first()
        if model is None:
            raise CommandError(f"There is no model {name!r}.", returncode=1)
        self._print_json(
            exchange.to_schema(model.spec(), model.description) if options["schema"] else exchange.bundle(model)
        )

    def _import(self, file: str, *, name: str, topic_filter: str, publish: bool, **options: Any) -> None:
        """Make a model, or a new draft of one, from a bundle or from a JSON Schema."""
        document = _document(file)
        with transaction.atomic():
            if isinstance(document, dict) and "format" in document:
                model = exchange.load_bundle(document, BY, name=name, topic_filter=topic_filter, publish=publish)
            else:
                found = exchange.read_schema(document, name, topic_filter)
                for note in found.notes:
                    self.stderr.write(note)
                model = exchange.adopt(found.spec, found.description, by=BY, publish=publish)
            self._tell(model, "would be " if options["dry_run"] else "")
            transaction.set_rollback(options["dry_run"])

    def _templates(self, **options: Any) -> None:
        """List the templates."""
        found = exchange.templates().values()
        if options["json"]:
            return self._print_json(
                [
                    {
                        "name": item.name,
                        "title": item.title,
                        "description": item.description,
                        "spec": msgspec.to_builtins(item.spec),
                    }
                    for item in found
                ]
            )
        rows = [(item.name, item.spec.topic_filter, len(item.spec.fields), item.description) for item in found]
        self.stdout.write(shown.table(("TEMPLATE", "TOPICS", "FIELDS", "FOR"), rows))

    def _new(self, template: str, name: str, topic_filter: str, *, publish: bool, **options: Any) -> None:
        """Make a model of a template."""
        if DataModel.objects.filter(name=name).exists():
            raise ValidationError(f"There is a model {name!r} already.")
        chosen = exchange.templates()[template]
        spec = msgspec.structs.replace(chosen.spec, name=name, topic_filter=topic_filter or chosen.spec.topic_filter)
        self._tell(exchange.adopt(spec, chosen.description, by=BY, publish=publish))

    def _proposals(self, **options: Any) -> None:
        """List the topics that no model is for."""
        found = proposals.unknown()
        if options["json"]:
            return self._print_json([msgspec.to_builtins(item) for item in found])
        self.stdout.write(shown.waiting(found))

    def _propose(self, filter: str, *, accept: bool, publish: bool, replay: bool, **options: Any) -> None:
        """Show what a model for some topics could be, or make it."""
        if (publish or replay) and not accept:
            raise CommandError("--publish and --replay go with --accept.", returncode=2)
        found = proposals.propose(filter)
        if not found.messages:
            raise CommandError(f"No message waits on {filter}; `models proposals` lists what does.", returncode=1)
        if not accept:
            return self._print_json(found) if options["json"] else self.stdout.write(shown.proposal(found))
        done = proposals.accept(found.spec, by=BY, publish=publish, replay=replay)
        if options["json"]:
            run = done.replay.pk if done.replay else None
            version = done.version.number if done.version else None
            return self._print_json({"model": done.model.name, "version": version, "replay": run})
        self._tell(done.model)
        if done.replay is not None:
            self.stdout.write(f"replay {done.replay.pk} judges {done.replay.total:,} waiting records again")

    def _tell(self, model: DataModel, would: str = "") -> None:
        """Say what became of a model."""
        version = publishing.newest(model)
        pending = publishing.pending(model)
        state = f"version {version.number}" if version and not pending else "a draft"
        service = "in service" if model.published and version else "not in service"
        self.stdout.write(f"{model.name} {would or 'is '}{state}, {service}, for {model.topic_filter}")

    def _print_json(self, document: Any) -> None:
        self.stdout.write(json.dumps(msgspec.to_builtins(document), indent=2, ensure_ascii=False))


def _document(file: str) -> Any:
    """Return the JSON in a file or from standard input; raise CommandError when there is none."""
    try:
        if file == "-":
            text = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                text = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from error
    if len(text) > MAX_FILE_BYTES:
        raise CommandError(f"{file} has more than {MAX_FILE_BYTES:,} bytes.", returncode=1)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"{file} is no JSON: {error}.", returncode=1) from error
