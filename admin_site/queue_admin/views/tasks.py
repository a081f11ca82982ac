"""The list of tasks, and a page a task."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from admin_site.queue_admin import paging, timeline
from admin_site.queue_admin.acts import ACTS
from admin_site.queue_admin.calls import Refusal, call
from admin_site.queue_admin.frame import fragment, framed
from admin_site.queue_admin.models import ENDS, STATUSES, Queue, Task, TaskType
from admin_site.queue_admin.monitor_models import Act, Attempt, Estimate
from admin_site.queue_admin.rights import SEE, mask_for, may_operate, needs
from admin_site.queue_admin.task_search import SPAN_NAMES, wish
from db import tokens

FILTERS = ("q", "status", "queue", "task", "since")
MOST_ATTEMPTS = 100  # on a page


@needs(SEE)
def listing(request: HttpRequest) -> HttpResponse:
    """Show tasks, newest first."""
    wanted = wish(request.GET)
    page = paging.read(wanted)
    kept = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    return framed(
        request,
        "task_list.html",
        "Tasks",
        page=page,
        chosen=kept,
        filtered=bool(kept),
        statuses=[(name, _address({**kept, "status": name})) for name in STATUSES],
        all_states=_address({name: value for name, value in kept.items() if name != "status"}),
        queues=Queue.objects.order_by("name").values_list("name", flat=True)[:500],
        kinds=TaskType.objects.order_by("name").values_list("name", flat=True)[:500],
        spans=SPAN_NAMES,
        newest=_address(kept) if "before" in request.GET else "",
        older=_address({**kept, "before": str(page.older)}) if page.older else "",
        estimate=Estimate.objects.get(),
        acts=[ACTS[name] for name in ("retry", "now", "cancel")] if may_operate(request) else [],
        here=request.get_full_path(),
    )


@needs(SEE)
def page(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show one task."""
    context = _task_context(request, task_id)
    return framed(request, "task.html", f"Task {context['task'].task}", **context)


@needs(SEE)
def live(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Return the changing part of a task's page alone."""
    return fragment(request, "task_live.html", _task_context(request, task_id))


@needs(SEE)
def link(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show the link that hands this task to a browser. Whoever opens it sees the payload, so masked ones stay here."""
    task = _find(task_id)
    hidden = _hides(mask_for(request, task.payload, task.result), task)
    scope: tokens.Scope = "owner" if may_operate(request) else "view"
    base = settings.UNFOLD["SITE_URL"]
    address = "" if hidden else f"{base}/#{urlencode({'id': task_id, 'token': tokens.sign(task_id, scope)})}"
    return fragment(request, "link.html", {"address": address, "scope": scope})


def _task_context(request: HttpRequest, task_id: UUID) -> dict[str, Any]:
    task = _find(task_id)
    operator = may_operate(request)
    mask = mask_for(request, task.payload, task.result)
    attempts = list(Attempt.objects.filter(task_id=task_id).order_by("run")[:MOST_ATTEMPTS]) if operator else []
    for attempt in attempts:
        attempt.error = mask.data(attempt.error)
        attempt.traceback = mask.text(attempt.traceback) if attempt.traceback else None
    return {
        "task": task,
        "payload": _pretty(mask.data(task.payload)),
        "result": None if task.result is None and task.status != "succeeded" else _pretty(mask.data(task.result)),
        "error": mask.data(task.error),
        "progress": mask.data(task.progress),
        "cancel_reason": mask.text(task.cancel_reason or ""),
        "hidden": _hides(mask, task),
        "why": mask.text(_why(task_id)),
        "attempts": attempts,
        "picture": timeline.draw(task, attempts),
        "finished": task.status in ENDS,
        "steered": list(Act.objects.filter(task_id=task_id).order_by("-at")[:20]) if operator else [],
        "operator": operator,
        "acts": [ACTS[name] for name in _possible(task)] if operator else [],
    }


def _find(task_id: UUID) -> Task:
    task = Task.objects.filter(id=task_id).first()
    if task is None:
        raise Http404(f"there is no task {task_id}; it may have been pruned")
    return task


def _hides(mask: Any, task: Task) -> bool:
    return any(mask.data(value) != value for value in (task.payload, task.result, task.error, task.progress))


def _possible(task: Task) -> list[str]:
    return {"queued": ["now", "cancel"], "running": ["cancel"]}.get(task.status, ["retry"])


def _why(task_id: UUID) -> str:
    try:
        return str(call("why", {"id": task_id}) or "")
    except Refusal as refusal:  # it was pruned a moment ago
        return refusal.sentence


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _address(query: dict[str, str]) -> str:
    return f"?{urlencode(query)}"
