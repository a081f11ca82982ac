"""The side bar."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from admin_site.queue_admin.rights import may_operate, may_see


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what this person may open."""
    superuser = bool(getattr(request.user, "is_superuser", False))
    groups = [
        ("", [
            ("Overview", "monitoring", "index", True),
            ("Tasks", "task_alt", "taskbell_task_changelist", may_see(request)),
            ("Queues", "stacks", "taskbell_queue_changelist", may_see(request)),
            ("Workers", "memory", "taskbell_worker_changelist", may_see(request)),
            ("Enqueue", "add_circle", "taskbell_enqueue", may_operate(request)),
        ]),
        ("People", [
            ("Acts", "history", "taskbell_act_changelist", may_operate(request)),
            ("Log", "receipt_long", "admin_logentry_changelist", superuser),
            ("Users", "person", "auth_user_changelist", request.user.has_perm("auth.view_user")),
            ("Groups", "group", "auth_group_changelist", request.user.has_perm("auth.view_group")),
        ]),
    ]  # fmt: skip
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {"title": name, "icon": icon, "link": reverse(f"admin:{page}")}
                for name, icon, page, allowed in items
                if allowed
            ],
        }
        for title, items in groups
    ]
