"""Who may see the page: host names, other web sites, the token."""

import json

import pytest

from edge.web.access import RefusalLog, Sessions
from edge.web.address import PageAddress
from edge_common import ConfigError, SinkError, SourceError
from tests.edge.web.pages import TOKEN, served, wait_for

BEARER = {"Authorization": f"Bearer {TOKEN}"}
OWN_DATA = ("/", "/api/run", "/api/state", "/api/events", "/api/history", "/metrics", "/picture/0.jpg",
            "/static/page.js", "/clips/x.mp4")  # fmt: skip


def test_on_loopback_nobody_is_asked_for_a_token() -> None:
    with served() as page:
        status, headers, content = page.get("/")
        assert status == 200 and b"<title>edge-run</title>" in content
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'self'; object-src 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "Server" not in headers


@pytest.mark.parametrize("path", OWN_DATA)
def test_without_the_token_nothing_private_is_told(path: str) -> None:
    with served(TOKEN) as page:
        status, headers, content = page.get(path)
        assert status == 401 and headers["WWW-Authenticate"] == 'Bearer realm="edge-run"'
        assert b"watch" not in content and b"yard" not in content
        wrong = page.get(path, Authorization="Bearer 0123456789abcdeF")
        assert wrong[0] == 401
        assert page.get(path, **BEARER)[0] in (200, 404, 503)


def test_health_is_told_to_everybody_and_names_nothing() -> None:
    with served(TOKEN) as page:
        page.give()
        status, _, content = page.get("/healthz")
        assert (status, json.loads(content)) == (200, {"status": "ok"})


def test_a_browser_logs_in_and_out() -> None:
    with served(TOKEN) as page:
        status, headers, _ = page.get("/", Accept="text/html")
        assert (status, headers["Location"]) == (303, "/login")
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        wrong = page.ask("POST", "/login", "token=guess", **form)
        assert wrong[0] == 403 and b"This is not the token." in wrong[2]
        assert "Set-Cookie" not in wrong[1]
        status, headers, _ = page.ask("POST", "/login", f"token={TOKEN}", **form)
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
        kept = cookie.partition(";")[0]
        assert page.get("/api/run", Cookie=kept)[0] == 200
        assert page.get("/api/run", Cookie=kept[:-1] + "x")[0] == 401
        gone = page.ask("POST", "/logout", Cookie=kept)
        assert (
            gone[0] == 303
            and "edge_run_" in gone[1]["Set-Cookie"]
            and "Max-Age=0" in gone[1]["Set-Cookie"]
        )


def test_a_cookie_ends_after_a_month_and_with_another_token() -> None:
    now = [1000.0]
    sessions = Sessions(TOKEN.encode(), 8080, lambda: now[0])
    cookie = sessions.new()
    assert sessions.holds(cookie)
    assert Sessions(TOKEN.encode(), 8080, lambda: now[0]).holds(cookie)  # after a restart
    assert not Sessions(b"another token 123", 8080, lambda: now[0]).holds(cookie)
    ends, _, rest = cookie.partition(".")
    assert not sessions.holds(f"{int(ends) + 1}.{rest}")
    assert not any(map(sessions.holds, ("", ".", "1", "a.b.c", "999999999999.00.")))
    now[0] += 30 * 86_400 - 1
    assert sessions.holds(cookie)
    now[0] += 1
    assert not sessions.holds(cookie)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_a_name_that_was_bound_to_loopback_is_refused(host: str) -> None:
    with served() as page:
        assert page.get("/api/state", Host=host)[0] == 403
        assert page.get("/healthz", Host=host)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:99", "[::1]:8080", "Door.example:443"])
def test_names_of_its_own_are_answered(host: str) -> None:
    with served(names=("door.example",)) as page:
        assert page.get("/api/run", Host=host)[0] == 200


def test_other_web_sites_neither_read_nor_write() -> None:
    with served() as page:
        json_type = {"Content_Type": "application/json"}
        own = f"http://127.0.0.1:{page.page.port}"
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", f"{own}.evil.example"):
            status, _, content = page.ask("POST", "/api/zones", "{}", Origin=origin, **json_type)
            assert status == 403 and b"another web site" in content
        assert page.ask("POST", "/api/zones", "{}", Origin=own, **json_type)[0] == 409
        # what another site embeds, though no script of it could read that
        embedded = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
        assert page.get("/picture/0.jpg", **embedded)[0] == 403
        visit = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        assert page.get("/", **visit)[0] == 200
        assert (
            page.ask("POST", "/logout", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="navigate")[0]
            == 403
        )


def test_a_form_of_another_site_can_save_nothing() -> None:
    with served() as page:
        form = page.ask("POST", "/api/zones", "x=1", Content_Type="text/plain")
        assert form[0] == 415


def test_refusals_are_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    log = RefusalLog(lambda: now[0])
    for _ in range(3):
        log.add("a wrong token", "192.168.1.7")
    now[0] = 60.0
    log.add("a wrong token", "192.168.1.7")
    assert capsys.readouterr().err == (
        "page: a wrong token from 192.168.1.7 (1 so far); the run goes on\n"
        "page: a wrong token from 192.168.1.7 (4 so far); the run goes on\n"
    )


def test_a_wrong_token_is_told_and_the_token_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with served(TOKEN) as page:
        page.get("/", Authorization="Bearer guess-guess-guess")
        page.get("/?token=secret-secret")
        wait_for(lambda: "a wrong token" in capsys.readouterr().err)
        assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("8080", "http://127.0.0.1:8080/"),
        (":8080", "http://127.0.0.1:8080/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("localhost:8080", "http://localhost:8080/"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert PageAddress.parse(text).url(8080) == url


@pytest.mark.parametrize(
    "text", ["", "8080x", "host", "127.0.0.1:65536", "127.0.0.1:-1", "1.2.3.4.5.6:80"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="--web "):
        PageAddress.parse(text)


def test_others_reach_it_with_a_token_alone(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=r"can be reached by others: give --web-token FILE"):
        PageAddress.parse("0.0.0.0:8080")
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o644)
    with pytest.raises(SourceError, match=r"may be read by others: chmod 600"):
        PageAddress.parse("0.0.0.0:8080", str(token))
    token.chmod(0o600)
    assert PageAddress.parse("0.0.0.0:8080", str(token)).token == TOKEN.encode()
    monkeypatch.setenv("PAGE_TOKEN", "short")
    with pytest.raises(ConfigError, match="holds 5 characters, of which 16 are the least"):
        PageAddress.parse("0.0.0.0:8080", "env:PAGE_TOKEN")
    monkeypatch.setenv("PAGE_TOKEN", f"{TOKEN}\n{TOKEN}")
    with pytest.raises(ConfigError, match="holds more than one word"):
        PageAddress.parse("0.0.0.0:8080", "env:PAGE_TOKEN")
    assert TOKEN not in repr(PageAddress.parse("0.0.0.0:8080", str(token)))


def test_a_port_in_use_is_told() -> None:
    with (
        served() as page,
        pytest.raises(SinkError, match=rf"--web 127.0.0.1:{page.page.port}: this port is in use"),
    ):
        PageAddress.parse(f"127.0.0.1:{page.page.port}").listen()


def test_too_large_headers_and_bodies_are_refused_told_and_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with served() as page:
        for size in (17_000, 40_000, 63_000):  # also if they come at one go
            assert page.get("/healthz", X_Much="x" * size)[0] in (400, 431)
        assert page.get("/healthz", X_Much="x" * 15_000)[0] in (200, 503)
        json_type = {"Content_Type": "application/json"}
        assert page.ask("POST", "/api/zones", "x" * 100_000, **json_type)[0] == 413
        chunks = iter([b"x" * 40_000, b"x" * 40_000])
        assert page.ask("POST", "/api/zones", chunks, **json_type)[0] == 413
        counted = page.get("/metrics")[2].decode()
        reason = 'reason="a request with too large a body"'
        assert f"edge_run_page_refusals_total{{{reason}}} 2.0" in counted
    assert "page: a request with too large a body from 127.0.0.1 (1 so far)" in (
        capsys.readouterr().err
    )


def test_who_reaches_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE_TOKEN", TOKEN)
    monkeypatch.setattr("socket.gethostname", lambda: "board")
    for text, token, audience in (
        ("8080", "", ", to this machine alone"),
        ("8080", "env:PAGE_TOKEN", ", to this machine alone, by the token"),
        (
            "0.0.0.0:8080",
            "env:PAGE_TOKEN",
            ", and from the network by http://board:8080/, by the token",
        ),
    ):
        assert PageAddress.parse(text, token).audience(8080) == audience


def test_a_token_that_is_not_there_is_called_a_token() -> None:
    with pytest.raises(SourceError, match="the token nofile may not be read"):
        PageAddress.parse("8080", "nofile")
