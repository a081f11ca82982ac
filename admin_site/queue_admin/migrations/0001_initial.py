"""The models as Django knows them: nothing to make, all are views of schema taskbell."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Name the models."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Act",
            fields=[
                ("at", models.DateTimeField(primary_key=True, serialize=False)),
                ("actor", models.TextField()),
                ("act", models.TextField()),
                ("task_id", models.UUIDField(null=True)),
                ("queue", models.TextField(null=True)),
                ("detail", models.JSONField(null=True)),
            ],
            options={
                "db_table": '"taskbell"."acts"',
                "abstract": False,
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("task_id", models.UUIDField()),
                ("run", models.IntegerField(primary_key=True, serialize=False)),
                ("attempt", models.IntegerField()),
                ("status", models.TextField()),
                ("worker", models.UUIDField(null=True)),
                ("worker_name", models.TextField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.JSONField(null=True)),
                ("traceback", models.TextField(null=True)),
            ],
            options={
                "db_table": '"taskbell"."attempts"',
                "abstract": False,
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Estimate",
            fields=[
                ("live", models.BigIntegerField(primary_key=True, serialize=False)),
                ("finished", models.BigIntegerField()),
            ],
            options={
                "db_table": '"taskbell"."estimates"',
                "abstract": False,
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Health",
            fields=[
                ("installation", models.UUIDField(primary_key=True, serialize=False)),
                ("workers_alive", models.IntegerField()),
                ("workers_listening", models.IntegerField()),
                ("lock_lost", models.IntegerField()),
                ("oldest_transaction_seconds", models.FloatField(null=True)),
                ("dead_tuples_live", models.BigIntegerField(null=True)),
                ("notification_queue_usage", models.FloatField()),
                ("paused", models.BooleanField()),
                ("server_version", models.TextField()),
                ("stale_calls", models.BigIntegerField()),
            ],
            options={
                "db_table": '"taskbell"."health"',
                "abstract": False,
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Queue",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("exclusive", models.BooleanField()),
                ("concurrency", models.IntegerField()),
                ("max_depth", models.IntegerField(null=True)),
                ("max_attempts", models.IntegerField(null=True)),
                ("timeout", models.DurationField(null=True)),
                ("keep_succeeded", models.DurationField(null=True)),
                ("keep_failed", models.DurationField(null=True)),
                ("paused", models.BooleanField()),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_by", models.TextField(null=True)),
                ("holder", models.UUIDField(null=True)),
                ("holder_name", models.TextField(null=True)),
                ("held_since", models.DateTimeField(null=True)),
                ("holder_renewed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": '"taskbell"."queues"',
                "abstract": False,
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Stats",
            fields=[
                ("queue", models.TextField(primary_key=True, serialize=False)),
                ("queued", models.BigIntegerField()),
                ("due", models.BigIntegerField()),
                ("scheduled", models.BigIntegerField()),
                ("running", models.BigIntegerField()),
                ("oldest_due_seconds", models.FloatField(null=True)),
                ("succeeded_per_minute", models.FloatField()),
                ("failed_per_minute", models.FloatField()),
                ("wait_p50", models.FloatField(null=True)),
                ("wait_p99", models.FloatField(null=True)),
                ("run_p50", models.FloatField(null=True)),
                ("run_p99", models.FloatField(null=True)),
            ],
            options={
                "db_table": '"taskbell"."stats"',
                "abstract": False,
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("task", models.TextField()),
                ("queue", models.TextField()),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ]
                    ),
                ),
                ("seq", models.IntegerField()),
                ("priority", models.IntegerField()),
                ("payload", models.JSONField()),
                ("progress", models.JSONField(null=True)),
                ("result", models.JSONField(null=True)),
                ("error", models.JSONField(null=True)),
                ("attempt", models.IntegerField()),
                ("max_attempts", models.IntegerField()),
                ("run_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("enqueued_by", models.TextField()),
                ("idempotency_key", models.TextField(null=True)),
                ("timeout", models.DurationField()),
                ("worker", models.UUIDField(null=True)),
                ("cancel_requested_at", models.DateTimeField(null=True)),
                ("cancelled_by", models.TextField(null=True)),
                ("cancel_reason", models.TextField(null=True)),
            ],
            options={
                "db_table": '"taskbell"."tasks"',
                "permissions": [("operate", "Can enqueue, cancel, retry, pause, configure and prune")],
                "abstract": False,
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="TaskType",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("description", models.TextField(null=True)),
                ("schema", models.JSONField()),
                ("queue", models.TextField(null=True)),
                ("max_attempts", models.IntegerField(null=True)),
                ("timeout", models.DurationField(null=True)),
                ("registered_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("known", models.BooleanField()),
            ],
            options={
                "db_table": '"taskbell"."task_types"',
                "abstract": False,
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("pid", models.IntegerField()),
                ("version", models.TextField()),
                (
                    "queues",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None),
                ),
                ("tasks", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("started_at", models.DateTimeField()),
                ("beat_at", models.DateTimeField()),
                ("alive", models.BooleanField()),
                ("listening", models.BooleanField()),
                ("lock", models.TextField()),
                ("stopping", models.BooleanField()),
            ],
            options={
                "db_table": '"taskbell"."workers"',
                "abstract": False,
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
