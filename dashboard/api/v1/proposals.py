"""Models proposed from traffic: for topics of no model, and for a model whose devices send something else by now."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1 import history
from dashboard.api.v1.base import ADD_MODELS, REPLAY, VIEW_PROPOSALS, Needs, V1View, everything
from dashboard.api.v1.bodies import body_of, query_of, spec_of
from dashboard.api.v1.models import detail
from dashboard.api.v1.names import model_of
from dashboard.api.v1.payloads import exact
from dashboard.api.v1.replays import shown as shown_replay
from dashboard.api.v1.requests import Accept
from dashboard.api.v1.selections import check_pattern
from dashboard.serializers import proposals as described
from dashboard.serializers.common import listing_of
from validation import proposals
from validation.propose import Proposal, Sample


class Proposals(V1View):
    """The topics that wait for a model."""

    needs: Needs = {"GET": VIEW_PROPOSALS}

    @extend_schema(responses=listing_of(described.Waiting), operation_id="list_proposals")
    def get(self, request: Request) -> Response:
        """List the topics that no model is for and that messages wait on, as topic filters that would catch them."""
        return everything([_waiting(waiting) for waiting in proposals.unknown()])


class OneProposal(V1View):
    """A proposed model."""

    needs: Needs = {"GET": VIEW_PROPOSALS}

    @extend_schema(responses=described.Proposal, operation_id="get_proposal")
    def get(self, request: Request, key: str) -> Response:
        """Propose a model for waiting messages: the draft, what speaks for each field, and samples beside it.

        The identity is that of the list: the topic filter in base64url without padding.
        """
        return Response(shown(proposed(filter_of(key))))


class ProposalByFilter(V1View):
    """A proposed model for a topic filter of one's own."""

    needs: Needs = {"GET": VIEW_PROPOSALS}

    @extend_schema(
        parameters=[described.FilterQuery], responses=described.Proposal, operation_id="get_proposal_by_filter"
    )
    def get(self, request: Request) -> Response:
        """Propose a model for the waiting messages that a topic filter matches."""
        return Response(shown(proposed(query_of(request, described.FilterQuery)["topic_filter"])))


class AcceptProposal(V1View):
    """Make a proposal a model."""

    needs: Needs = {"POST": ADD_MODELS}

    @extend_schema(request=described.AcceptRequest, responses={201: described.Accepted}, operation_id="accept_proposal")
    def post(self, request: Request) -> Response:
        """Make a model of a proposal, as it was or as it was changed; publish it, and replay what waited, if asked to.

        All of it is done, or nothing. A replay needs `validation.replay` as well, and only goes with `publish`.
        """
        wanted = body_of(request, Accept)
        spec = spec_of(wanted.spec, at="spec")
        if wanted.replay and not request.user.has_perms(REPLAY):
            raise PermissionDenied("To replay what waited, this needs the permission validation.replay.")
        if wanted.replay and not wanted.publish:
            raise ValidationError({"replay": ["Nothing would pass before the model is published."]}, "publish_first")
        with transaction.atomic():
            done = proposals.accept(spec, by=history.name_of(request), publish=wanted.publish, replay=wanted.replay)
            history.note(request, done.model, history.ADDED, _told(done))
        return Response(_accepted(done), status=201)


class DriftOfModel(V1View):
    """How far a model is from what its devices send."""

    needs: Needs = {"GET": VIEW_PROPOSALS}

    @extend_schema(responses=described.Drift, operation_id="get_drift")
    def get(self, request: Request, name: str) -> Response:
        """Say what a model would have to change to fit what its devices send by now, with the evidence."""
        drift = proposals.drift(model_of(name))
        return Response(
            {
                "spec": msgspec.to_builtins(drift.spec),
                "changes": drift.changes,
                "fields": exact(drift.evidence),
                "samples": [_sample(sample) for sample in drift.samples],
                "messages": drift.messages,
            }
        )


def proposed(topic_filter: str) -> Proposal:
    """Return the proposal for a topic filter; raise ValidationError when it is none."""
    check_pattern(topic_filter, "topic_filter")
    found = proposals.propose(topic_filter)
    if not found.messages:
        raise NotFound(f"No message waits on {topic_filter}; /api/v1/proposals lists what does.", "nothing_waits")
    return found


def key_of(topic_filter: str) -> str:
    """Return the identity under which a topic filter stands in an address."""
    return base64.urlsafe_b64encode(topic_filter.encode()).decode().rstrip("=")


def filter_of(key: str) -> str:
    """Return the topic filter that an identity stands for; raise NotFound."""
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise NotFound("There is no such proposal; /api/v1/proposals lists them.", "unknown_proposal") from error


def shown(proposal: Proposal) -> dict[str, Any]:
    """Return what the API says of a proposal."""
    return {
        "id": key_of(proposal.spec.topic_filter),
        "spec": msgspec.to_builtins(proposal.spec),
        "family": proposal.family,
        "source": proposal.source,
        "notes": proposal.notes,
        "fields": exact(proposal.fields),
        "samples": [_sample(sample) for sample in proposal.samples],
        "messages": proposal.messages,
    }


def _waiting(waiting: proposals.Waiting) -> dict[str, Any]:
    return {
        "id": key_of(waiting.topic_filter),
        "topic_filter": waiting.topic_filter,
        "topics": list(waiting.topics),
        "messages": waiting.messages,
        "first": waiting.first,
        "last": waiting.last,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "topic": sample.topic,
        "received_at": datetime.fromtimestamp(sample.received, UTC),
        "text": sample.payload,
    }


def _told(done: proposals.Accepted) -> str:
    words = "accepted from a proposal"
    if done.version is not None:
        words += f", published as version {done.version.number}"
    return words + (f", waiting messages replayed by replay {done.replay.pk}." if done.replay else ".")


def _accepted(done: proposals.Accepted) -> dict[str, Any]:
    return {
        "model": detail(done.model),
        "version": done.version.number if done.version else None,
        "replay": shown_replay(done.replay) if done.replay else None,
    }
