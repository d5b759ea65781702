"""Which addresses the product may call because a person typed them: http and https, to fit hosts."""

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(ValueError):
    """Its text is a sentence for the person who typed the address."""


def check_url(url: str) -> None:
    """Raises AddressRefused unless ``url`` may be called.

    The host is looked up and every address it has is judged, so that a name for a private address
    is no way around. A host that cannot be found now passes: the call itself will say so. Whoever
    calls must follow no redirects, or check each.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise AddressRefused(_("This is not a web address.")) from error
    if any(character.isspace() or not character.isprintable() for character in url):
        raise AddressRefused(_("This is not a web address."))
    if parts.scheme not in ("http", "https") or not host:
        raise AddressRefused(_("The address must begin with http:// or https://."))
    if parts.username or parts.password:
        raise AddressRefused(_("Put the key into its own field, not into the address."))
    for address in _addresses(host, port):
        if _is_refused(address):
            raise AddressRefused(
                _("%(host)s is an address that may not be called from here.") % {"host": host}
            )


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]


def _is_refused(address: Address) -> bool:
    # Link-local is where clouds keep their machines' credentials: no model lives there.
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    return not address.is_global and not settings.ALLOW_PRIVATE_MODEL_HOSTS
