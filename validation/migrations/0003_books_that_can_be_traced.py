"""Keep who received an entry and when, what happens to readings later, and each look at the books."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("validation", "0002_models_people_can_trust"),
    ]

    operations = [
        migrations.CreateModel(
            name="BookCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                (
                    "since",
                    models.BigIntegerField(default=0, help_text="Minutes since 1970 from which the books count."),
                ),
                ("balanced", models.BooleanField(help_text="Empty when it could not be found out.", null=True)),
                (
                    "missing",
                    models.BigIntegerField(
                        default=0, help_text="Received and nowhere; negative: more came out than went in."
                    ),
                ),
                ("totals", models.JSONField(default=dict)),
                ("complaints", models.JSONField(default=list)),
                ("seconds", models.FloatField(default=0, help_text="How long the look took.")),
            ],
            options={
                "verbose_name": "check of the books",
                "verbose_name_plural": "books",
                "ordering": ("-id",),
            },
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="judged_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), help_text="When its outcome was written."
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="trail",
            field=models.BinaryField(
                db_default=b"", help_text="Who received it and when, as `validation.trails` packs it."
            ),
        ),
        migrations.CreateModel(
            name="LedgerTrail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("buffer", models.CharField(max_length=12)),
                ("minute", models.BigIntegerField(db_index=True)),
                ("entries", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("buffer", "minute"), name="one_trail_a_buffer_and_minute")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReadingNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("repeat", "came again and was not stored twice"),
                            ("replay", "was stored by a replay"),
                        ],
                        max_length=6,
                    ),
                ),
                ("model", models.BigIntegerField()),
                ("replay", models.BigIntegerField(null=True)),
                ("first", models.BigIntegerField(help_text="The earliest event time, in microseconds since 1970.")),
                ("last", models.BigIntegerField(help_text="The latest event time, in microseconds since 1970.")),
                (
                    "readings",
                    models.BinaryField(
                        help_text="Device, event time, sequence and receipt of each; see `validation.notes`."
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["model", "last", "first"], name="note_by_time")],
            },
        ),
    ]
