"""Replays: quarantined records that are judged again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Conflict
from dashboard.api.v1 import history
from dashboard.api.v1.base import REPLAY, VIEW_REPLAYS, Needs, V1View, page
from dashboard.api.v1.bodies import body_of, query_of
from dashboard.api.v1.payloads import exact
from dashboard.api.v1.requests import Nothing
from dashboard.api.v1.selections import StartReplay, checked, told
from dashboard.serializers.common import listing_of
from dashboard.serializers.quarantine import REPLAY_PUMP, ReplayRequest, ReplayRun
from dashboard.serializers.runs import RunPage
from validation import replay
from validation.models import Replay


class Replays(V1View):
    """List and start replays."""

    needs: Needs = {"GET": VIEW_REPLAYS, "POST": REPLAY}

    @extend_schema(parameters=[RunPage], responses=listing_of(ReplayRun), operation_id="list_replays")
    def get(self, request: Request) -> Response:
        """List the replays, newest first."""
        query = query_of(request, RunPage)
        rows = Replay.objects.order_by("-id")
        if "before" in query:
            rows = rows.filter(pk__lt=query["before"])
        limit = query["limit"]
        return page(list(rows[: limit + 1]), limit, lambda row: row.pk, shown)

    @extend_schema(
        request=ReplayRequest, examples=[REPLAY_PUMP], responses={202: ReplayRun}, operation_id="start_replay"
    )
    def post(self, request: Request) -> Response:
        """Judge the selected records again, by the models in service now; an empty selection is all of quarantine.

        What passes is stored with its own times and leaves quarantine. A dry run only counts. The work goes on in the
        background: ask for the replay to see how far it is.
        """
        wanted = body_of(request, StartReplay)
        selection = checked(wanted.selection, at="selection")
        run = replay.start(selection, dry_run=wanted.dry_run, by=history.name_of(request))
        kind = "dry run" if wanted.dry_run else "replay"
        history.note(request, run, history.ADDED, f"{kind} of {told(selection)} started.")
        return Response(shown(run), status=202)


class OneReplay(V1View):
    """A replay."""

    needs: Needs = {"GET": VIEW_REPLAYS}

    @extend_schema(responses=ReplayRun, operation_id="get_replay")
    def get(self, request: Request, number: int) -> Response:
        """Give a replay: how far it is, what became of the records, and what still fails, by reason."""
        return Response(shown(replay_of(number)))


class StopReplay(V1View):
    """Stop a replay."""

    needs: Needs = {"POST": REPLAY}

    @extend_schema(request=None, responses=ReplayRun, operation_id="stop_replay")
    def post(self, request: Request, number: int) -> Response:
        """Stop a replay after the slice that it is at. What it has stored stays stored; it can be resumed."""
        body_of(request, Nothing)
        run = replay_of(number)
        if run.state != Replay.State.RUNNING:
            raise Conflict(f"The replay {number} is not running: it is {run.state}.", "not_running")
        replay.stop(run.pk)
        history.note(request, run, history.CHANGED, "stopped.")
        return Response(shown(replay_of(number)))


class ResumeReplay(V1View):
    """Resume a replay."""

    needs: Needs = {"POST": REPLAY}

    @extend_schema(request=None, responses={202: ReplayRun}, operation_id="resume_replay")
    def post(self, request: Request, number: int) -> Response:
        """Go on with a replay that was stopped or that failed, from where it was."""
        body_of(request, Nothing)
        run = replay_of(number)
        if not replay.resume(run.pk):
            raise Conflict(f"The replay {number} is {run.state}: there is nothing to resume.", "not_stopped")
        history.note(request, run, history.CHANGED, "resumed.")
        return Response(shown(replay_of(number)), status=202)


def replay_of(number: int) -> Replay:
    """Return a replay; raise NotFound."""
    found = Replay.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no replay {number}; /api/v1/replays lists them.", "unknown_replay")
    return found


def shown(run: Replay) -> dict[str, Any]:
    """Return what the API says of a replay."""
    return {
        "id": run.pk,
        "state": run.state,
        "dry_run": run.dry_run,
        "selection": exact(run.selection),
        "created_at": run.created_at,
        "created_by": run.created_by,
        "updated_at": run.updated_at,
        "finished_at": run.finished_at,
        "total": run.total,
        "examined": run.examined,
        "stored": run.stored,
        "duplicate": run.duplicate,
        "failing": run.failing,
        "outcome": exact(run.outcome),
        "error": run.error,
    }
