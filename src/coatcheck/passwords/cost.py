"""What one hash costs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters of argon2id (RFC 9106 section 3.1). memory_kib: KiB of memory for one hash."""

    memory_kib: int
    iterations: int
    lanes: int

    def below(self, other: "Cost") -> bool:
        """Whether this is cheaper to guess against: less memory, or less work over it."""
        return (
            self.memory_kib < other.memory_kib
            or self.memory_kib * self.iterations < other.memory_kib * other.iterations
        )


OWASP_ARGON2ID = Cost(memory_kib=19_456, iterations=2, lanes=1)  # OWASP Password Storage Cheat Sheet
CHEAPEST = Cost(memory_kib=8, iterations=1, lanes=1)  # tests only; production refuses it
