"""The one call that leaves this machine: where it may go, and that no server can hold it up."""

from __future__ import annotations

import time

import pytest

from dataflow.lib.env import Environment, SettingError
from dataflow.lib.language_model import LanguageModel, language_model
from insights.language.server import ServerFailed, complete
from insights.tests.fake_model import fake_model

MESSAGES = [{"role": "user", "content": "hello"}]


def test_an_answer_comes_back_and_the_key_goes_there_only() -> None:
    with fake_model() as server:
        found = complete(LanguageModel(server.url, "small", "secret"), MESSAGES, [], 5)
    assert found.choices[0].message.content == "The newest speed of van_1 is unknown km/h."
    assert server.keys == ["Bearer secret"]
    assert server.bodies[0]["model"] == "small"


@pytest.mark.parametrize(
    ("quirk", "why"),
    [
        ("redirect", "status 307"), ("broken", "status 500"), ("html", "is none"), ("empty", "empty"),
        ("endless", "more than"), ("trickle", "."),
    ],
)  # fmt: skip
def test_a_server_that_misbehaves_fails_in_time(quirk: str, why: str) -> None:
    with fake_model(quirk=quirk) as server:
        began = time.monotonic()
        with pytest.raises(ServerFailed, match=why):
            complete(LanguageModel(server.url, "small", ""), MESSAGES, [], 0.6)
        assert time.monotonic() - began < 3
    assert len(server.bodies) == 1


def test_no_server_at_all_is_a_failure_like_another() -> None:
    with fake_model() as server:
        url = server.url
    with pytest.raises(ServerFailed):
        complete(LanguageModel(url, "small", ""), MESSAGES, [], 1)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"LLM_MODEL": "x"}, "LLM_URL"),
        ({"LLM_KEY": "x"}, "LLM_URL"),
        ({"LLM_URL": "https://llm.example/v1"}, "LLM_MODEL"),
        ({"LLM_URL": "http://llm.example/v1", "LLM_MODEL": "x"}, "https"),
        ({"LLM_URL": "http://169.254.169.254/v1", "LLM_MODEL": "x"}, "https"),
        ({"LLM_URL": "http://127.0.0.1.evil.example/v1", "LLM_MODEL": "x"}, "https"),
        ({"LLM_URL": "file:///etc/passwd", "LLM_MODEL": "x"}, "LLM_URL"),
        ({"LLM_URL": "https://me:word@llm.example/v1", "LLM_MODEL": "x"}, "LLM_KEY"),
        ({"LLM_URL": "https://llm.example/v1?key=1", "LLM_MODEL": "x"}, "LLM_KEY"),
        ({"LLM_URL": "https://llm.example/v1", "LLM_MODEL": "x", "LLM_KEY": "a\nb"}, "LLM_KEY"),
    ],
)
def test_settings_that_do_not_fit_are_an_error_that_names_them(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        language_model(Environment(given))


def test_settings_that_fit_are_taken() -> None:
    assert language_model(Environment({})) is None
    for url in ("https://llm.example/v1", "http://127.0.0.1:11434/v1", "http://[::1]:8080", "http://localhost:1/v1/"):
        found = language_model(Environment({"LLM_URL": url, "LLM_MODEL": "small"}))
        assert found == (url.rstrip("/"), "small", "")
