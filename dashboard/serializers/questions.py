"""Questions and answers, as the API takes and gives them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from insights.questions.query import MAX_CHARACTERS


class Question(serializers.Serializer[Any]):
    """What is asked."""

    question = serializers.CharField(help_text=f"In plain English; up to {MAX_CHARACTERS} characters are understood.")
    engine = serializers.ChoiceField(
        choices=["auto", "grammar", "language_model"],
        default="auto",
        help_text="`auto`: the grammar, and the language model where the grammar asks back.",
    )
    zone = serializers.CharField(required=False, help_text="Where days begin, as in Europe/Berlin; UTC by default.")


class RunQuery(serializers.Serializer[Any]):
    """What was run."""

    typed = serializers.DictField(help_text="The query that the question was understood as.")
    sql = serializers.CharField(help_text="The statements that gave the rows, to be run with any tool.")


class Fact(serializers.Serializer[Any]):
    """A number of the answer, before rounding."""

    name = serializers.CharField()
    value = serializers.FloatField()
    unit = serializers.CharField(help_text="UCUM, `s`, or `s since 1970`.")


class ChartLine(serializers.Serializer[Any]):
    """A line."""

    name = serializers.CharField()
    unit = serializers.CharField()
    points = serializers.ListField(help_text="[seconds since 1970, value]; a value of null is a gap.")


class AnswerChart(serializers.Serializer[Any]):
    """What to draw."""

    start = serializers.FloatField(help_text="Seconds since 1970.")
    end = serializers.FloatField()
    unit = serializers.CharField()
    limit = serializers.FloatField(allow_null=True, help_text="What values were compared with.")
    series = ChartLine(many=True)


class QuestionAnswer(serializers.Serializer[Any]):
    """An answer, or a question back."""

    answer = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["answer", "no_data", "ask_back"])
    code = serializers.CharField(help_text="Why it was asked back; empty otherwise.")
    query = RunQuery(allow_null=True, help_text="Null when nothing was run.")
    rows = serializers.ListField(child=serializers.DictField(), help_text="What the answer rests on, at most 100 rows.")
    rows_in_all = serializers.IntegerField(help_text="How many rows there are.")
    facts = Fact(many=True)
    chart = AnswerChart(allow_null=True)
    suggestions = serializers.ListField(child=serializers.CharField(), help_text="Questions that would be clear.")
    engine = serializers.CharField(help_text="What understood the question: `grammar` or `language_model`.")
    note = serializers.CharField(help_text="Why the language model did not answer; empty otherwise.")
