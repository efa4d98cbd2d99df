"""Keep views of the explorer; let everybody with a role save their own, and an Admin change and delete those of others."""

import django.db.models.deletion
from django.apps import apps as installed
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

OWN = ("view_savedview", "add_savedview")
ALL = (*OWN, "change_savedview", "delete_savedview")
GIVEN = {"Viewer": OWN, "Operator": OWN, "Engineer": OWN, "Admin": ALL}


def give_permissions(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    create_permissions(installed.get_app_config("dashboard"), verbosity=0, apps=apps)
    found = {permission.codename: permission for permission in Permission.objects.filter(codename__in=ALL)}
    for role, names in GIVEN.items():
        Group.objects.get_or_create(name=role)[0].permissions.add(*(found[name] for name in names))


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0005_ring"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "query",
                    models.TextField(help_text="What stands in the address after the question mark.", max_length=8000),
                ),
                (
                    "shared",
                    models.BooleanField(
                        default=False,
                        help_text="Everybody sees it; only its owner changes it.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "name"), name="one_view_of_a_name_for_each_owner")
                ],
            },
        ),
        migrations.RunPython(give_permissions, migrations.RunPython.noop),
    ]
