# ruff: noqa: DJ001 - null means something in these views
"""Unmanaged models over the views of schema taskbell: for reading alone. Whatever acts is in `acts.py`."""

from typing import Never

from django.contrib.postgres.fields import ArrayField
from django.db import models

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
ENDS = ("succeeded", "failed", "cancelled")


class View(models.Model):
    """A row of a view: it can't be saved or deleted."""

    class Meta:
        """Django needs no table for it."""

        abstract = True

    def save(self, *_: object, **__: object) -> Never:
        """Refuse."""
        raise TypeError("views are read; to act, call a SQL function (admin_site/queue_admin/acts.py)")

    def delete(self, *_: object, **__: object) -> Never:
        """Refuse."""
        raise TypeError("views are read; to act, call a SQL function (admin_site/queue_admin/acts.py)")


class Task(View):
    """One task, live or finished."""

    id = models.UUIDField(primary_key=True)
    task = models.TextField()
    queue = models.TextField()
    status = models.TextField(choices=[(name, name) for name in STATUSES])
    seq = models.IntegerField()
    priority = models.IntegerField()
    payload = models.JSONField()
    progress = models.JSONField(null=True)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    attempt = models.IntegerField()
    max_attempts = models.IntegerField()
    run_at = models.DateTimeField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    enqueued_by = models.TextField()
    idempotency_key = models.TextField(null=True)
    timeout = models.DurationField()
    worker = models.UUIDField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancelled_by = models.TextField(null=True)
    cancel_reason = models.TextField(null=True)

    class Meta(View.Meta):
        """The view taskbell.tasks."""

        managed = False
        db_table = '"taskbell"."tasks"'
        default_permissions = ("view",)
        permissions = [("operate", "Can enqueue, cancel, retry, pause, configure and prune")]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"


class Queue(View):
    """A queue's settings and holder."""

    name = models.TextField(primary_key=True)
    exclusive = models.BooleanField()
    concurrency = models.IntegerField()
    max_depth = models.IntegerField(null=True)
    max_attempts = models.IntegerField(null=True)
    timeout = models.DurationField(null=True)
    keep_succeeded = models.DurationField(null=True)
    keep_failed = models.DurationField(null=True)
    paused = models.BooleanField()
    paused_at = models.DateTimeField(null=True)
    paused_by = models.TextField(null=True)
    holder = models.UUIDField(null=True)
    holder_name = models.TextField(null=True)
    held_since = models.DateTimeField(null=True)
    holder_renewed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(View.Meta):
        """The view taskbell.queues."""

        managed = False
        db_table = '"taskbell"."queues"'
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class Worker(View):
    """A worker process of the last day that has not stopped cleanly."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    pid = models.IntegerField()
    version = models.TextField()
    queues = ArrayField(models.TextField(), null=True)
    tasks = ArrayField(models.TextField())
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    alive = models.BooleanField()
    listening = models.BooleanField()
    lock = models.TextField()
    stopping = models.BooleanField()

    class Meta(View.Meta):
        """The view taskbell.workers."""

        managed = False
        db_table = '"taskbell"."workers"'
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class TaskType(View):
    """A task that workers have registered."""

    name = models.TextField(primary_key=True)
    description = models.TextField(null=True)
    schema = models.JSONField()
    queue = models.TextField(null=True)
    max_attempts = models.IntegerField(null=True)
    timeout = models.DurationField(null=True)
    registered_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    known = models.BooleanField()

    class Meta(View.Meta):
        """The view taskbell.task_types."""

        managed = False
        db_table = '"taskbell"."task_types"'
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


# Django looks for models here.
from admin_site.queue_admin import monitor_models  # noqa: E402, F401 - Django finds models here
