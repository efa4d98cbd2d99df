"""Keep what has to be rolled up, for how long rollups are kept, and what was removed of them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0003_buffers"),
        ("validation", "0003_books_that_can_be_traced"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="expired",
            options={"verbose_name": "removed partition", "verbose_name_plural": "retention"},
        ),
        migrations.AddField(
            model_name="datamodel",
            name="rollup_1d_days",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="keep days for (days)"),
        ),
        migrations.AddField(
            model_name="datamodel",
            name="rollup_1h_days",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="keep hours for (days)"),
        ),
        migrations.AddField(
            model_name="datamodel",
            name="rollup_1m_days",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="keep minutes for (days)"),
        ),
        migrations.AddField(
            model_name="expired",
            name="bytes",
            field=models.BigIntegerField(db_default=0, help_text="On disk, indexes included."),
        ),
        migrations.AddField(
            model_name="expired",
            name="level",
            field=models.CharField(
                db_default="raw", help_text="raw: readings; else rollups: 1m, 1h, 1d.", max_length=3
            ),
        ),
        migrations.CreateModel(
            name="RollupMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.BigIntegerField()),
                ("level", models.SmallIntegerField(help_text="0: minutes, 1: hours, 2: days.")),
                ("due", models.IntegerField(help_text="Minutes since 1970 from which they can be computed.")),
                ("first", models.IntegerField(help_text="The earliest bucket, in minutes since 1970.")),
                ("last", models.IntegerField(help_text="The latest bucket, in minutes since 1970.")),
                ("pairs", models.BinaryField(help_text="Device and first minute of each, 8 bytes together.")),
            ],
            options={
                "indexes": [models.Index(fields=["model", "level", "due"], name="mark_by_due")],
            },
        ),
        migrations.CreateModel(
            name="RollupSpan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("start", models.IntegerField(help_text="Minutes since 1970.")),
                ("end", models.IntegerField(help_text="Minutes since 1970, not included.")),
                ("began", models.IntegerField(help_text="What the end was at first.")),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: all.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="ingest.device",
                    ),
                ),
                ("model", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="validation.datamodel")),
            ],
        ),
        # Thousands of small numbers: packing them again costs more than the room that it saves for a minute.
        migrations.RunSQL(
            "ALTER TABLE validation_rollupmark ALTER COLUMN pairs SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
