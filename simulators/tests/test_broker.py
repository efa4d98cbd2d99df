"""Reading the broker's URL."""

import pytest

from simulators.broker import Broker, BrokerUrlError, parse_broker_url


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://broker", Broker("broker", 1883)),
        ("mqtts://broker", Broker("broker", 8883, tls=True)),
        ("mqtt://127.0.0.1:18830/", Broker("127.0.0.1", 18830)),
        ("mqtt://[::1]:1884", Broker("::1", 1884)),
        ("mqtt://anna@broker", Broker("broker", 1883, username="anna")),
        ("mqtt://anna:p%40ss%2Fword@broker:1", Broker("broker", 1, username="anna", password="p@ss/word")),
    ],
)
def test_a_url_names_host_port_user_and_password(url: str, broker: Broker) -> None:
    assert parse_broker_url(url) == broker


@pytest.mark.parametrize(
    "url",
    ["", "broker", "http://broker", "mqtt://", "mqtt://broker:99999", "mqtt://broker:x", "mqtt://broker/topic",
     "mqtt://broker?x=1", "mqtt://:secret@broker"],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BrokerUrlError) as caught:
        parse_broker_url(url)
    assert "secret" not in str(caught.value)


def test_a_broker_shows_neither_user_nor_password() -> None:
    broker = parse_broker_url("mqtts://anna:secret@[::1]:8884")
    assert str(broker) == "mqtts://[::1]:8884"
    assert "secret" not in repr(broker)
