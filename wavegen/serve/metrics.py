"""What a server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)
FACTORS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 50)


class Metrics:
    """Counts of one server."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "wavegen_requests",
            "Requests for speech, by how they came and ended.",
            ("interface", "outcome"),
            registry=registry,
        )
        self.speaking = Gauge(
            "wavegen_speaking", "Requests that are being spoken.", registry=registry
        )
        self.waiting = Gauge(
            "wavegen_waiting", "Requests that wait for others to end.", registry=registry
        )
        self.sound = Counter(
            "wavegen_sound_seconds", "Seconds of sound that was sent.", registry=registry
        )
        self.first = Histogram(
            "wavegen_first_sound_seconds",
            "Time from a request to its first sound.",
            buckets=SECONDS,
            registry=registry,
        )
        self.factor = Histogram(
            "wavegen_real_time_factor",
            "Seconds of sound per second that a complete request took.",
            buckets=FACTORS,
            registry=registry,
        )

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
