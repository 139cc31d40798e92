"""Other people's searchers as one asks them by hand, beside ours."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

from stagecraft.tuning.expression import Expression
from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.searchers import SEARCHERS
from stagecraft.tuning.space import Choice, Integer, LogUniform, Space
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.stopping import Stopping, stopper_of


class Search(Protocol):
    """:meth:`ask` for parameters, then :meth:`tell` what they came to, the lower the better.

    ``stops`` is told how a trial goes (steps, and a value that is to rise), and says whether it ends there;
    None where no trial ends early.
    """

    @property
    def stops(self) -> Callable[[int, float], bool] | None: ...

    def ask(self) -> dict[str, Any]: ...

    def tell(self, parameters: dict[str, Any], loss: float, cpu: float) -> None: ...


class Ours:
    """A searcher of Stagecraft, by its name."""

    stops: Callable[[int, float], bool] | None = None

    def __init__(
        self,
        name: str,
        space: Space,
        seed: int,
        start: list[dict[str, Any]],
        effort: str | None = None,
        steps: str | None = None,
    ) -> None:
        weighed = Expression(effort) if effort else None
        self.searcher: Searcher = SEARCHERS[name](space, seed, start, weighed, steps)

    def ask(self) -> dict[str, Any]:
        return self.searcher.ask(len(self.searcher.observations))

    def tell(self, parameters: dict[str, Any], loss: float, cpu: float) -> None:
        self.searcher.tell(parameters, [loss], cpu)


class OursStepwise(Ours):
    """The default searcher as a study that names the steps has it: trials end by extrapolation."""

    def __init__(self, space: Space, seed: int, start: list[dict[str, Any]], effort: str, steps: str) -> None:
        spec = StudySpec(
            space=dict(space.dimensions), objectives={"auc": "maximize"}, start=start, steps=steps
        )
        self._spec = spec
        super().__init__("default", space, seed, start, effort, steps)
        self._stopper = stopper_of(Stopping(rule="extrapolation"), spec.total)

    def ask(self) -> dict[str, Any]:
        return self._spec.whole(super().ask())

    def stops(self, step: int, value: float) -> bool:
        return self._stopper.stops(len(self.searcher.observations), step, -value)


class Optuna:
    """Optuna's TPE with its own settings, as its documentation has it."""

    stops: Callable[[int, float], bool] | None = None

    def __init__(self, space: Space, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        sampler, pruner = optuna.samplers.TPESampler(seed=seed), optuna.pruners.MedianPruner()
        self._study = optuna.create_study(sampler=sampler, pruner=pruner)

    def ask(self) -> dict[str, Any]:
        self._trial = self._study.ask()
        return {name: self._suggest(name, dimension) for name, dimension in self._space.dimensions.items()}

    def _suggest(self, name: str, dimension: Any) -> Any:
        match dimension:
            case Choice(options):
                return self._trial.suggest_categorical(name, options)
            case Integer(low, high):
                return self._trial.suggest_int(name, low, high, log=dimension.log)
        log = isinstance(dimension, LogUniform)
        return self._trial.suggest_float(name, dimension.low, dimension.high, log=log)

    def tell(self, parameters: dict[str, Any], loss: float, cpu: float) -> None:
        self._study.tell(self._trial, loss)


class Pruned(Optuna):
    """The same, where trials tell how they go, so that its default pruner ends some early."""

    def stops(self, step: int, value: float) -> bool:
        self._trial.report(-value, step)
        self._pruned = bool(self._trial.should_prune())
        return self._pruned

    def tell(self, parameters: dict[str, Any], loss: float, cpu: float) -> None:
        from optuna.trial import TrialState

        if self._pruned:
            self._study.tell(self._trial, state=TrialState.PRUNED)
        else:
            self._study.tell(self._trial, loss)


class ScikitOptimize:
    """scikit-optimize's Gaussian process with its own settings."""

    stops: Callable[[int, float], bool] | None = None

    def __init__(self, space: Space, seed: int) -> None:
        import skopt
        from skopt.space import Categorical, Real
        from skopt.space import Integer as Whole

        def dimension(given: Any) -> Any:
            match given:
                case Choice(options):
                    return Categorical(options)
                case Integer(low, high):
                    return Whole(low, high, prior="log-uniform" if given.log else "uniform")
            prior = "log-uniform" if isinstance(given, LogUniform) else "uniform"
            return Real(given.low, given.high, prior=prior)

        self._names = list(space.dimensions)
        dimensions = [dimension(given) for given in space.dimensions.values()]
        self._optimizer = skopt.Optimizer(dimensions, base_estimator="GP", random_state=seed)

    def ask(self) -> dict[str, Any]:
        self._point = self._optimizer.ask()
        plain = [value.item() if hasattr(value, "item") else value for value in self._point]
        return dict(zip(self._names, plain, strict=True))

    def tell(self, parameters: dict[str, Any], loss: float, cpu: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._optimizer.tell(self._point, loss)
