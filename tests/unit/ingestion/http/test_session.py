"""The client against a real server on loopback: what it retries, how long it waits, what its errors say."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingestion.errors import (
    Interrupted,
    MalformedResponse,
    RateLimited,
    RequestRefused,
    ServerFailed,
    Unauthorized,
    Unreachable,
)
from ingestion.http import BearerAuth, HttpClient, Pacer, RetryPolicy
from ingestion.sandbox.tls import Certificates, make_certificates

QUICK = RetryPolicy(
    attempts=3, wait_budget_seconds=2, base_seconds=0.01, cap_seconds=0.02, limit_seconds=0.01
)
Answer = tuple[int, dict[str, str], bytes]


class Vendor:
    """Answers with what `answer` returns for the how-manieth request it is."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        self.answer: Callable[[int, BaseHTTPRequestHandler], Answer] = lambda number, request: (
            200,
            {},
            b"{}",
        )
        self.count = 0
        lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    vendor.count += 1
                    number = vendor.count
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = vendor.answer(number, self)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                if int(headers.get("Content-Length", len(body))) != len(body):
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate_file, certificates.key_file)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self._server.server_port}/vendor"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answers(self, *answers: Answer) -> None:
        """One after another; the last one for ever."""
        self.answer = lambda number, request: answers[min(number, len(answers)) - 1]


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.close()


@pytest.fixture
def client(vendor: Vendor) -> Iterator[HttpClient]:
    with HttpClient(
        vendor.url, source="crm", policy=QUICK, secrets=["s3cret"], auth=BearerAuth("s3cret")
    ) as made:
        yield made


def test_a_500_in_between_is_tried_again(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((500, {}, b"oops"), (502, {}, b"oops"), (200, {}, b'{"results": [1]}'))
    assert client.get_json("things", require=("results",)) == {"results": [1]}
    assert client.request_count == 3


def test_a_500_that_stays_ends_with_the_place_and_a_remedy(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((500, {}, b"broken s3cret"))
    with pytest.raises(ServerFailed) as caught:
        client.get("things")
    message = str(caught.value)
    assert "crm: expected an answer from GET http://127.0.0.1" in message
    assert "HTTP 500 in each of 3 tries" in message
    assert "What to do:" in message


@pytest.mark.parametrize("status", [401, 402, 403])
def test_wrong_credentials_are_not_tried_again(vendor: Vendor, client: HttpClient, status: int) -> None:
    vendor.answers((status, {}, b"token s3cret is wrong"))
    with pytest.raises(Unauthorized) as caught:
        client.get("things")
    assert client.request_count == 1
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(client)


def test_an_expired_token_is_renewed_once(vendor: Vendor) -> None:
    auth = BearerAuth("old")

    def answer(number: int, request: BaseHTTPRequestHandler) -> Answer:
        is_new = request.headers["Authorization"] == "Bearer new"
        return (200, {}, b"{}") if is_new else (401, {}, b"expired")

    def renew() -> bool:
        auth.token = "new"
        return True

    vendor.answer = answer
    with HttpClient(vendor.url, source="crm", policy=QUICK, auth=auth, reauthorize=renew) as client:
        assert client.get_json("things") == {}
    assert vendor.count == 2


@pytest.mark.parametrize("after", ["0.05", "0"])
def test_a_limit_is_waited_for_as_long_as_the_vendor_says(
    vendor: Vendor, client: HttpClient, after: str
) -> None:
    vendor.answers((429, {"Retry-After": after}, b""), (200, {}, b"{}"))
    client.get("things")
    assert client.waited_seconds == pytest.approx(float(after))


def test_a_date_in_retry_after_is_measured_against_the_answers_own_clock() -> None:
    from requests import Response

    from ingestion.http import retry_after

    response = Response()
    response.headers["Retry-After"] = "Mon, 05 Oct 2026 06:00:30 GMT"
    response.headers["Date"] = "Mon, 05 Oct 2026 06:00:00 GMT"
    assert retry_after(response) == 30


def test_a_storm_of_limits_ends_when_the_budget_is_used_up(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((429, {"Retry-After": "1.5"}, b""))
    with pytest.raises(RateLimited, match=r"within 2 s of waiting.*wait_budget_seconds"):
        client.get("things")
    assert client.request_count == 2


def test_a_vendors_own_limit_header_is_followed(vendor: Vendor) -> None:
    vendor.answers((429, {"X-Reset": "0.03"}, b""), (200, {}, b"{}"))

    def hold(response: Any) -> float | None:
        text = response.headers.get("X-Reset")
        return float(text) if text else None

    with HttpClient(vendor.url, source="crm", policy=QUICK, hold=hold) as client:
        client.get("things")
        assert client.waited_seconds == pytest.approx(0.03)


def test_a_host_that_is_not_there_is_unreachable(unused_port: int) -> None:
    with (
        HttpClient(f"http://127.0.0.1:{unused_port}", source="crm", policy=QUICK) as client,
        pytest.raises(Unreachable, match=r"no connection in 3 tries.*base_url"),
    ):
        client.get("things")


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_page_that_is_no_json_is_malformed_after_the_retries(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((200, {}, b"<html>maintenance</html>"))
    with pytest.raises(MalformedResponse, match="JSON with results"):
        client.get_json("things", require=("results",))
    vendor.answers((200, {}, b'{"items": []}'))
    with pytest.raises(MalformedResponse, match="without results"):
        client.get_json("things", require=("results",))


def test_half_an_emoji_does_not_spoil_a_page(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((200, {}, b'{"text": "cut \\ud83d"}'))
    assert client.get_json("things") == {"text": "cut ?"}


def test_a_refused_request_carries_its_status(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((404, {}, b"gone"))
    with pytest.raises(RequestRefused) as caught:
        client.get("things")
    assert caught.value.status == 404
    assert client.get("things", accept=(404,)).status_code == 404


def test_credentials_do_not_follow_a_link_to_another_host(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((200, {}, b"{}"))
    assert client.get(f"{vendor.url}/next").ok
    with pytest.raises(MalformedResponse, match=r"one to http://elsewhere.example"):
        client.get("http://elsewhere.example/next")


def test_a_body_that_is_always_cut_is_no_connection_and_counts_as_none(
    vendor: Vendor, client: HttpClient
) -> None:
    vendor.answers((200, {"Content-Length": "100"}, b'{"a": '))
    with pytest.raises(Unreachable, match="no connection in 3 tries"):
        client.get_json("things")
    assert client.status_counts == {0: 3}


@pytest.mark.parametrize("verify", ["", None])
def test_a_certificate_of_nobody_that_is_trusted_is_refused(tmp_path: Path, verify: str | None) -> None:
    made = make_certificates(tmp_path, [])
    vendor = Vendor(made)
    try:
        client = HttpClient(vendor.url, source="crm", policy=QUICK, verify=verify)
        with client, pytest.raises(Unreachable, match="a certificate that is not trusted"):
            client.get("things")
        with HttpClient(vendor.url, source="crm", policy=QUICK, verify=str(made.ca_file)) as client:
            assert client.get_json("things") == {}
    finally:
        vendor.close()


def test_a_cut_download_is_started_again(vendor: Vendor, client: HttpClient, tmp_path: Path) -> None:
    vendor.answers((200, {"Content-Length": "100"}, b"half"), (200, {}, b"whole\n"))
    assert client.download("export", tmp_path / "file") == 6
    assert (tmp_path / "file").read_bytes() == b"whole\n"


def test_a_download_that_never_completes_is_malformed(
    vendor: Vendor, client: HttpClient, tmp_path: Path
) -> None:
    vendor.answers((200, {}, b"half"))
    with pytest.raises(MalformedResponse, match="the end is missing"):
        client.download("export", tmp_path / "file", check=lambda path: "the end is missing")


def test_results_come_in_order_and_keep_to_the_limit(vendor: Vendor) -> None:
    vendor.answer = lambda number, request: (200, {}, json.dumps(request.path[-1]).encode())
    with HttpClient(vendor.url, source="crm", policy=QUICK, pacer=Pacer(5, 0.2)) as client:
        pages = list(client.map(lambda page: client.get_json(f"page/{page}"), range(10), workers=4))
        assert pages == [str(page) for page in range(10)]
        assert client.waited_seconds > 0


def test_one_failed_page_stops_the_others(vendor: Vendor, client: HttpClient) -> None:
    vendor.answers((404, {}, b""))
    with pytest.raises(RequestRefused):
        list(client.map(lambda page: client.get(f"page/{page}"), range(100), workers=4))
    assert vendor.count < 20
    with pytest.raises(Interrupted):
        client.get("things")
