"""Let every role see the workers, the queues and the schedulers."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("Viewer", "Operator", "Engineer", "Admin")


def let_them_see(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    create_permissions(installed.get_app_config("dataflow"), verbosity=0, apps=apps)
    seen = Permission.objects.get(content_type__app_label="dataflow", codename="view_scheduledjob")
    for role in ROLES:
        Group.objects.get_or_create(name=role)[0].permissions.add(seen)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0003_bridges"),
        ("dataflow", "0002_scheduledjob"),
    ]

    operations = [migrations.RunPython(let_them_see, migrations.RunPython.noop)]
