"""Let every role see findings and how far the watcher is, and let operators say what they think of one."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

SEEN = ("view_finding", "view_feedback", "view_seriesstate", "view_watchcount")
SAID = (*SEEN, "add_feedback", "change_feedback", "delete_feedback")
GIVEN = {"Viewer": SEEN, "Operator": SAID, "Engineer": SAID, "Admin": (*SAID, "delete_finding")}


def give_permissions(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    create_permissions(installed.get_app_config("insights"), verbosity=0, apps=apps)
    wanted = Permission.objects.filter(content_type__app_label="insights")
    found = {permission.codename: permission for permission in wanted}
    for role, names in GIVEN.items():
        Group.objects.get_or_create(name=role)[0].permissions.add(*(found[name] for name in names))


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0007_summaries"),
        ("insights", "0002_findings"),
    ]

    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
