"""Make the groups Viewer, Operator, Engineer and Admin; from Operator on they may publish readings."""

from django.db import migrations

ROLES = ("Viewer", "Operator", "Engineer", "Admin")
PUBLISHERS = ROLES[1:]


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    # Django itself makes permissions only after the last migration, and leaves alone those that are there.
    device, _ = ContentType.objects.get_or_create(app_label="ingest", model="device")
    publish, _ = Permission.objects.get_or_create(
        content_type=device, codename="publish", defaults={"name": "Can publish readings through the site"}
    )
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role)
        if role in PUBLISHERS:
            group.permissions.add(publish)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("ingest", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
