"""What the parameter server trained as a predictor, and back: where an earlier model is gone on from."""

from __future__ import annotations

import importlib.util
import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import DeepFM as DeepFMSpec
from stagecraft.parameter_server.models import FactorizationMachine as FMSpec
from stagecraft.parameter_server.models import Factorized, SoftmaxRegression
from stagecraft.parameter_server.models import FieldAwareFactorizationMachine as FFMSpec

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.store import Draft
    from stagecraft.parameter_server.models import AnyModel
    from stagecraft.parameter_server.optimizer import AnyOptimizer
    from stagecraft.parameter_server.plan import WarmStart
    from stagecraft.transforms.layout import Layout
    from stagecraft.transforms.predictor import Link, SparsePredictor

log = logging.getLogger(__name__)

STATE_FILE = "optimizer.npz"
"""The optimizer's state, which a warm start alone reads."""

Loss = Literal["logistic", "softmax", "squared", "poisson"]
LINKS: dict[Loss, Link] = {"logistic": "logistic", "squared": "identity", "poisson": "log"}


def loss_of(model: AnyModel) -> Loss:
    """Return the loss that a model is trained by.

    >>> from stagecraft.parameter_server.models import FactorizationMachine
    >>> loss_of(FactorizationMachine(loss="poisson"))
    'poisson'
    """
    if isinstance(model, Factorized):
        return model.loss
    return "squared" if model.type == "linear" else model.type


def check_installed(model: AnyModel) -> None:
    """Refuse a model whose training needs a package that is not here.

    :raises InvalidInputError: names the package, and the extra that has it
    """
    if isinstance(model, DeepFMSpec) and importlib.util.find_spec("torch") is None:
        raise InvalidInputError(
            "ps_train.model",
            "DeepFM is trained by the package 'torch', which is not installed",
            "pip install 'airflow-provider-stagecraft[torch]'",
        )


@dataclass(frozen=True)
class Shape:
    """A model as it is trained and as it is served.

    Softmax regression of two labels is served as the logistic regression that it is: by the difference of
    their weights, so that its prediction is one score.

    :param predictor: the served model, without weights
    """

    model: AnyModel
    layout: Layout
    predictor: SparsePredictor

    @classmethod
    def of(cls, model: AnyModel, layout: Layout, labels: list[Any] | None) -> Shape:
        from stagecraft.transforms.deep import DeepFM
        from stagecraft.transforms.factorization import FactorizationMachine
        from stagecraft.transforms.field_aware import FieldAware
        from stagecraft.transforms.linear import Linear
        from stagecraft.transforms.softmax import Softmax

        predictor: SparsePredictor
        link = LINKS.get(loss_of(model), "logistic")
        if isinstance(model, FMSpec):
            predictor = FactorizationMachine(layout=layout, factors=model.factors, link=link)
        elif isinstance(model, FFMSpec):
            predictor = FieldAware(layout=layout, factors=model.factors, link=link)
        elif isinstance(model, DeepFMSpec):
            predictor = DeepFM(layout=layout, factors=model.factors, hidden=model.hidden, link=link)
        elif labels is not None and len(labels) > 2:
            predictor = Softmax(layout=layout, classes=len(labels))
        else:
            predictor = Linear(layout=layout, link=link)
        return cls(model, layout, predictor)

    @property
    def fields(self) -> np.ndarray | None:
        """Where the features of each field begin, and their end; for models that know fields."""
        import numpy as np

        if not isinstance(self.model, FFMSpec | DeepFMSpec):
            return None
        return np.array([*(block.offset for block in self.layout.blocks), self.layout.dimension], np.int64)

    def served(self, weights: np.ndarray) -> np.ndarray:
        """Return the served weights of trained ones, float32[keys, width]."""
        return weights[:, 1:] - weights[:, :1] if self._halved else weights

    def predictor_of(self, keys: np.ndarray, weights: np.ndarray) -> SparsePredictor:
        """Return the served model.

        :param keys: int64, distinct
        :param weights: float32[keys, width], as they were trained
        """
        from stagecraft.transforms.weights import Weights

        return self.predictor.holding(Weights.of(self.predictor.dimension, keys, self.served(weights)))

    @property
    def _halved(self) -> bool:
        return isinstance(self.model, SoftmaxRegression) and self.predictor.width == 1

    def warm_start(
        self, earlier: Model | None, optimizer: AnyOptimizer, labels: list[Any] | None
    ) -> WarmStart | None:
        """Return what an earlier model left to go on from.

        :param labels: the labels of raw rows that are trained on now
        :raises InvalidInputError: it is over other features, of another kind, or of other labels
        """
        import numpy as np

        from stagecraft.parameter_server.plan import WarmStart

        if earlier is None:
            return None
        self._check(earlier, labels)
        training = {
            "model": self.model.model_dump(mode="json"),
            "optimizer": optimizer.model_dump(mode="json"),
        }
        if STATE_FILE in earlier.manifest.files and earlier.meta["training"] == training:
            log.info("Going on from the optimizer's state of model %s", earlier.fingerprint)
            with np.load(io.BytesIO(earlier.read(STATE_FILE)), allow_pickle=False) as stored:
                return WarmStart(stored["keys"], state=stored["state"])
        log.info("Going on from the weights of model %s", earlier.fingerprint)
        predictor: SparsePredictor = earlier.chain.transforms[-1]  # type: ignore[assignment]
        keys, weights = predictor.table.touched()
        if self._halved:
            weights = weights * np.array([[-0.5, 0.5]], np.float32)
        return WarmStart(keys.astype(np.int64), weights=weights)

    def _check(self, earlier: Model, labels: list[Any] | None) -> None:
        from stagecraft.transforms.predictor import SparsePredictor

        where = "ps_train.warm_start"
        predictor = earlier.chain.transforms[-1]
        if not isinstance(predictor, SparsePredictor):
            raise InvalidInputError(
                where, f"the model {earlier.fingerprint} ends in {predictor.type!r}", "a model of ps_train"
            )
        if predictor.layout != self.layout:
            raise InvalidInputError(
                where,
                f"the model {earlier.fingerprint} is over {_features(predictor.layout)}, and the rows hold "
                f"{_features(self.layout)}",
                "rows that the encoding of that model made, by its transform",
            )
        theirs, ours = _kind(predictor), _kind(self.predictor)
        if theirs != ours:
            raise InvalidInputError(
                where, f"the model {earlier.fingerprint} is {theirs}, and {ours} is trained", "one of a kind"
            )
        if (known := earlier.meta.get("labels")) != labels:
            raise InvalidInputError(
                where, f"the model's labels are {known}, and the rows' are {labels}", "the same labels"
            )

    def write_state(self, draft: Draft, keys: np.ndarray, state: np.ndarray) -> None:
        """Keep the optimizer's state with the model."""
        import numpy as np

        sink = io.BytesIO()
        np.savez(sink, keys=keys, state=state)
        draft.write(STATE_FILE, sink.getvalue())


def _features(layout: Layout) -> str:
    columns = ", ".join(f"{block.column} ({block.size})" for block in layout.blocks[:8])
    more = f" and {len(layout.blocks) - 8} more columns" if len(layout.blocks) > 8 else ""
    return f"{layout.dimension} features: {columns}{more}"


def _kind(predictor: SparsePredictor) -> str:
    entries = predictor.model_dump(exclude={"layout", "type"})
    return f"{predictor.type} ({', '.join(f'{name} {value}' for name, value in entries.items())})"
