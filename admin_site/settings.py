"""Django's settings, all of them derived from `db.settings`: no setting of Taskbell's is read twice."""

from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from db.connection import NOTICE_DEAD_PEER
from db.settings import load

taskbell = load()

ADMIN_SCHEMA = "taskbell_admin"
STATEMENT_TIMEOUT = 10_000  # milliseconds; no page may hold a connection for longer
CONNECT_TIMEOUT = 3  # seconds until the plain page says that the database is gone


def database(url: str, *, timeout: int = STATEMENT_TIMEOUT) -> dict[str, object]:
    """Return Django's way to say this URL: its own tables in a schema of their own, a deadline on every statement."""
    parts = conninfo_to_dict(url)
    parts.pop("options", None)
    search_path = f"-c search_path={ADMIN_SCHEMA} -c statement_timeout={timeout} -c lock_timeout=5000"
    hosts = str(parts.get("host", ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "taskbell admin",
            **NOTICE_DEAD_PEER,
            # Of several hosts the one that takes writes; where there is one, a read-only one gets its own page.
            "target_session_attrs": "read-write" if "," in hosts else "any",
            **parts,
            "options": search_path,
        },
    }


SECRET_KEY, *SECRET_KEY_FALLBACKS = (key.hex() for key in taskbell.derive_key("django"))
DEBUG = False  # tracebacks on pages show payloads
DATABASES = {"default": database(taskbell.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "admin_site.queue_admin.apps.TaskbellAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "admin_site.queue_admin.apps.QueueAdminConfig",
]
MIDDLEWARE = [
    "admin_site.middleware.DatabaseGone",
    "django.middleware.security.SecurityMiddleware",
    "admin_site.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "admin_site.urls"
ASGI_APPLICATION = "admin_site.asgi.application"
STATIC_URL = "/admin/static/"  # below /admin/, so that a proxy needs one rule

# Who may in, and how.
https = taskbell.public_url.startswith("https://")
public = urlsplit(taskbell.public_url)
ALLOWED_HOSTS = list(taskbell.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [f"{public.scheme}://{public.netloc}"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = https
SESSION_COOKIE_NAME = "taskbell_admin"
CSRF_COOKIE_NAME = "taskbell_csrf"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/admin/"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 3600 if https else 0  # the proxy in front may say more
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024  # bytes; a payload of 1 MiB, written in a form
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/admin/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING_CONFIG = None  # Taskbell's own logging serves Django too: admin_site/asgi.py

UNFOLD = {
    "SITE_TITLE": "Taskbell",
    "SITE_HEADER": "Taskbell",
    "SITE_SUBHEADER": "tasks, queues, workers",
    "SITE_SYMBOL": "notifications_active",
    "SITE_URL": taskbell.public_url,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}taskbell/bell.svg"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [f"{STATIC_URL}taskbell/{name}.css" for name in ("colours", "front", "tasks", "forms")],
    "SCRIPTS": [f"{STATIC_URL}taskbell/page.js"],
    "DASHBOARD_CALLBACK": "admin_site.queue_admin.front.front_page",
    "COLORS": {
        "primary": {
            "50": "#fff8eb",
            "100": "#feecc7",
            "200": "#fdd88a",
            "300": "#fbbe4d",
            "400": "#faa524",
            "500": "#e8870b",
            "600": "#b45f06",
            "700": "#964c09",
            "800": "#7a3b0d",
            "900": "#65310e",
            "950": "#3a1803",
        }
    },
    "SIDEBAR": {"show_search": False, "navigation": "admin_site.queue_admin.navigation.sidebar"},
}
