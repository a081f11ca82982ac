"""The SQL functions and views as typed coroutines, for the API and whoever else enqueues, steers or looks."""

from db.client.operator import Operator
from db.client.producer import Producer
from db.client.views import Views
from db.models import TaskRow

__all__ = ["Client", "TaskRow"]


class Client(Producer, Operator, Views):
    """Everything that producers, operators and readers may do, on one pool.

    Each call is one transaction and one round trip with a deadline of its own, and raises `db.errors.*`. `actor` (for
    logins in `taskbell_service` alone) names who really acts: `key:NAME`, `admin:NAME` or `anonymous`.
    """
