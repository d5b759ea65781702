"""Which hosts the product calls because a person typed them."""

import socket

import pytest

from teams.outbound import AddressRefused, check_url


@pytest.fixture
def names(monkeypatch):
    """A name service of our own: {name: [addresses]}."""
    table = {}

    def lookup(host, port, **kwargs):
        if host not in table:
            raise socket.gaierror(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in table[host]]

    monkeypatch.setattr("teams.outbound.socket.getaddrinfo", lookup)
    return table


@pytest.mark.parametrize("address", ["10.0.0.5", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "100.64.0.1"])
def test_private_addresses_only_where_allowed(names, settings, address):
    names["models.internal"] = [address]
    settings.ALLOW_PRIVATE_MODEL_HOSTS = True
    check_url("http://models.internal:8080/v1")
    settings.ALLOW_PRIVATE_MODEL_HOSTS = False
    with pytest.raises(AddressRefused):
        check_url("http://models.internal:8080/v1")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::"]
)
def test_link_local_and_its_like_never(names, settings, address):
    settings.ALLOW_PRIVATE_MODEL_HOSTS = True
    names["metadata"] = [address]
    with pytest.raises(AddressRefused):
        check_url("http://metadata/")


def test_one_bad_address_among_good_ones_is_enough(names, settings):
    settings.ALLOW_PRIVATE_MODEL_HOSTS = False
    names["mixed.example"] = ["93.184.216.34", "127.0.0.1"]
    with pytest.raises(AddressRefused):
        check_url("https://mixed.example/v1")


def test_public_addresses_and_unknown_names_pass(names, settings):
    settings.ALLOW_PRIVATE_MODEL_HOSTS = False
    names["api.example"] = ["93.184.216.34"]
    check_url("https://api.example/v1")
    check_url("https://nowhere.example/v1")


@pytest.mark.parametrize(
    "url", ["http://2130706433/", "http://127.1/", "http://0x7f000001/", "http://[::ffff:127.0.0.1]/"]
)
def test_other_spellings_of_loopback(settings, url):
    settings.ALLOW_PRIVATE_MODEL_HOSTS = False
    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["ftp://x/", "//x/", "x", "http://", "http://[", "http://x:99999/", "gopher://x"]
)
def test_what_is_no_web_address(url):
    with pytest.raises(AddressRefused):
        check_url(url)
