"""Give the roles their permissions: over devices, models, versions, quarantine and replays, and over users."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

# What a role may do beyond the one before it, by app: codenames, as Django and the models make them.
GIVEN = (
    (
        "Viewer",
        {
            "ingest": ["view_device"],
            "validation": [
                "view_datamodel",
                "view_field",
                "view_modelrule",
                "view_modelversion",
                "view_quarantined",
                "view_quarantineloss",
                "view_replay",
                "view_ledgerminute",
            ],
        },
    ),
    ("Operator", {"ingest": ["publish"], "validation": ["replay"]}),
    (
        "Engineer",
        {
            "ingest": ["add_device", "change_device"],
            "validation": [
                f"{action}_{model}"
                for action in ("add", "change", "delete")
                for model in ("datamodel", "field", "modelrule")
            ]
            + ["discard"],
        },
    ),
)
EVERYTHING = ("ingest", "validation")  # apps in which an Admin may do all there is
USERS = ("user", "group")


def give_permissions(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Django makes permissions only after the last migration, and leaves alone those that are there.
    for label in (*EVERYTHING, "auth"):
        create_permissions(installed.get_app_config(label), verbosity=0, apps=apps)
    roles = {}
    given = set()
    for role, codenames in GIVEN:
        for app, names in codenames.items():
            found = set(Permission.objects.filter(content_type__app_label=app, codename__in=names))
            missing = set(names) - {permission.codename for permission in found}
            if missing:
                raise LookupError(f"There is no permission {', '.join(sorted(missing))} in {app}.")
            given |= found
        roles[role] = set(given)
    everything = Permission.objects.filter(content_type__app_label__in=EVERYTHING)
    users = Permission.objects.filter(content_type__app_label="auth", content_type__model__in=USERS)
    roles["Admin"] = given | set(everything) | set(users)
    for role, permissions in roles.items():
        Group.objects.get_or_create(name=role)[0].permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0001_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("ingest", "0001_initial"),
        ("validation", "0002_models_people_can_trust"),
    ]

    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
