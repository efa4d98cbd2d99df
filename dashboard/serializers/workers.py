"""What the API says of workers, queues and schedulers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ProcessRow(serializers.Serializer[Any]):
    """A worker or scheduler, living or gone since not more than ten minutes."""

    id = serializers.CharField(help_text="Made up by the process when it starts.")
    name = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="When it was started, by its own clock.")
    seen_s = serializers.FloatField(help_text="Seconds since its last sign of life, by the clock of Redis.")
    alive = serializers.BooleanField()
    task = serializers.CharField(allow_blank=True, help_text="What it does now; empty when it waits.")
    task_s = serializers.FloatField(help_text="For how many seconds it has done that, or has waited.")
    tasks = serializers.IntegerField(help_text="How many it has ended; of a scheduler, how often it has looked.")


class QueueRow(serializers.Serializer[Any]):
    """A queue of tasks."""

    name = serializers.CharField()
    waiting = serializers.IntegerField(help_text="Tasks in it that no worker has taken.")
    canary_s = serializers.FloatField(allow_null=True, help_text="Seconds since a canary came through it.")
    took_s = serializers.FloatField(
        allow_null=True, help_text="How long that was on its way, by the clocks of scheduler and worker."
    )
    worker = serializers.CharField(allow_blank=True, help_text="The worker that ran it.")
    moves = serializers.BooleanField(help_text="A canary came through it within the last 40 s.")


class JobRow(serializers.Serializer[Any]):
    """Something that is sent regularly."""

    name = serializers.CharField()
    every_s = serializers.FloatField()
    sent_s = serializers.FloatField(help_text="Seconds since it was sent, by the database's clock.")
    sent_at = serializers.DateTimeField()
    scheduler = serializers.CharField()


class WorkerListing(serializers.Serializer[Any]):
    """All workers, the oldest first, and what is wrong."""

    results = ProcessRow(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Always null: there is no further page.")
    queues = QueueRow(many=True)
    schedulers = ProcessRow(many=True)
    jobs = JobRow(many=True)
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="What is wrong, in sentences; empty when all is well."
    )
