"""Settings, in the order in which data flows: from the door to the browser.

Values come from `dataflow.lib.env`, which says where they are looked for. A value that does not parse stops every
command at once. A service URL that is missing stops every command that needs it (system check `dataflow.E001`), so
that `manage.py up` can start where nothing is named yet.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from dataflow.lib.env import REDIS_SCHEMES, Environment, SettingError, data_dir
from dataflow.lib.language_model import language_model

# Lets annotations such as ModelAdmin[Device] stand where Django itself has no generic class.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# What is missing, for the system check; see dataflow/checks.py.
MISSING: list[str] = []

try:
    env = Environment.of_project(BASE_DIR)

    def service(name: str, schemes: tuple[str, ...], why: str) -> str:
        """Return the URL of a service, or an empty text after noting that it is missing."""
        if env.find(name) is None:
            MISSING.append(name)
            return ""
        return env.url(name, schemes, why=why)

    # --- Where things are ------------------------------------------------------------------------------------------
    DATA_DIR = data_dir(BASE_DIR, env.layers)
    SITE_URL = env.url("SITE_URL", ("http", "https"), "http://127.0.0.1:8000").rstrip("/")
    DEBUG = env.flag("DEBUG", default=False)
    ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

    # --- The door: devices publish here ----------------------------------------------------------------------------
    MQTT_URL = service("MQTT_URL", ("mqtt", "mqtts"), "the broker's MQTT 5 listener")
    # The same broker for clients of MQTT 3.1.1; another port only with the embedded broker.
    MQTT311_URL = env.url("MQTT311_URL", ("mqtt", "mqtts"), MQTT_URL) if MQTT_URL else ""
    MQTT_TOPICS = env.names("MQTT_TOPICS", "#")
    # Off where a broker shares badly, as the embedded one does: one bridge with one session subscribes for itself.
    MQTT_SHARED = env.flag("MQTT_SHARED", default=True)
    # Begins the names of the bridges' sessions at the broker; two installations at one broker need two of them.
    MQTT_GROUP = env.text("MQTT_GROUP", "dataflow")
    # Sessions at the broker, which the bridges share out among themselves, and for how many seconds one is leased.
    BRIDGE_SLOTS = env.count("BRIDGE_SLOTS", 8 if MQTT_SHARED else 1)
    BRIDGE_LEASE_SECONDS = env.count("BRIDGE_LEASE_SECONDS", 10)
    # A reading that comes over HTTP without a topic is filed under this one.
    HTTP_INGEST_TOPIC = env.text("HTTP_INGEST_TOPIC", "sensors/{device_id}/telemetry")

    # --- The ring of buffers, and the queue that wakes the workers -------------------------------------------------
    REDIS_URL = service("REDIS_URL", REDIS_SCHEMES, "Celery's queue, the cache and the channel layer")
    BUFFER_URLS = env.urls("BUFFER_URLS", REDIS_SCHEMES) if env.find("BUFFER_URLS") else []
    if not BUFFER_URLS:
        MISSING.append("BUFFER_URLS")
    # A buffer that is fuller gets no batches; what is left is room for acknowledging, deleting and counting.
    BUFFER_FILL_PERCENT = env.count("BUFFER_FILL_PERCENT", 80)
    # Megabytes that all buffers together may hold before none gets any more; 0 for no bound.
    BUFFERS_MAX_MB = env.count("BUFFERS_MAX_MB", 0, least=0)
    DRAIN_TASK = "validation.drain"

    # --- The store -------------------------------------------------------------------------------------------------
    DATABASE_URL = service("DATABASE_URL", ("postgres", "postgresql"), "PostgreSQL")
    # What quarantine keeps at most: days after receipt, megabytes on disk, records of one device.
    QUARANTINE_DAYS = env.count("QUARANTINE_DAYS", 30)
    QUARANTINE_MB = env.count("QUARANTINE_MB", 1024)
    QUARANTINE_PER_DEVICE = env.count("QUARANTINE_PER_DEVICE", 10_000)

    # --- Agents: a language model, and the one that asks over MCP on standard input ---------------------------------
    LANGUAGE_MODEL = language_model(env)  # LLM_URL, LLM_MODEL, LLM_KEY; None where none is configured
    MCP_TOKEN = env.text("MCP_TOKEN", "")

    SECRET_KEY = env.text("SECRET_KEY", "")
    if not SECRET_KEY:
        MISSING.append("SECRET_KEY")
        # Django refuses to load without one; nothing that needs it runs while the check above fails.
        SECRET_KEY = "missing"  # noqa: S105
except SettingError as error:
    raise ImproperlyConfigured(str(error)) from error

DATABASES: dict[str, dict[str, Any]] = {"default": {"ENGINE": "django.db.backends.dummy"}}
if DATABASE_URL:
    DATABASES["default"] = Env.db_url_config(DATABASE_URL) | {"CONN_MAX_AGE": 0}
    # Persistent connections of a web process belong in a pool, because under ASGI every request may come on a thread
    # of its own. A worker holds one of them, so that a task does not pay for a connection.
    # A pool that cannot connect waits twice as long before each further try, and makes nobody else try meanwhile. After
    # `reconnect_timeout` it begins anew, so that a database that is back after a long outage is found within seconds.
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 0,
        "max_size": 8,
        "timeout": 10,
        "reconnect_timeout": 4,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Workers -------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# None: try for ever. A worker that gave up would stay alive and deaf.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A task names a buffer and nothing else, so one that comes twice is harmless, and one that is lost is made up for by
# the sweep. The time-outs notice a half-open connection.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
SWEEP_SECONDS = 3.0  # how often the sweep looks for what a lost wake or a dead worker left in a buffer
SETTLE_SECONDS = 60.0  # how often the ledger folds settled entries into minutes
TIDY_SECONDS = 60.0  # how often the bounds of quarantine are looked at
CANARY_SECONDS = 10.0  # how often a task that only shows that its queue moves is sent into each queue
CHECK_SECONDS = 60.0  # how often the books are checked
ROLL_UP_SECONDS = 10.0  # how often what came is rolled up; whoever reads rollups computes what is newer
SUMMARY_SECONDS = 60.0  # how often it is looked whether a summary is due; one is made once an hour or a day
UPKEEP_SECONDS = 600.0  # how often days are made ahead, those no longer kept removed, and widened columns worked on
CELERY_BEAT_SCHEDULE = {
    "sweep the buffers": {"task": "validation.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": 10}},
    # One for each of WORKER_QUEUES in validation/vitals.py.
    "send a canary": {
        "task": "validation.canary",
        "schedule": CANARY_SECONDS,
        "args": ["celery"],
        "options": {"queue": "celery", "expires": 60},
    },
    "settle the ledger": {
        "task": "validation.settle",
        "schedule": SETTLE_SECONDS,
        "options": {"expires": 50},
    },
    "bound the quarantine": {"task": "validation.tidy", "schedule": TIDY_SECONDS, "options": {"expires": 50}},
    "check the books": {"task": "validation.check_books", "schedule": CHECK_SECONDS, "options": {"expires": 50}},
    "roll up": {"task": "validation.roll_up", "schedule": ROLL_UP_SECONDS, "options": {"expires": 10}},
    "summarize": {"task": "insights.summarize", "schedule": SUMMARY_SECONDS, "options": {"expires": 50}},
    "look after the tables": {"task": "validation.upkeep", "schedule": UPKEEP_SECONDS, "options": {"expires": 500}},
}

# --- The site ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "axes",
    "csp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "dataflow",
    "ingest",
    "validation",
    "insights",
    "dashboard",
    "simulators",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "dataflow.urls"
ASGI_APPLICATION = "dataflow.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "dashboard" / "templates"],
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
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# Third-party front-end files come from npm (package-lock.json holds their hashes); only what a page asks for is served.
STATICFILES_DIRS = [
    ("vendor/uplot", BASE_DIR / "node_modules" / "uplot" / "dist"),
    ("vendor/tabler", BASE_DIR / "node_modules" / "@tabler" / "core" / "dist" / "css"),
]
# Files are served straight from where they lie, so that no separate collecting step can be forgotten.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # redis-py 8 gives every connection a time-out that ends the layer's blocking read (channels_redis#422).
            "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
            "capacity": 500,  # announcements that one site process may lag behind before new ones are dropped
            "group_expiry": 300,  # seconds until a dead site process is forgotten; the living rejoin every minute
            "expiry": 10,  # seconds; an older announcement is worth nothing, pages re-read what they missed
        },
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- People and programs -------------------------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "live"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
# A guess counts against a name and an address together, so that nobody can lock another person out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "dashboard/locked_out.html"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000 if SITE_URL.startswith("https://") else 0
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000  # inputs of one form: a model may have 500 fields, with 17 each
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "dataflow",
    "DESCRIPTION": "Real-time telemetry: devices, their newest values, their history, and the doors for new readings.",
    "VERSION": "1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "BufferStateEnum": "ingest.models.Buffer.State",
        "RunStateEnum": ["running", "stopped", "done", "failed"],
        "FeedbackEnum": "insights.models.Feedback.Said",
        "LevelEnum": ["raw", "1m", "1h", "1d"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Words and times -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Every request as a line, and every start of a worker's thread, would drown what matters.
    "loggers": {"daphne": {"level": "WARNING"}, "axes": {"level": "WARNING"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO").upper()},
}
