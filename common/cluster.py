"""Workers: this machine's cores, or a Dask cluster's. Dask, of the extra `batch`, is imported when used."""

# mypy: allow-untyped-calls
# of Dask, which has no types

import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edge_common import ConfigError, __version__, in_one_line

if TYPE_CHECKING:
    from distributed import Client

# how often a task is begun again before it is to blame for its workers' ends
ALLOWED_FAILURES = 20
_CONNECT_S, _FIRST_WORKER_S = 10, 15
_WITHOUT_PROFILE = "edge-run-without-profile"
_SAME = ("python", "dask", "distributed")  # whose versions workers, scheduler and we have in common


@contextmanager
def connected(scheduler: str = "", workers: int | None = None) -> "Iterator[Client]":
    """A client of the cluster at `scheduler`, or of one of this machine while the block runs.

    workers: of this machine's; None: one a core.  Raises ConfigError with what to do.
    """
    import dask
    import distributed

    # asyncio tells of futures that Dask leaves behind when it closes a connection
    for name in ("asyncio", "distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.comm.timeouts.connect": f"{_CONNECT_S}s",
        "distributed.worker.profile.enabled": False,
    }
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of large graphs: a bundle is sent once
        stack.enter_context(dask.config.set(settings))
        if scheduler:
            yield stack.enter_context(_remote(scheduler))
            return
        folder = stack.enter_context(TemporaryDirectory(prefix="edge-workers-"))
        with _deaf_children():
            cluster = distributed.LocalCluster(
                n_workers=workers or len(os.sched_getaffinity(0)),
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                local_directory=folder,
            )
        stack.enter_context(cluster)
        yield stack.enter_context(distributed.Client(cluster))


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Threads that the block starts, and their processes, leave a terminal's Ctrl-C to us."""
    resource_tracker.ensure_running()  # which would unblock the signal in a thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _remote(address: str) -> "Iterator[Client]":
    import distributed

    try:
        client = distributed.Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError, TypeError) as error:  # dask says so in each of these
        raise ConfigError(
            f"there is no Dask scheduler at {address} ({in_one_line(error)}): start `dask scheduler` there, "
            "and give --scheduler tcp://HOST:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except (TimeoutError, OSError) as error:
            raise ConfigError(
                f"the scheduler at {address} has no workers: start `dask worker {address} "
                "--nthreads 1` on each machine"
            ) from error
        _refuse_other_versions(client, address)
        client.run_on_scheduler(_allow_failures, ALLOWED_FAILURES)
        client.register_plugin(_without_profile())
        try:
            yield client
        finally:
            with suppress(OSError, RuntimeError, AttributeError):  # the scheduler is lost
                client.unregister_worker_plugin(_WITHOUT_PROFILE)


def _without_profile() -> Any:
    """A plugin against the profiler: it would hold a worker's tensors, and a runtime refuses to run then."""
    import distributed

    class WithoutProfile(distributed.WorkerPlugin):
        name = _WITHOUT_PROFILE

        def setup(self, worker: Any) -> None:
            if callback := worker.periodic_callbacks.get("profile"):
                callback.stop()

        def teardown(self, worker: Any) -> None:
            if callback := worker.periodic_callbacks.get("profile"):
                callback.start()

    return WithoutProfile()


def _allow_failures(count: int, dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = max(count, dask_scheduler.allowed_failures)


def _refuse_other_versions(client: "Client", address: str) -> None:
    versions: Any = client.get_versions()
    own = _packages(versions["client"])
    descriptions = {"the scheduler": versions["scheduler"], **versions["workers"]}
    for name, description in descriptions.items():
        packages = _packages(description)
        for package in _SAME:
            if packages.get(package) != own.get(package):
                raise ConfigError(
                    f"{name} of {address} has {package} {packages.get(package)}, this machine "
                    f"{own.get(package)}: install the same constraints.txt on both"
                )
    try:
        releases = client.run(edge_release)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"a worker of {address} lacks edge-run with the extra `batch` ({in_one_line(error)}): install "
            "the same wheel there"
        ) from error
    for worker, release in releases.items():
        if release != __version__:
            raise ConfigError(f"worker {worker} has edge-run {release}, not {__version__}")


def _packages(description: dict[str, dict[str, str]]) -> dict[str, str]:
    host = dict(description.get("host") or {})
    python = ".".join(str(host.get("python", "")).split(".")[:2])
    return {**description.get("packages", {}), "python": python}


def edge_release() -> str:
    """Of the worker that runs this."""
    return __version__
