"""The two groups: readers see the queue, operators steer it. People get in as staff and a member of one."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

READER = {
    "task": ("view_task", "Can view task"),
    "queue": ("view_queue", "Can view queue"),
    "worker": ("view_worker", "Can view worker"),
    "tasktype": ("view_tasktype", "Can view task type"),
}
OPERATE = ("operate", "Can enqueue, cancel, retry, pause, configure and prune")
ACTS = ("view_act", "Can view act")


def make_groups(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make them, with their permissions; Django would make those only after the last migration."""
    reader_group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="reader")
    operator_group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="operator")
    reader = [_permission(apps, model, *names) for model, names in READER.items()]
    operator = [*reader, _permission(apps, "task", *OPERATE), _permission(apps, "act", *ACTS)]
    reader_group.permissions.add(*reader)
    operator_group.permissions.add(*operator)


def _permission(apps: Apps, model: str, codename: str, name: str) -> Any:
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="taskbell", model=model)
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        codename=codename, content_type=kind, defaults={"name": name}
    )
    return permission


class Migration(migrations.Migration):
    """Make the groups; taking the migration back leaves them."""

    dependencies = [
        ("taskbell", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
