"""What a row of the table says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A paper's number beside ours.

    Attributes:
        published: the paper's, in words.
        ours: name → number, or a list of them, one a seed.
        seeds: how many models, and what differs between them.
        passed: whether what the row must reach is reached; None where ours cannot be compared.
        deviations: from the paper's protocol.
    """

    published: str
    ours: dict
    seeds: str
    passed: bool | None
    deviations: tuple[str, ...]

    def record(self, row: str) -> dict:
        """The object that the command prints."""
        return {
            "row": row,
            "published": self.published,
            "ours": self.ours,
            "seeds": self.seeds,
            "pass": self.passed,
            "deviations": list(self.deviations),
        }
