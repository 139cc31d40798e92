"""The algorithms of Spark ML, as typed parameters."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["classification", "regression"]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class SparkAlgorithm(BaseModel):
    """Parameters of one estimator of Spark ML."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    categories: ClassVar[bool] = False
    """Whether it takes a slot as a category; otherwise slots become one-hot."""
    weighted: ClassVar[bool] = True
    """Whether rows may have weights."""

    def estimator(self) -> Any:
        """The estimator of Spark ML with these parameters."""
        raise NotImplementedError

    def model_class(self) -> Any:
        """The class of Spark ML that reads the saved model."""
        raise NotImplementedError


class Supervised(SparkAlgorithm):
    """An algorithm that learns a label."""

    task: Task
    multiclass: ClassVar[bool] = False
    """Whether it takes labels of more than two values."""


class _Linear(Supervised):
    regularization: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    l1_ratio: float = Field(default=0.0, ge=0, le=1)
    max_iterations: int = Field(default=100, ge=1, le=100_000)
    tolerance: float = Field(default=1e-6, ge=0, allow_inf_nan=False)
    standardize: bool = True

    def _parameters(self) -> dict[str, Any]:
        return {
            "regParam": self.regularization,
            "elasticNetParam": self.l1_ratio,
            "maxIter": self.max_iterations,
            "tol": self.tolerance,
            "standardization": self.standardize,
        }


class SparkLogisticRegression(_Linear):
    """Logistic regression, multinomial where the label has more than two values; L-BFGS, OWL-QN with L1.

    :param regularization: weight of the elastic-net penalty
    :param l1_ratio: its part of L1, the rest being L2, 0 … 1
    :param max_iterations: iterations at most
    :param tolerance: the relative gain below which it stops
    :param standardize: whether the penalty is taken on features of unit deviation

    >>> SparkLogisticRegression(regularization=0.01, l1_ratio=1).type
    'logistic_regression'
    """

    type: Literal["logistic_regression"] = "logistic_regression"
    task: Literal["classification"] = "classification"
    multiclass: ClassVar[bool] = True

    def estimator(self) -> Any:
        from pyspark.ml.classification import LogisticRegression

        return LogisticRegression(**self._parameters())

    def model_class(self) -> Any:
        from pyspark.ml.classification import LogisticRegressionModel

        return LogisticRegressionModel


class SparkLinearRegression(_Linear):
    """Least squares with an elastic-net penalty; the parameters of :class:`SparkLogisticRegression`.

    >>> SparkLinearRegression(regularization=0.1).task
    'regression'
    """

    type: Literal["linear_regression"] = "linear_regression"
    task: Literal["regression"] = "regression"

    def estimator(self) -> Any:
        from pyspark.ml.regression import LinearRegression

        return LinearRegression(**self._parameters())

    def model_class(self) -> Any:
        from pyspark.ml.regression import LinearRegressionModel

        return LinearRegressionModel


class _Trees(Supervised):
    task: Task = "classification"
    trees: int = Field(default=20, ge=1, le=10_000)
    depth: int = Field(default=5, ge=1, le=30)
    bins: int = Field(default=32, ge=2, le=65_536)
    min_rows: int = Field(default=1, ge=1)
    subsample: float = Field(default=1.0, gt=0, le=1)
    seed: Seed = 0
    categories: ClassVar[bool] = True

    def _parameters(self) -> dict[str, Any]:
        return {
            "maxDepth": self.depth,
            "maxBins": self.bins,
            "minInstancesPerNode": self.min_rows,
            "subsamplingRate": self.subsample,
            "seed": self.seed,
        }


class SparkGBT(_Trees):
    """Gradient-boosted trees for two labels (logistic loss) or a number (squared error).

    :param task: ``"classification"`` or ``"regression"``
    :param trees: number of trees, one a round
    :param depth: levels of splits in a tree, 30 at most
    :param bins: values that a number is cut into for finding splits
    :param min_rows: least rows of a leaf
    :param subsample: part of the rows that a tree sees, in (0, 1]
    :param learning_rate: shrinkage of each tree, in (0, 1]
    :param seed: decides sampling

    >>> SparkGBT(trees=50, task="regression").learning_rate
    0.1
    """

    type: Literal["gbt"] = "gbt"
    learning_rate: float = Field(default=0.1, gt=0, le=1)

    def estimator(self) -> Any:
        from pyspark.ml.classification import GBTClassifier
        from pyspark.ml.regression import GBTRegressor

        kind = GBTClassifier if self.task == "classification" else GBTRegressor
        return kind(maxIter=self.trees, stepSize=self.learning_rate, **self._parameters())

    def model_class(self) -> Any:
        from pyspark.ml.classification import GBTClassificationModel
        from pyspark.ml.regression import GBTRegressionModel

        return GBTClassificationModel if self.task == "classification" else GBTRegressionModel


class SparkRandomForest(_Trees):
    """Random forest (Breiman 2001) for labels of any number of values, or a number.

    :param task: ``"classification"`` or ``"regression"``
    :param trees: number of trees
    :param depth: levels of splits in a tree, 30 at most
    :param bins: values that a number is cut into for finding splits
    :param min_rows: least rows of a leaf
    :param subsample: rows drawn for a tree, with replacement, as a part of all
    :param features_per_split: features tried at a split: ``"auto"`` (square root of their number for labels,
        a third for a number), ``"all"``, ``"sqrt"``, ``"log2"``, ``"onethird"``
    :param seed: decides sampling

    >>> SparkRandomForest(trees=100, depth=8).task
    'classification'
    """

    type: Literal["random_forest"] = "random_forest"
    features_per_split: Literal["auto", "all", "sqrt", "log2", "onethird"] = "auto"
    multiclass: ClassVar[bool] = True

    def estimator(self) -> Any:
        from pyspark.ml.classification import RandomForestClassifier
        from pyspark.ml.regression import RandomForestRegressor

        kind = RandomForestClassifier if self.task == "classification" else RandomForestRegressor
        return kind(numTrees=self.trees, featureSubsetStrategy=self.features_per_split, **self._parameters())

    def model_class(self) -> Any:
        from pyspark.ml.classification import RandomForestClassificationModel
        from pyspark.ml.regression import RandomForestRegressionModel

        return (
            RandomForestClassificationModel if self.task == "classification" else RandomForestRegressionModel
        )


class SparkFM(Supervised):
    """Factorization machine (Rendle 2010) of degree two, for two labels or a number; AdamW.

    :param task: ``"classification"`` or ``"regression"``
    :param factors: length of a feature's factor vector
    :param regularization: weight of the L2 penalty
    :param max_iterations: steps of the optimizer at most
    :param step_size: its first step
    :param batch_fraction: part of the rows that a step sees, in (0, 1]
    :param deviation: standard deviation of the factors that it starts with
    :param tolerance: the relative change below which it stops
    :param seed: decides where it starts, and the batches

    >>> SparkFM(factors=4).step_size
    0.1
    """

    type: Literal["factorization_machine"] = "factorization_machine"
    task: Task = "classification"
    factors: int = Field(default=8, ge=1, le=1024)
    regularization: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    max_iterations: int = Field(default=100, ge=1, le=100_000)
    step_size: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    batch_fraction: float = Field(default=1.0, gt=0, le=1)
    deviation: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    tolerance: float = Field(default=1e-6, ge=0, allow_inf_nan=False)
    seed: Seed = 0
    weighted: ClassVar[bool] = False

    def estimator(self) -> Any:
        from pyspark.ml.classification import FMClassifier
        from pyspark.ml.regression import FMRegressor

        kind = FMClassifier if self.task == "classification" else FMRegressor
        return kind(
            factorSize=self.factors,
            regParam=self.regularization,
            maxIter=self.max_iterations,
            stepSize=self.step_size,
            miniBatchFraction=self.batch_fraction,
            initStd=self.deviation,
            tol=self.tolerance,
            seed=self.seed,
        )

    def model_class(self) -> Any:
        from pyspark.ml.classification import FMClassificationModel
        from pyspark.ml.regression import FMRegressionModel

        return FMClassificationModel if self.task == "classification" else FMRegressionModel


AnySupervised = Annotated[
    SparkLogisticRegression | SparkLinearRegression | SparkGBT | SparkRandomForest | SparkFM,
    Field(discriminator="type"),
]
