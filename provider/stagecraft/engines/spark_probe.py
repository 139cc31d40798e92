"""What spark-submit runs to see whether a Spark answers."""

from __future__ import annotations

from stagecraft.engines.spark import SparkEngine

if __name__ == "__main__":
    with SparkEngine() as engine:
        print(engine.collect(engine.sql("SELECT 1 AS one")).to_pylist())
