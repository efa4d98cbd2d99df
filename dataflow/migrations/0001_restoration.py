"""The table that remembers that a database came out of a backup."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Restoration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(help_text="When it was restored.")),
                ("made", models.DateTimeField(help_text="The moment that the backup holds.")),
                ("seal", models.CharField(help_text="The SHA-256 that seals the backup.", max_length=64)),
                ("buffers", models.TextField(help_text="What became of the buffers in between, in words.")),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
