"""Let every role see the bridges."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("Viewer", "Operator", "Engineer", "Admin")
SEEN = ("view_bridgeprocess", "view_bridgeslot", "view_leader")


def let_them_see(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    create_permissions(installed.get_app_config("ingest"), verbosity=0, apps=apps)
    seen = list(Permission.objects.filter(content_type__app_label="ingest", codename__in=SEEN))
    if len(seen) != len(SEEN):
        raise LookupError(f"There are not all of the permissions {', '.join(SEEN)} in ingest.")
    for role in ROLES:
        Group.objects.get_or_create(name=role)[0].permissions.add(*seen)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0002_permissions"),
        ("ingest", "0002_bridges"),
    ]

    operations = [migrations.RunPython(let_them_see, migrations.RunPython.noop)]
