"""Django's names for this application and for the site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class QueueAdminConfig(AppConfig):
    """Models over the views of schema taskbell."""

    name = "admin_site.queue_admin"
    label = "taskbell"
    verbose_name = "Taskbell"


class TaskbellAdminConfig(AdminConfig):
    """Django's admin with our site: the theme's, plus the pages of the queue."""

    default_site = "admin_site.queue_admin.site.TaskbellSite"
