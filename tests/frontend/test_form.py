"""The form that is made from a task's JSON Schema."""

import json

import pytest
from playwright.sync_api import expect

from tests.frontend.visit import Visit
from tests.frontend.walk import cards, choose, result, send, state

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_each_kind_of_field_reaches_the_task(visit: Visit) -> None:
    page = visit.open()
    choose(page, "resize")
    expect(page.get_by_label("Width")).to_have_value("800")
    expect(page.get_by_text("Where the picture is.")).to_be_visible()
    page.get_by_label("Fit").select_option(label="contain")
    page.get_by_label("Upscale").check()
    card = send(page, "resize", Url="https://example.org/a.png", Width="640", Quality="0.5", Tags='["a", "b"]')
    expect(state(card)).to_have_text("Succeeded")
    assert json.loads(result(card).text_content()) == {
        "url": "https://example.org/a.png",
        "width": 640,
        "quality": 0.5,
        "fit": "contain",
        "upscale": True,
        "tags": ["a", "b"],
    }


def test_what_is_left_blank_takes_its_default(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "resize", Url="x", Width="")
    expect(state(card)).to_have_text("Succeeded")
    got = json.loads(result(card).text_content())
    assert (got["width"], got["quality"], got["fit"], got["upscale"], got["tags"]) == (800, None, "cover", False, None)


@pytest.mark.parametrize(
    ("task", "label", "entry", "complaint"),
    [
        ("wordcount", "Text", "", "Please fill this in."),
        ("resize", "Width", "1.5", "A whole number, please."),
        ("resize", "Width", "5000", "At most 4000, please."),
        ("resize", "Quality", "0", "More than 0, please."),
        ("resize", "Tags", "[1,", "This is not JSON yet"),
        ("resize", "Tags", "{}", "This has to be a list"),
        ("resize", "Url", "x" * 101, "At most 100 characters, please; these are 101."),
        ("echo", "Payload", "[]", "This has to be an object"),
    ],
)
def test_a_wrong_entry_is_named_beside_its_field(
    visit: Visit, task: str, label: str, entry: str, complaint: str
) -> None:
    page = visit.open()
    choose(page, task)
    if task == "resize":
        page.get_by_label("Url").fill("x")
    field = page.get_by_label(label)
    field.fill(entry)
    page.get_by_role("button", name="Send task").click()
    error = page.locator(f"#{field.get_attribute('id')}-error")
    expect(error).to_contain_text(complaint)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    assert error.get_attribute("id") in field.get_attribute("aria-describedby").split()
    expect(cards(page)).to_have_count(0)
    field.fill("1")
    expect(error).to_be_hidden()


def test_what_the_api_refuses_is_shown(visit: Visit) -> None:
    visit.allow("status of 4")
    page = visit.open()
    choose(page, "echo")
    page.get_by_label("Payload").fill(json.dumps({"deep": "x" * 1_100_000}))
    page.get_by_role("button", name="Send task").click()
    expect(page.locator("#fields .field-error:visible, #refusal:visible")).not_to_be_empty()
    expect(cards(page)).to_have_count(0)
    page.get_by_label("Payload").fill('{"a": 1}')
    page.get_by_role("button", name="Send task").click()
    expect(state(cards(page).first)).to_have_text("Succeeded")


def test_the_last_choice_is_kept_and_new_tasks_do_not_disturb_what_is_typed(visit: Visit) -> None:
    page = visit.open()
    choose(page, "sleep")
    page.reload()
    expect(page.get_by_role("radio", name="sleep")).to_be_checked()
    page.get_by_label("Seconds").fill("12")
    with page.expect_response("**/api/task-types"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_label("Seconds")).to_have_value("12")
