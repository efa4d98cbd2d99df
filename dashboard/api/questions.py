"""Questions in plain English about what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from django.db import connection
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from dashboard.api.v1.base import Needs, V1Schema, V1View
from dashboard.api.v1.series import VIEW_READINGS
from dashboard.api.zones import zone_of
from dashboard.serializers.questions import Question, QuestionAnswer
from insights.language import answering as language
from insights.questions.asking import ask
from insights.questions.query import MAX_CHARACTERS
from insights.zones import here

# Questions of one user that are answered at the same time: each may read for ten seconds, and holds a connection.
AT_ONCE = 2
LOCK = 0x71756573  # "ques": the class of the advisory locks, so that they are nobody else's


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a question, and who is to answer it; `auto`: the language model only where the grammar asks back."""

    question: str
    engine: Literal["auto", "grammar", "language_model"] = "auto"
    zone: str | None = None

    def wants_model(self, outcome: str) -> bool:
        """Tell whether the language model is asked, after what the grammar made of it."""
        if self.engine == "auto":
            return outcome == "ask_back" and language.configured() is not None
        return self.engine == "language_model"


class QuestionsPerMinute(UserRateThrottle):
    """So many questions of one user: more than anybody types, less than keeps a server busy."""

    scope = "questions"
    rate = "60/min"


class AskSchema(V1Schema):
    """Stands beside version 1, under a name of its own."""

    def get_tags(self) -> list[str]:
        """Return what the route is listed under."""
        return ["ai"]


class Ask(V1View):
    """Answer questions."""

    needs: Needs = {"POST": VIEW_READINGS}
    throttle_classes = (QuestionsPerMinute,)
    schema = AskSchema()

    @extend_schema(request=Question, responses=QuestionAnswer, operation_id="ask")
    def post(self, request: Request) -> Response:
        """Answer a question in plain English with the query that was run and the rows that the answer rests on.

        What is not clear is asked back, with `suggestions`, and nothing is run then. Where a language model is
        configured, it answers what would be asked back, and what it is asked to (`engine`); `note` says why it did not.
        No question changes anything.
        """
        try:
            asked = msgspec.convert(request.data, Asked)
        except msgspec.ValidationError as error:
            raise ValidationError({"question": [f"Send {{'question': 'a text'}}: {error}."]}, "question") from error
        with zone_of(asked.zone):
            return Response(_answer(request.user, asked))


def _answer(user: Any, asked: Asked) -> dict[str, Any]:
    now = timezone.now()
    with one_of_few(int(user.pk or 0)):
        reply = ask(asked.question, now, here()).told()
    if asked.wants_model(reply["outcome"]):
        reply = language.answer(user, asked.question[:MAX_CHARACTERS], reply, now)
    return reply


@contextmanager
def one_of_few(user: int) -> Iterator[None]:
    """Hold one of the few places that a user has for questions; raise Throttled when all are taken.

    A place is an advisory lock of PostgreSQL, so it is free again when the process that held it has died.
    """
    with connection.cursor() as cursor:
        for place in range(user * AT_ONCE, (user + 1) * AT_ONCE):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, place])
            if cursor.fetchone() == (True,):
                break
        else:
            raise Throttled(detail=f"{AT_ONCE} of your questions are still being answered. Wait for one of them.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, place])
