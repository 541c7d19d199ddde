"""The same work on a Dask cluster (`voicectl[dask]`): a recording travels there as bytes, and comes back as numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Generic, TypeVar

from voicectl.audio.worker import GONE
from voicectl.errors import VoicectlError, cut
from voicectl.model.recording import Unheard

Key = TypeVar("Key")
Result = TypeVar("Result")
_CONNECT_SECONDS = 30
_ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}/?")
_A_WORKER = 2
"""Recordings under way for each thread of the cluster: one that is worked on, one on its way."""


class ClusterFailed(VoicectlError):
    """The scheduler can't be reached, or its workers can't do the work."""

    code = "cluster_failed"


class Cluster(Generic[Result]):
    """A scheduler and its workers. It does the work of a dead worker again by itself."""

    def __init__(self, call: Callable[[bytes], Result], address: str) -> None:
        self._call = call
        self._address = address

    def each(self, work: Mapping[Key, Callable[[], bytes | Unheard]]) -> Iterator[tuple[Key, Result | Unheard]]:
        """The result for each recording, as they come. Raises ClusterFailed, and OSError from reading a recording."""
        try:
            import distributed
            from distributed.scheduler import KilledWorker
        except ImportError:
            raise ClusterFailed("--scheduler needs Dask", "install voicectl[dask]") from None
        if not _ADDRESS.fullmatch(self._address):
            # Dask would try for half a minute, and then not let this process end.
            raise ClusterFailed(f"{cut(self._address)!r} is no address of a scheduler", "write it as tcp://HOST:8786")
        connect: Any = distributed.Client
        try:
            client = connect(self._address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterFailed(f"no Dask scheduler answers at {cut(self._address)}", "check --scheduler") from error
        with client, client.get_executor(pure=False) as executor:
            if not client.nthreads():
                raise ClusterFailed(
                    f"the scheduler at {cut(self._address)} has no workers", "start some: `dask worker`"
                )
            at_once = _A_WORKER * sum(client.nthreads().values())
            under_way: dict[Future[Result], Key] = {}
            waiting = iter(work.items())
            while True:
                for key, load in waiting:
                    data = load()
                    if isinstance(data, Unheard):
                        yield key, data
                        continue
                    under_way[executor.submit(self._call, data)] = key
                    if len(under_way) >= at_once:
                        break
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    key = under_way.pop(future)
                    try:
                        yield key, future.result()
                    except KilledWorker:
                        yield key, GONE
                    except ImportError as error:
                        words = f"a Dask worker lacks {cut(error.name or 'a module')}"
                        raise ClusterFailed(words, "install voicectl[audio,dask] on every worker") from error
