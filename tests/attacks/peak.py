"""Asks a server for its models, and prints what came of it and the memory that it took, in MB."""

from __future__ import annotations

import asyncio
import resource
import sys

from voicectl.errors import VoicectlError
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint


async def main(url: str) -> None:
    client = FishClient(Endpoint(url, "key-of-the-tests-1234"), patience=Patience(first_pause=0.01, deadline=0.05))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        print(await client.list_models())
    except VoicectlError as error:
        print(error.message)
    await client.close()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)


asyncio.run(main(sys.argv[1]))
