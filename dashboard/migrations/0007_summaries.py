"""Let every role see summaries and which are made regularly, and let engineers say which."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

SEEN = ("view_storedsummary", "view_summaryschedule")
MADE = (*SEEN, "add_summaryschedule", "change_summaryschedule", "delete_summaryschedule")
GIVEN = {"Viewer": SEEN, "Operator": SEEN, "Engineer": MADE, "Admin": (*MADE, "delete_storedsummary")}


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
        ("dashboard", "0006_saved_views"),
        ("insights", "0001_summaries"),
    ]

    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
