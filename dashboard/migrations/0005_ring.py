"""Let every role see the ring, an Operator drain, resume and weigh buffers, and an Admin add and remove them."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

SEEN = ("view_buffer", "view_writtenoff")
OPERATED = (*SEEN, "change_buffer")
ALL = (*OPERATED, "add_buffer", "delete_buffer")
GIVEN = {"Viewer": SEEN, "Operator": OPERATED, "Engineer": OPERATED, "Admin": ALL}


def give_permissions(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    create_permissions(installed.get_app_config("ingest"), verbosity=0, apps=apps)
    found = {permission.codename: permission for permission in Permission.objects.filter(codename__in=ALL)}
    for role, names in GIVEN.items():
        Group.objects.get_or_create(name=role)[0].permissions.add(*(found[name] for name in names))


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0004_workers"),
        ("ingest", "0003_buffers"),
    ]

    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
