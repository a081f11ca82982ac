"""The page on which an act is confirmed, with a reason, and from which it is done. The same for one and for many."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from admin_site.queue_admin.act_form import ActForm
from admin_site.queue_admin.acts import ACTS, EVERYTHING, MOST, Act, Outcome, perform
from admin_site.queue_admin.calls import Refusal
from admin_site.queue_admin.frame import framed
from admin_site.queue_admin.models import Queue, Task
from admin_site.queue_admin.rights import OPERATE, needs, person
from admin_site.queue_admin.task_search import as_uuid

SHOWN = 20  # refusals and objects that are named one by one


@needs(OPERATE)
def page(request: HttpRequest, name: str) -> HttpResponse:
    """GET and POST without `sure`: ask. POST with it: do it, go back, and say what came of it."""
    act = ACTS.get(name)
    if act is None:
        raise Http404(f"there is no act {name}")
    given = request.POST if request.method == "POST" else request.GET
    targets = list(dict.fromkeys(given.getlist("target")))[:MOST]
    back = _back(request, given.get("back", ""), act)
    if act.target == "nothing":
        targets = ["finished tasks"]
    if not targets or not all(_is_target(act, target) for target in targets):
        messages.warning(request, "Nothing was chosen.")
        return HttpResponseRedirect(back)
    sure = request.method == "POST" and "sure" in request.POST
    queue = Queue.objects.filter(name=targets[0]).first() if act.name == "configure" else None
    form = ActForm(act, queue, request.POST if sure else None)
    if sure and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            outcome = perform(act, person(request), targets, reason, form.arguments)
        except Refusal as refusal:
            messages.error(request, refusal.sentence)
        else:
            _tell(request, act, outcome)
        return HttpResponseRedirect(back)
    return framed(
        request, "act.html", _title(act, targets), act=act, targets=targets, shown=_shown(act, targets),
        more=max(0, len(targets) - SHOWN), form=form, back=back,
    )  # fmt: skip


def _title(act: Act, targets: list[str]) -> str:
    if act.target == "nothing":
        return "Prune finished tasks"
    if targets == [EVERYTHING]:
        return f"{act.verb} everything"
    what = f"this {act.target}" if len(targets) == 1 else f"{len(targets)} {act.target}s"
    return f"{act.verb} {what}"


def _shown(act: Act, targets: list[str]) -> list[dict[str, Any]]:
    if act.target == "task":
        tasks = Task.objects.filter(id__in=targets[:SHOWN]).only("id", "task", "queue", "status")
        found = {str(task.id): task for task in tasks}
        return [{"name": target, "task": found.get(str(UUID(target)))} for target in targets[:SHOWN]]
    if act.target == "queue":
        return [{"name": "every queue" if target == EVERYTHING else target} for target in targets[:SHOWN]]
    return []


def _is_target(act: Act, target: str) -> bool:
    if act.target == "task":
        return as_uuid(target) is not None
    return bool(target) and "\x00" not in target


def _tell(request: HttpRequest, act: Act, outcome: Outcome) -> None:
    if act.name == "prune" and outcome.answers:
        count = outcome.answers[0]
        messages.success(
            request, "1 finished task was pruned." if count == 1 else f"{count} finished tasks were pruned."
        )
    elif outcome.done:
        messages.success(request, f"{_count(act, outcome.done)} {act.done}{_asked(act, outcome)}.")
    for target, refusal in outcome.refused[:SHOWN]:
        sentence = refusal.sentence if act.target == "task" else f"{target}: {refusal.sentence}"
        messages.error(request, sentence)
    if len(outcome.refused) > SHOWN:
        messages.error(request, f"… and {len(outcome.refused) - SHOWN} more were refused.")


def _count(act: Act, done: list[str]) -> str:
    if act.target == "queue":
        if done == [EVERYTHING]:
            return "Every queue"
        return f"Queue {done[0]}" if len(done) == 1 else f"{len(done)} queues"
    return "1 task" if len(done) == 1 else f"{len(done)} tasks"


def _asked(act: Act, outcome: Outcome) -> str:
    running = outcome.answers.count("running") if act.name == "cancel" else 0
    return f", {running} of them running and asked to stop" if running else ""


def _back(request: HttpRequest, address: str, act: Act) -> str:
    if address and url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return address
    return reverse("admin:taskbell_queue_changelist" if act.target == "queue" else "admin:taskbell_task_changelist")
