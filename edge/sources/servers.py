"""Whether servers can be trusted, and what they say if they give no frames."""

import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import client
from urllib import error, parse, request

from edge.sources import is_playlist

_ANSWER_S = 5.0  # for a server to say why
_OK, _REFUSED = 200, (401, 403)
_TLS_PORTS = {"https": 443, "rtsps": 322, "rtmps": 443, "rtmpts": 443, "tls": 443}
UNVERIFIED_PLAYLIST = (
    "is a playlist, and FFmpeg verifies no certificates for its parts: give the address of a "
    "stream, or --insecure if you trust the network"
)
_NO_PARTS = (
    "cannot be read where it lies: its server sends no parts of a file (ranges), which a film with "
    "its index at the end needs; download it first, or remake it with ffmpeg -i IN -c copy "
    "-movflags +faststart OUT.mp4"
)
_NO_STREAM = (
    "is a web page, as to log in, or of a player: give the address of the stream itself, or "
    "snapshot:URL for that of an image"
)
_MOST_BYTES = 1 << 26  # of an image
_FFMPEG = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_OWN_OPTIONS = os.environ.get(_FFMPEG, "rtsp_flags;prefer_tcp")  # the user's, or OpenCV's
# where systems keep the certificates that they trust, if Python knows of a folder alone
_TRUSTED = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


@contextmanager
def verifying(url: str, insecure: bool) -> Iterator[None]:
    """What OpenCV opens in the block verifies certificates, unless insecure; FFmpeg's default is no.

    Behind it the environment is as before, as other processes would take this for the user's.
    """
    options = _OWN_OPTIONS
    if not insecure:
        options = f"ca_file;{trusted_file()}|{options}|tls_verify;1"
        if parse.urlsplit(url).scheme in _TLS_PORTS:  # it would not verify a playlist's parts
            options += "|allowed_segment_extensions;none"
    before = os.environ.get(_FFMPEG)
    os.environ[_FFMPEG] = options
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FFMPEG]
        else:
            os.environ[_FFMPEG] = before


def distrust(url: str) -> str:
    """Why a server that speaks TLS is not to be trusted; "" if it is, or does not.

    FFmpeg compares no host that is a number with the certificate; that of OpenCV 4.10 compares
    none, and verifies nothing for rtsps. So this has a look of its own before each connection.
    """
    try:
        parts = parse.urlsplit(url)
        if parts.scheme not in _TLS_PORTS:
            return ""
        if is_playlist(url):
            return UNVERIFIED_PLAYLIST
        _shake_hands(parts.hostname or "", parts.port or _TLS_PORTS[parts.scheme])
    except (OSError, client.HTTPException, ValueError) as problem:
        return _no_frames(problem)
    return ""


def unverified(url: str) -> str:
    """What `insecure` means."""
    return (
        f"{url}: certificates are not verified, so whoever is in between can read along and send "
        "frames of their own"
    )


def refusal(url: str, insecure: bool, is_recording: bool = True) -> str:
    """Why a server does not give what was asked for; "" if it seems to, or does not say.

    is_recording: whether it may be a film, parts of which are asked for.
    """
    reason = ("" if insecure else distrust(url)) or _web_server_s_reason(url, insecure)
    return "" if reason == _NO_PARTS and not is_recording else reason


def fetcher(url: str, insecure: bool) -> Callable[[], bytes]:
    """What fetches all that is at an address, with its login for Basic and Digest.

    It raises OSError, HTTPException, and ValueError for an address that is none.
    """
    address, user = _without_login(url)
    logins = request.HTTPPasswordMgrWithDefaultRealm()
    name, _, password = map(parse.unquote, user.partition(":"))
    if user:  # for this server alone, and not for one that it sends us to
        logins.add_password(None, address, name, password)
    opener = request.build_opener(
        request.HTTPSHandler(context=_trust(insecure)),
        request.HTTPBasicAuthHandler(logins),
        request.HTTPDigestAuthHandler(logins),
    )

    def fetch() -> bytes:
        with opener.open(address, timeout=_ANSWER_S) as answer:
            content: bytes = answer.read(_MOST_BYTES)
            if answer.length:  # half an image is none
                raise client.IncompleteRead(content, answer.length)
        return content

    return fetch


def _shake_hands(host: str, port: int) -> None:
    """Begin a connection with TLS, through a proxy if FFmpeg takes one. Raises OSError."""
    by_proxy = "" if request.proxy_bypass(host) else os.environ.get("http_proxy", "")
    proxy = parse.urlsplit(by_proxy)
    connection = client.HTTPSConnection(
        proxy.hostname or host, proxy.port or port, timeout=_ANSWER_S, context=_trust()
    )
    if proxy.hostname:
        connection.set_tunnel(host, port)
    connection.connect()
    connection.close()


def _web_server_s_reason(url: str, insecure: bool) -> str:
    if not url.startswith(("http://", "https://")):
        return ""
    try:
        address, user = _without_login(url)
        question = request.Request(address)
        question.add_header("Range", "bytes=1-1")
        if user:  # not for a server that this one sends us to
            name = b64encode(parse.unquote(user).encode()).decode()
            question.add_unredirected_header("Authorization", f"Basic {name}")
        with request.urlopen(question, timeout=_ANSWER_S, context=_trust(insecure)) as answer:
            if answer.headers.get_content_type() == "text/html":
                return _NO_STREAM
            whole = answer.status == _OK and answer.headers["Content-Length"] is not None
    except error.HTTPError as answer:
        hint = "NAME:PASSWORD@ before the host" if answer.code in _REFUSED else "another address"
        return f"is refused by its server ({answer.code} {answer.reason}): give {hint}"
    except (OSError, client.HTTPException, ValueError) as problem:
        return _no_frames(getattr(problem, "reason", problem))
    return _NO_PARTS if whole else ""


def _without_login(url: str) -> tuple[str, str]:
    """The rest of it, and `NAME:PASSWORD`, quoted as there, or "". Raises ValueError."""
    parts = parse.urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), login


def _no_frames(problem: object) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not to be trusted ({problem.verify_message}): set "
            "SSL_CERT_FILE to a file of those who vouch for it, or give --insecure"
        )
    if isinstance(problem, ValueError | client.InvalidURL):  # whose text may hold half a password
        return "is no address: write %2F for / and %40 for @ in a name or a password"
    return f"gives no picture ({problem}): check the address, the network and the server"


def _trust(insecure: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def trusted_file() -> str:
    """The certificates that Python trusts, as a file; an empty one if there is none."""
    files = (ssl.get_default_verify_paths().cafile, *_TRUSTED)
    return next((file for file in files if file and os.path.isfile(file)), os.devnull)
