"""Load a server of its own on this machine, and check all that it sends.

    pip install ".[espeak,server]" httpx2
    python recipes/load_server.py [--voice kathleen] [--clients 64] [--seconds 60]

Every client asks for clip after clip until the end: one of a few texts, with one of a few seeds. It
prints

first byte    seconds from a request to its first sound, p50 and p95
sound         seconds of sound received in a second, once the first third of the time is over
server        the same for a second of the server's processor time, without the clients'
alone         the same of the engine alone: clips like these, planned and drawn as `render` does
errors        answers that were neither 200 nor 429, and connections that broke
busy          answers that were 429; the client came again when it was told to
wrong         different clips whose samples are not those of `synth`
memory        of the server, in MB: after a third of the time and at the end
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import httpx2
import numpy as np
import typer
from evaluate_speakers import TEXTS

from wavegen.audio.writing import apply_finish, pcm
from wavegen.cli.app import script
from wavegen.errors import VoiceError
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.synth import join, plan, synthesize
from wavegen.voice import SpeakingVoice, Voice

DIGITS = ("one two three", "four five six", "seven eight nine", "zero one nine", "two two five")
TEXT_COUNT, SEEDS = 12, 2
Clip = tuple[str, int]
"""(text, seed)."""


@dataclass
class Seen:
    """What the clients have met."""

    first: list[float] = field(default_factory=list)
    samples: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    hashes: dict[Clip, set[str]] = field(default_factory=dict)


class Moment(NamedTuple):
    """How it stands."""

    time: float
    used: float
    """Seconds of processor time of the server."""
    memory: float
    """Of the server, in MB."""
    samples: int
    """That have been received."""


async def client(http: httpx2.AsyncClient, clips: list[Clip], rate: int, seen: Seen) -> None:
    """Ask for clip after clip."""
    choose = random.Random(id(asyncio.current_task()))
    while True:
        text, seed = choose.choice(clips)
        body = {"input": text, "seed": seed, "response_format": "pcm", "sample_rate": rate}
        begun, sound = time.monotonic(), b""
        try:
            async with http.stream("POST", "/v1/audio/speech", json=body) as answer:
                if answer.status_code == 429:
                    seen.counts["busy"] += 1
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                    continue
                answer.raise_for_status()
                async for part in answer.aiter_raw():
                    if not sound:
                        seen.first.append(time.monotonic() - begun)
                    sound += part
                    seen.samples += len(part) // 2
        except httpx2.HTTPError as e:
            seen.counts[f"error: {type(e).__name__}"] += 1
            continue
        seen.counts["clips"] += 1
        seen.hashes.setdefault((text, seed), set()).add(hashlib.sha256(sound).hexdigest())


async def load(
    address: str, clients: int, clips: list[Clip], rate: int, seconds: float, server: int
) -> tuple[Seen, list[Moment]]:
    """All clients at once; what they met, and how it stood second by second."""
    seen, moments = Seen(), []
    end = time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=120) as http:
        tasks = [asyncio.create_task(client(http, clips, rate, seen)) for _ in range(clients)]
        while time.monotonic() < end:
            moments.append(moment(server, seen.samples))
            await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen, moments


def moment(process: int, samples: int) -> Moment:
    """Of a process, in all its threads (proc(5), "status" and "stat")."""
    status = Path(f"/proc/{process}/status").read_text()
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    memory = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
    return Moment(time.monotonic(), used, memory, samples)


def synth(voice: Voice, clips: list[Clip]) -> tuple[dict[Clip, str], float]:
    """The hashes of clips, and seconds of sound made in a second of processor time."""
    begun = time.process_time()
    parts = {c: [*plan(voice, Request(text=c[0], seed=c[1]))] for c in clips}
    audios = iter(synthesize(voice, [u for us in parts.values() for u in us]))
    hashes, samples = {}, 0
    for clip, utterances in parts.items():
        audio = join(utterances, [next(audios) for _ in utterances])
        samples += len(audio)
        hashes[clip] = hashlib.sha256(pcm(apply_finish(audio, voice.sample_rate))).hexdigest()
    return hashes, samples / voice.sample_rate / (time.process_time() - begun)


def main(
    voice: Annotated[str, typer.Option(help="The voice to serve.")] = "kathleen",
    clients: Annotated[int, typer.Option(help="At the same time.")] = 64,
    seconds: Annotated[float, typer.Option(help="How long.")] = 60.0,
    concurrency: Annotated[int, typer.Option(help="Of the server.")] = 64,
) -> None:
    """Load a server of its own on this machine, and check all that it sends."""
    loaded = load_voice(voice)
    if not isinstance(loaded, SpeakingVoice):
        raise VoiceError(f"voice {loaded.name} speaks no texts")
    texts = DIGITS if len(loaded.words) < 20 else TEXTS[:TEXT_COUNT]
    clips = [(text, seed) for text in texts for seed in range(SEEDS)]
    options = ["--voice", voice, "--port", "0", "--concurrency", str(concurrency)]
    command = [sys.executable, "-m", "wavegen", "serve", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        address = next(filter(None, (re.match(r"http://\S+", line) for line in server.stderr)))[0]
        rate = loaded.sample_rate
        seen, moments = asyncio.run(load(address, clients, clips, rate, seconds, server.pid))
        server.terminate()
    expected, alone = synth(loaded, clips)
    wrong = [c for c, found in seen.hashes.items() if found != {expected[c]}]
    begin, end = moments[len(moments) // 3], moments[-1]
    sound = (end.samples - begin.samples) / rate
    half, most = np.percentile(seen.first, (50, 95))
    print(f"first byte  p50 {half:.2f} s, p95 {most:.2f} s")
    print(f"sound       {sound / (end.time - begin.time):.2f} x real time")
    print(f"server      {sound / (end.used - begin.used):.2f} x real time")
    print(f"alone       {alone:.2f} x real time")
    print(f"errors      {({k: n for k, n in seen.counts.items() if 'error' in k}) or 0}")
    print(f"busy        {seen.counts['busy']}")
    print(f"wrong       {len(wrong)} of {len(seen.hashes)} ({seen.counts['clips']} clips)")
    print(f"memory      {begin.memory:.0f} MB, {end.memory:.0f} MB")
    if wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    script(main)
