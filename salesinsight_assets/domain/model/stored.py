"""What makes a model one of the registry: its text form, and an id that tells its content."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class StoredModel:
    """A model whose fields are plain values, or dataclasses of such; `stored_as` names it in an error."""

    model_id: str
    stored_as: ClassVar[str] = "model"

    def named_by_content(self, prefix: str) -> Self:
        """The same model with an id of `prefix` and eight hex digits of its content's SHA-256: another model, another id."""
        plain = replace(self, model_id=prefix)
        return replace(plain, model_id=f"{prefix}-{hashlib.sha256(plain.to_text().encode()).hexdigest()[:8]}")

    def to_text(self) -> str:
        """The artifact stored in the registry; the same model gives the same text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, artifact: str) -> Self:
        """The model of an artifact.

        Raises:
            ValueError: text that is not such an artifact.
        """
        try:
            return cls._of_fields(**json.loads(artifact))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"expected a stored {cls.stored_as}, got {artifact[:40]!r}; train the month again"
            ) from error

    @classmethod
    def _of_fields(cls, **found: Any) -> Self:
        return cls(**found)
