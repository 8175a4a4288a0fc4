"""The whole training set in the memory of a device, which reads batches there.

A CPU computes the excitation and the inputs of linear prediction of two million samples a second
and core, and copies them; a GPU trains on more. Here everything that does not change is computed
once, and a batch is a few gathers of whole frames.

The noise in the past (see `wavegen.data.excerpts`) would need the synthesis filter, which is
recursive and slow on a device. But the filter is linear: white noise of level 1 is filtered once,
on the CPU, and every window scales it, and the recording itself, by amounts of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wavegen.audio import mulaw
from wavegen.audio.coarse import with_noise
from wavegen.audio.linear_prediction import Predictor, compress, select
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.audio.taps import INPUTS, TAPS
from wavegen.data.excerpts import amounts, white_noise
from wavegen.data.prefetch import prefetch
from wavegen.data.windows import Batch, Window, Windows, corrupted
from wavegen.transfer import sent


@dataclass(frozen=True)
class _Clip:
    """A clip of n frames as the network's samples, zero after its end."""

    target: Tensor
    """(n, hop) excitation."""
    local: LocalFeatures | None
    sound: Tensor | None = None
    """(n, hop), in a network that takes inputs of linear prediction, like all that follow."""
    gains: Tensor | None = None
    """(n,) of the filters."""
    lags: Tensor | None = None
    """(n,) int32 pitch period in samples, 0 where unvoiced."""
    noise: Tensor | None = None
    """(n, hop) noise of level 1 in the excitation; None without ``train.noise``."""
    filtered: Tensor | None = None
    """(n, hop) the same noise in the sound."""

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, frames first."""
        local = {} if self.local is None else self.local.tracks
        out = {name: t for name, t in vars(self).items() if isinstance(t, Tensor)}
        return out | {f"local.{name}": t.movedim(-1, 0) for name, t in local.items()}


class Resident:
    """Reads the batches that `Windows.batch` reads, on a device.

    The values are the same, except that a clip's noise is always the same noise, at another level
    and with another sign in each window.

    Args:
        windows: the training set.
        device: where it is kept; see `size`.
        variants: of the local features that the set has: with predicted spectrograms, without, or
            both.
        workers: processes that compute it.
        progress: called with (clips done, clips).
    """

    def __init__(
        self,
        windows: Windows,
        device: torch.device,
        variants: Sequence[bool] = (False,),
        workers: int = 0,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.windows = windows
        self.device = device
        self.variants = list(variants)
        hop, clips = windows.hop, windows.clips
        lengths = [c.frames(hop) for c in clips]
        self.starts: list[int] = (1 + torch.tensor([0, *lengths]).cumsum(0)).tolist()
        """The first frame of each clip; frame 0 is a pause."""
        self.frames = self.starts[-1]
        since = torch.cat([torch.arange(n) for n in (1, *lengths)])
        samples = [torch.zeros(1, dtype=torch.int64)]
        samples += [
            (c.samples - hop * torch.arange(n)).clamp(max=hop)
            for c, n in zip(clips, lengths, strict=True)
        ]
        self.since = since.int().to(device)
        """(N,) frames since the clip's first one."""
        self.samples = torch.cat(samples).int().to(device)
        """(N,) samples in each frame."""
        self.kept: dict[str, Tensor] = {}
        """(N · variants, …) the tensors of all clips, one after the other."""
        plans = [(i, v) for v in self.variants for i in range(len(clips))]
        made = prefetch(plans, lambda plan: self._clip(*plan).tensors(), workers)
        for done, ((index, variant), tensors) in enumerate(zip(plans, made, strict=True), 1):
            self._keep(self._first(variant) + self.starts[index], tensors)
            progress(done, len(plans))
        for variant in self.variants:
            pause = self._first(variant)
            if windows.pause is not None:
                for name, t in windows.pause.tracks.items():
                    self.kept[f"local.{name}"][pause] = t[..., 0].to(device)
            if windows.given:
                self.kept["gains"][pause] = 1  # it divides silence
        reach = int(self.kept["lags"].max()) + TAPS if windows.given else 1
        self.lead = max(windows.span, -(-reach // hop))
        """Frames that are read before each window."""

    @staticmethod
    def size(windows: Windows, variants: int) -> int:
        """Bytes that a training set takes, about."""
        pause: dict[str, Tensor] = {} if windows.pause is None else windows.pause.tracks
        features = sum(t.numel() for t in pause.values())
        noisy = bool(windows.given and windows.config.train.noise)
        sample = 4 + (4 if windows.given else 0) + (6 if noisy else 0)
        frames = sum(c.frames(windows.hop) for c in windows.clips)
        return variants * frames * (sample * windows.hop + 4 * features + 16)

    def _first(self, variant: bool) -> int:
        """The first frame of a variant of the set."""
        return self.frames * self.variants.index(variant)

    def _keep(self, begin: int, tensors: dict[str, Tensor]) -> None:
        for name, t in tensors.items():
            if name not in self.kept:
                shape = (self.frames * len(self.variants), *t.shape[1:])
                self.kept[name] = torch.zeros(shape, dtype=t.dtype, device=self.device)
            self.kept[name][begin : begin + len(t)] = t.to(self.device)

    def _clip(self, index: int, variant: bool) -> _Clip:
        windows, clip = self.windows, self.windows.clips[index]
        local, filters = windows.known(index, variant)
        audio = clip.audio(0, clip.samples)
        frames = clip.frames(windows.hop)

        def framed(samples: Tensor) -> Tensor:
            out = torch.zeros(frames * windows.hop, dtype=samples.dtype)
            out[: len(samples)] = samples
            return out.view(frames, windows.hop)

        excitation = filters.excitation(audio)
        target = framed(excitation)
        if not windows.given:
            return _Clip(target, local)
        assert isinstance(filters, Predictor)  # adaptive ones aren't for here, see `Reader`
        known = _Clip(target, local, framed(audio), filters.gains, filters.lags.int())
        if not windows.config.train.noise:
            return known
        same = torch.Generator().manual_seed(windows.config.train.seed * 1_000_003 + index)
        noise = white_noise(excitation, same).half()  # rounded before it is filtered
        filtered = Synthesis(filters).unclipped(noise.float().numpy())
        sound = torch.from_numpy(filtered).float()
        return _Clip(**vars(known) | {"noise": framed(noise), "filtered": framed(sound)})

    def batch(self, windows: Sequence[Window], frames: int = 0) -> Batch:
        """Read the samples and features of windows; arguments and result as `Windows.batch`, but
        on the device, and the history is always of one length."""
        known, hop, out = self.windows, self.windows.hop, self.windows.output
        frames = max(frames, *map(known.frames, windows))
        ids, numbers = self._frames(windows, frames)
        low, begin, end, speaker, ending = numbers.unbind(1)
        here = ids[:, self.lead :]
        time, more = frames * hop, self.lead * hop
        at = torch.arange(time, device=self.device)
        counted = (at >= begin[:, None]) & (at < end[:, None])
        inside = self.samples[here % self.frames]
        speech = (at.view(-1, hop) % hop < inside[..., None]).flatten(1) & counted
        if known.filtered:
            counted = speech.clone()
        target = self.kept["target"][ids].flatten(1)  # (B, more + T)
        past, given = target, None
        if known.given:
            past, given = self._given(windows, ids, target)
        for row, w in enumerate(windows):
            if w.blank is not None:
                first = known.low(w)
                hidden = slice((w.blank.begin - first) * hop, (w.blank.end - first) * hop)
                past[row, more:][hidden] = corrupted(past[row, more:][hidden], w.blank)
                counted[row, hidden] = speech[row, hidden] = False
        drawn = out.encode(past)
        codes = out.encode(target[:, more:]) if known.given else drawn[:, more:].clone()
        before = torch.where(low == 0, out.start, drawn[:, more - 1])
        history = lead = None
        if known.config.model.context:
            lead = low.clamp(max=known.span) * hop
            history = self._history(out.companded(drawn), lead, known.span * hop, time)
        drawn = drawn[:, more:]
        if out.end is not None:
            is_end = at == ending[:, None]
            codes, drawn = codes.masked_fill(is_end, out.end), drawn.masked_fill(is_end, out.end)
            counted &= at <= ending[:, None]
        local = None
        if known.pause is not None:
            tensors = {n: self.kept[f"local.{n}"][here] for n in known.pause.tracks}
            local = LocalFeatures(**{n: t.movedim(1, -1) for n, t in tensors.items()})
            if most := known.coarse_noise:
                rows = [local.each(lambda t, row=row: t[row]) for row in range(len(windows))]  # type: ignore[misc]
                told = [with_noise(x, most, w.seed) for x, w in zip(rows, windows, strict=True)]
                local = LocalFeatures.stack(told)
        return Batch(codes, drawn, before, speaker, local, counted, speech, history, lead, given)

    def _frames(self, windows: Sequence[Window], frames: int) -> tuple[Tensor, Tensor]:
        """What the CPU says of windows.

        Returns:
            (B, lead + F) the frames of the windows and before them; and (B, 5): first frame,
            begin, end, speaker and end symbol, the last three as samples of the window and the
            last far behind it if there is none.
        """
        known, hop = self.windows, self.windows.hop
        plan = torch.zeros(len(windows), self.lead + frames + 5, dtype=torch.int64)
        for row, w in enumerate(windows):
            low = known.low(w)
            variant = w.predicted if w.predicted in self.variants else self.variants[0]
            origin = low - self.lead
            for index, first in w.utterance:
                length = self.starts[index + 1] - self.starts[index]
                a, b = max(origin, first), min(w.end, first + length)
                if a < b:
                    start = self._first(variant) + self.starts[index] - first
                    plan[row, a - origin : b - origin] = torch.arange(start + a, start + b)
            last = known.end_sample(w) if known.output.end is not None else None
            speaker = known.clips[w.utterance[0][0]].speaker
            ending = frames * hop if last is None else last - low * hop
            about = low, (w.begin - low) * hop, (w.end - low) * hop, speaker, ending
            plan[row, -5:] = torch.tensor(about)
        there = sent(plan, self.device)
        return there[:, :-5], there[:, -5:]

    def _given(
        self, windows: Sequence[Window], ids: Tensor, excitation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, n) the past with noise, and (B, T, G) what is given of it."""
        hop, maximum = self.windows.hop, self.windows.config.train.noise
        gains, lags = (
            self.kept[name][ids].repeat_interleave(hop, 1) for name in ("gains", "lags")
        )  # (B, n)
        sound, past = self.kept["sound"][ids].flatten(1), excitation
        if maximum:
            drawn = [amounts(maximum, torch.Generator().manual_seed(w.seed)) for w in windows]
            signs = [1 - 2 * (w.seed & 1) for w in windows]
            levels = torch.cat([level for level, _ in drawn]) * torch.tensor(signs)
            both = torch.stack([levels, torch.cat([g for _, g in drawn])], 1)
            level, gain = sent(both, self.device).T
            noise, filtered = (self.kept[n][ids].flatten(1).float() for n in ("noise", "filtered"))
            past = gain[:, None] * past + level[:, None] * noise
            sound = gain[:, None] * sound + level[:, None] * filtered
        first = (self.since[ids % self.frames] * hop).repeat_interleave(hop, 1)
        at = torch.arange(ids.shape[1] * hop, device=self.device)
        since = first + at % hop  # samples since the clip's first one
        more = self.lead * hop
        last = torch.where(since > 0, sound.roll(1, 1), 0)
        inputs = [t[:, more:] / gains[:, more:] for t in (last, sound - gains * past)]
        lags, since, at = lags[:, more:], since[:, more:], at[more:]
        for tap in range(-(TAPS // 2), TAPS - TAPS // 2):
            back = lags - tap
            exists = (lags > 0) & (back <= since)
            inputs.append(past.gather(1, (at - back) * exists) * exists)
        given = torch.cat([compress(torch.stack(inputs, 2)), (lags > 0).float()[..., None]], 2)
        inside = self.samples[ids[:, self.lead :] % self.frames].repeat_interleave(hop, 1)
        given = given * (at % hop < inside)[..., None]
        return past, select(self.windows.config, given.view(-1, INPUTS)).view(*since.shape, -1)

    def _history(self, companded: Tensor, lead: Tensor, span: int, time: int) -> Tensor:
        """(B, span + T) µ-law codes from each window's lead on, then silence."""
        at = torch.arange(span + time, device=self.device)
        index = companded.shape[1] - time - lead[:, None] + at
        inside = at < lead[:, None] + time
        codes = companded.gather(1, index.clamp(max=companded.shape[1] - 1))
        return torch.where(inside, codes, mulaw.SILENCE).to(torch.uint8)
