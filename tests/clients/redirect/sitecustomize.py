"""Loaded by every Python client: the vendors' names lead to the sandbox, whose authority is trusted.

Belongs here: names and trust. Does not belong here: anything of a client; it runs as it was published.
"""

import os
import socket

_PORT = int(os.environ["SANDBOX_TLS_PORT"])
_HOSTS = os.environ["SANDBOX_HOSTS"].split(",")
_ask = socket.getaddrinfo


def _answer(host, port, *args, **kwargs):  # type: ignore[no-untyped-def]
    name = host.decode() if isinstance(host, bytes) else str(host)
    if any(name == known or (known.startswith(".") and name.endswith(known)) for known in _HOSTS):
        return _ask("127.0.0.1", _PORT, *args, **kwargs)
    raise OSError(f"a client asked for {name}, which is no vendor's host")


socket.getaddrinfo = _answer
try:
    import certifi
except ImportError:
    pass
else:
    certifi.where = lambda: os.environ["SSL_CERT_FILE"]
