"""One self-contained HTML page about a run: curves, samples, data, settings, machine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavegen.audio.reading import read_audio
from wavegen.config import Config
from wavegen.errors import DataError, TrainingError, VoiceError, WavegenError, counted
from wavegen.library import load_voice
from wavegen.outputs import sample_unit
from wavegen.recipe import read_config, to_dict
from wavegen.report.html import check_extra, data_uri, template, write_page
from wavegen.report.measure import Worth, conditioning_worth
from wavegen.report.provenance import DATA, STARTS, DataSummary, read_data, read_json, read_rows
from wavegen.report.recorder import SAID
from wavegen.report.watch import Watch
from wavegen.voice import Voice

SHOWN_STEPS = 8
"""At most this many steps have their samples on the page, the first and the last among them."""
LEFT_OUT = 20
"""At most this many files that were left out are named."""


@dataclass(frozen=True)
class Sample:
    """A generated clip on the page."""

    said: str
    seconds: float
    picture: str
    """Data URI of its spectrogram."""
    sound: str
    """Data URI of the WAV file."""


def write_report(
    run: Path, target: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write the page about a run, finished or not.

    The page is self-contained: pictures and sound are inside. Where something is missing (no sample
    yet, recordings gone), it says so.

    Args:
        run: the run directory.
        target: the HTML file.
        progress: called with (clips measured, clips), as by `conditioning_worth`.

    Raises:
        TrainingError: the folder holds no run, or one with broken records.
        ConfigError: the run's config.toml is broken.
        WavegenError: the ``report`` extra is missing, or the page can't be written.
    """
    check_run(run)
    check_extra("a report")
    import jinja2

    try:
        page = template("page.html").render(**_content(run, progress))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        records = f"metrics.jsonl, {DATA} or {STARTS}"
        raise TrainingError(f"{run}: {records} is broken ({type(e).__name__}: {e})") from e
    except jinja2.TemplateError as e:  # a field is missing
        raise TrainingError(f"{run}: {STARTS} is broken ({e})") from e
    write_page(page, target)


def check_run(run: Path) -> None:
    """Raise `TrainingError` if a folder holds no run."""
    if not (run / "config.toml").is_file():
        what = "holds no run (no config.toml)" if run.is_dir() else "is not a folder"
        raise TrainingError(f"{run} {what}: give the --out folder of `wavegen train`")


def _content(run: Path, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Everything that the template shows."""
    from wavegen.report.page_plots import curves

    config = read_config(run / "config.toml")
    rows = read_rows(run / "metrics.jsonl")
    voice, no_voice = _voice(run)
    data = read_data(run)
    warnings: list[str] = []
    watch = Watch(warnings.append, config.train.clip_norm)
    if data:
        data.warn(watch)
    for row in rows:
        watch.row(row)
    steps, samples, unread = _samples(run, config.audio.sample_rate, watch)
    worth, no_worth = _worth(voice, data, progress)
    return {
        "name": run.resolve().name,
        "facts": _facts(config, rows, voice),
        "unit": voice.unit if voice else "",
        "no_voice": no_voice,
        "warnings": warnings,
        "curves": data_uri(curves(rows, config), "image/svg+xml") if rows else "",
        "samples": samples,
        "all_steps": steps,
        "unread": unread,
        "top_khz": config.audio.sample_rate / 2000,
        "worth": worth,
        "no_worth": no_worth,
        "data": _data_facts(data) if data else [],
        "speakers": data.speakers if data and "" not in data.speakers else {},
        "left_out": data.left_out[:LEFT_OUT] if data else [],
        "left_out_count": data.left_out_count if data else 0,
        "settings": _settings(config),
        "starts": read_rows(run / STARTS),
    }


def _voice(run: Path) -> tuple[Voice | None, str]:
    """The best voice of a run, else the last one, else why there is none."""
    why = ""
    for name in ("voice.safetensors", "last.safetensors"):
        if (run / name).exists():
            try:
                return load_voice(run / name), ""
            except VoiceError as e:
                why = why or str(e)
    return None, why or "no voice has been saved yet"


def _facts(
    config: Config, rows: list[dict[str, Any]], voice: Voice | None
) -> list[tuple[str, str, str]]:
    """(name, value, note) of the tiles at the top."""
    step = max((r["step"] for r in rows), default=0)
    done = "finished" if step >= config.train.steps else "not finished"
    out = [("steps", f"{step:,}", f"of {config.train.steps:,}, {done}")]
    losses = [r["loss_bits"] for r in rows if "loss_bits" in r]
    unit = f"bits per {sample_unit(config)} sample"
    if losses:
        out.append(("training", f"{losses[-1]:.3f}", f"{unit}, last row"))
    val = [(r["val_bits"], r["step"]) for r in rows if "val_bits" in r]
    if val:
        out.append(("validation", f"{min(val)[0]:.3f}", f"{unit}, best, step {min(val)[1]:,}"))
    if voice is None:
        return out
    if "test_bits" in voice.training:
        out.append(("test", f"{voice.training['test_bits']:.3f}", unit))
    rate = config.audio.sample_rate
    field = config.model.receptive_field
    sees = "sees all of the past" if field is None else f"sees {1000 * field / rate:.0f} ms back"
    if config.model.context:
        longest = max(c.receptive_field for c in config.model.context)
        sees += f", {longest / rate:.1f} s through context stacks"
    file = "last.safetensors" if voice.name == "last" else "voice.safetensors"
    out.append(("time", _hours(voice.training.get("hours", 0.0)), f"to {file}"))
    out.append(("parameters", f"{voice.model.parameter_count:,}", sees))
    return out


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _samples(run: Path, rate: int, watch: Watch) -> tuple[int, dict[int, list[Sample]], list[str]]:
    """The number of steps with samples, the samples shown by step, and the unreadable files.

    ``watch`` checks all samples.
    """
    from wavegen.report.page_plots import spectrogram_png

    files: dict[int, list[Path]] = defaultdict(list)
    for file in sorted((run / "samples").glob("*.wav")):
        if found := re.fullmatch(r"(\d+)-\d+", file.stem):
            files[int(found[1])].append(file)
    titles = read_json(run / "samples" / SAID)
    said = dict(enumerate(titles)) if isinstance(titles, list) else {}
    unread: list[str] = []
    shown: dict[int, list[Sample]] = {step: [] for step in _chosen(sorted(files))}
    for step in sorted(files):
        audios = []
        for file in files[step]:
            try:
                audio = read_audio(file, rate).audio
            except DataError:
                unread.append(file.name)
                continue
            audios.append(audio)
            if step in shown:
                n = int(file.stem.rpartition("-")[2])
                picture = data_uri(spectrogram_png(audio, rate), "image/png")
                sound = data_uri(file.read_bytes(), "audio/wav")
                title = str(said.get(n, f"sample {n}"))
                shown[step].append(Sample(title, len(audio) / rate, picture, sound))
        watch.samples(step, audios)
    return len(files), {step: s for step, s in shown.items() if s}, unread


def _chosen(steps: list[int]) -> list[int]:
    """At most `SHOWN_STEPS` of the steps, evenly spaced, with the first and the last."""
    if len(steps) <= SHOWN_STEPS:
        return steps
    last = len(steps) - 1
    return [steps[round(i * last / (SHOWN_STEPS - 1))] for i in range(SHOWN_STEPS)]


def _worth(
    voice: Voice | None, data: DataSummary | None, progress: Callable[[int, int], None]
) -> tuple[Worth | None, str]:
    """What conditioning is worth, or why it can't be measured."""
    if voice is None:
        return None, "there is no voice yet"
    if not (voice.speakers or voice.pause(1) is not None or voice.model.stacks):
        return None, "this voice has no conditioning"
    if not data:
        return None, f"the run has no {DATA}, which would name the recordings"
    try:
        return conditioning_worth(voice, Path(data.folder), data.probes, progress), ""
    except WavegenError as e:
        return None, str(e)


def _data_facts(data: DataSummary) -> list[tuple[str, str]]:
    seconds = sum(s["seconds"] for s in data.speakers.values())
    split = ", ".join(f"{n:,} {part}" for part, n in data.split.items())
    speakers = len([name for name in data.speakers if name])
    out = [
        ("folder", f"{data.folder} (layout {data.layout})"),
        ("clips", f"{data.clips:,} ({split}); {counted(data.left_out_count, 'file')} left out"),
        ("audio", f"{_hours(seconds / 3600)} at {data.sample_rate:,} Hz"),
        ("formats", ", ".join(f"{name}: {n:,}" for name, n in data.formats.items())),
        ("speakers", f"{speakers:,}" if speakers else "none named"),
        ("texts", f"{counted(data.texts, 'clip')}, {counted(data.words, 'different word')}"),
        ("clipped", f"{len(data.clipped):,} of {data.looked_at:,} looked at"),
        ("SHA-256", data.sha256),
    ]
    if data.trimmed_seconds:
        out.insert(3, ("trimmed", f"{data.trimmed_seconds:.1f} s of silence"))
    return out


def _settings(config: Config) -> dict[str, list[tuple[str, str, bool]]]:
    """(key, value, whether it differs from the default), by section."""
    defaults = to_dict(Config())
    return {
        section: [(k, str(v), v != defaults[section][k]) for k, v in values.items()]
        for section, values in to_dict(config).items()
    }
