"""Where the admin answers: all of it below /admin/."""

from django.contrib import admin
from django.urls import path

handler500 = "admin_site.middleware.server_error"

urlpatterns = [path("admin/", admin.site.urls)]
