"""Puts a page of ours into the site's frame, or sends a part of one alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse


def framed(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """Return a page inside the site's frame."""
    whole = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"taskbell/{template}", whole)


def fragment(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Return a part of a page, which replaces the one in the browser; the header tells it from a login page."""
    response = render(request, f"taskbell/{template}", context)
    response["X-Taskbell-Fragment"] = "1"
    return response
