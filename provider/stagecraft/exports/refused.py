"""Why a model has no file of a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from stagecraft.transforms.predictor import SparsePredictor


def refused(format: str, predictor: SparsePredictor, held: str) -> InvalidInputError:
    """Return the refusal of a model that a format does not hold.

    :param held: what it holds
    """
    return InvalidInputError(
        "export_model.format",
        f"{format!r} holds {held}, and the model is {predictor.type!r}",
        "another format",
    )
