"""The simulated clock: real time plus an offset, or frozen."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    offset: timedelta = field(default_factory=timedelta)
    frozen_at: datetime | None = None

    def now(self) -> datetime:
        return self.frozen_at if self.frozen_at else datetime.now(UTC) + self.offset

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def set(self, moment: datetime) -> None:
        self.offset = moment - datetime.now(UTC)
        if self.frozen_at:
            self.frozen_at = moment

    def freeze(self) -> None:
        self.frozen_at = self.now()

    def thaw(self) -> None:
        """Goes on from where it stood."""
        if self.frozen_at:
            self.offset = self.frozen_at - datetime.now(UTC)
            self.frozen_at = None
