"""Training windows."""

from dataclasses import replace

import compressors
import numpy as np
import pytest
import torch
from helpers import DIGITS, TINY

from wavegen.audio import mulaw
from wavegen.audio.linear_prediction import predictor
from wavegen.audio.local_features import silence
from wavegen.audio.reading import read_audio
from wavegen.config import Config
from wavegen.data.windows import TrainingClip, Windows
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS
from wavegen.outputs.categorical import Categorical
from wavegen.recipe import load_config


def ramp_windows(lengths: list[int], config: Config) -> Windows:
    """Clips whose samples say which clip and which sample they are."""

    def clip(i: int, n: int) -> TrainingClip:
        codes = (torch.arange(n) + 37 * i) % 100
        audio = Categorical.decode(codes)
        return TrainingClip(
            n,
            i % 2,
            lambda a, b: audio[a:b],
            lambda predicted: silence(-(-n // 80), 2).each(lambda t: torch.full(t.shape, i + 1.0)),
        )

    clips = [clip(i, n) for i, n in enumerate(lengths)]
    return Windows(clips, config, silence(1, 2).each(np.zeros_like))


def test_every_sample_counts_once_an_epoch_with_its_true_past(tiny_config: Config) -> None:
    lengths = [5000, 33, 800, 4000, 801, 12000, 2400]
    windows = ramp_windows(lengths, tiny_config)
    counted = [torch.zeros(n) for n in lengths]
    for group in windows.epoch(3):
        batch = windows.batch(group)
        for row, w in enumerate(group):
            low = max(0, w.begin - windows.past) * 80
            for i, first in w.utterance:
                at = torch.arange(lengths[i]) + first * 80 - low
                inside = (at >= 0) & (at < (w.end * 80 - low))
                at = at[inside]
                want = ((torch.arange(lengths[i]) + 37 * i) % 100)[inside]
                assert torch.equal(batch.codes[row, at], want)
                counted[i][inside] += batch.speech[row, at].float()
                assert batch.local is not None
                for features in batch.local.tracks.values():
                    assert (features[row, ..., at // 80] == i + 1).all()
            if low:
                assert batch.before[row] != mulaw.LEVELS
            else:
                assert batch.before[row] == mulaw.LEVELS
    for c in counted:
        assert (c == 1).all()


def test_the_code_before_a_cut_is_the_sample_before_it(tiny_config: Config) -> None:
    windows = ramp_windows([40000], tiny_config.replace("data", join=1))
    cut = next(w for g in windows.epoch(0) for w in g if w.begin > windows.past)
    batch = windows.batch([cut])
    assert batch.before[0] == ((cut.begin - windows.past) * 80 - 1) % 100


def test_tensors_of_a_batch_are_no_views_of_larger_ones(tiny_config: Config) -> None:
    windows = ramp_windows([4000, 2500, 9000], tiny_config)
    for group in windows.epoch(0):  # whose copies to a GPU would take another one on the CPU
        windows.batch(group).each(lambda t: t if t.is_contiguous() else pytest.fail(str(t.shape)))


def test_epochs_are_reproducible_and_differ(tiny_config: Config) -> None:
    a, b = (ramp_windows([2000] * 20, tiny_config) for _ in range(2))
    assert a.epoch(5) == b.epoch(5)
    assert a.epoch(5) != a.epoch(6)


def test_blanks_are_faint_or_loud_uncounted_and_leave_the_rest_alone(tiny_config: Config) -> None:
    lengths = [5000, 4000, 12000] * 3
    plain = ramp_windows(lengths, tiny_config)
    blanked = ramp_windows(lengths, tiny_config.replace("train", blank=1.0))
    change = []
    for group in blanked.epoch(0):
        a, b = blanked.batch(group), plain.batch([replace(w, blank=None) for w in group])
        assert torch.equal(a.codes, blanked.batch(group).codes)
        assert a.counted.sum() == sum(map(blanked.counted, group))
        off = b.counted & ~a.counted
        assert torch.equal(a.codes[~off], b.codes[~off])
        assert not (a.counted & ~b.counted).any()
        if off.any():
            before, now = (Categorical.decode(x.codes[off]).square().mean() for x in (b, a))
            change.append(float(now / before))
    assert min(change) < 0.3
    assert max(change) > 1.5


def test_joined_clips_are_of_one_speaker(tiny_config: Config) -> None:
    windows = ramp_windows([2000] * 20, tiny_config.replace("data", join=4))
    joined = [w.utterance for g in windows.epoch(0) for w in g]
    assert max(len(u) for u in joined) > 1
    assert all(len({i % 2 for i, _ in u}) == 1 for u in joined)


def test_windows_of_emphasised_clips_are_those_of_whole_ones(tiny_config: Config) -> None:
    audio = torch.rand(9000) - 0.5
    clip = TrainingClip(9000, 0, lambda a, b: audio[a:b])
    config = tiny_config.replace("audio", preemphasis=0.85).replace("data", join=1)
    windows = Windows([clip], config, None)
    want = Categorical.encode(predictor(config, None).excitation(audio))
    for group in windows.epoch(0):
        batch = windows.batch(group)
        for row, w in enumerate(group):
            low = max(0, w.begin - windows.past) * 80
            n = min(9000, w.end * 80) - low
            assert torch.equal(batch.codes[row, :n], want[low : low + n])
            assert not low or batch.before[row] == want[low - 1]


@pytest.mark.parametrize("output", OUTPUTS)
def test_windows_count_the_end_once_and_nothing_after_it(output: str) -> None:
    model = TINY["model"] | {"ends": True, "output": output}
    table = TINY | {"conditioning": {"features": "none"}, "model": model}
    config = load_config(table, "ends")
    audio = [torch.rand(n) - 0.5 for n in (800, 801, 5000, 79, 9999)]
    clips = [TrainingClip(len(a), 0, lambda b, e, a=a: a[b:e]) for a in audio]  # type: ignore[misc]
    windows = Windows(clips, config, None)
    ends = utterances = 0
    for group in windows.epoch(0):
        batch = windows.batch(group)
        assert int(batch.counted.sum()) == sum(map(windows.counted, group))
        is_end = batch.codes == windows.output.end
        assert (batch.counted & is_end).sum() == is_end.sum()
        assert not (batch.speech & is_end).any()
        for row in is_end.nonzero():
            after = batch.counted[row[0], row[1] + 1 :]
            assert not after.any()
        ends += int(is_end.sum())
    for group in windows.epoch(0):
        utterances += sum(w.begin == 0 for w in group)
    assert ends == utterances
    # The end can be an input, though it says nothing.
    assert WaveNet(config)(batch.codes, None, None, batch.before).isfinite().all()


def test_adaptive_filters_know_all_that_came_before_a_window() -> None:
    config = compressors.adaptive_config()
    audio = torch.from_numpy(read_audio(DIGITS / "7_jackson_12.wav", 8000).audio)
    windows = Windows([TrainingClip(len(audio), 0, lambda a, b: audio[a:b])], config, None)
    excitation, inputs = predictor(config, None).inputs(audio)
    [groups] = [[w for g in windows.epoch(0) for w in g]]
    assert len(groups) > 1
    for w in groups:
        batch = windows.batch([w])
        at = slice(windows.low(w) * 80, min(w.end * 80, len(audio)))
        assert batch.given is not None
        assert torch.equal(batch.given[0, : at.stop - at.start], inputs[at])
        assert torch.equal(
            batch.codes[0, : at.stop - at.start], windows.output.encode(excitation[at])
        )
