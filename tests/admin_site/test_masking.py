"""What looks secret is hidden from all but superusers: in payloads, results, errors, tracebacks, and by link."""

import json
from urllib.parse import quote
from uuid import UUID

import pytest

from admin_site.queue_admin.masking import HIDDEN, Mask
from tests.admin_site.conftest import Admin

SECRET = "hunter2-hunter2"
KEY = "sk-live-9f8e7d6c"
PAYLOAD = {
    "to": "ada",
    "smtp": {"Password": SECRET},
    "api_key": KEY,
    "headers": [{"Authorization": "Bearer abcdef123"}],
}
TRACE = f"""Traceback (most recent call last):
  File "mail.py", line 3, in send
    relay.login("taskbell", password='{SECRET}')
ValueError: 535 refused {KEY} at smtp://taskbell:other-secret@relay:25 (token=tok_12345)"""


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "passwd", "secret", "client_secret", "token", "access_token", "Authorization", "apiKey",
     "api_key", "X-Api-Key", "cookie", "Set-Cookie", "private_key", "credentials", "sessionid", "pin"],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    assert Mask().data({name: "value"}) == {name: HIDDEN}


@pytest.mark.parametrize("name", ["text", "author", "passenger", "keyboard", "compass", "spinner", "url"])
def test_harmless_names(name: str) -> None:
    assert Mask().data({name: "value"}) == {name: "value"}


def test_counts_and_flags_are_no_secrets() -> None:
    harmless = {"max_tokens": 100, "token": None, "secret": "", "has_password": True}
    assert Mask(harmless).data(harmless) == harmless


def test_a_secret_is_hidden_wherever_it_turns_up_again() -> None:
    mask = Mask({"auth": {"pin": 12345}, "password": "geheim"})
    assert mask.text("pin 12345, said geheim!") == f"pin {HIDDEN}, said {HIDDEN}!"
    assert mask.data({"note": ["geheim"]}) == {"note": [HIDDEN]}


def test_a_secret_is_hidden_however_it_is_spelled() -> None:
    secret = "ä\"b'c\\d\ne&f"
    mask = Mask({"password": secret})
    for spelled in (repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret)):
        assert HIDDEN in mask.text(f"KeyError: {spelled}"), spelled
        assert "b" not in mask.text(spelled), spelled


def test_a_secret_number_is_hidden_where_it_turns_up_as_a_number() -> None:
    assert Mask({"pin": 12345}).data({"echo": [12345, 7, True]}) == {"echo": [HIDDEN, 7, True]}


def test_pairs_of_name_and_value() -> None:
    pairs = [{"name": "X-Token", "value": "geheim"}, {"key": "Accept", "value": "text"}]
    mask = Mask(pairs)
    assert mask.data(pairs) == [{"name": "X-Token", "value": HIDDEN}, {"key": "Accept", "value": "text"}]
    assert mask.text("refused geheim") == f"refused {HIDDEN}"


@pytest.mark.parametrize(
    "text",
    ["password=geheim", "password: geheim", '"password": "geheim"', "db_password='geheim'", 'password=\\"geheim\\"',
     "Authorization: Bearer geheim", "postgresql://app:geheim@db/x", "api-key=geheim&x=1", "curl -H 'Bearer geheim99'"],
)  # fmt: skip
def test_secrets_in_running_text(text: str) -> None:
    assert "geheim" not in Mask().text(text)


@pytest.fixture(scope="module")
def task(admin: Admin) -> UUID:
    admin.register()
    admin.enqueue(queue="masked", payload=PAYLOAD)
    return admin.fail("masked", f"refused {KEY}", TRACE)


@pytest.mark.parametrize("person", ["rita", "olga"])
def test_on_the_page(admin: Admin, task: UUID, person: str) -> None:
    client = admin.client(person)
    pages = client.get(f"/admin/tasks/{task}/").text + client.get("/admin/tasks/?queue=masked").text
    for secret in (SECRET, KEY, "abcdef123", "other-secret", "tok_12345"):
        assert secret not in pages
    assert "secrets masked" in pages
    assert "&quot;to&quot;: &quot;ada&quot;" in pages


def test_superusers_see_it(admin: Admin, task: UUID) -> None:
    page = admin.client("root").get(f"/admin/tasks/{task}/").text
    for secret in (SECRET, KEY, "other-secret"):
        assert secret in page
    assert "secrets masked" not in page


def test_no_link_is_handed_out_to_what_is_masked(admin: Admin, task: UUID) -> None:
    assert "ask a superuser" in admin.client("olga").get(f"/admin/tasks/{task}/link/").text
    assert f"#id={task}" in admin.client("root").get(f"/admin/tasks/{task}/link/").text


def test_a_readers_link_sees_and_an_operators_may_cancel(admin: Admin) -> None:
    task = admin.enqueue(queue="links", payload={"to": "ada"})
    assert f"#id={task}&amp;token=v." in admin.client("rita").get(f"/admin/tasks/{task}/link/").text
    assert f"#id={task}&amp;token=o." in admin.client("olga").get(f"/admin/tasks/{task}/link/").text
