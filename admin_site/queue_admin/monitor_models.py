# ruff: noqa: DJ001 - null means something in these views
"""More unmanaged models: what the front page and a task's page read beside the task itself."""

from django.db import models

from admin_site.queue_admin.models import View


class Stats(View):
    """A queue's depth, rates, wait and run times."""

    queue = models.TextField(primary_key=True)
    queued = models.BigIntegerField()
    due = models.BigIntegerField()
    scheduled = models.BigIntegerField()
    running = models.BigIntegerField()
    oldest_due_seconds = models.FloatField(null=True)
    succeeded_per_minute = models.FloatField()
    failed_per_minute = models.FloatField()
    wait_p50 = models.FloatField(null=True)
    wait_p99 = models.FloatField(null=True)
    run_p50 = models.FloatField(null=True)
    run_p99 = models.FloatField(null=True)

    class Meta(View.Meta):
        """The view taskbell.stats."""

        managed = False
        db_table = '"taskbell"."stats"'
        default_permissions = ()


class Health(View):
    """The installation as a whole, one row."""

    installation = models.UUIDField(primary_key=True)
    workers_alive = models.IntegerField()
    workers_listening = models.IntegerField()
    lock_lost = models.IntegerField()
    oldest_transaction_seconds = models.FloatField(null=True)
    dead_tuples_live = models.BigIntegerField(null=True)
    notification_queue_usage = models.FloatField()
    paused = models.BooleanField()
    server_version = models.TextField()
    stale_calls = models.BigIntegerField()

    class Meta(View.Meta):
        """The view taskbell.health."""

        managed = False
        db_table = '"taskbell"."health"'
        default_permissions = ()


class Estimate(View):
    """How many tasks there are, about, without counting them."""

    live = models.BigIntegerField(primary_key=True)
    finished = models.BigIntegerField()

    class Meta(View.Meta):
        """The view taskbell.estimates."""

        managed = False
        db_table = '"taskbell"."estimates"'
        default_permissions = ()


class Attempt(View):
    """One attempt that began. `run` is no key, but together with the task it is one."""

    task_id = models.UUIDField()
    run = models.IntegerField(primary_key=True)
    attempt = models.IntegerField()
    status = models.TextField()
    worker = models.UUIDField(null=True)
    worker_name = models.TextField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.JSONField(null=True)
    traceback = models.TextField(null=True)

    class Meta(View.Meta):
        """The view taskbell.attempts."""

        managed = False
        db_table = '"taskbell"."attempts"'
        default_permissions = ()


class Act(View):
    """Who steered what; written by the SQL functions, whoever calls them. `at` is no key, only an order."""

    at = models.DateTimeField(primary_key=True)
    actor = models.TextField()
    act = models.TextField()
    task_id = models.UUIDField(null=True)
    queue = models.TextField(null=True)
    detail = models.JSONField(null=True)

    class Meta(View.Meta):
        """The view taskbell.acts."""

        managed = False
        db_table = '"taskbell"."acts"'
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.act} by {self.actor}"
