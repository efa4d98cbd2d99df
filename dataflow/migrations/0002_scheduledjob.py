"""The table in which schedulers take the slots of what they send."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dataflow", "0001_restoration")]

    operations = [
        migrations.CreateModel(
            name="ScheduledJob",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("every_s", models.FloatField(help_text="Seconds of a slot.")),
                ("slot", models.BigIntegerField(help_text="Slots since 1970.")),
                ("holder", models.CharField(help_text="The scheduler that took it.", max_length=300)),
                ("taken_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "workers and schedule",
                "ordering": ("name",),
                "default_permissions": ("view",),
            },
        ),
    ]
