"""Enqueue a task by hand: choose one, fill the form made from its JSON Schema."""

import json

from django.contrib import messages
from django.contrib.admin.models import ADDITION
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from admin_site.queue_admin.acts import log
from admin_site.queue_admin.calls import Refusal, acting, call
from admin_site.queue_admin.enqueue_form import EnqueueForm
from admin_site.queue_admin.frame import framed
from admin_site.queue_admin.models import Task, TaskType
from admin_site.queue_admin.rights import OPERATE, needs, person
from admin_site.queue_admin.schema_form import PayloadForm


@needs(OPERATE)
def choice(request: HttpRequest) -> HttpResponse:
    """Show the tasks that workers have registered."""
    kinds = TaskType.objects.order_by("-known", "name")
    return framed(request, "enqueue.html", "Enqueue a task", kinds=kinds)


@needs(OPERATE)
def form(request: HttpRequest, name: str) -> HttpResponse:
    """Show one task's form; POST: enqueue it and open its page."""
    kind = TaskType.objects.filter(name=name).first()
    if kind is None:
        raise Http404(f"no worker has registered a task named {name}")
    data = request.POST if request.method == "POST" else None
    payload, options = PayloadForm(kind.schema, data), EnqueueForm(kind, data)
    if data is not None and payload.is_valid() and options.is_valid():
        try:
            task_id = _enqueue(request, name, payload, options)
        except Refusal as refusal:
            options.add_error(None, refusal.sentence)
        else:
            return HttpResponseRedirect(reverse("admin:taskbell_task_change", args=[task_id]))
    return framed(
        request,
        "enqueue_form.html",
        f"Enqueue {name}",
        kind=kind,
        payload=payload,
        options=options,
        schema=json.dumps(kind.schema, indent=2, ensure_ascii=False),
    )


def _enqueue(request: HttpRequest, name: str, payload: PayloadForm, options: EnqueueForm) -> object:
    with acting(person(request)):
        task_id = call("enqueue", {"task": name, "payload": payload.payload, **options.arguments})
        reason = options.cleaned_data["reason"]
        log(person(request), Task, str(task_id), f"enqueued {name}{f': {reason}' if reason else ''}", ADDITION)
    messages.success(request, "The task was enqueued.")
    return task_id
