"""What a resumed run goes on with: its own configuration, and what may change in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wavegen.config import Config
from wavegen.errors import TrainingError
from wavegen.recipe import read_config, to_dict


def continued(
    run: Path,
    recipe: Path | None,
    settings: Sequence[str],
    minutes: float | None,
    warn: Callable[[str], None],
) -> Config:
    """The configuration of a run that is resumed by a command like the one that began it.

    The run's own is kept, but for ``train.…`` (not ``train.seed``) in the settings. Where the
    recipe has another ``train.…``, that is warned of.

    Args:
        run: the run directory.
        recipe: the command's recipe, if it gives one.
        settings: the command's ``section.key=value``.
        minutes: given where the run chose its steps by them when it began.
        warn: called with what is not followed.

    Raises:
        TrainingError: something else differs; all of it is named.
        ConfigError: a setting is wrong.
    """
    kept = read_config(run / "config.toml")
    asked = to_dict(read_config(recipe or run / "config.toml", settings))
    given = {s.partition("=")[0].strip() for s in settings}
    faults, changes = [], {}
    for section, values in to_dict(kept).items():
        for name, value in values.items():
            other, field = asked[section][name], f"{section}.{name}"
            if other in (value, "auto"):  # the run has made its choice
                continue
            if section != "train" or name == "seed":
                faults.append(f"{field} is {value!r} in the run, not {other!r}")
            elif field in given:
                changes[name] = other
            elif name != "steps" or minutes is None:
                warn(f"{field} stays {value!r}, though {recipe} says {other!r} (--set changes it)")
    if faults:
        raise TrainingError(
            f"can't resume {run} with other settings: {'; '.join(faults)} (leave them out, or "
            "choose another --out)"
        )
    return kept.replace("train", **changes)
