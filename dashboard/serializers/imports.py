"""Imports: what is asked for, and how far they are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from validation.imports import FORMS

UNITS = ("s", "ms", "us", "ns")


class ImportQuery(serializers.Serializer[Any]):
    """What the file in the body is, and which of its columns are what."""

    model = serializers.CharField(max_length=48, help_text="What the rows are readings of.")
    name = serializers.CharField(default="upload", max_length=200, help_text="The file's name.")
    format = serializers.ChoiceField(choices=FORMS, required=False, help_text="By default what the name says.")
    mapping = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=list,
        max_length=500,
        help_text="ts=time: the column `time` is the time; repeat for more, where names differ.",
    )
    device = serializers.CharField(default="", allow_blank=True, max_length=64, help_text="Of all rows.")
    unit = serializers.ChoiceField(choices=UNITS, required=False, help_text="What times that are numbers count.")
    measurement = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="Of line protocol; by default the model's name."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Judge all of it, store nothing.")


class ImportRun(serializers.Serializer[Any]):
    """An import."""

    id = serializers.IntegerField()
    model = serializers.CharField()
    format = serializers.ChoiceField(choices=FORMS)
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["running", "stopped", "done", "failed"])
    dry_run = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(help_text="Bytes of the file.")
    done_bytes = serializers.IntegerField(help_text="Bytes of it that were read.")
    unread = serializers.ListField(child=serializers.CharField(), help_text="Columns that are not read.")
    sent = serializers.IntegerField(help_text="Rows that became messages; in a dry run, those that were judged.")
    in_flight = serializers.IntegerField(help_text="Of these, what no worker has judged yet.")
    stored = serializers.IntegerField(help_text="Readings stored; in a dry run, those that would be.")
    duplicate = serializers.IntegerField(help_text="Readings that were stored already.")
    quarantined = serializers.IntegerField(help_text="Readings that did not pass.")
    skipped = serializers.IntegerField(help_text="Rows that no message could be made of.")
    outcome = serializers.JSONField(help_text="What did not pass, and what was skipped, by reason, with samples.")
    error = serializers.CharField(help_text="Why it failed; empty otherwise.")
