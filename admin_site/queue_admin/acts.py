"""What a person can do to tasks and queues: each act calls one SQL function and leaves a line in Django's log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType

from admin_site.queue_admin.calls import Refusal, acting, call
from admin_site.queue_admin.models import Queue, Task, View

MOST = 1000  # objects that one act may touch; more is for `select taskbell.retry(id) from taskbell.tasks where …`
EVERYTHING = "*"  # the "queue" that stands for all of them


@dataclass(frozen=True)
class Act:
    """One act: its words, its function, and how arguments come out of target, reason and form."""

    name: str
    verb: str  # on buttons
    done: str  # in messages and in the log
    icon: str
    target: Literal["task", "queue", "nothing"]
    function: str
    arguments: Callable[[str, str, dict[str, Any]], dict[str, Any]]
    warning: str = ""  # shown where it can't be undone
    fields: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What came of an act on several objects."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)


def _task(target: str, _reason: str, _form: dict[str, Any]) -> dict[str, Any]:
    return {"id": UUID(target)}


def _queue(target: str, _reason: str, _form: dict[str, Any]) -> dict[str, Any]:
    return {} if target == EVERYTHING else {"queue": target}


ACTS = {
    act.name: act
    for act in (
        Act(
            "cancel", "Cancel", "cancelled", "cancel", "task", "cancel",
            lambda target, reason, _: {"id": UUID(target), "reason": reason or None},
            "A queued task is cancelled at once, a running one is asked to stop. Work it has done is not undone.",
        ),
        Act("retry", "Retry", "put back into the queue", "replay", "task", "retry", _task),
        Act("now", "Run now", "made due now", "bolt", "task", "reschedule", _task),
        Act("pause", "Pause", "paused", "pause", "queue", "pause", _queue),
        Act("resume", "Resume", "resumed", "play_arrow", "queue", "resume", _queue),
        Act(
            "configure", "Configure", "configured", "tune", "queue", "configure",
            lambda target, _, form: {"queue": target, **form},
            fields=("exclusive", "concurrency", "max_depth", "max_attempts"),
        ),
        Act(
            "prune", "Prune", "pruned", "delete_sweep", "nothing", "prune",
            lambda _target, _, form: {"older_than": form["older_than"], "batch": form["batch"]},
            "Finished tasks older than this are deleted, with their results, attempts and idempotency keys. "
            "This can't be undone.",
            fields=("older_than", "batch"),
        ),
    )
}  # fmt: skip


def perform(act: Act, user: AbstractUser, targets: Sequence[str], reason: str, form: dict[str, Any]) -> Outcome:
    """Do it to each target, in one transaction with the log; what one target refuses doesn't stop the others."""
    outcome = Outcome()
    with acting(user):
        for target in targets[:MOST]:
            try:
                answer = call(act.function, act.arguments(target, reason, form))
            except Refusal as refusal:
                outcome.refused.append((target, refusal))
                continue
            outcome.done.append(target)
            outcome.answers.append(answer)
            log(user, Queue if act.target == "queue" else Task, target, _words(act, reason, form, answer))
    return outcome


def log(user: AbstractUser, model: type[View], target: str, words: str, flag: int = CHANGE) -> None:
    """Add one line to Django's log."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_id=target,
        object_repr=target[:200],
        action_flag=flag,
        change_message=words,
    )


def _words(act: Act, reason: str, form: dict[str, Any], answer: object) -> str:
    details = [f"{name} {value}" for name, value in form.items()]
    if act.function in {"cancel", "prune"}:
        details.append(str(answer))
    inside = f" ({', '.join(details)})" if details else ""
    return f"{act.done}{inside}{f': {reason}' if reason else ''}"
